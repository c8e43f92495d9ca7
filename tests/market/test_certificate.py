"""Bounds on the social cost hold for any prices and trades, and meet at the optimum."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadvolt.market.block import build_block
from roadvolt.market.central import solve_central
from roadvolt.market.certificate import link_bound, station_bound
from roadvolt.market.clearing import ClearingOptions, clear_market, relative_gap
from roadvolt.market.links import incidence
from roadvolt.market.recourse import repair
from roadvolt.market.scale import MarketScale

SCALE = MarketScale(
    price_per_kwh=0.1, need_kw=100.0, battery_kwh=200.0, degree=4.0, station_hours=48
)


def lower_bound(market, price, worth) -> float:
    """The whole bound at prices [station, time]."""
    block = build_block(market.stations, market.days, market.tariff)
    place = {name: k for k, name in enumerate(block.ids)}
    a, b = (
        [place[getattr(link, end)] for link in market.links] for end in ("station_a", "station_b")
    )
    links = link_bound(
        price[a],
        price[b],
        np.array([link.capacity_kw for link in market.links]),
        np.array([link.fee_per_kwh for link in market.links]),
    )
    return float(station_bound(block, price, worth).sum()) + links


@pytest.fixture(scope="module", params=[np.inf, 80.0], ids=["free", "limited"])
def solved(request, make_market):
    """A market with or without withdrawal limits, and its optimum."""
    market = make_market(4, 3, limit_kw=request.param)
    return market, solve_central(market.stations, market.links, market.tariff, market.days)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), spread=st.sampled_from([0.0, 0.01, 0.1, 1.0]))
def test_no_prices_whatever_lift_the_lower_bound_above_the_optimum(solved, seed, spread):
    market, optimum = solved
    rng = np.random.default_rng(seed)
    price = optimum.trade_price_per_kwh.T + spread * rng.normal(size=(4, 24))
    worth = -0.06 + spread * rng.normal(size=(4, 24))
    assert lower_bound(market, price, worth) <= optimum.cost + 1e-6 * abs(optimum.cost)


def test_the_lower_bound_meets_the_optimum_at_its_own_prices(solved):
    market, optimum = solved
    result = clear_market(*market, options=ClearingOptions(tolerance=2e-5))
    assert result.lower == pytest.approx(optimum.cost, rel=2e-5)
    assert result.lower <= optimum.cost + 1e-7


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), size=st.sampled_from([0.0, 20.0, 80.0]))
def test_repaired_days_keep_every_bound_and_never_beat_the_optimum(solved, seed, size):
    market, optimum = solved
    block = build_block(market.stations, market.days, market.tariff)
    rng = np.random.default_rng(seed)
    most = np.array([link.capacity_kw for link in market.links])
    trade = np.clip(size * rng.normal(size=(24, len(most))), -most, most)
    net = (trade @ incidence(market.stations, market.links).T).T
    wishes = rng.uniform(-50, 150, (2, 4, 24))
    day = repair(block, net, *wishes)
    fees = float(np.array([link.fee_per_kwh for link in market.links]) @ np.abs(trade).sum(axis=0))
    assert day.cost.sum() + fees >= optimum.cost - 1e-6
    assert_feasible(block, net, day)


def assert_feasible(block, net, day) -> None:
    """Every constraint of a finite day, to 1e-9."""
    gain, drain = block.efficiency_charge[:, None], 1 / block.efficiency_discharge[:, None]
    change = np.diff(day.energy, axis=1, prepend=block.e_start_kwh[:, None])
    assert change == pytest.approx(gain * day.charge - drain * day.discharge, abs=1e-9)
    assert np.all(day.energy <= block.e_max_kwh[:, None] + 1e-9)
    assert np.all(day.energy >= block.e_floor_kwh - 1e-9)
    for power in (day.charge, day.discharge):
        assert np.all((power >= 0) & (power <= block.battery_kw[:, None] + 1e-9))
    possible = np.isfinite(day.cost)
    supply = day.buy - day.sell + day.pv + day.unserved + day.discharge - day.charge + net
    withdrawal = day.buy - day.sell + net
    assert supply[possible] == pytest.approx(block.need_kw[possible], abs=1e-9)
    assert np.all(withdrawal[possible] <= block.withdrawal_max_kw[possible] + 1e-9)
    assert np.all(withdrawal[possible] >= block.withdrawal_min_kw[possible] - 1e-9)
    assert np.all(day.pv <= block.pv_kw + 1e-9)
    assert np.all(day.pv[possible] >= -1e-9)
    assert np.all(day.unserved[possible] <= block.unserved_max_kw[possible] + 1e-9)


def test_an_unbounded_certificate_is_never_good_enough():
    # inf - lower <= tolerance * inf is true in floating point.
    assert relative_gap(math.inf, 1.0, SCALE) == math.inf
    assert relative_gap(1.0, -math.inf, SCALE) == math.inf
    assert relative_gap(101.0, 100.0, SCALE) == pytest.approx(1 / 101)


def test_where_costs_cancel_the_gap_is_relative_to_the_turnover():
    turnover = 0.1 * 100 * 48
    assert relative_gap(0.0, -0.048, SCALE) == pytest.approx(0.048 / (0.01 * turnover))
