"""``roadvolt plan dc-storage`` as a whole: its folder, its tables, its JSON, its page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from roadvolt.agents.pool import LocalPool, RayPool
from roadvolt.planning.dc_storage.case import DcStorageCase
from roadvolt.sims.campaign import ROWS_FILE
from roadvolt.sims.dc_storage import page
from roadvolt.sims.dc_storage.schema import DC_STORAGE_TABLES
from roadvolt.sims.dc_storage.sweeps import Sweep, default_grid, variations
from roadvolt.sims.dcfile import load_dc_storage_case
from roadvolt.sims.results import Run, load_run
from roadvolt.sims.study import begin_study, draw_study, reopen_study, run_study

#: A sunny feeder A that cannot carry its sun away, beside a feeder B of loads.
FILES = {
    "case.yaml": """
case: {kind: dc storage planning, name: two, title: Two feeders, currency: EUR}
network: {vn_kv: 11.4, v_min_pu: 0.95, v_max_pu: 1.05, i_max_a: 400.0, import_max_kw: 50000.0,
  export_max_kw: 50000.0, import_max_kvar: 50000.0}
converters: {module_kva: 250.0, loss_share: 0.02, per_kva: 900.0, per_port: 50000.0,
  upkeep_share: 0.01, years: 20}
batteries: {module_kw: 250.0, module_kwh: 1000.0, loss_share: 0.03, soc_min: 0.1, soc_max: 0.9,
  per_kw: 100.0, per_kwh: 250.0, per_site: 20000.0, upkeep_share: 0.01, years: 12}
money: {discount_rate: 0.08, return_min: 0.1, loss_penalty_per_kwh: 0.001}
carbon: {price_per_kg: 0.08, grid_kg_per_kwh: 0.6, res_kg_per_kwh: 0.04}
risk: {confidence: 0.95, load_error: 0.05, res_error: 0.1, error_correlation: 0.5}
""",
    "buses.csv": """bus,x_km,y_km,p_kw,q_kvar
a1,1,1,500,200
a2,2,1,300,100
b1,1,0,1500,600
b2,2,0,1500,500
""",
    "feeders.csv": "feeder,head_bus,x_km,y_km\nA,ha,0,1\nB,hb,0,0\n",
    "lines.csv": """line,from_bus,to_bus,length_km,r_ohm,x_ohm
1,ha,a1,2,0.6,0.8
2,a1,a2,2,0.6,0.8
3,hb,b1,2,0.4,0.8
4,b1,b2,2,0.4,0.8
""",
    "ties.csv": "tie,from_bus,to_bus,r_ohm,x_ohm\n",
    "links.csv": "link,vn_dc_kv,battery_max_kwh\nL,20,8000\n",
    "ports.csv": "bus,link,max_kva\na2,L,3000\nb2,L,3000\n",
    "boundaries.csv": "boundary,probability,load_growth_factor\nnow,0.4,1\nlater,0.6,1.1\n",
    "days.csv": "boundary,day,probability\nnow,all,1\nlater,all,1\n",
    "hours.csv": """day,hour,load_factor,pv_factor,wind_factor,price_per_kwh
all,0,0.4,0,0,0.05
all,6,0.6,0.4,0,0.12
all,12,0.7,0.9,0,0.10
all,18,0.8,0,0,0.25
""",
    "renewables.csv": """boundary,bus,kind,existing_kw,future_kw
now,a2,pv,4000,1000
later,a2,pv,4000,6000
""",
}
SETTINGS = {
    "sweeps": {"return": [0.1, 0.2], "carbon": [0.08, 0.3]},
    "gap": 1e-3,
    "seconds": None,
    "samples": 256,
    "seed": 1,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("case") / "two"
    made.mkdir()
    for name, text in FILES.items():
        (made / name).write_text(text.lstrip())
    return made


@pytest.fixture(scope="module")
def case(folder: Path) -> DcStorageCase:
    return load_dc_storage_case(folder)


@pytest.fixture(scope="module")
def run(case: DcStorageCase, tmp_path_factory: pytest.TempPathFactory) -> Run:
    parent = tmp_path_factory.mktemp("dc")
    study = begin_study(parent, case, "dc-storage", SETTINGS, csv=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "FIGURES", {})
        return run_study(study, LocalPool())


def test_every_table_has_the_columns_of_its_schema(run: Run) -> None:
    assert {name: list(table) for name, table in run.tables.items()} == {
        name: list(columns) for name, columns in DC_STORAGE_TABLES.items()
    }
    assert [name for name, table in run.tables.items() if table.empty] == []
    again = load_run(run.folder)
    assert again.summary["result_hash"] == run.summary["result_hash"]
    assert all((run.folder / f"{name}.csv").is_file() for name in DC_STORAGE_TABLES)


def test_each_value_that_is_not_the_cases_own_has_a_plan(run: Run) -> None:
    plans = run.tables["plans"]
    assert list(plans["plan"]) == ["case", "carbon 0.3", "return 0.2"]
    assert list(plans["carbon_price"]) == [0.08, 0.3, 0.08]
    assert list(plans["return_min"]) == [0.1, 0.1, 0.2]
    assert set(plans["status"]) == {"ok"}
    assert (plans["gap"] <= 1e-3).all()


def test_a_dearer_carbon_and_a_higher_return_move_the_plan_as_they_must(run: Run) -> None:
    plans = run.tables["plans"].set_index("plan")
    assert plans.loc["carbon 0.3", "profit"] > plans.loc["case", "profit"] > 0
    assert plans.loc["return 0.2", "profit"] < plans.loc["case", "profit"]
    assert plans.loc["return 0.2", "return_rate"] >= 0.2 > plans.loc["case", "return_rate"] > 0.1
    assert plans.loc["return 0.2", "return_binding"]
    assert not plans.loc["case", "return_binding"]


def test_tables_agree_with_each_other(run: Run, case: DcStorageCase) -> None:
    plans = run.tables["plans"].set_index("plan")
    ports = run.tables["ports"].groupby("plan")["kva"].sum()
    np.testing.assert_allclose(ports[plans.index], plans["port_kva"])
    kwh = run.tables["batteries"].groupby("plan")["kwh"].sum()
    np.testing.assert_allclose(kwh[plans.index], plans["battery_kwh"])
    days = run.tables["scenarios"]
    for name in ("electricity", "electricity_before", "carbon", "carbon_before"):
        yearly = (365 * days["weight"] * days[name]).groupby(days["plan"]).sum()
        np.testing.assert_allclose(yearly[plans.index], plans[name], rtol=1e-9)
    profit = plans["income"] - plans["annuity"] - plans["upkeep"]
    np.testing.assert_allclose(profit, plans["profit"])
    rate = (plans["income"] - plans["upkeep"]) / plans["investment"]
    np.testing.assert_allclose(rate, plans["return_rate"])
    last = run.tables["iterations"].groupby("plan")["upper_bound"].last()
    assert (last[plans.index] >= plans["objective"] * (1 - 2e-3)).all()


def test_energy_is_balanced_on_the_link_and_in_the_network(run: Run, case: DcStorageCase) -> None:
    keys = ["plan", "scenario", "hour"]
    ports = run.tables["port_hours"].groupby(keys)[["p_kw", "loss_kw"]].sum().sum(axis=1)
    battery = run.tables["battery_hours"].groupby(keys)["p_kw"].sum()
    np.testing.assert_allclose(ports, battery.reindex(ports.index, fill_value=0.0), atol=0.5)
    days = run.tables["scenarios"]
    assert (days[["loss_kwh", "loss_before_kwh"]] > 0).all(axis=None)
    assert (days["curtailed_kwh"] <= days["curtailed_before_kwh"] + 1.0).all()
    held = run.tables["battery_hours"]
    for _, own in held.groupby(["plan", "scenario"]):
        drained = case.hours * (own["p_kw"] + own["loss_kw"]).to_numpy()
        energy = own["energy_kwh"].to_numpy()
        np.testing.assert_allclose(energy - np.roll(energy, 1), -drained, atol=0.5)


def test_an_interrupted_study_ends_in_the_same_tables(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "FIGURES", {})
    folder = tmp_path / "again"
    shutil.copytree(run.folder, folder)
    (folder / "summary.json").unlink()
    rows = (folder / ROWS_FILE).read_text().splitlines(keepends=True)
    (folder / ROWS_FILE).write_text("".join(rows[:2]) + rows[2][:50])
    again = run_study(reopen_study(folder), LocalPool())
    assert again.summary["result_hash"] == run.summary["result_hash"]


def test_the_page_is_drawn_anew_and_needs_no_network(run: Run) -> None:
    text = draw_study(load_run(run.folder)).read_text()
    assert "All 3 plans are proven" in text
    assert "A reconstruction." in text
    assert 'src="http' not in text
    drawn = {path.stem for path in (run.folder / "figures").glob("*.pdf")}
    assert drawn == {"network", "bounds", "money", "day", "limits", "sweeps"}


def test_one_plan_prints_the_keys_that_scripts_read(
    roadvolt: Callable[..., tuple[int, str, str]],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page, "FIGURES", {})
    code, out, err = roadvolt(
        *("plan", "dc-storage", folder, "--quick", "--json", "--runtime", "local"),
        *("--out", tmp_path),
    )
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["status"], found["study"]) == ("ok", "dc-storage")
    assert found["gap"] <= 1e-2
    assert found["objective"] <= found["bound"]
    assert found["objective"] + found["money"]["penalties"] == pytest.approx(found["profit"])
    assert found["return_rate"] > 0.1
    assert found["return_binding"] is False
    assert set(found["modules"]) == {"a2", "b2"}
    assert found["j"] == []
    assert found["iterations"] >= 1
    assert found["ac_deviation"] < 1e-4
    assert found["relaxation_deviation"] < 1e-4
    worst = found["worst_violation"]
    assert worst["low"] <= worst["rate"] <= worst["high"] < 0.15
    assert found["seconds"]["total"] >= found["seconds"]["solve"] > 0
    assert len(found["result_hash"]) == 64
    (made,) = tmp_path.iterdir()
    code, shown, _ = roadvolt("show", made)
    assert code == 0
    assert "ok: two, gap" in shown


def test_a_limit_that_no_plan_keeps_exits_with_1_and_says_which(
    roadvolt: Callable[..., tuple[int, str, str]], folder: Path, tmp_path: Path
) -> None:
    code, out, _ = roadvolt(
        *("plan", "dc-storage", folder, "--quick", "--json", "--runtime", "local"),
        *("--set", "boundaries.later.load_growth_factor=10", "--out", tmp_path),
    )
    found = json.loads(out)
    assert (code, found["status"]) == (1, "no plan")
    assert "voltage" in found["reason"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--carbon-price", "cheap"), "'cheap' is no list of numbers"),
        (("--sweep", "weather"), "'weather' is none of carbon, return, confidence, module, all"),
        (("--return-rate", "0.1,nan"), "money.return_min: 'nan' is not a number"),
        (("--confidence", "1.5"), "risk.confidence: 1.5 as a probability is not plausible"),
    ],
)
def test_a_sweep_that_makes_no_case_is_refused_before_there_is_a_folder(
    roadvolt: Callable[..., tuple[int, str, str]],
    folder: Path,
    tmp_path: Path,
    words: tuple[str, ...],
    said: str,
) -> None:
    code, _, err = roadvolt("plan", "dc-storage", folder, *words, "--out", tmp_path / "runs")
    assert code == 2
    assert said in " ".join(err.replace("\u2502", " ").split())
    assert not (tmp_path / "runs").exists()


def test_the_cases_own_value_makes_no_second_plan(case: DcStorageCase) -> None:
    names = [one.name for one in variations(case, {"module": [250.0, 500.0, 500.0]})]
    assert names == ["case", "module 500"]
    assert default_grid(case, Sweep.MODULE)[:3] == [125.0, 250.0, 500.0]


@pytest.mark.ray
def test_one_plan_over_ray_is_the_plan_of_this_process(
    case: DcStorageCase, ray_session: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "FIGURES", {})
    asked = SETTINGS | {"sweeps": {}}
    here = run_study(begin_study(tmp_path / "a", case, "dc-storage", asked, csv=False), LocalPool())
    with RayPool(workers=2) as pool:
        there = run_study(begin_study(tmp_path / "b", case, "dc-storage", asked, csv=False), pool)
    assert there.summary["result_hash"] == here.summary["result_hash"]
