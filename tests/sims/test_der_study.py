"""``roadvolt plan der`` as a whole: its folder, its tables, its JSON, and going on after a kill."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from roadvolt.agents.pool import LocalPool, RayPool
from roadvolt.planning.der.case import DerCase
from roadvolt.sims.campaign import ROWS_FILE
from roadvolt.sims.casefile.library import BUILT_IN
from roadvolt.sims.der import charging, page
from roadvolt.sims.der.schema import DER_TABLES
from roadvolt.sims.derfile import load_der_case
from roadvolt.sims.results import Run, load_run
from roadvolt.sims.study import begin_study, draw_study, reopen_study, run_study

SETTINGS = {
    "models": ["det", "tsso", "aro", "arso"],
    "budgets": [0, 6],
    "pv_budget": None,
    "methods": ["fast"],
    "gap": 1e-2,
    "seconds": None,
    "curve_points": 2,
}
KEYS = ["model", "load_budget", "pv_budget", "method"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`der33` with a year of twelve days, three of them scenarios."""
    copy = Path(shutil.copytree(BUILT_IN / "der33", tmp_path_factory.mktemp("case") / "mine"))
    text = (copy / "case.yaml").read_text()
    for old, new in (("days: 365", "days: 12"), ("scenarios: 9", "scenarios: 3")):
        assert old in text
        text = text.replace(old, new)
    (copy / "case.yaml").write_text(text)
    return copy


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    parent = tmp_path_factory.mktemp("der")
    study = begin_study(parent, load_der_case(folder), "der", SETTINGS, csv=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "FIGURES", {})
        return run_study(study, LocalPool())


def test_every_table_has_the_columns_of_its_schema(run: Run) -> None:
    assert {name: list(table) for name, table in run.tables.items()} == {
        name: list(columns) for name, columns in DER_TABLES.items()
    }
    assert [name for name, table in run.tables.items() if table.empty] == []
    again = load_run(run.folder)
    assert list(again.tables) == sorted(DER_TABLES)
    assert again.summary["result_hash"] == run.summary["result_hash"]
    assert all((run.folder / f"{name}.csv").is_file() for name in DER_TABLES)


def test_each_model_has_a_plan_for_every_budget_that_it_knows(run: Run) -> None:
    plans = run.tables["plans"]
    assert list(zip(plans["model"], plans["load_budget"], plans["pv_budget"], strict=True)) == [
        ("det", 0, 0),
        ("tsso", 0, 0),
        *(("aro", budget, budget) for budget in (0, 6)),
        *(("arso", budget, 0) for budget in (0, 6)),
    ]
    assert set(plans["status"]) == {"ok"}
    assert (plans["gap"] <= 1e-2).all()
    assert (plans["lower_bound"] <= plans["objective"] + 1e-6).all()


def test_budget_0_is_the_deterministic_plan_and_more_costs_more(run: Run) -> None:
    objective = run.tables["plans"].set_index(KEYS)["objective"]
    assert objective["aro", 0, 0, "fast"] == pytest.approx(objective["det", 0, 0, "fast"], rel=1e-2)
    price = run.tables["robustness"].set_index(KEYS)["price"]
    assert price["aro", 0, 0, "fast"] == price["arso", 0, 0, "fast"] == 0
    assert price["aro", 6, 6, "fast"] > 0.05
    assert price["arso", 6, 0, "fast"] > 0.02


def test_sites_days_and_steps_add_up_to_what_the_plans_say(run: Run) -> None:
    plans = run.tables["plans"].set_index(KEYS)
    sums = run.tables["sites"].groupby(KEYS)[["pv_kw", "battery_kwh"]].sum()
    np.testing.assert_allclose(sums, plans.loc[sums.index, ["pv_kw", "battery_kwh"]])
    fresh = run.tables["out_of_sample"].set_index(KEYS)
    mean = run.tables["days"].groupby(KEYS)["cost"].mean()
    np.testing.assert_allclose(mean, fresh.loc[mean.index, "cost_mean"])
    assert set(fresh["days"]) == {9}
    last = run.tables["steps"].groupby(KEYS)[["lower_bound", "upper_bound"]].last()
    assert (last["upper_bound"] <= plans.loc[last.index, "objective"] * (1 + 1e-6)).all()
    worst = run.tables["worst"].groupby(KEYS)["buses"].max()
    assert worst["aro", 6, 6, "fast"] > 0 == worst["aro", 0, 0, "fast"]


def test_no_plan_beats_perfect_information_where_it_was_planned_for(run: Run) -> None:
    assert (run.tables["deviation"]["cost_share"] >= -1e-6).all()
    best = run.summary["perfect_information"]
    assert best["out_of_sample"]["row_cost"] == pytest.approx(best["objective"])
    assert run.summary["evpi"] > 0


def test_an_interrupted_study_ends_in_the_same_tables(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "FIGURES", {})
    folder = tmp_path / "again"
    shutil.copytree(run.folder, folder)
    (folder / "summary.json").unlink()
    rows = (folder / ROWS_FILE).read_text().splitlines(keepends=True)
    (folder / ROWS_FILE).write_text("".join(rows[:3]) + rows[3][:50])
    again = run_study(reopen_study(folder), LocalPool())
    assert again.summary["result_hash"] == run.summary["result_hash"]


@pytest.mark.ray
def test_one_plan_over_ray_is_the_plan_of_this_process(
    folder: Path, ray_session: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "FIGURES", {})
    case, asked = load_der_case(folder), SETTINGS | {"models": ["arso"], "budgets": [6]}
    here = run_study(begin_study(tmp_path / "a", case, "der", asked, csv=False), LocalPool())
    with RayPool(workers=2) as pool:
        there = run_study(begin_study(tmp_path / "b", case, "der", asked, csv=False), pool)
    assert there.summary["result_hash"] == here.summary["result_hash"]


def test_the_page_is_drawn_anew_and_needs_no_network(run: Run) -> None:
    text = draw_study(load_run(run.folder)).read_text()
    assert "All 6 plans are proven" in text
    assert 'src="http' not in text
    drawn = {path.stem for path in (run.folder / "figures").glob("*.pdf")}
    assert drawn >= {"sites", "capacities", "costs", "robustness", "perfect-information"}
    assert drawn >= {"fresh-days", "autonomy"}


def test_one_plan_prints_the_keys_that_scripts_read(
    roadvolt: Callable[..., tuple[int, str, str]],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page, "FIGURES", {})
    code, out, err = roadvolt(
        *("plan", "der", folder, "--model", "arso", "--budget", 4, "--quick", "--json"),
        *("--out", tmp_path),
    )
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["status"], found["model"], found["method"]) == ("ok", "arso", "fast")
    assert (found["budget"], found["load_budget"]) == (4, 4)
    assert found["gap"] <= 1e-2
    assert found["investment"] + found["operation"] == pytest.approx(found["objective"])
    assert found["lower_bound"] <= found["objective"]
    assert found["pv_mw"] == pytest.approx(sum(found["pv_kw_by_bus"].values()) / 1e3)
    assert found["bess_mwh"] == pytest.approx(sum(found["battery_kwh_by_bus"].values()) / 1e3)
    assert found["iterations"] >= 1
    assert found["certificate"] == "network-exact"
    assert found["seconds"]["total"] >= found["seconds"]["solve"] > 0
    assert len(found["result_hash"]) == 64
    (made,) = tmp_path.iterdir()
    code, shown, _ = roadvolt("show", made)
    assert code == 0
    assert "ARSO 4 of der33" in shown


def test_charging_of_episodes_is_asked_for_before_the_case_is_written_down(
    roadvolt: Callable[..., tuple[int, str, str]],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def charged(case: DerCase, runs: list[Path]) -> DerCase:
        assert runs == [Path("one"), Path("two")]
        return load_der_case(folder, overrides={"history.load_scale": "0.8"})

    monkeypatch.setattr(page, "FIGURES", {})
    monkeypatch.setattr(charging, "with_charging_from", charged)
    words = ("--model", "det", "--quick", "--json", "--charging-from", "one")
    code, _, _ = roadvolt(
        *("plan", "der", folder, *words, "--charging-from", "two", "--out", tmp_path)
    )
    assert code == 0
    (made,) = tmp_path.iterdir()
    assert "load_scale: 0.8" in (made / "case" / "case.yaml").read_text()


def test_a_load_that_no_plan_can_serve_exits_with_1_and_says_why(
    roadvolt: Callable[..., tuple[int, str, str]], folder: Path, tmp_path: Path
) -> None:
    code, out, _ = roadvolt(
        *("plan", "der", folder, "--model", "det", "--quick", "--json", "--out", tmp_path),
        *("--set", "network.import_max_kw=100"),
    )
    assert code == 1
    found = json.loads(out)
    assert found["status"] == "no plan"
    assert found["reason"]
    assert found["objective"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "lp"), "'lp' is none of det, tsso"),
        (("--budget", "0,many"), "'many' is no number of hours"),
    ],
)
def test_bad_words_exit_with_2(
    roadvolt: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    words: tuple[str, ...],
    said: str,
) -> None:
    code, _, err = roadvolt("plan", "der", "--out", tmp_path, *words)
    assert code == 2
    assert said in " ".join(err.replace("│", " ").split())
