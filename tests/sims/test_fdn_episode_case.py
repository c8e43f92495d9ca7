"""The coordination case of a plan: against the planning network, the plan, and its expectations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from roadvolt.core.errors import ResultsError
from roadvolt.core.units import FloatArray, frozen
from roadvolt.grid.powerflow import AcModel
from roadvolt.planning.fdn.case import FdnCase
from roadvolt.planning.fdn.draws import expected_factors
from roadvolt.planning.fdn.plan import Plan, Sop, Storage
from roadvolt.planning.power_flow import solve_feeders
from roadvolt.sims.case import Case, load_case
from roadvolt.sims.cli import app
from roadvolt.sims.fdn.episode_case import to_coordination_case
from roadvolt.sims.fdn.episode_roads import plan_roads
from roadvolt.sims.fdn.read_plan import read_plan
from roadvolt.sims.planfile import load_fdn_case, to_fdn_case_folder
from roadvolt.sims.results import Run, save_summary, save_tables
from roadvolt.traffic.assignment import solve_assignment
from roadvolt.traffic.charging import simulate_charging
from roadvolt.traffic.fleet_energy import energy_per_charge_kwh

#: Table 1 of Wang et al. 2024, in MVA: soft open points, charging stations, PV by bus and stage.
SOPS = (
    {},
    {(7, 72): (0.16, 0.04)},
    {(7, 72, 83): (0.81, 0.64, 0.79)},
    {(7, 64, 72, 83): (0.81, 3.34, 1.06, 1.76), (29, 39): (0.96, 0.97)},
)
EVCS = (
    {49: 1.65},
    {28: 2, 49: 2, 68: 1.96},
    {28: 2, 49: 2, 68: 2, 72: 1.6, 83: 1.27},
    {28: 2, 49: 2, 68: 2, 72: 2, 82: 1.48, 83: 2},
)
PV = (
    {10: 2.87, 24: 0.45, 39: 0.79, 40: 0.04, 55: 0.79, 64: 0.31},
    {10: 3, 24: 1.63, 29: 1.92, 39: 1.81, 40: 0.04}
    | {55: 2.54, 60: 0.15, 63: 0.7, 64: 0.55, 76: 0.23},
    {10: 3, 11: 3, 24: 2.78, 29: 3, 39: 2.81, 40: 0.04}
    | {55: 3, 60: 1.52, 63: 0.74, 64: 0.58, 76: 2.88},
    {10: 3, 11: 3, 24: 3, 29: 3, 39: 3, 40: 2.72, 55: 3, 60: 3, 63: 3, 64: 3, 76: 3},
)
STAGE = 3


@pytest.fixture(scope="module")
def case() -> FdnCase:
    return load_fdn_case("tpc84")


@pytest.fixture(scope="module")
def plan(case: FdnCase) -> Plan:
    network = case.network

    def kva(table: tuple[dict[int, float], ...], buses: list[int]) -> FloatArray:
        names = [int(network.buses[bus]) for bus in buses]
        return frozen([[1000 * stage.get(name, 0.0) for name in names] for stage in table])

    def sops(stage: dict[tuple[int, ...], tuple[float, ...]]) -> tuple[Sop, ...]:
        return tuple(
            Sop(
                slot=slot,
                buses=tuple(network.index(str(bus)) for bus in ends),
                kva=tuple(1000 * one for one in mva),
                line_km=2.0,
            )
            for slot, (ends, mva) in enumerate(stage.items())
        )

    evcs = kva(EVCS, [site.bus for site in case.evcs_sites])
    pv = kva(PV, [site.bus for site in case.pv_sites])
    return Plan(
        sops=tuple(sops(stage) for stage in SOPS),
        evcs_kva=evcs,
        evcs_rated_kw=evcs,
        pv_kva=pv,
        pv_rated_kw=frozen(0.95 * pv),
        reinforced=((), (), (), ()),
        storages=((), (), (), ()),
    )


@pytest.fixture(scope="module")
def episode_case(case: FdnCase, plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("cases") / "stage4"
    return load_case(to_coordination_case(case, plan, STAGE, folder))


def test_the_feeder_is_the_planned_network(case: FdnCase, episode_case: Case) -> None:
    """An hour's loads and injections: exact three-phase power flow against the planning one."""
    feeder, day, network, hour = episode_case.feeder, episode_case.grid_day, case.network, 12
    p_kw, q_kvar = np.zeros((2, len(feeder.buses), 3))
    drawn_p, drawn_q = np.zeros((2, len(network.buses)))
    for load in feeder.loads:
        p_kw[feeder.buses.index(load.bus)] += load.p_kw * day.load_factor[hour]
        q_kvar[feeder.buses.index(load.bus)] += load.q_kvar * day.load_factor[hour]
    for one in day.injections:
        p_kw[feeder.buses.index(one.bus)] -= one.p_kw[hour] / 3
        q_kvar[feeder.buses.index(one.bus)] -= one.q_kvar[hour] / 3
        drawn_p[network.index(one.bus)] -= one.p_kw[hour]
        drawn_q[network.index(one.bus)] -= one.q_kvar[hour]
    drawn_p += case.load_p_kw[STAGE] * day.load_factor[hour]
    drawn_q += case.load_q_kvar[STAGE] * day.load_factor[hour]
    planned = np.abs(solve_feeders(network, drawn_p[None], drawn_q[None]).voltage_pu[0])
    exact = AcModel(feeder).solve(p_kw[None], q_kvar[None]).vm_pu[0]
    order = [feeder.buses.index(bus) for bus in network.buses]
    np.testing.assert_allclose(exact[order], np.repeat(planned[:, None], 3, axis=1), atol=1e-7)


def test_lines_carry_their_amperes_on_each_phase(episode_case: Case) -> None:
    ratings = [line.s_max_kva for line in episode_case.feeder.lines]
    assert ratings == pytest.approx([11.4 / np.sqrt(3) * 400] * 83)


def test_soft_open_points_balance_and_stay_within_their_converters(
    plan: Plan, case: FdnCase, episode_case: Case
) -> None:
    injections = {one.id: one for one in episode_case.grid_day.injections}
    for sop in plan.sops[STAGE]:
        ends = [injections[f"SOP{sop.slot + 1}-{case.network.buses[bus]}"] for bus in sop.buses]
        apparent = np.array([np.hypot(one.p_kw, one.q_kvar) for one in ends])
        assert np.all(apparent <= np.array(sop.kva)[:, None] * 1.001 + 1e-6)
        balance = sum(one.p_kw for one in ends) + 0.02 * apparent.sum(axis=0)
        np.testing.assert_allclose(balance, 0, atol=10)  # kW, of megawatts
    assert len(injections) == 6
    assert max(np.abs(one.p_kw).max() for one in injections.values()) > 100


def test_stations_are_the_planned_ones(plan: Plan, case: FdnCase, episode_case: Case) -> None:
    sites = {site.station: site for site in episode_case.roads.sites}
    assert list(sites) == ["EVCS28", "EVCS49", "EVCS68", "EVCS72", "EVCS82", "EVCS83"]
    for site, kva in zip(sites.values(), plan.evcs_kva[STAGE], strict=True):
        assert kva - site.charger_kw < site.ports * site.charger_kw <= kva
    plants = [station for station in episode_case.stations if station.pv_kw]
    assert [plant.pv_kw for plant in plants] == pytest.approx(list(plan.pv_rated_kw[STAGE]))
    assert len({site.road for site in sites.values()}) == len(sites)
    assert len(episode_case.links) == 6 * 11


def test_the_day_has_the_means_that_planning_expects(
    plan: Plan, case: FdnCase, episode_case: Case
) -> None:
    means = expected_factors(case)
    assert episode_case.grid_day.load_factor.mean() == pytest.approx(means.load, abs=1e-6)
    assert episode_case.pv_factor.mean() == pytest.approx(means.pv, abs=1e-3)
    together = case.factors.load.mixture.sd * np.sqrt(case.factors.load.correlation)
    assert episode_case.grid_day.load_factor.std() == pytest.approx(together, rel=1e-6)
    roads = episode_case.roads
    energy_kwh = energy_per_charge_kwh(roads.fleet)
    assigned = solve_assignment(roads, episode_case.charging_price_per_kwh, energy_kwh)
    load = simulate_charging(roads, assigned.ev_per_h, 1, 100, "test")
    planned_kw = plan.evcs_rated_kw[STAGE].sum() * means.ev
    assert load.expected_kw.sum(axis=1).mean() == pytest.approx(planned_kw, rel=0.02)


def test_every_stage_becomes_a_case_and_one_station_is_enough(
    case: FdnCase, plan: Plan, tmp_path: Path
) -> None:
    first = load_case(to_coordination_case(case, plan, 0, tmp_path / "first"))
    assert (first.name, len(first.roads.sites)) == ("tpc84-stage1", 1)
    assert first.grid_day.injections == ()
    second = load_case(to_coordination_case(case, plan, 1, tmp_path / "second"))
    assert [one.id for one in second.grid_day.injections] == ["SOP1-7", "SOP1-72"]


def test_reinforced_feeders_and_storages_are_taken_over(
    case: FdnCase, plan: Plan, tmp_path: Path
) -> None:
    battery = Storage(bus=case.network.index("9"), kva=500.0, kwh=2000.0)
    larger = replace(
        plan, reinforced=((), (), (), ("E",)), storages=((), (), (), (battery,)), sops=((),) * 4
    )
    made = load_case(to_coordination_case(case, larger, STAGE, tmp_path / "larger"))
    lines = {line.to_bus: line for line in made.feeder.lines}
    assert lines["30"].s_max_kva == pytest.approx(1.5 * lines["1"].s_max_kva)
    assert lines["30"].z_ohm[0, 0].real == pytest.approx(0.1965 / 2)
    (one,) = made.feeder.batteries
    assert (one.bus, one.e_min_kwh, one.e_max_kwh, one.p_charge_max_kw) == ("9", 200, 1800, 500)


def test_roads_connect_all_and_do_not_cross(case: FdnCase) -> None:
    roads = plan_roads(case, {"a": (3.0, 9.0), "b": (9.0, 14.0)})
    reached = {0}
    for _ in roads.nodes:
        reached |= {b for a, b in roads.roads if a in reached}
        reached |= {a for a, b in roads.roads if b in reached}
    assert len(reached) == len(roads.nodes) == 13
    assert sum(share for _, _, share in roads.trips) == pytest.approx(1)
    ends = [(roads.xy_km[a], roads.xy_km[b]) for a, b in roads.roads]
    assert not any(_cross(*one, *other) for one in ends for other in ends)


def _cross(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> bool:
    def side(p: FloatArray, q: FloatArray, r: FloatArray) -> float:
        return float(np.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])))

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


# ---- plans read back -----------------------------------------------------------------------------


@pytest.fixture
def study(case: FdnCase, plan: Plan, tmp_path: Path) -> Run:
    """Tables of a planning study with this plan, twice: for two risks."""
    to_fdn_case_folder(case, tmp_path / "case")
    buses = case.network.buses
    sops = [
        {"stage": s, "slot": sop.slot, "bus": buses[bus], "kva": kva, "line_km": sop.line_km}
        for s, stage in enumerate(plan.sops, start=1)
        for sop in stage
        for bus, kva in zip(sop.buses, sop.kva, strict=True)
    ]
    kinds = (
        ("evcs", case.evcs_sites, plan.evcs_kva, plan.evcs_rated_kw),
        ("pv", case.pv_sites, plan.pv_kva, plan.pv_rated_kw),
    )
    sites = [
        {"stage": s + 1, "kind": kind, "bus": buses[site.bus], "kva": kva[s, k]}
        | {"rated_kw": rated[s, k], "kwh": np.nan}
        for s in range(4)
        for kind, places, kva, rated in kinds
        for k, site in enumerate(places)
        if kva[s, k] > 0
    ]
    frames = {
        "plans": pd.DataFrame([{"status": "ok"}]),
        "sops": pd.DataFrame(sops),
        "sites": pd.DataFrame(sites),
        "larger_lines": pd.DataFrame({"stage": [2], "feeder": ["E"]}),
    }
    tables = {
        name: pd.concat([frame.assign(variant="I", risk=r, algorithm="modified") for r in risks])
        for risks in [(0.05, 0.1)]
        for name, frame in frames.items()
    }
    return Run(folder=tmp_path, summary={}, tables=tables)


def test_a_plan_is_read_back_as_it_was(study: Run, plan: Plan) -> None:
    _, again = read_plan(study, risk=0.05)
    assert again.sops == plan.sops
    assert again.reinforced == ((), ("E",), (), ())
    for field in ("evcs_kva", "evcs_rated_kw", "pv_kva", "pv_rated_kw"):
        np.testing.assert_array_equal(getattr(again, field), getattr(plan, field))


@pytest.mark.parametrize("choice", [{}, {"risk": 0.2}, {"variant": "II"}])
def test_a_choice_that_does_not_leave_one_plan_is_refused(
    study: Run, choice: dict[str, object]
) -> None:
    with pytest.raises(ResultsError, match=r"choose variant.*I 0.05 modified; I 0.1 modified"):
        read_plan(study, **choice)  # type: ignore[arg-type]


def test_a_folder_without_plans_is_refused(study: Run) -> None:
    with pytest.raises(ResultsError, match="holds no plans"):
        read_plan(replace(study, tables={}))


def test_the_command_line_makes_a_case_of_a_planned_stage(study: Run, tmp_path: Path) -> None:
    save_tables(study.tables, study.folder, csv=False)
    save_summary({"study": {"kind": "fdn"}}, study.folder)
    words = ["plan", "case", str(study.folder), str(tmp_path / "new"), "--risk", "0.05"]
    made = CliRunner().invoke(app, [*words, "--stage", "2"])
    assert made.exit_code == 0, made.output
    assert load_case(tmp_path / "new").name == "tpc84-stage2"
    assert CliRunner().invoke(app, [*words, "--stage", "3"]).exit_code == 2  # not empty any more
    assert CliRunner().invoke(app, [*words, "--stage", "5"]).exit_code == 2
