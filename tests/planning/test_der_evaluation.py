"""Plans on given days: by hand on one bus, against other programs on feeders, and references.

References (EUR/day) are of an independent prototype on the same synthetic year, seed 1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from roadvolt.core.solve import solve_linear
from roadvolt.core.units import FloatArray, frozen
from roadvolt.planning.der.autonomy_curve import Aim, CurvePoint, autonomy_curve
from roadvolt.planning.der.case import DerCase, DerRules, Deviations, Scenarios, Year
from roadvolt.planning.der.choices import DerModel
from roadvolt.planning.der.evaluation import (
    operate_days,
    operate_in_a_row,
    other_days,
    out_of_sample,
    scenarios_in_a_row,
)
from roadvolt.planning.der.extensive import extensive_program
from roadvolt.planning.der.first_stage import site_by_site
from roadvolt.planning.der.information import (
    benchmark,
    price_of_robustness,
    value_of_information,
)
from roadvolt.planning.der.models import perfect_information
from roadvolt.planning.der.operation import Weather, bus_by_bus, copperplate
from roadvolt.planning.der.recourse import operate
from roadvolt.planning.der.solution import Certificate, DerPlan
from roadvolt.planning.der.solve import solve_der
from roadvolt.planning.radial import HEAD, RadialNetwork
from roadvolt.sims.derfile import load_der_case

RULES = DerRules(
    pv_per_kw=0.1,
    pv_site=1.0,
    battery_per_kwh=0.2,
    battery_site=1.0,
    pv_per_kwh_used=0.01,
    battery_per_kwh_out=0.002,
    size_min=1.0,
    size_max=50.0,
    pv_sites_max=2,
    battery_sites_max=2,
    battery_kw=3.0,
    soc_min=0.0,
    soc_max=1.0,
    soc_start=0.0,
    efficiency_charge=0.5,
    efficiency_discharge=1.0,
)
#: Two days of two hours, [day, time] and [day, bus, time]: sun first, then none at all.
PV = np.array([[1.0, 0.0], [0.0, 0.0]])
LOAD_KW = np.array([[[1.0, 1.0], [3.0, 3.0]], [[1.0, 1.0], [3.0, 3.0]]])


def small_case(**rules: Any) -> DerCase:
    """Head, bus 2, bus 3 in a row; prices 0.1 and 0.3."""
    network = RadialNetwork(
        vn_kv=10.0,
        s_base_kva=1000.0,
        buses=("2", "3"),
        zones=("A", "A"),
        heads={"A": "1"},
        parent=frozen([HEAD, 0], np.int64),
        r_ohm=frozen([0.1, 0.1]),
        x_ohm=frozen([0.1, 0.1]),
        length_km=frozen([1.0, 1.0]),
        load_p_kw=frozen([1.0, 3.0]),
        load_q_kvar=frozen([0.0, 0.0]),
        x_km=frozen([1.0, 2.0]),
        y_km=frozen([0.0, 0.0]),
        ties=(),
    )
    mean_kw, none = frozen(LOAD_KW.mean(axis=0)), frozen(np.zeros((2, 2)))
    return DerCase(
        name="small",
        title="small",
        currency="EUR",
        digest="",
        network=network,
        s_max_kva=frozen([1e3, 1e3]),
        v_min_pu=0.9,
        v_max_pu=1.1,
        load_q_kvar=frozen(np.zeros((2, 2))),
        price_per_kwh=frozen([0.1, 0.3]),
        pv_sites=frozen([0, 1], np.int64),
        battery_sites=frozen([0, 1], np.int64),
        rules=replace(RULES, **rules),
        scenarios=Scenarios(
            weight=frozen([1.0]),
            pv=frozen(PV[:1]),
            load_kw=frozen(LOAD_KW[:1]),
            days=frozen([0], np.int64),
        ),
        deviations=Deviations(
            load_mean_kw=mean_kw,
            load_up_kw=none,
            load_down_kw=none,
            pv_mean=frozen(PV.mean(axis=0)),
            pv_up=frozen(np.zeros(2)),
            pv_down=frozen(np.zeros(2)),
        ),
        year=Year(pv=frozen(PV), load_kw=frozen(LOAD_KW)),
    )


def plan_of(pv_kw: Any, battery_kwh: Any) -> DerPlan:
    """What stands, by bus; what has a size is built."""
    pv, batteries = (np.asarray(size, float) for size in (pv_kw, battery_kwh))
    return DerPlan(
        pv_kw=frozen(pv),
        pv_built=frozen(pv > 0, np.bool_),
        battery_kwh=frozen(batteries),
        battery_built=frozen(batteries > 0, np.bool_),
    )


NOTHING = plan_of([0, 0], [0, 0])


@pytest.fixture(scope="module")
def der33() -> DerCase:
    return load_der_case("der33")


def spread_plan(case: DerCase, pv_kw: FloatArray, battery_kwh: FloatArray) -> DerPlan:
    count = len(case.network.buses)
    pv, batteries = np.zeros(count), np.zeros(count)
    pv[: len(pv_kw)], batteries[-len(battery_kwh) :] = pv_kw, battery_kwh
    return plan_of(pv, batteries)


# ---- by hand -------------------------------------------------------------------------------------


def test_without_devices_a_day_costs_what_its_load_costs_and_nothing_is_autonomous() -> None:
    found = operate_days(small_case(), NOTHING, PV, LOAD_KW)
    assert found.cost == pytest.approx([4 * 0.1 + 4 * 0.3] * 2)
    assert found.imported_kwh == pytest.approx([8.0, 8.0])
    assert found.autonomy == pytest.approx(0.0)


def test_a_battery_carries_what_its_power_allows_from_the_sun_to_the_evening() -> None:
    # 10 kW of PV: 4 used at once, 3 charged (its power), 1.5 stored and drawn; 2.5 bought.
    found = operate_days(small_case(), plan_of([0, 10], [0, 4]), PV, LOAD_KW)
    assert found.cost[0] == pytest.approx(7 * 0.01 + 1.5 * 0.002 + 2.5 * 0.3)
    assert found.imported_kwh[0] == pytest.approx(2.5)
    # In the dark buying 3 kWh at 0.1 for 1.5 kWh at 0.3 pays: 0.3 < 0.45 - 0.003.
    assert found.cost[1] == pytest.approx(7 * 0.1 + 1.5 * 0.002 + 2.5 * 0.3)
    assert found.autonomy == pytest.approx(1 - (2.5 + 9.5) / 16)


def test_a_charge_is_carried_over_midnight_only_in_a_row() -> None:
    case, plan = small_case(), plan_of([0, 10], [0, 4])
    apart, row = operate_days(case, plan, PV, LOAD_KW), operate_in_a_row(case, plan, PV, LOAD_KW)
    assert row.cost[0] <= apart.cost.sum() + 1e-9
    assert row.imported_kwh.shape == (1,)
    without = operate_in_a_row(case, plan_of([0, 10], [0, 0]), PV, LOAD_KW)
    daily = operate_days(case, plan_of([0, 10], [0, 0]), PV, LOAD_KW)
    assert without.cost[0] == pytest.approx(daily.cost.sum())


def test_load_that_cannot_be_imported_is_counted_or_priced() -> None:
    short = operate_days(small_case(import_max_kw=3.0), plan_of([0, 2], [0, 0]), PV, LOAD_KW)
    assert short.infeasible == 2, "the first evening and the second day"
    priced = small_case(import_max_kw=3.0, unserved_per_kwh=5.0)
    found = operate_days(priced, plan_of([0, 2], [0, 0]), PV, LOAD_KW)
    assert found.unserved_kwh == pytest.approx([1.0, 2.0])
    assert found.cost == pytest.approx([2 * 0.01 + 2 * 0.1 + 3 * 0.3 + 5, 3 * 0.4 + 10])
    assert found.autonomy == pytest.approx(1 - (5 + 1 + 6 + 2) / 16)


def test_a_line_in_the_way_makes_a_day_dearer_and_is_said() -> None:
    # 50 kW of PV at the last bus, which uses 0.2: over its line 0.5 kW may leave for the first.
    plan, load_kw = plan_of([0, 50], [0, 4]), np.array([[[1.0, 1.0], [0.2, 0.2]]])
    wide = small_case()
    narrow = replace(wide, s_max_kva=frozen([4.0, 0.5]))
    free, held = (operate_days(case, plan, PV[:1], load_kw) for case in (wide, narrow))
    assert (free.nodal.tolist(), held.nodal.tolist()) == ([False], [True])
    assert free.imported_kwh[0] == pytest.approx(0.0)
    assert held.imported_kwh[0] == pytest.approx(0.5 + 0.5)
    first, fate = site_by_site(narrow), np.concatenate([load_kw[0].ravel(), PV[0]])
    exact = operate([bus_by_bus(narrow, first, Weather())], plan.columns(narrow, first), fate)
    assert held.cost[0] == pytest.approx(exact.cost)


# ---- against other programs ----------------------------------------------------------------------


def test_days_cost_what_the_extensive_program_finds_at_the_plan(der33: DerCase) -> None:
    plan = spread_plan(der33, np.full(12, 240.0), np.array([200.0, 120.0]))
    days = np.array([10, 170, 200, 355])
    found = operate_days(der33, plan, der33.year.pv[days], der33.year.load_kw[days])
    first = site_by_site(der33)
    recourses = [
        bus_by_bus(der33, first, Weather(pv=der33.year.pv[day], load_kw=der33.year.load_kw[day]))
        for day in days
    ]
    fate = np.zeros(der33.deviations.load_mean_kw.size + der33.hours)
    program = extensive_program(first, recourses, [fate])
    x = plan.columns(der33, first)
    lower, upper = program.col_lower.copy(), program.col_upper.copy()
    lower[: len(x)] = upper[: len(x)] = x
    fixed = replace(program, col_lower=lower, col_upper=upper, integer=None)
    total = solve_linear(fixed, "plan held").report.objective
    assert found.cost.sum() + plan.investment(der33) == pytest.approx(total, rel=1e-9)
    assert not found.nodal.any()


def test_batteries_of_several_sizes_are_operated_as_one_by_one(der33: DerCase) -> None:
    # 250 kWh in an hour take more than 100 kW: powers bind, by size.
    plan = spread_plan(der33, np.full(14, 250.0), np.array([250.0, 250.0, 180.0, 60.0]))
    first = site_by_site(der33)
    alone = copperplate(der33, first, Weather())
    days = other_days(der33)[::60]
    found = operate_days(der33, plan, der33.year.pv[days], der33.year.load_kw[days])
    for day, cost in zip(days, found.cost, strict=True):
        fate = np.concatenate([der33.year.load_kw[day].ravel(), der33.year.pv[day]])
        one = operate([alone], plan.columns(der33, first), fate)
        assert cost == pytest.approx(one.cost, rel=1e-9)


# ---- references ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "mean", "q95", "autonomy", "row_cost"),
    [
        (DerModel.DETERMINISTIC, 2861.6, 4156, 0.381, 2961.8),
        (DerModel.STOCHASTIC, 2862.8, 4105, 0.383, 2968.7),
    ],
)
def test_designs_do_on_fresh_days_and_in_a_row_as_the_reference_says(
    der33: DerCase, model: DerModel, mean: float, q95: float, autonomy: float, row_cost: float
) -> None:
    plan = solve_der(der33, model).plan
    fresh, row = out_of_sample(der33, plan), scenarios_in_a_row(der33, plan)
    cost = fresh.cost + plan.investment(der33)
    assert (len(cost), fresh.infeasible, fresh.unserved_kwh.sum()) == (356, 0, 0)
    assert cost.mean() == pytest.approx(mean, abs=0.1)
    assert np.quantile(cost, 0.95) == pytest.approx(q95, abs=1)
    assert row.autonomy == pytest.approx(autonomy, abs=1e-3)
    assert row.cost[0] / 9 + plan.investment(der33) == pytest.approx(row_cost, abs=0.1)


def test_the_benchmark_and_the_value_of_information_are_the_reference(der33: DerCase) -> None:
    best = benchmark(der33)
    assert best.objective == pytest.approx(2952.3, abs=0.05)
    assert best.plan.pv_kw.sum() == pytest.approx(2941, abs=1)
    assert best.plan.battery_kwh.sum() == pytest.approx(1027, abs=1)
    row = scenarios_in_a_row(der33, best.plan)
    assert row.cost[0] / 9 + best.plan.investment(der33) == pytest.approx(best.objective)
    assert value_of_information(der33, 2908.874) == pytest.approx(60.3, abs=0.1)


def test_where_it_does_not_fit_the_benchmark_is_found_site_by_site() -> None:
    tight = load_der_case("der33-tight", overrides={"uncertainty.scenarios": "2"})
    best, plate = benchmark(tight), perfect_information(tight).solve(tight, 1e-6)[1]
    assert best.certificate is Certificate.NODAL
    assert plate.objective / 2 <= best.objective * (1 + 1e-9) <= plate.objective / 2 * 1.01
    row = scenarios_in_a_row(tight, best.plan)
    assert row.nodal.tolist() == [True]
    assert row.cost[0] / 2 + best.plan.investment(tight) == pytest.approx(best.objective, rel=1e-6)


@pytest.fixture(scope="module")
def curve(der33: DerCase) -> dict[tuple[Aim, float], CurvePoint]:
    points = autonomy_curve(der33, [0.3, 0.5, 0.8, 1.0])
    return {(point.aim, point.asked): point for point in points}


def test_autonomy_costs_what_the_reference_says(curve: dict[tuple[Aim, float], CurvePoint]) -> None:
    # (investment, total), of least total; then the least investment.
    for share, investment, total, least in ((0.5, 1427, 3015, 1346), (1.0, 10_170, 10_223, 10_170)):
        found = curve[Aim.TOTAL, share]
        assert found.investment == pytest.approx(investment, rel=1e-3)
        assert found.total == pytest.approx(total, rel=1e-3)
        assert curve[Aim.INVESTMENT, share].investment == pytest.approx(least, rel=1e-3)
    whole = curve[Aim.TOTAL, 1.0]
    assert (whole.pv_kw, whole.battery_kwh) == pytest.approx((31_400, 23_500), rel=3e-3)


def test_more_autonomy_is_never_cheaper_and_each_aim_wins_by_its_own_measure(
    curve: dict[tuple[Aim, float], CurvePoint],
) -> None:
    for aim in Aim:
        points = [point for (one, _), point in curve.items() if one is aim]
        values = [getattr(point, aim.value) for point in points]
        assert values == sorted(values)
        assert all(point.autonomy >= point.asked - 1e-6 for point in points)
    for share in (0.3, 0.5, 0.8, 1.0):
        least, total = curve[Aim.INVESTMENT, share], curve[Aim.TOTAL, share]
        assert least.investment <= total.investment * (1 + 1e-4)
        assert total.total <= least.total * (1 + 1e-4)


def test_the_price_of_robustness_is_relative_to_budget_0() -> None:
    assert price_of_robustness({0: 100.0, 10: 125.0}) == pytest.approx({0: 0.0, 10: 0.25})
    assert price_of_robustness({10: 125.0}) == {}
