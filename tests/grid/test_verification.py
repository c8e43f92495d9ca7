"""Verification against probabilities known by hand, the power flow itself and the optimal plan."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from roadvolt.core.errors import PowerFlowError
from roadvolt.core.solve import Ending, SolveReport
from roadvolt.core.units import frozen
from roadvolt.grid.dispatch import Dispatch, DispatchCost
from roadvolt.grid.exceedance import realised_energy_kwh
from roadvolt.grid.feeder import ConnectionPoint, GridDay, Load
from roadvolt.grid.forecast_errors import fit_moments, sample_errors, support_kw
from roadvolt.grid.limit_rates import (
    LimitFamily,
    LimitKind,
    exact_interval,
    find_breaches,
    worst_rates,
)
from roadvolt.grid.lindist3flow import build_linear_model, squared_voltages
from roadvolt.grid.opf import solve_opf
from roadvolt.grid.opf_model import build_opf
from roadvolt.grid.powerflow import AcModel
from roadvolt.grid.realised_load import build_realised_load, missing_kw
from roadvolt.grid.unbalance import pvur
from roadvolt.grid.verification import verify_dispatch

THIRD = (1 / 3, 1 / 3, 1 / 3)


def flat_day(hours=1, load_factor=1.0, wind_factor=0.0):
    one = np.ones(hours)
    return GridDay(
        load_factor=frozen(load_factor * one),
        wind_factor=frozen(wind_factor * one),
        upstream_price_per_kwh=frozen(one),
        export_price_per_kwh=frozen(0 * one),
        reactive_price_per_kvarh=frozen(0 * one),
    )


def idle(feeder, hours=1, **changes):
    """A dispatch in which nothing happens but what ``changes`` say."""
    size = {"generator": len(feeder.generators), "battery": len(feeder.batteries)}
    arrays = {}
    for field in fields(Dispatch):
        device = size.get(field.name.split("_")[0])
        phases = () if any(w in field.name for w in ("alpha", "reserve", "energy")) else (3,)
        if device is not None:
            arrays[field.name] = np.zeros((hours, device, *phases))
        elif field.name.startswith(("upstream", "vm", "line", "price")):
            arrays[field.name] = np.full((hours, 1, 3), np.nan)  # nobody may read these
    for name, value in ({"battery_energy_kwh": 100.0} | changes).items():
        arrays[name] = np.broadcast_to(value, arrays[name].shape)
    cost = DispatchCost(
        upstream_energy=0, upstream_reactive=0, generation=0, degradation=0, reserve=0
    )
    report = SolveReport(solver="hand", ending=Ending.OPTIMAL, objective=0, iterations=0, seconds=0)
    return Dispatch(**arrays, cost=cost, report=report)


def two_bus(feeder, p_kw=3000.0, q_kvar=1500.0, **changes):
    """Source, one uncoupled line of 1 + 1j ohm, one balanced load, a generator and a battery."""
    line = replace(
        feeder.lines[0],
        id="only",
        from_bus="s",
        to_bus="k",
        z_ohm=frozen((1 + 1j) * np.eye(3), np.complex128),
        s_max_kva=1e4,
    )
    load = Load(
        bus="k", p_kw=frozen(p_kw * np.array(THIRD)), q_kvar=frozen(q_kvar * np.array(THIRD))
    )
    return replace(
        feeder,
        buses=("s", "k"),
        bus_xy=((0.0, 0.0), (1.0, 0.0)),
        lines=(line,),
        loads=(load,),
        generators=(replace(feeder.generators[0], bus="k"),),
        batteries=(replace(feeder.batteries[0], bus="k"),),
        wind_turbines=(),
        limits=replace(feeder.limits, **changes),
    )


def verify(feeder, dispatch, errors_kw, day=None, risk=0.05, **options):
    """Without stations."""
    day = day or flat_day(errors_kw.shape[1])
    none = np.zeros((errors_kw.shape[1], 0))
    return verify_dispatch(feeder, day, dispatch, (), none, errors_kw, risk=risk, **options)


def family(result, kind):
    return next(family for family in result.families if family.kind is kind)


def test_the_rate_of_low_voltage_is_the_probability_that_the_hand_finds(feeder4):
    limit, sd_kw, count = 0.969, 300.0, 20_000
    feeder = two_bus(feeder4, vm_min_pu=limit)
    volt0 = feeder.vn_kv * 1e3 / np.sqrt(3)
    # With S = P (1 + j/2) and Z = 1 + 1j: V^4 - (V0^2 - 3 P) V^2 + 2.5 P^2 = 0 at V = limit V0.
    volt2 = (limit * volt0) ** 2
    exact_w = np.roots([2.5, 3 * volt2, volt2**2 - volt0**2 * volt2]).max()
    linear_w = (volt0**2 - volt2) / 3
    exact, linear = (1 - norm.cdf((3e-3 * w - 3000) / sd_kw) for w in (exact_w, linear_w))
    errors_kw = np.random.default_rng(3).normal(0, sd_kw, (count, 1, 1))
    result = verify(feeder, idle(feeder), errors_kw)
    rate = family(result, LimitKind.VOLTAGE_LOW).rate[0, 1]
    noise = np.sqrt(exact * (1 - exact) / count)
    assert 0.05 < exact < 0.5
    assert rate == pytest.approx(np.full(3, exact), abs=4 * noise)
    assert abs(linear - exact) > 8 * noise  # the linear model would have told another rate
    assert result.joint_rate == rate[0]
    assert result.vm_min.value == pytest.approx(result.vm_pu[0, 0, 1].min())
    assert (result.vm_min.element, result.vm_max.element) == ("k", "s")


def test_devices_that_answer_everything_hold_the_voltage_and_a_wrong_sign_would_double_the_error(
    feeder4,
):
    feeder = two_bus(feeder4, q_kvar=0.0)
    errors_kw = np.array([-900.0, 0.0, 900.0]).reshape(-1, 1, 1)
    none, right, wrong = (
        verify(feeder, idle(feeder, generator_alpha=0.6 * k, battery_alpha=0.4 * k), errors_kw)
        for k in (0.0, 1.0, -1.0)
    )

    def line_kw(result):
        """How far apart the samples load the line, in kVA of phase a."""
        return 1e4 * (result.loading[-1] - result.loading[0])[0, 0, 0]

    assert line_kw(none) == pytest.approx(600, rel=0.1)
    assert line_kw(right) == pytest.approx(0, abs=1e-3)
    assert line_kw(wrong) == pytest.approx(2 * line_kw(none), rel=0.01)


def test_errors_of_loads_and_wind_reach_buses_as_written(feeder4):
    wind = replace(feeder4.wind_turbines[0], bus="m")
    feeder = replace(feeder4, wind_turbines=(wind,))
    dispatch = idle(feeder, generator_alpha=0.5, battery_alpha=0.3)
    points = (ConnectionPoint(id="p", bus="l", share=(0.0, 0.25, 0.75)),)
    load = build_realised_load(
        feeder, flat_day(wind_factor=0.5), dispatch, points, np.array([[40.0]])
    )
    k, s, far, m = range(4)
    p_kw, q_kvar = load.at(0, np.zeros((1, 4)))
    np.testing.assert_allclose(p_kw[0, far], [0, 120 + 10, 180 + 30])
    np.testing.assert_allclose(p_kw[0, m], -np.array([80, 80, 80]) / 3)
    errors_kw = np.array([[0.0, 30.0, 0.0, 6.0]])  # the load at l, and the turbine
    assert missing_kw(feeder, errors_kw) == pytest.approx([24.0])
    moved_p, moved_q = (x - y for x, y in zip(load.at(0, errors_kw), (p_kw, q_kvar), strict=True))
    np.testing.assert_allclose(moved_p[0, far], [0, 12, 18])  # 30 kW as 120 : 180
    np.testing.assert_allclose(moved_q[0, far], [0, 6, 7])  # a tenth of 60 and 70 kvar
    np.testing.assert_allclose(moved_p[0, m], np.full(3, -2.0 - 0.5 * 24 / 3))
    np.testing.assert_allclose(moved_p[0, k], np.full(3, -0.3 * 24 / 3))
    np.testing.assert_allclose(moved_p[0, s], 0)
    assert not moved_q[0, [k, s, m]].any()


def test_without_errors_every_sample_is_the_power_flow_of_the_plan(feeder33, day):
    feeder, hours = feeder33(), slice(17, 20)
    dispatch = idle(feeder, 3, generator_p_kw=100.0, generator_q_kvar=50.0, battery_charge_kw=20.0)
    result = verify(feeder, dispatch, np.zeros((5, 3, 36)), day(hours))
    p_kw, q_kvar = np.zeros((2, 3, 33, 3))
    for load in feeder.loads:
        p_kw[:, int(load.bus) - 1] += np.outer(day(hours).load_factor, load.p_kw)
        q_kvar[:, int(load.bus) - 1] += np.outer(day(hours).load_factor, load.q_kvar)
    for turbine in feeder.wind_turbines:
        p_kw[:, int(turbine.bus) - 1] -= 160 / 3 * day(hours).wind_factor[:, None]
    for device in feeder.generators:
        p_kw[:, int(device.bus) - 1] -= 100
        q_kvar[:, int(device.bus) - 1] -= 50
    for device in feeder.batteries:
        p_kw[:, int(device.bus) - 1] += 20
    plan = AcModel(feeder).solve(p_kw, q_kvar)
    np.testing.assert_allclose(result.vm_pu, np.broadcast_to(plan.vm_pu, (5, 3, 33, 3)), atol=1e-9)
    assert result.loss_kwh == pytest.approx(plan.loss_kw.sum())
    assert result.vm_min.value == pytest.approx(plan.vm_pu.min())
    assert result.vur_max.value == pytest.approx(pvur(plan.vm_pu).max())
    assert result.vm_min.time == np.unravel_index(plan.vm_pu.argmin(), plan.vm_pu.shape)[0]
    model = build_linear_model(feeder)
    linear = np.sqrt(squared_voltages(model, model.to_nodes(p_kw), model.to_nodes(q_kvar)))
    error = np.abs(model.to_buses(linear) - plan.vm_pu)[:, 1:]
    assert result.linear_error_max_pu == pytest.approx(error.max())
    assert result.linear_error_mean_pu == pytest.approx(error.mean())
    assert result.joint_rate == 0
    assert result.kept_promise


def test_a_tightened_limit_is_named_as_a_breach_and_the_others_are_not(feeder33, day, error_model):
    feeder, hours = feeder33(), day(slice(18, 19))
    errors_kw = sample_errors(feeder, hours, error_model, np.random.default_rng(4), 400)
    dispatch = idle(feeder)
    kept = verify(feeder, dispatch, errors_kw, hours)
    assert kept.kept_promise
    lowest = kept.vm_pu[:, 0, 32, 0]  # quantiles of phase a at bus 33, the lowest of all
    tight = replace(feeder, limits=replace(feeder.limits, vm_min_pu=lowest[2]))
    result = verify(tight, dispatch, errors_kw, hours)
    assert not result.kept_promise
    first = result.breaches[0]
    assert (first.kind, first.element, first.phase) == (LimitKind.VOLTAGE_LOW, "33", "a")
    assert first.rate == pytest.approx(0.5, abs=0.01)
    assert first.lower > 0.05
    assert str(first).startswith("lowest voltage at bus 33 phase a 00:00 exceeded in 50.00%")
    assert {breach.kind for breach in result.breaches} == {LimitKind.VOLTAGE_LOW}
    at_risk = replace(feeder, limits=replace(feeder.limits, vm_min_pu=lowest[1]))
    result = verify(at_risk, dispatch, errors_kw, hours)
    assert family(result, LimitKind.VOLTAGE_LOW).rate.max() == pytest.approx(0.05, abs=0.01)
    assert result.kept_promise  # a rate equal to the promise does not break it


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (LimitKind.VOLTAGE_HIGH, {"vm_max_pu": 0.99}),
        (LimitKind.UNBALANCE, {"vur_max": 0.005}),
    ],
)
def test_each_voltage_limit_answers_for_itself(feeder33, kind, changes):
    feeder = feeder33()
    feeder = replace(feeder, limits=replace(feeder.limits, **changes))
    result = verify(feeder, idle(feeder), np.zeros((200, 1, 36)))
    assert {breach.kind for breach in result.breaches} == {kind}
    vm_pu = result.vm_pu[0, 0]
    beyond = vm_pu > 0.99 if kind is LimitKind.VOLTAGE_HIGH else pvur(vm_pu) > 0.005
    beyond[0] = False  # nobody answers for the source
    np.testing.assert_array_equal(family(result, kind).rate[0], beyond)


@pytest.mark.parametrize(("from_bus", "to_bus"), [("s", "k"), ("k", "s")])
def test_a_line_is_loaded_by_its_worse_end_however_it_is_written(feeder4, from_bus, to_bus):
    feeder = two_bus(feeder4)
    line = replace(feeder.lines[0], from_bus=from_bus, to_bus=to_bus, s_max_kva=1150.0)
    feeder = replace(feeder, lines=(line,))
    result = verify(feeder, idle(feeder), np.zeros((200, 1, 1)))
    amperes = np.hypot(1e3, 500) / (result.vm_pu[0, 0, 1, 0] * feeder.vn_kv / np.sqrt(3))
    expected = abs(1e3 + 500j + (1 + 1j) * amperes**2 / 1e3) / 1150
    assert np.hypot(1000, 500) < 1150  # at the far end all is well
    assert result.loading_max.value == pytest.approx(expected, rel=1e-6)
    assert {breach.kind for breach in result.breaches} == {LimitKind.LOADING}


def test_reserves_are_exceeded_with_the_probability_of_the_missing_load(feeder4):
    feeder, count = two_bus(feeder4), 20_000
    dispatch = idle(
        feeder,
        generator_alpha=0.5,
        generator_reserve_up_kw=100.0,
        generator_reserve_down_kw=200.0,
        battery_reserve_up_kw=1.0,
        battery_reserve_down_kw=1.0,
    )
    errors_kw = np.random.default_rng(5).normal(50, 200, (count, 1, 1))
    result = verify(feeder, dispatch, errors_kw)
    up, down = (
        family(result, kind).rate[0] for kind in (LimitKind.RESERVE_UP, LimitKind.RESERVE_DOWN)
    )
    assert up == pytest.approx([1 - norm.cdf(0.75), 0], abs=0.012)  # D > 200 kW
    assert down == pytest.approx([norm.cdf(-2.25), 0], abs=0.004)  # D < -400 kW


def test_a_battery_pays_its_efficiency_for_each_answer(feeder4):
    feeder = two_bus(feeder4)  # efficiencies 0.9
    charging = np.array([30.0, 0.0, 0.0])
    discharging = np.array([0.0, 0.0, 9.0])
    dispatch = idle(
        feeder,
        3,
        battery_charge_kw=charging[:, None, None] / 3,
        battery_discharge_kw=discharging[:, None, None] / 3,
        battery_alpha=0.5,
        battery_energy_kwh=100 + np.cumsum(charging * 0.9 - discharging / 0.9)[:, None],
    )
    energy_kwh = realised_energy_kwh(feeder, dispatch, np.array([[24.0, 18.0, -36.0]]))
    # Charges 30 - 12 = 18, delivers 9, and charges 18 - 9 = 9 instead of delivering 9.
    expected = 100 + np.cumsum([18 * 0.9, -9 / 0.9, 9 * 0.9])
    np.testing.assert_allclose(energy_kwh[0, :, 0], expected)


def test_flows_without_solution_are_named_and_keep_no_limit(feeder4):
    feeder = two_bus(feeder4)
    errors_kw = np.zeros((4, 2, 1))
    errors_kw[2, 1] = 1e6
    result = verify(feeder, idle(feeder, 2), errors_kw)
    assert result.failed.tolist() == [[2, 1]]
    assert family(result, LimitKind.VOLTAGE_LOW).rate[:, 1].tolist() == [[0, 0, 0], [0.25] * 3]
    assert result.joint_rate == 1 / 8
    assert np.isfinite(result.vm_pu).all()
    assert np.isfinite(result.loss_kwh)
    with pytest.raises(PowerFlowError, match="4 of 4"):
        verify(feeder, idle(feeder), np.full((4, 1, 1), 1e6))


def test_among_thousands_of_limits_that_keep_their_promise_none_is_called_a_breach():
    rng = np.random.default_rng(6)
    rate = rng.binomial(1000, 0.05, (24, 100)) / 1000  # each just as likely as promised
    rate[5, 7] = 0.15
    names = tuple(map(str, range(100)))
    kept = LimitFamily(
        kind=LimitKind.LOADING,
        elements=names,
        exists=np.ones(100, bool),
        rate=rate,
        joint_rate=1.0,
    )
    assert np.sum(exact_interval(np.rint(1000 * rate), 1000, 0.95)[0] > 0.05) > 10
    breaches = find_breaches([kept], 1000, 0.05)
    assert [(breach.element, breach.time) for breach in breaches] == [("7", 5)]
    assert worst_rates([kept], 1000) == breaches


def test_the_interval_is_that_of_clopper_and_pearson():
    for count in (0, 1, 37, 199, 200):
        theirs = binomtest(count, 200).proportion_ci(0.99, method="exact")
        ours = exact_interval(np.array(count), 200, 0.99)
        assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_an_optimal_dispatch_means_here_what_it_meant_to_its_maker(feeder33, day, error_model):
    feeder, hours = feeder33(), day(slice(17, 19))
    points = (ConnectionPoint(id="p", bus="18", share=(0.5, 0.5, 0.0)),)
    withdrawal_kw = np.array([[80.0], [-40.0]])
    seen, fresh = (
        sample_errors(feeder, hours, error_model, np.random.default_rng(seed), 500)
        for seed in (1, 2)
    )
    model = build_opf(feeder, hours, fit_moments(seen, support_kw(feeder, hours, error_model)))
    dispatch = solve_opf(model, points, withdrawal_kw)
    load = build_realised_load(feeder, hours, dispatch, points, withdrawal_kw)
    nodes = (model.linear.to_nodes(values) for values in (load.p_kw, load.q_kvar))
    w_pu = model.linear.to_buses(squared_voltages(model.linear, *nodes))
    np.testing.assert_allclose(np.sqrt(w_pu), dispatch.vm_pu, atol=1e-9)
    # What the upstream grid adds in answer to D is its own share of it.
    added = load.p_by_error.sum(axis=(2, 3))
    missing = missing_kw(feeder, np.eye(36))
    np.testing.assert_allclose(added, np.outer(dispatch.upstream_alpha, missing), atol=1e-6)
    result = verify_dispatch(feeder, hours, dispatch, points, withdrawal_kw, fresh, risk=0.05)
    assert result.kept_promise
    assert result.linear_error_max_pu < 0.006
