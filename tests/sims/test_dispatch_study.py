"""``roadvolt dispatch`` as a whole: its folder, its tables, its JSON, and going on after a kill."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from roadvolt.agents.pool import LocalPool
from roadvolt.core.devices.polygon import Polygon
from roadvolt.planning.power_flow import solve_feeders
from roadvolt.sims.campaign import ROWS_FILE
from roadvolt.sims.dispatch import page
from roadvolt.sims.dispatch.schema import DISPATCH_TABLES
from roadvolt.sims.dispatchfile import load_dispatch_case
from roadvolt.sims.results import Run, load_run
from roadvolt.sims.study import begin_study, draw_study, reopen_study, run_study


@pytest.fixture(scope="module")
def run(small_dispatch: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    parent = tmp_path_factory.mktemp("runs")
    case = load_dispatch_case(small_dispatch)
    study = begin_study(parent, case, "dispatch", {"exact_disc": True}, csv=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "FIGURES", {})
        return run_study(study, LocalPool())


def test_every_table_has_the_columns_of_its_schema(run: Run) -> None:
    assert {name: list(table) for name, table in run.tables.items()} == {
        name: list(columns) for name, columns in DISPATCH_TABLES.items()
    }
    assert [name for name, table in run.tables.items() if table.empty] == []
    again = load_run(run.folder)
    assert list(again.tables) == sorted(DISPATCH_TABLES)
    assert again.summary["result_hash"] == run.summary["result_hash"]
    assert all((run.folder / f"{name}.csv").is_file() for name in DISPATCH_TABLES)


def test_the_day_balances_in_every_step(run: Run) -> None:
    steps = run.tables["steps"]
    given = steps["ac_import_kw"] + steps["generation_kw"] + steps["battery_kw"]
    sop_loss = run.tables["sops"].groupby("step")["loss_kw"].sum()
    drawn = steps["tied_kw"] + steps["deferrable_kw"] + steps["line_loss_kw"] + sop_loss
    np.testing.assert_allclose(given, drawn, atol=0.05)


def test_voltages_and_currents_are_those_of_exact_power_flow(run: Run) -> None:
    """From the tables of devices alone, solved again."""
    case = load_dispatch_case(run.folder / "case")
    p, q = case.load_p_kw.copy(), case.load_q_kvar.copy()
    for name, sign in (("generators", -1), ("sops", -1), ("batteries", -1)):
        for row in run.tables[name].to_dict("records"):
            p[row["step"], case.network.index(row["bus"])] += sign * row["p_kw"]
            q[row["step"], case.network.index(row["bus"])] += sign * row["q_kvar"]
    places = run.tables["loads"].set_index("load")["bus"]
    for row in run.tables["deferrable"].to_dict("records"):
        p[row["step"], case.network.index(places[row["load"]])] += row["p_kw"]
        q[row["step"], case.network.index(places[row["load"]])] += row["q_kvar"]
    flow = solve_feeders(case.network, p, q)
    np.testing.assert_allclose(run.tables["voltages"]["ac_pu"], flow.v_pu.ravel(), atol=1e-7)
    ampere = flow.i_pu * case.network.s_base_kva / np.sqrt(3) / case.network.vn_kv
    np.testing.assert_allclose(run.tables["branches"]["i_a"], ampere.ravel(), atol=1e-4)
    assert run.summary["loading"] == pytest.approx(ampere.max() / case.rules.i_max_a)
    assert run.summary["ac_deviation"] < 5e-5


def test_costs_are_those_of_what_was_done(run: Run) -> None:
    case, steps = load_dispatch_case(run.folder / "case"), run.tables["steps"]
    costs = run.tables["costs"].set_index("item")["dispatch"]
    assert costs["energy"] == pytest.approx(steps["price_per_kwh"] @ steps["import_kw"])
    missing = run.tables["requirements"]["shortfall_kwh"].sum()
    assert costs["shortfall"] == pytest.approx(case.rules.shortfall_per_kwh * missing, rel=1e-3)
    assert costs.drop("total").sum() == pytest.approx(costs["total"])
    assert run.summary["objective"] == costs["total"]
    assert abs(run.summary["gap"]) < 1e-4


def test_batteries_end_as_they_began_and_lose_what_the_polygon_says(run: Run) -> None:
    table, polygon = run.tables["batteries"], Polygon(12)
    assert table["energy_kwh"].iloc[-1] == pytest.approx(450, abs=1e-2)
    assert table["energy_kwh"].between(90 - 1e-2, 810 + 1e-2).all()
    loss = 0.03 * polygon.radius(table["p_kw"].to_numpy(), table["q_kvar"].to_numpy())
    np.testing.assert_allclose(table["loss_kw"], loss, atol=0.05)
    before = np.append(450, table["energy_kwh"].to_numpy()[:-1])
    np.testing.assert_allclose(
        table["energy_kwh"], before - table["p_kw"] - table["loss_kw"], atol=1e-3
    )


def test_loads_that_wait_keep_within_their_bounds(run: Run) -> None:
    table = run.tables["deferrable"]
    assert (table["energy_kwh"] >= table["energy_min_kwh"] - 1e-2).all()
    assert (table["energy_kwh"] <= table["energy_max_kwh"] + 1e-2).all()
    loads = run.tables["loads"]
    assert list(loads["met"]) == [True, True]
    assert list(loads["deadline"]) == ["05:00", "06:00"]
    assert loads["consumed_kwh"].tolist() == pytest.approx([800, 600], abs=0.05)


def test_requirements_that_can_be_met_are_and_the_others_say_what_is_missing(run: Run) -> None:
    found = run.tables["requirements"].set_index("requirement")
    assert found["feasible"].to_dict() == {"early": True, "more": True, "toomuch": False}
    assert (found["delivered_kwh"] + found["shortfall_kwh"]).tolist() == [80, 60, 5000]
    assert 0 < found["delivered_kwh"]["toomuch"] < 2000
    steps = run.tables["deliveries"].set_index("requirement")
    assert steps["delivered_kw"]["early"] >= 80 - 1e-3
    assert steps["import_kw"]["more"] - steps["plan_import_kw"]["more"] >= 60 - 1e-3
    assert run.summary["status"] == "short"
    assert run.summary["reason"] == "not met entirely: toomuch"


def test_the_polygon_overstates_losses_and_cost_by_little(run: Run) -> None:
    polygon = run.summary["polygon"]
    assert polygon["largest"] == pytest.approx(1 - np.cos(np.pi / 12))
    assert 0 <= polygon["losses_error"] <= 1 / np.cos(np.pi / 12) - 1 + 1e-6
    # Requirements keep a margin of their own, which a shortfall counts with circles only.
    assert 0 <= polygon["objective_error"] + 1e-4 < 0.01


def test_an_interrupted_study_ends_in_the_same_tables(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "FIGURES", {})
    folder = tmp_path / "again"
    shutil.copytree(run.folder, folder)
    (folder / "summary.json").unlink()
    torn = (folder / ROWS_FILE).read_text()[:500]
    (folder / ROWS_FILE).write_text(torn)
    again = run_study(reopen_study(folder), LocalPool())
    assert again.summary["result_hash"] == run.summary["result_hash"]


def test_the_page_is_drawn_anew_and_needs_no_network(run: Run) -> None:
    text = draw_study(load_run(run.folder)).read_text()
    assert "1 of 3 requirements cannot be met entirely." in text
    assert "All 2 deferrable loads meet their deadlines." in text
    assert 'src="http' not in text
    drawn = {path.stem for path in (run.folder / "figures").glob("*.pdf")}
    assert drawn == set(page.FIGURES)


def test_the_command_prints_the_keys_that_scripts_read(
    roadvolt: Callable[..., tuple[int, str, str]],
    small_dispatch: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page, "FIGURES", {})
    code, out, err = roadvolt(
        *("dispatch", small_dispatch, "--steps", 96, "--sides", 24, "--json", "--out", tmp_path),
        *("--set", "requirements.toomuch.p_kw=20"),
    )
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["status"], found["return_rate"], found["steps"]) == ("ok", None, 24)
    assert sum(v for k, v in found["costs"].items() if k != "total") == pytest.approx(
        found["objective"]
    )
    assert [one["name"] for one in found["requirements"]] == ["early", "more", "toomuch"]
    assert {one["shortfall_kwh"] for one in found["requirements"]} == {0}
    assert found["polygon"]["sides"] == 24
    assert found["polygon"]["objective_error"] is None
    assert found["deferrable_loads"]["met"] == 2
    assert found["seconds"]["total"] >= found["seconds"]["solve"] > 0
    assert found["passes"] >= 2
    assert len(found["result_hash"]) == 64
    (made,) = tmp_path.iterdir()
    code, shown, _ = roadvolt("show", made)
    assert code == 0
    assert "ok: small, 24 steps" in shown
    assert "deferrable loads: 2 of 2 meet their deadlines" in shown


def test_a_day_that_no_dispatch_can_serve_exits_with_1_and_says_why(
    roadvolt: Callable[..., tuple[int, str, str]], small_dispatch: Path, tmp_path: Path
) -> None:
    code, out, _ = roadvolt(
        *("dispatch", small_dispatch, "--json", "--out", tmp_path),
        *("--set", "network.i_max_a=20"),
    )
    assert code == 1
    found = json.loads(out)
    assert (found["status"], found["objective"], found["polygon"]) == ("failed", None, None)
    assert "i_max_a" in found["reason"]
    (made,) = tmp_path.iterdir()
    assert "There is no dispatch." in (made / "study.html").read_text()
    assert roadvolt("show", made).out.startswith("failed: small")


def test_a_day_without_devices_is_a_plain_one(
    roadvolt: Callable[..., tuple[int, str, str]], dispatch_folder: Path, tmp_path: Path
) -> None:
    for name in ("generators", "sops", "batteries", "deferrable", "requirements"):
        (dispatch_folder / f"{name}.csv").unlink()
    code, out, _ = roadvolt("dispatch", dispatch_folder, "--json", "--out", tmp_path / "runs")
    assert code == 0
    assert json.loads(out)["polygon"]["losses_kwh"] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--steps", "48"), "48 is neither 24 nor 96"),
        (("--sides", "13"), "polygon of 13 sides"),
        (("--charging-at", "3"), "'3' is not key=value"),
        (("--charging-at", "3=28"), "--charging-at: nothing charges"),
        (("--delay-h", "3"), "--delay-h: nothing charges"),
    ],
)
def test_bad_words_exit_with_2(
    roadvolt: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    words: tuple[str, ...],
    said: str,
) -> None:
    code, _, err = roadvolt("dispatch", "--out", tmp_path, *words)
    assert code == 2
    assert said in " ".join(err.replace("│", " ").split())
    assert not any(tmp_path.iterdir())
