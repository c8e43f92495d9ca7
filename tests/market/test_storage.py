"""Batteries at their exact optimum under withdrawal limits, judged by linear programs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadvolt.market.block import build_block
from roadvolt.market.central import solve_central
from roadvolt.market.certificate import station_bound
from roadvolt.market.clearing import ClearingOptions, clear_market
from roadvolt.market.local import solve_local, solve_standalone
from roadvolt.market.recourse import repair
from roadvolt.market.station import Tariff
from roadvolt.market.storage import best_battery, best_worth

KINDS = st.sampled_from(["injection", "withdrawal", "both", "idle hours", "one station"])
MOST_ITERATIONS = 2000


def limited(market, kind: str, seed: int, sun: float = 1.0):
    """The market under random limits, with that much more sun and connections for it."""
    rng = np.random.default_rng(seed)
    stations = [replace(s, grid_limit_kw=sun * s.grid_limit_kw) for s in market.stations]
    days = []
    for number, day in enumerate(market.days):
        size = 300 * rng.random(24) * (rng.random(24) < 0.8)
        within = rng.random(24) < rng.uniform(0.3, 1)
        limit = np.where(within, size, np.inf)
        if kind == "idle hours":
            limit = np.where(within, 0.0, np.inf)
        if kind == "one station" and number:
            limit = np.full(24, np.inf)
        lower = np.full(24, -np.inf) if kind == "withdrawal" else -limit
        upper = np.full(24, np.inf) if kind == "injection" else limit
        days.append(
            replace(day, pv_kw=sun * day.pv_kw, withdrawal_min_kw=lower, withdrawal_max_kw=upper)
        )
    return market._replace(stations=stations, days=days)


@settings(max_examples=25)
@given(kind=KINDS, seed=st.integers(0, 10_000), sun=st.sampled_from([1.0, 10.0]))
def test_the_best_worth_lifts_the_bound_to_the_optimum_at_given_prices(
    make_market, kind, seed, sun
):
    market = limited(make_market(4, seed % 7), kind, seed, sun)
    rng = np.random.default_rng(seed)
    # Who may buy and sell any amount at the price has this very problem.
    price = rng.uniform(0, 0.3, 24)
    stations = [replace(s, grid_limit_kw=1e6) for s in market.stations]
    tariff = Tariff(buy_per_kwh=price, sell_per_kwh=price, unserved_per_kwh=1.0)
    block = build_block(stations, market.days, tariff)
    prices = np.tile(price, (4, 1))
    worth = best_worth(block, prices)
    bound = station_bound(block, prices, worth)
    cost = solve_standalone(stations, market.days, tariff).cost
    assert bound == pytest.approx(cost, rel=1e-6, abs=1e-4)
    other = worth + rng.normal(0, 0.05, worth.shape)
    assert np.all(station_bound(block, prices, other) <= bound + 1e-6 * (1 + np.abs(bound)))


@settings(max_examples=25)
@given(kind=KINDS, seed=st.integers(0, 10_000), sun=st.sampled_from([1.0, 10.0]))
def test_the_best_battery_costs_what_the_linear_program_costs_at_the_same_trades(
    make_market, kind, seed, sun
):
    market = limited(make_market(5, seed % 7), kind, seed, sun)
    central = solve_central(market.stations, market.links, market.tariff, market.days)
    # Any convex combination of trades that leave a feasible day does so too.
    trade_kw = central.schedule.trade_kw * np.random.default_rng(seed).uniform(0, 1)
    block = build_block(market.stations, market.days, market.tariff)
    charge, discharge = best_battery(block, trade_kw.T)
    day = repair(block, trade_kw.T, charge, discharge)
    assert day.charge == pytest.approx(charge, abs=1e-7)
    assert day.discharge == pytest.approx(discharge, abs=1e-7)
    exact = solve_local(market.stations, market.days, market.tariff, trade_kw)
    assert day.cost == pytest.approx(exact.cost, rel=1e-6, abs=1e-4)


@settings(max_examples=12)
@given(kind=KINDS, seed=st.integers(0, 10_000), sun=st.sampled_from([1.0, 10.0]))
def test_under_any_limits_a_few_hundred_iterations_certify_the_central_optimum(
    make_market, kind, seed, sun
):
    market = limited(make_market(5, seed % 7), kind, seed, sun)
    options = ClearingOptions(tolerance=1e-3, max_iterations=MOST_ITERATIONS)
    result = clear_market(*market, shards=1 + seed % 2, options=options)
    cost = solve_central(market.stations, market.links, market.tariff, market.days).cost
    slack = 1e-7 * max(abs(cost), 1)
    assert result.lower - slack <= cost <= result.upper + slack
    lower = np.column_stack([d.withdrawal_min_kw for d in market.days])
    upper = np.column_stack([d.withdrawal_max_kw for d in market.days])
    assert np.all(result.schedule.withdrawal_kw >= lower - 1e-7)
    assert np.all(result.schedule.withdrawal_kw <= upper + 1e-7)
