"""Scheduled injections against loads of opposite sign, which they must equal."""

from dataclasses import replace

import numpy as np
import pytest

from roadvolt.core.units import frozen
from roadvolt.grid.feeder import ConnectionPoint, Injection, Load
from roadvolt.grid.forecast_errors import ErrorMoments
from roadvolt.grid.opf import solve_opf
from roadvolt.grid.opf_model import build_opf
from roadvolt.grid.opf_options import OpfOptions
from roadvolt.grid.realised_load import build_realised_load
from roadvolt.grid.verification import verify_dispatch

HOURS = slice(17, 19)
P_KW, Q_KVAR = np.array([300.0, -120.0]), np.array([-60.0, 150.0])
POINTS = (ConnectionPoint(id="p", bus="20", share=(1 / 3, 1 / 3, 1 / 3)),)
WITHDRAWAL_KW = np.full((2, 1), 50.0)


def without_errors(feeder):
    sources = len(feeder.loads) + len(feeder.wind_turbines)
    return ErrorMoments(
        covariance=np.zeros((2, sources, sources)), support_kw=np.zeros((2, sources))
    )


@pytest.fixture
def pair(feeder33, day):
    """(feeder, day) with an injection at bus 18, hour by hour, and with loads in its place."""
    injection = Injection(id="S", bus="18", p_kw=frozen(P_KW), q_kvar=frozen(Q_KVAR))
    plain = day(HOURS)
    injected = replace(plain, injections=(injection,))

    def loaded(hour):
        factor = plain.load_factor[hour]
        p_kw, q_kvar = (np.full(3, -x[hour] / 3 / factor) for x in (P_KW, Q_KVAR))
        load = Load(bus="18", p_kw=frozen(p_kw), q_kvar=frozen(q_kvar))
        return replace(feeder33(), loads=(*feeder33().loads, load))

    return feeder33(), plain, injected, loaded


def dispatch_of(feeder, day):
    model = build_opf(feeder, day, without_errors(feeder), OpfOptions(upstream_share_max=1.0))
    return model, solve_opf(model, POINTS, WITHDRAWAL_KW)


def test_the_operator_counts_an_injection_as_a_negative_load(pair):
    feeder, plain, injected, loaded = pair
    model, dispatch = dispatch_of(feeder, injected)
    for hour in range(2):
        twin = build_opf(loaded(hour), plain, without_errors(loaded(hour)))
        np.testing.assert_allclose(model.p_load_kw[hour], twin.p_load_kw[hour], atol=1e-9)
        np.testing.assert_allclose(model.q_load_kvar[hour], twin.q_load_kvar[hour], atol=1e-9)
    _, idle = dispatch_of(feeder, plain)
    produced = [
        d.generator_p_kw.sum(axis=(1, 2)) + d.upstream_p_kw.sum(axis=1) for d in (dispatch, idle)
    ]
    battery = [
        (d.battery_discharge_kw - d.battery_charge_kw).sum(axis=(1, 2)) for d in (dispatch, idle)
    ]
    np.testing.assert_allclose(produced[0] + battery[0], produced[1] + battery[1] - P_KW, atol=1e-3)


def test_what_is_verified_counts_it_likewise(pair):
    feeder, plain, injected, loaded = pair
    _, dispatch = dispatch_of(feeder, injected)
    found = build_realised_load(feeder, injected, dispatch, POINTS, WITHDRAWAL_KW)
    for hour in range(2):
        twin = build_realised_load(loaded(hour), plain, dispatch, POINTS, WITHDRAWAL_KW)
        np.testing.assert_allclose(found.p_kw[hour], twin.p_kw[hour], atol=1e-9)
        np.testing.assert_allclose(found.q_kvar[hour], twin.q_kvar[hour], atol=1e-9)
    assert found.p_by_error.shape[1] == len(feeder.loads) + len(feeder.wind_turbines)


def test_plan_and_exact_power_flow_agree_on_it(pair):
    feeder, _, injected, _ = pair
    _, dispatch = dispatch_of(feeder, injected)
    sources = len(feeder.loads) + len(feeder.wind_turbines)
    check = verify_dispatch(
        feeder, injected, dispatch, POINTS, WITHDRAWAL_KW, np.zeros((1, 2, sources)), risk=0.05
    )
    # Without injection, or with its sign turned, voltages at bus 18 would be 0.02 away.
    assert check.linear_error_max_pu < 0.006
