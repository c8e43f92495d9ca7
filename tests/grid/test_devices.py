"""Devices: Chen et al.'s D1-D12 checked on dispatches by hand, one device's story at a time."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import cvxpy as cp
import numpy as np
import pytest

from roadvolt.core.errors import InfeasibleError
from roadvolt.core.units import frozen
from roadvolt.grid.forecast_errors import ErrorMoments
from roadvolt.grid.opf import solve_opf
from roadvolt.grid.opf_model import build_opf
from roadvolt.grid.opf_options import OpfOptions
from roadvolt.grid.opf_statement import state_opf

CANTELLI = np.sqrt(0.95 / 0.05)
SLACK = 0.02  #: kW, what the solver's tolerance leaves


def idle(day):
    return (), np.zeros((len(day.load_factor), 0))


def prices(day, **series):
    return replace(day, **{name: frozen(values) for name, values in series.items()})


@pytest.fixture(scope="module")
def dispatched(feeder33, day, moments_of):
    feeder, hours = feeder33(), day()
    model = build_opf(feeder, hours, moments_of(feeder, hours))
    return model, solve_opf(model, *idle(hours))


def test_generators_keep_d1_to_d5_and_their_phase_caps(dispatched):
    model, dispatch = dispatched
    for k, dg in enumerate(model.feeder.generators):
        p, q = dispatch.generator_p_kw[:, k], dispatch.generator_q_kvar[:, k].sum(axis=1)
        total = p.sum(axis=1)
        up, down = dispatch.generator_reserve_up_kw[:, k], dispatch.generator_reserve_down_kw[:, k]
        assert np.all(total + up <= dg.p_max_kw + SLACK)
        assert np.all(total - down >= dg.p_min_kw - SLACK)
        assert np.all(np.diff(total) <= dg.ramp_up_kw_per_h + SLACK)
        assert np.all(np.diff(total) >= -dg.ramp_down_kw_per_h - SLACK)
        assert np.all((q >= dg.q_per_p_min * total - SLACK) & (q <= dg.q_per_p_max * total + SLACK))
        assert np.all((p >= -SLACK) & (p <= dg.phase_share_max * dg.p_max_kw + SLACK))
    assert np.ptp(dispatch.generator_p_kw.sum(axis=2)) > 100  # not all at a bound all day


def test_batteries_keep_d6_to_d12(dispatched):
    model, dispatch = dispatched
    for k, bess in enumerate(model.feeder.batteries):
        charge = dispatch.battery_charge_kw[:, k].sum(axis=1)
        discharge = dispatch.battery_discharge_kw[:, k].sum(axis=1)
        energy = dispatch.battery_energy_kwh[:, k]
        step = charge * 0.9 - discharge / 0.9
        np.testing.assert_allclose(energy, bess.e_start_kwh + np.cumsum(step), atol=0.05)
        assert energy[-1] >= bess.e_start_kwh - SLACK
        up, down = dispatch.battery_reserve_up_kw[:, k], dispatch.battery_reserve_down_kw[:, k]
        assert np.all(charge + down <= bess.p_charge_max_kw + SLACK)
        assert np.all(discharge + up <= bess.p_discharge_max_kw + SLACK)
        q = dispatch.battery_q_kvar[:, k].sum(axis=1)
        assert np.all(np.abs(q) <= bess.q_per_p_max * np.abs(charge - discharge) + SLACK)
        assert np.minimum(charge, discharge).max() < SLACK


def test_reserves_cover_cantellis_part_of_the_missing_net_load(dispatched):
    model, dispatch = dispatched
    direction = np.repeat([1.0, -1.0], [32, 4])  # loads add, wind takes away
    sd = np.sqrt(np.einsum("i,tij,j->t", direction, model.moments.covariance, direction))
    need = np.minimum(CANTELLI * sd, model.moments.support_kw.sum(axis=1))[:, None]
    for alpha, up, down in (
        (
            dispatch.generator_alpha,
            dispatch.generator_reserve_up_kw,
            dispatch.generator_reserve_down_kw,
        ),
        (
            dispatch.battery_alpha,
            dispatch.battery_reserve_up_kw,
            dispatch.battery_reserve_down_kw,
        ),
    ):
        np.testing.assert_allclose(up, alpha * need, atol=0.1)  # reserve costs: no more than that
        np.testing.assert_allclose(down, alpha * need, atol=0.1)
    shares = dispatch.generator_alpha.sum(axis=1) + dispatch.battery_alpha.sum(axis=1)
    np.testing.assert_allclose(shares, 0.6, atol=1e-4)  # upstream is free, and takes its 40 %


def test_a_slow_generator_starts_before_the_dear_hour(feeder4, day, certain):
    # Worth running in the second hour only, at 100 kW/h from 0 it is 100 kW above the first.
    slow = replace(feeder4.generators[0], ramp_up_kw_per_h=100.0, cost_linear_per_kwh=0.06)
    feeder = replace(feeder4, generators=(slow,), batteries=())
    hours = prices(day(slice(0, 2)), upstream_price_per_kwh=[0.05, 0.2])
    dispatch = solve_opf(build_opf(feeder, hours, certain(feeder, hours)), *idle(hours))
    power = dispatch.generator_p_kw.sum(axis=(1, 2))
    assert power[1] - power[0] == pytest.approx(100, abs=SLACK)
    assert power[0] > 100  # a loss of 0.01 now for a gain of 0.14 then


def test_a_battery_buys_cheap_and_sells_dear_and_ends_as_it_began(feeder4, day, certain):
    # 170 kW for an hour stores 153 kWh of the 230 free; it gives 137.7 kWh back in the dear hour.
    feeder = replace(feeder4, generators=())
    hours = prices(day(slice(10, 12)), upstream_price_per_kwh=[0.04, 0.2])
    dispatch = solve_opf(build_opf(feeder, hours, certain(feeder, hours)), *idle(hours))
    np.testing.assert_allclose(dispatch.battery_charge_kw.sum(axis=(1, 2)), [170, 0], atol=SLACK)
    np.testing.assert_allclose(
        dispatch.battery_discharge_kw.sum(axis=(1, 2)), [0, 137.7], atol=SLACK
    )
    np.testing.assert_allclose(dispatch.battery_energy_kwh[:, 0], [383, 230], atol=0.05)
    assert dispatch.cost.degradation == pytest.approx(0.002 * (170 * 0.9 + 137.7 / 0.9), rel=1e-3)


def test_a_battery_is_not_charged_and_discharged_at_once_to_make_reactive_power(
    feeder4, day, certain
):
    # Reactive energy dearer than what a round trip loses: the relaxed (D10) would pay for both.
    feeder = replace(feeder4, generators=())
    series = {
        "upstream_price_per_kwh": [0.04] * 3,
        "reactive_price_per_kvarh": [0.1] * 3,
        "export_price_per_kwh": [0.01] * 3,
    }
    hours = prices(day(slice(10, 13)), **series)
    model = build_opf(feeder, hours, certain(feeder, hours))
    relaxed = state_opf(model, *idle(hours))
    relaxed.solve(solver=cp.CLARABEL)
    dispatch = solve_opf(model, *idle(hours))
    charge = dispatch.battery_charge_kw.sum(axis=2)
    discharge = dispatch.battery_discharge_kw.sum(axis=2)
    assert np.minimum(charge, discharge).max() < SLACK
    assert np.all(
        np.abs(dispatch.battery_q_kvar.sum(axis=2)) <= 0.5 * np.abs(charge - discharge) + SLACK
    )
    assert dispatch.cost.total > relaxed.value + 1


def test_a_battery_that_must_support_the_voltage_all_day_takes_turns(feeder4, day, certain):
    # Its net power in the relaxation is a little charging in every hour, which fills it up.
    battery = replace(
        feeder4.batteries[0], q_per_p_max=3.0, e_min_kwh=0.0, e_max_kwh=200.0, e_start_kwh=100.0
    )
    feeder = replace(
        feeder4,
        generators=(),
        wind_turbines=(),
        batteries=(battery,),
        limits=replace(feeder4.limits, vm_min_pu=0.989),
    )
    flat = {"load_factor": [1.0] * 3, "upstream_price_per_kwh": [0.06] * 3}
    hours = prices(day(slice(16, 19)), **flat)
    model = build_opf(feeder, hours, certain(feeder, hours))
    dispatch = solve_opf(model, *idle(hours))
    every = []
    for bits in product((False, True), repeat=3):
        statement = state_opf(model, *idle(hours), np.array(bits)[:, None])
        statement.solve(solver=cp.CLARABEL)
        every.append(statement.value)
    assert np.isinf(every[-1])  # charging all day
    assert min(every) * (1 - 1e-5) <= dispatch.cost.total <= 1.02 * min(every)


def test_a_battery_alone_needs_room_for_the_errors_of_all_hours(feeder4, day):
    # Errors of 10 kW sd an hour, independent: after four hours 20 kW h sd, times kappa / 0.9.
    hours = day(slice(0, 4))
    covariance = np.zeros((4, 4, 4))
    covariance[:, 0, 0] = 100.0
    moments = ErrorMoments(covariance=covariance, support_kw=np.full((4, 4), 500.0))
    room = CANTELLI * 20 / 0.9
    for factor, fits in ((1.01, True), (0.98, False)):
        battery = replace(
            feeder4.batteries[0],
            e_min_kwh=0.0,
            e_max_kwh=2 * factor * room,
            e_start_kwh=factor * room,
        )
        feeder = replace(feeder4, generators=(), batteries=(battery,))
        model = build_opf(feeder, hours, moments, OpfOptions(upstream_share_max=0.0))
        if fits:
            dispatch = solve_opf(model, *idle(hours))
            np.testing.assert_allclose(dispatch.battery_alpha, 1, atol=1e-4)
        else:
            with pytest.raises(InfeasibleError, match="upstream share in balancing"):
                solve_opf(model, *idle(hours))
