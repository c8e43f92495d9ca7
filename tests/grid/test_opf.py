"""The optimal power flow: against its statement in cvxpy, hand figures, and laws it must obey."""

from __future__ import annotations

from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest

from roadvolt.core.errors import CaseError, InfeasibleError
from roadvolt.core.units import frozen
from roadvolt.grid.feeder import ConnectionPoint
from roadvolt.grid.opf import solve_opf
from roadvolt.grid.opf_model import build_opf
from roadvolt.grid.opf_options import OpfOptions
from roadvolt.grid.opf_statement import state_opf
from roadvolt.uncertainty.ambiguity import Shape
from roadvolt.uncertainty.margins import RiskTreatment

EVEN = (1 / 3, 1 / 3, 1 / 3)
NOBODY = ()


def idle(day):
    return np.zeros((len(day.load_factor), 0))


def with_limits(feeder, **limits):
    return replace(feeder, limits=replace(feeder.limits, **limits))


def charging(dispatch):
    return dispatch.battery_charge_kw.sum(axis=2) > dispatch.battery_discharge_kw.sum(axis=2)


def tight4(feeder4):
    """The small feeder with a dear generator and limits that bind: line sm, and low voltages."""
    ratings = {"sm": 250.0, "mk": 340.0, "lm": 300.0}
    return replace(
        with_limits(feeder4, vm_min_pu=0.992, vur_max=0.006),
        lines=tuple(replace(line, s_max_kva=ratings[line.id]) for line in feeder4.lines),
        generators=(replace(feeder4.generators[0], cost_linear_per_kwh=0.08),),
    )


@pytest.mark.parametrize("treatment", list(RiskTreatment))
def test_the_optimum_is_that_of_the_statement_on_a_small_feeder(
    treatment, feeder4, day, moments_of
):
    hours = day(slice(16, 20))
    feeder = tight4(feeder4)
    model = build_opf(feeder, hours, moments_of(feeder, hours), OpfOptions(treatment=treatment))
    points = (ConnectionPoint(id="s", bus="l", share=(0.0, 0.5, 0.5)),)
    withdrawal_kw = np.full((4, 1), 40.0)
    dispatch = solve_opf(model, points, withdrawal_kw)
    statement = state_opf(model, points, withdrawal_kw, charging(dispatch))
    statement.solve(solver=cp.CLARABEL)
    assert dispatch.cost.total == pytest.approx(statement.value, rel=1e-5)
    loose = replace(feeder4, generators=feeder.generators)
    free = build_opf(loose, hours, model.moments, model.options)
    assert dispatch.cost.total > 1.001 * solve_opf(free, points, withdrawal_kw).cost.total


def test_the_optimum_is_that_of_the_statement_on_the_33_bus_feeder(feeder33, day, moments_of):
    hours = day(slice(17, 19))
    feeder = with_limits(feeder33(unbalance=1.5), vm_min_pu=0.935, vur_max=0.02)
    model = build_opf(feeder, hours, moments_of(feeder, hours))
    dispatch = solve_opf(model, NOBODY, idle(hours))
    statement = state_opf(model, NOBODY, idle(hours), charging(dispatch))
    statement.solve(solver=cp.CLARABEL)
    assert dispatch.cost.total == pytest.approx(statement.value, rel=1e-5)


def test_the_cost_rises_from_stochastic_to_distributionally_robust_to_robust(
    feeder33, day, moments_of
):
    hours = day(slice(6, 18))
    feeder = with_limits(feeder33(), vm_min_pu=0.93)
    moments = moments_of(feeder, hours)
    costs = [
        solve_opf(
            build_opf(feeder, hours, moments, OpfOptions(treatment=treatment)), NOBODY, idle(hours)
        ).cost.total
        for treatment in (RiskTreatment.SP, RiskTreatment.DRO, RiskTreatment.RO)
    ]
    assert costs[0] < costs[1] < costs[2]


@pytest.mark.parametrize("risk", [0.05, 0.01])
def test_dro_never_costs_more_than_ro_where_the_energy_of_batteries_binds(
    feeder33, day, moments_of, risk: float
):
    # At 0.01 Cantelli's factor asks for more in an hour than the worst of this small box, over a
    # day for less: choosing norm or box for whole days makes DRO 0.14 % dearer than RO.
    full, hours = feeder33(), day(slice(0, 12))
    half = tuple(
        replace(
            battery,
            e_max_kwh=(battery.e_max_kwh + battery.e_min_kwh) / 2,
            e_start_kwh=(battery.e_start_kwh + battery.e_min_kwh) / 2,
        )
        for battery in full.batteries
    )
    feeder, known = replace(full, batteries=half), moments_of(full, hours)
    moments = replace(known, support_kw=frozen(0.6 * known.support_kw))
    sp, dro, ro = (
        solve_opf(
            build_opf(feeder, hours, moments, OpfOptions(treatment=treatment, risk=risk)),
            NOBODY,
            idle(hours),
        ).cost.total
        for treatment in (RiskTreatment.SP, RiskTreatment.DRO, RiskTreatment.RO)
    )
    assert sp <= dro * (1 + 1e-6)
    assert dro <= ro * (1 + 1e-6)


def test_the_cost_rises_with_confidence_and_falls_with_what_is_known(feeder33, day, moments_of):
    hours = day(slice(10, 14))
    moments = moments_of(feeder33(), hours)

    def cost(**options):
        model = build_opf(feeder33(), hours, moments, OpfOptions(**options))
        return solve_opf(model, NOBODY, idle(hours)).cost.total

    assert cost(risk=0.2) < cost(risk=0.1) < cost(risk=0.05)
    assert cost(shape=Shape.SYMMETRIC_UNIMODAL) < cost(shape=Shape.UNIMODAL) < cost()


def test_one_hour_without_limits_is_the_merit_order(feeder33, day, certain):
    # At 19:00 upstream costs 0.095; the generators cost 0.058, 0.060 and 0.062 plus 2 b2 P, at most
    # 0.0804, and run at full power. The battery may not end below its start.
    feeder, hours = with_limits(feeder33(), vur_max=0.5), day(slice(19, 20))
    dispatch = solve_opf(build_opf(feeder, hours, certain(feeder, hours)), NOBODY, idle(hours))
    np.testing.assert_allclose(dispatch.generator_p_kw.sum(axis=2)[0], [860, 760, 980], atol=0.05)
    load = 0.99 * 3715 - 4 * 160 * hours.wind_factor[0]
    bought = load - 2600
    assert dispatch.upstream_p_kw.sum() == pytest.approx(bought, abs=0.1)
    assert dispatch.cost.upstream_energy == pytest.approx(0.095 * bought, rel=1e-4)
    generation = 58e-3 * 860 + 60e-3 * 760 + 62e-3 * 980
    generation += 9e-9 * 860**2 + 10e-9 * 760**2 + 11e-9 * 980**2
    assert dispatch.cost.generation == pytest.approx(generation, rel=1e-5)
    assert dispatch.cost.upstream_reactive == pytest.approx(0, abs=1e-3)  # 0.9 x 2600 > 2277 kvar


def test_an_unlimited_hour_has_the_upstream_price_everywhere(feeder33, day, certain):
    feeder, hours = feeder33(), day(slice(3, 4))
    dispatch = solve_opf(build_opf(feeder, hours, certain(feeder, hours)), NOBODY, idle(hours))
    np.testing.assert_allclose(dispatch.price_p_per_kwh, 0.035, rtol=1e-4)
    np.testing.assert_allclose(dispatch.price_q_per_kvarh, 0.007, rtol=1e-3)


def test_nodal_prices_are_what_one_more_kilowatt_costs(feeder4, day, moments_of):
    hours, feeder = day(slice(16, 19)), tight4(feeder4)
    model = build_opf(feeder, hours, moments_of(feeder, hours))
    dispatch = solve_opf(model, NOBODY, idle(hours))
    prices = dispatch.price_p_per_kwh
    assert np.nanmax(prices[0]) - np.nanmin(prices[0]) > 0.02  # limits bind
    for bus, phase in (("k", 0), ("k", 1), ("l", 2)):
        share = tuple(float(phase == other) for other in range(3))
        point = (ConnectionPoint(id="probe", bus=bus, share=share),)
        costs = []
        for step in (2.0, -2.0):
            probe = np.zeros((3, 1))
            probe[0] = step
            costs.append(solve_opf(model, point, probe).cost.total)
        slope = (costs[0] - costs[1]) / 4
        assert prices[0, feeder.buses.index(bus), phase] == pytest.approx(slope, rel=2e-3)


def test_reactive_prices_are_what_one_more_kilovar_costs(feeder4, day, moments_of):
    # The load at m draws reactive power only, so it brings no error along.
    hours, feeder = day(slice(16, 17)), tight4(feeder4)
    moments = moments_of(feeder, hours)
    dispatch = solve_opf(build_opf(feeder, hours, moments), NOBODY, idle(hours))
    costs = []
    for step in (1.0, -1.0):
        q_kvar = frozen(feeder.loads[2].q_kvar + np.array([step, 0, 0]))
        loads = (*feeder.loads[:2], replace(feeder.loads[2], q_kvar=q_kvar))
        model = build_opf(replace(feeder, loads=loads), hours, moments)
        costs.append(solve_opf(model, NOBODY, idle(hours)).cost.total)
    price = dispatch.price_q_per_kvarh[0, feeder.buses.index("m"), 0]
    assert price == pytest.approx((costs[0] - costs[1]) / (2 * hours.load_factor[0]), rel=1e-3)


def test_every_limit_holds_at_a_dispatch_with_its_errors(feeder33, day, error_model, draws):
    # The linear network, hour by hour, with errors of another draw and the devices' answers.
    hours = day(slice(17, 20))
    feeder = with_limits(feeder33(), vm_min_pu=0.94)
    seen, fresh = draws(feeder, hours, 1), draws(feeder, hours, 2)
    model = build_opf(feeder, hours, seen.moments)
    dispatch = solve_opf(model, NOBODY, idle(hours))
    linear, alpha = model.linear, np.hstack([dispatch.generator_alpha, dispatch.battery_alpha])
    missing = fresh.errors_kw[..., :32].sum(axis=2) - fresh.errors_kw[..., 32:].sum(axis=2)
    np.testing.assert_allclose(alpha.sum(axis=1) + dispatch.upstream_alpha, 1, atol=1e-5)
    w = linear.to_nodes(dispatch.vm_pu) ** 2 + np.zeros((len(missing), 1, 1))
    for k, load in enumerate(feeder.loads):
        at = linear.node_of[feeder.buses.index(load.bus)]
        ratio_p, ratio_q = load.p_kw / load.p_kw.sum(), load.q_kvar / load.p_kw.sum()
        per_kw = linear.w_by_p[:, at] @ ratio_p + linear.w_by_q[:, at] @ ratio_q
        w += fresh.errors_kw[..., k, None] * per_kw
    for k, turbine in enumerate(feeder.wind_turbines, 32):
        at = linear.node_of[feeder.buses.index(turbine.bus)]
        w -= fresh.errors_kw[..., k, None] * linear.w_by_p[:, at].mean(axis=1)
    for k, device in enumerate((*feeder.generators, *feeder.batteries)):
        at = linear.node_of[feeder.buses.index(device.bus)]
        w -= (missing * alpha[:, k])[..., None] * linear.w_by_p[:, at].mean(axis=1)
    vm_pu = np.sqrt(w)
    assert np.mean(vm_pu < 0.94, axis=0).max() <= 0.05
    assert vm_pu.min() < 0.95  # the limit is near, and errors do move voltages


def test_what_cannot_be_served_is_named_by_line_phase_and_hour(feeder33, day, certain):
    feeder, hours = feeder33(), day(slice(14, 16))
    lines = tuple(replace(k, s_max_kva=60.0 if k.id == "24" else k.s_max_kva) for k in feeder.lines)
    loads = tuple(
        replace(k, p_kw=frozen([100, 20, 20]), q_kvar=frozen([0, 0, 0])) if k.bus == "25" else k
        for k in feeder.loads
    )
    feeder = replace(feeder, lines=lines, loads=loads, wind_turbines=())
    with pytest.raises(InfeasibleError, match="line 24 phase a 01:00") as caught:
        solve_opf(build_opf(feeder, hours, certain(feeder, hours)), NOBODY, idle(hours))
    by_name = {miss.limit: miss for miss in caught.value.misses}
    assert set(by_name) == {"line 24 phase a 00:00", "line 24 phase a 01:00"}
    assert by_name["line 24 phase a 00:00"].excess == pytest.approx(87 - 60, abs=0.05)
    assert by_name["line 24 phase a 01:00"].excess == pytest.approx(88 - 60, abs=0.05)


def test_errors_that_devices_cannot_balance_are_named(feeder33, day, moments_of):
    feeder, hours = feeder33(), day(slice(18, 19))
    alone = replace(with_limits(feeder, vm_min_pu=0.8), generators=(), batteries=())
    model = build_opf(alone, hours, moments_of(alone, hours))
    with pytest.raises(InfeasibleError, match="upstream share in balancing 00:00") as caught:
        solve_opf(model, NOBODY, idle(hours))
    assert caught.value.misses[0].excess == pytest.approx(60, abs=0.1)  # 100 % less 40 %
    options = OpfOptions(upstream_share_max=1.0)
    free = build_opf(alone, hours, model.moments, options)
    assert solve_opf(free, NOBODY, idle(hours)).upstream_alpha == pytest.approx([1])


def test_points_and_prices_that_make_no_sense_are_refused(feeder4, day, certain):
    hours = day(slice(0, 1))
    model = build_opf(feeder4, hours, certain(feeder4, hours))
    points = (
        ConnectionPoint(id="one", bus="z", share=EVEN),
        ConnectionPoint(id="two", bus="l", share=EVEN),
    )
    with pytest.raises(CaseError) as caught:
        solve_opf(model, points, np.zeros((1, 2)))
    assert len(caught.value.problems) == 2
    with pytest.raises(CaseError, match="earns more than it costs"):
        build_opf(feeder4, replace(hours, export_price_per_kwh=frozen([1.0])), model.moments)
