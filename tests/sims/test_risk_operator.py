"""The risk study at the operator: order of methods, answers of devices, and the bill afterwards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roadvolt.core.errors import InfeasibleError
from roadvolt.grid.dispatch import Dispatch
from roadvolt.grid.powerflow import AcModel
from roadvolt.grid.realised_load import build_realised_load, missing_kw
from roadvolt.grid.verification import verify_dispatch
from roadvolt.sims.risk.aftermath import after_the_fact
from roadvolt.sims.risk.answers import answer
from roadvolt.sims.risk.approved import ApprovedDay, approved_day
from roadvolt.sims.risk.design import EMERGENCY_MULTIPLE, Distribution, Method
from roadvolt.sims.risk.dso_cells import DsoCell, dso_cells
from roadvolt.sims.risk.dso_plans import (
    fresh_errors,
    learned_errors,
    moments_of,
    plans_by_method,
    worst_errors,
)
from roadvolt.sims.risk.schemes import scheme_rows

ORDER = (Method.DETERMINISTIC, Method.SP, Method.MOMENT, Method.RO)


@pytest.fixture(scope="module")
def day() -> ApprovedDay:
    return approved_day("tiny")


@pytest.fixture(scope="module")
def learned(day: ApprovedDay) -> np.ndarray:
    return learned_errors(day.case, 1, 500)


@pytest.fixture(scope="module")
def plans(day: ApprovedDay, learned: np.ndarray) -> dict[Method, Dispatch]:
    return plans_by_method(day, learned, 0.05)


@pytest.mark.parametrize("risk", [0.2, 0.05, 0.01])
@pytest.mark.parametrize("samples", [50, 500])
def test_the_operators_costs_are_ordered_exactly(
    day: ApprovedDay, learned: np.ndarray, risk: float, samples: int
) -> None:
    costs = [plan.cost.total for plan in plans_by_method(day, learned[:samples], risk).values()]
    assert costs == sorted(costs)
    assert costs[1] < costs[-1]


def test_cost_of_the_chance_constrained_day_rises_with_confidence(
    day: ApprovedDay, learned: np.ndarray
) -> None:
    for method in (Method.SP, Method.MOMENT):
        rising = [plans_by_method(day, learned, risk)[method].cost.total for risk in (0.3, 0.1)]
        assert rising[0] < rising[1]


def test_correlation_dropped_leaves_variances_alone(day: ApprovedDay, learned: np.ndarray) -> None:
    with_, without = (moments_of(day.case, learned, correlated=c) for c in (True, False))
    for kept, dropped in zip(with_.covariance, without.covariance, strict=True):
        np.testing.assert_array_equal(dropped, np.diag(np.diag(kept)))


def test_fresh_errors_are_physical_and_wind_alone_is_shifted(day: ApprovedDay) -> None:
    case = day.case
    fresh = fresh_errors(case, 1, 2000)
    loads = len(case.feeder.loads)
    change = fresh[Distribution.SHIFTED] - fresh[Distribution.NORMAL]
    np.testing.assert_array_equal(change[..., :loads], 0)
    assert (change[..., loads:] <= 0).all()
    heavy = fresh[Distribution.HEAVY]
    rated = np.array([turbine.p_rated_kw for turbine in case.feeder.wind_turbines])
    produced = np.outer(case.grid_day.wind_factor, rated) + heavy[..., loads:]
    assert (produced >= -1e-9).all()
    assert (produced <= rated + 1e-9).all()
    normal_sd, heavy_sd = (fresh[d].std(axis=0)[:, :loads].mean() for d in list(fresh)[:2])
    assert heavy_sd == pytest.approx(normal_sd, rel=0.15)


def test_devices_answer_within_reserve_and_stored_energy(
    day: ApprovedDay, plans: dict[Method, Dispatch]
) -> None:
    case, plan = day.case, plans[Method.SP]
    errors_kw = 2 * np.concatenate([worst_errors(case), -worst_errors(case)])
    found = answer(case.feeder, plan, errors_kw)
    slack = 1e-9
    assert (found.generator_kw <= plan.generator_reserve_up_kw + slack).all()
    assert (found.generator_kw >= -plan.generator_reserve_down_kw - slack).all()
    # The generator follows its share wherever its reserve reaches, and no further.
    share = missing_kw(case.feeder, errors_kw)[..., None] * plan.generator_alpha
    inside = (share <= plan.generator_reserve_up_kw) & (share >= -plan.generator_reserve_down_kw)
    np.testing.assert_allclose(found.generator_kw[inside], share[inside])
    # An independent walk through the day keeps every battery between empty and full.
    for scenario in range(2):
        for k, battery in enumerate(case.feeder.batteries):
            energy = battery.e_start_kwh
            for hour in range(case.hours):
                planned = plan.battery_discharge_kw[hour, k] - plan.battery_charge_kw[hour, k]
                power = planned.sum() + found.battery_kw[scenario, hour, k]
                if power > 0:
                    energy -= power / battery.efficiency_discharge
                else:
                    energy += -power * battery.efficiency_charge
                assert battery.e_min_kwh - 1e-6 <= energy <= battery.e_max_kwh + 1e-6
            owed = plan.battery_energy_kwh[-1, k] - energy
            assert found.owed_kwh[scenario, k] == pytest.approx(owed, abs=1e-6)


def test_a_battery_too_small_for_its_share_stops_where_it_is_empty(
    day: ApprovedDay, plans: dict[Method, Dispatch]
) -> None:
    feeder, plan = day.case.feeder, plans[Method.RO]
    count = len(feeder.batteries)
    small = tuple(replace(b, e_start_kwh=1.0, e_min_kwh=0.0) for b in feeder.batteries)
    still = np.zeros_like(plan.battery_charge_kw)
    all_up = replace(
        plan,
        battery_charge_kw=still,
        battery_discharge_kw=still,
        battery_alpha=np.ones((day.case.hours, count)),
        battery_reserve_up_kw=np.full((day.case.hours, count), 100.0),
    )
    found = answer(replace(feeder, batteries=small), all_up, worst_errors(day.case))
    delivered = found.battery_kw[0].sum(axis=0)
    np.testing.assert_allclose(delivered, [b.efficiency_discharge for b in small])


def test_without_errors_the_bill_is_the_planned_one_and_its_losses(
    day: ApprovedDay, plans: dict[Method, Dispatch]
) -> None:
    case, plan = day.case, plans[Method.MOMENT]
    none = np.zeros((1, *worst_errors(case).shape[1:]))
    after = after_the_fact(day, plan, none)
    load = build_realised_load(case.feeder, case.grid_day, plan, day.points, day.withdrawal_kw)
    flow = AcModel(case.feeder).solve(load.p_kw, load.q_kvar)
    losses = flow.loss_kw @ case.grid_day.upstream_price_per_kwh
    assert losses > 0
    planned = plan.cost
    assert after.upstream_active[0] == pytest.approx(planned.upstream_energy + losses, rel=1e-5)
    assert after.der[0] == pytest.approx(planned.generation + planned.degradation, abs=1e-3)
    assert after.reserve == planned.reserve
    assert after.real_time_kwh[0] == 0
    np.testing.assert_allclose(after.vm_pu[0], flow.vm_pu)
    assert not after.beyond.any()


def test_energy_missing_in_real_time_is_what_the_source_line_delivers_beyond_schedule(
    day: ApprovedDay, plans: dict[Method, Dispatch]
) -> None:
    case = day.case
    plan = plans[Method.DETERMINISTIC]  # no reserve: everything comes from upstream
    source = [k for k, x in enumerate(case.feeder.lines) if x.from_bus == case.feeder.source_bus]
    idle = replace(
        plan, generator_alpha=0 * plan.generator_alpha, battery_alpha=0 * plan.battery_alpha
    )
    load = build_realised_load(case.feeder, case.grid_day, idle, day.points, day.withdrawal_kw)
    more_kwh = extra_cost = 0.0
    flows = AcModel(case.feeder)
    for hour in range(case.hours):
        both = np.concatenate(
            [np.zeros((1, load.p_by_error.shape[1])), worst_errors(case)[:, hour]]
        )
        result = flows.solve(*load.at(hour, both))
        drawn = np.nansum(result.p_from_kw[:, source], axis=(1, 2))
        more_kwh += drawn[1] - drawn[0]
        price = case.grid_day.upstream_price_per_kwh[hour]
        extra_cost += EMERGENCY_MULTIPLE * price * (drawn[1] - drawn[0])
    calm = after_the_fact(day, plan, 0 * worst_errors(case))
    after = after_the_fact(day, plan, worst_errors(case))
    assert after.real_time_kwh[0] == pytest.approx(more_kwh, rel=1e-6)
    assert after.upstream_active[0] - calm.upstream_active[0] == pytest.approx(extra_cost, rel=1e-6)


def test_within_reserves_voltages_and_rates_are_those_of_the_verification(
    day: ApprovedDay, plans: dict[Method, Dispatch]
) -> None:
    case, plan = day.case, plans[Method.RO]
    tight = replace(case.feeder, limits=replace(case.feeder.limits, vm_min_pu=0.9945))
    strict = ApprovedDay(
        case=replace(case, feeder=tight), points=day.points, withdrawal_kw=day.withdrawal_kw
    )
    errors_kw = fresh_errors(case, 1, 200)[Distribution.NORMAL]
    after = after_the_fact(strict, plan, errors_kw)
    check = verify_dispatch(
        tight, case.grid_day, plan, day.points, day.withdrawal_kw, errors_kw, risk=0.05
    )
    assert np.nanmin(after.vm_pu) == pytest.approx(check.vm_min.value, abs=1e-7)
    assert np.nanmax(after.vur) == pytest.approx(check.vur_max.value, abs=1e-7)
    rates = np.concatenate([f.rate[:, f.exists] for f in check.families], axis=1)
    assert rates.max() > 0.01
    np.testing.assert_allclose(after.beyond.mean(axis=0), rates, atol=1 / 200)
    assert len(after.limit_names) == rates.shape[1]


def test_the_worst_realisation_costs_stochastic_most_and_correlated_robust_least(
    day: ApprovedDay,
) -> None:
    found = scheme_rows(day, 1, 200, 500, 0.95, 20)
    rows = {(row["scheme"], row["realisation"]): row for row in found["schemes"]}
    assert {scheme for scheme, _ in rows} == {"I", "II", "III"}
    worst = [rows[scheme, "worst"] for scheme in ("I", "II", "III")]
    costs = [row["total_cost"] for row in worst]
    assert costs[0] > costs[1] > costs[2]
    assert [row["real_time_kwh"] for row in worst] == sorted(
        (row["real_time_kwh"] for row in worst), reverse=True
    )
    reserve = [row["reserve"] for row in worst]
    assert reserve[0] < 1e-3 < reserve[1] < reserve[2]
    for row in found["schemes"]:
        parts = ("upstream_active", "upstream_reactive", "der", "reserve")
        assert row["total_cost"] == pytest.approx(sum(row[part] for part in parts))
    lowest = min(v["vm_pu"] for v in found["scheme_voltages"] if v["scheme"] == "I")
    assert lowest == worst[0]["vm_min_pu"]


def test_a_day_that_no_plan_can_run_is_a_row_with_its_reason(day: ApprovedDay) -> None:
    far = ApprovedDay(case=day.case, points=day.points, withdrawal_kw=day.withdrawal_kw + 2000.0)
    rows = dso_cells(far, DsoCell(seed=1, samples=50, confidence=0.9), 50, 5)
    assert [row["method"] for row in rows] == [method.value for method in ORDER]
    for row in rows:
        assert np.isnan(row["cost"])
        assert "line" in row["reason"]
    with pytest.raises(InfeasibleError):
        scheme_rows(far, 1, 50, 50, 0.95, 5)
