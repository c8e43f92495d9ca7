"""``roadvolt plan fdn`` as a whole: its folder, its tables, its JSON, and going on after a kill."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from roadvolt.agents.pool import LocalPool
from roadvolt.sims.campaign import ROWS_FILE
from roadvolt.sims.fdn import page
from roadvolt.sims.fdn.schema import FDN_TABLES
from roadvolt.sims.planfile.load import load_fdn_case
from roadvolt.sims.results import Run, load_run
from roadvolt.sims.study import begin_study, draw_study, reopen_study, run_study

SETTINGS = {
    "variants": ["IV", "V"],
    "risks": [0.3],
    "algorithms": ["modified"],
    "samples": 200,
    "fresh_samples": 300,
    "recourse": "violation-aware",
    "max_rounds": 30,
    "gap": 0.02,
    "solver": "outer-approximation",
    "seed": 1,
}
SMALL = ("--samples", 200, "--fresh-samples", 200, "--gap", 0.05, "--runtime", "local")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    parent = tmp_path_factory.mktemp("fdn")
    study = begin_study(parent, load_fdn_case("tpc84"), "fdn", SETTINGS, csv=True)
    return run_study(study, LocalPool())


def test_every_table_has_the_columns_of_its_schema(run: Run) -> None:
    assert {name: list(table) for name, table in run.tables.items()} == {
        name: list(columns) for name, columns in FDN_TABLES.items()
    }
    empty = {name for name, table in run.tables.items() if table.empty}
    assert empty == {"sops", "sitings"}, "neither case builds soft open points"
    again = load_run(run.folder)
    assert list(again.tables) == sorted(FDN_TABLES)
    assert again.summary["result_hash"] == run.summary["result_hash"]
    assert all((run.folder / f"{name}.csv").is_file() for name in FDN_TABLES)


def test_costs_by_component_add_up_to_the_total(run: Run) -> None:
    for plan in run.summary["plans"]:
        cost = dict(plan["cost"])
        total, investment, operation = (
            cost.pop(name) for name in ("total", "investment", "operation")
        )
        assert math.fsum(map(math.fsum, cost.values())) == pytest.approx(total)
        assert investment + operation == pytest.approx(total)
        assert math.fsum(plan["cost_by_cause"].values()) == pytest.approx(total)


def test_the_reported_risk_is_that_of_the_certificate(run: Run) -> None:
    for plan in run.summary["plans"]:
        rows = run.tables["certificate"].query("variant == @plan['variant']")
        assert len(rows) == 4 * 3 * 83
        assert rows["risk_found"].max() == plan["risk_max"]
        assert plan["risk_low"] <= plan["risk_max"] <= plan["risk_high"]
        assert (rows["risk_low"] <= rows["risk_found"]).all()
        assert (rows["risk_high"] >= rows["risk_found"]).all()


def test_larger_lines_are_given_to_the_feeders_that_break_the_promise_and_keep_it(
    run: Run,
) -> None:
    larger, unreinforced = (
        next(plan for plan in run.summary["plans"] if plan["variant"] == variant)
        for variant in ("IV", "V")
    )
    assert larger["status"] == "ok"
    assert larger["risk_max"] <= 0.3 < unreinforced["risk_max"]
    assert larger["larger_lines"][-1]
    for earlier, later in zip(larger["larger_lines"], larger["larger_lines"][1:], strict=False):
        assert set(earlier) <= set(later), "what stands stays"
    assert larger["cost"]["operation"] < unreinforced["cost"]["operation"]


def test_densities_are_densities(run: Run) -> None:
    keys = ["variant", "when", "stage", "quantity", "element"]
    for (_, _, _, quantity, _), rows in run.tables["densities"].groupby(keys):
        width = 0.0025 if quantity == "voltage" else 0.02
        assert rows["density"].sum() * width == pytest.approx(1.0)


def test_an_interrupted_study_ends_in_the_same_tables(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "FIGURES", {})
    folder = tmp_path / "again"
    shutil.copytree(run.folder, folder)
    (folder / "summary.json").unlink()
    rows = (folder / ROWS_FILE).read_text().splitlines(keepends=True)
    (folder / ROWS_FILE).write_text(rows[0] + rows[1][:50])
    again = run_study(reopen_study(folder), LocalPool())
    assert again.summary["result_hash"] == run.summary["result_hash"]


def test_the_page_is_drawn_anew_and_needs_no_network(run: Run) -> None:
    text = draw_study(load_run(run.folder)).read_text()
    assert "Case IV, 30 %" in text
    assert 'src="http' not in text
    drawn = {path.stem for path in (run.folder / "figures").glob("*.pdf")}
    assert {"network", "stage-costs", "risk-iterations", "densities", "variant-costs"} <= drawn


def test_one_plan_prints_the_keys_that_scripts_read(
    roadvolt: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page, "FIGURES", {})
    code, out, err = roadvolt("plan", "fdn", "--variant", "V", "--json", "--out", tmp_path, *SMALL)
    assert (code, err) == (0, "")
    found = json.loads(out)
    for key in ("status", "gap", "iterations", "relaxation_deviation", "ac_deviation", "risk_max"):
        assert key in found
    assert found["status"] == "ok"
    assert found["cost"]["total"] > 0
    components = {"sop_site", "evcs_site", "evcs_converter", "pv_converter", "loss", "voltage"}
    assert all(len(found["cost"][name]) == 4 for name in components)
    assert found["sop"] == [[], [], [], []]
    assert sum(found["evcs"][-1].values()) == pytest.approx(11_480, abs=60)
    assert sum(found["pv"][-1].values()) == pytest.approx(32_711, abs=120)
    assert found["seconds"]["total"] > 0
    assert len(found["result_hash"]) == 64
    (folder,) = tmp_path.iterdir()
    code, shown, _ = roadvolt("show", folder)
    assert code == 0
    assert "case V of tpc84" in shown


def test_a_plan_that_cannot_be_made_exits_with_1_and_says_why(
    roadvolt: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, out, _ = roadvolt(
        *("plan", "fdn", "--variant", "V", "--json", "--out", tmp_path, *SMALL),
        *("--set", "network.i_max_a=100"),
    )
    assert code == 1
    found = json.loads(out)
    assert found["status"] == "no plan"
    assert found["reason"]
    assert found["cost"]["total"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--variant", "VIII"), "'VIII' is none of I, II"),
        (("--risks", "0.05,much"), "no list of numbers"),
        (("--risks", "0.05,0.9"), "at most 0.5"),
    ],
)
def test_bad_words_exit_with_2(
    roadvolt: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    words: tuple[str, ...],
    said: str,
) -> None:
    code, _, err = roadvolt("plan", "fdn", "--out", tmp_path, *words)
    assert code == 2
    assert said in " ".join(err.replace("│", " ").split())
