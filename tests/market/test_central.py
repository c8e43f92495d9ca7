"""Judges: the same problem in cvxpy, the laws of a market, numerical derivatives, duality."""

from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest

from roadvolt.core.errors import InfeasibleError
from roadvolt.market.central import solve_central
from roadvolt.market.central_statement import build_central_statement
from roadvolt.market.links import incidence, net_purchase
from roadvolt.market.local import solve_local, solve_standalone
from roadvolt.market.station import Station, StationDay, Tariff, TradeLink

MARKETS = [(3, np.inf), (8, np.inf), (8, 120.0), (14, 60.0)]


@pytest.mark.parametrize(("count", "limit_kw"), MARKETS)
def test_the_sparse_program_costs_what_the_statement_costs(make_market, count, limit_kw):
    market = make_market(count, seed=count, limit_kw=limit_kw)
    statement = build_central_statement(*market)
    statement.solve(solver=cp.CLARABEL)
    assert solve_central(*market).cost == pytest.approx(statement.value, rel=1e-6)


def test_limits_of_some_hours_only_cost_what_the_statement_costs(make_market):
    market = make_market(6, seed=3)
    tight = market.days[2].withdrawal_max_kw.copy()
    tight[17:21] = 50.0
    low = market.days[4].withdrawal_min_kw.copy()
    low[11:14] = -10.0
    market.days[2] = replace(market.days[2], withdrawal_max_kw=tight)
    market.days[4] = replace(market.days[4], withdrawal_min_kw=low)
    statement = build_central_statement(*market)
    statement.solve(solver=cp.HIGHS)
    clearing = solve_central(*market)
    assert clearing.cost == pytest.approx(statement.value, rel=1e-7)
    withdrawal = clearing.schedule.withdrawal_kw
    assert withdrawal[17:21, 2].max() <= 50 + 1e-6
    assert withdrawal[11:14, 4].min() >= -10 - 1e-6


def test_a_hand_worked_trade():
    """Station b's 10 kW of sun are worth 0.10 at a and 0.02 in the grid; 6 kW fit the link."""
    market = _two_stations()
    clearing = solve_central(*market)
    # a buys 6 from b and 4 from the grid, b sells its other 4: 0.4 - 0.08 + 6 * 0.01 of fee.
    assert clearing.cost == pytest.approx(0.38)
    np.testing.assert_allclose(clearing.trade_kw, [[6.0]])
    np.testing.assert_allclose(clearing.schedule.buy_kw, [[4, 0]], atol=1e-9)
    np.testing.assert_allclose(clearing.schedule.sell_kw, [[0, 4]], atol=1e-9)
    np.testing.assert_allclose(clearing.schedule.trade_kw, [[6, -6]])
    np.testing.assert_allclose(clearing.demand_price_per_kwh, [[0.10, 0.02]])


def test_a_hand_worked_limit_parts_the_price_of_demand_from_that_of_trade():
    """At most 8 of a's 10 kW may be withdrawn: 2 stay unserved, and a trade only replaces 0.10."""
    stations, links, tariff, days = _two_stations()
    days[0] = replace(days[0], withdrawal_max_kw=np.array([8.0]))
    clearing = solve_central(stations, links, tariff, days)
    np.testing.assert_allclose(clearing.schedule.unserved_kw, [[2, 0]], atol=1e-9)
    np.testing.assert_allclose(clearing.demand_price_per_kwh[0], [5.0, 0.02])
    np.testing.assert_allclose(clearing.trade_price_per_kwh[0], [0.10, 0.02])


def _two_stations():
    plain = Station(
        id="a", bus="1", phases="abc", pv_kw=0.0, e_min_kwh=0.0, e_max_kwh=0.0, e_start_kwh=0.0,
        battery_kw=0.0, efficiency_charge=0.9, efficiency_discharge=0.9, degradation_per_kwh=0.0,
        grid_limit_kw=50.0, base_kw=np.zeros(1),
    )  # fmt: skip
    free = {"withdrawal_min_kw": np.array([-np.inf]), "withdrawal_max_kw": np.array([np.inf])}
    zero, ten = np.zeros(1), np.full(1, 10.0)
    return (
        [plain, replace(plain, id="b")],
        [TradeLink(id="ab", station_a="a", station_b="b", capacity_kw=6.0, fee_per_kwh=0.01)],
        Tariff(buy_per_kwh=zero + 0.10, sell_per_kwh=zero + 0.02, unserved_per_kwh=5.0),
        [
            StationDay(demand_kw=ten, margin_kw=zero, pv_kw=zero, **free),
            StationDay(demand_kw=zero, margin_kw=zero, pv_kw=ten, **free),
        ],
    )


def test_without_links_the_market_costs_what_all_stations_cost_alone(make_market):
    stations, _, tariff, days = make_market(9, seed=1)
    clearing = solve_central(stations, [], tariff, days)
    alone = solve_standalone(stations, days, tariff)
    assert clearing.cost == pytest.approx(alone.cost.sum(), rel=1e-9)
    assert clearing.trade_kw.shape == (24, 0)


@pytest.mark.parametrize("limit_kw", [np.inf, 100.0])
def test_trading_never_costs_more_than_not_trading_and_here_less(make_market, limit_kw):
    market = make_market(10, seed=2, limit_kw=limit_kw)
    alone = solve_standalone(market.stations, market.days, market.tariff)
    assert solve_central(*market).cost < 0.99 * alone.cost.sum()


def test_a_prohibitive_fee_ends_all_trade(make_market):
    market = make_market(6, seed=4, fee=10.0)
    np.testing.assert_allclose(solve_central(*market).trade_kw, 0, atol=1e-9)


def test_the_stations_own_problems_at_the_central_trades_cost_no_less(make_market):
    market = make_market(8, seed=5, limit_kw=150.0)
    clearing = solve_central(*market)
    polished = solve_local(market.stations, market.days, market.tariff, clearing.schedule.trade_kw)
    np.testing.assert_allclose(polished.cost, clearing.schedule.cost, rtol=1e-6, atol=1e-5)
    fees = np.abs(clearing.trade_kw).sum(axis=0) @ [link.fee_per_kwh for link in market.links]
    assert polished.cost.sum() + fees == pytest.approx(clearing.cost, rel=1e-7)


def test_what_one_end_buys_the_other_sells(make_market):
    market = make_market(7, seed=6)
    clearing = solve_central(*market)
    purchase = np.zeros_like(clearing.schedule.trade_kw)
    place = {station.id: index for index, station in enumerate(market.stations)}
    for trade, link in zip(clearing.trade_kw.T, market.links, strict=True):
        purchase[:, place[link.station_a]] += trade
        purchase[:, place[link.station_b]] -= trade
    np.testing.assert_allclose(clearing.schedule.trade_kw, purchase, atol=1e-9)
    np.testing.assert_allclose(
        net_purchase(market.stations, market.links, clearing.trade_kw), purchase, atol=1e-9
    )
    np.testing.assert_allclose(purchase.sum(axis=1), 0, atol=1e-9)


def test_the_demand_price_is_the_cost_of_one_kilowatt_hour_more(make_market):
    market = make_market(6, seed=7, limit_kw=130.0)
    clearing = solve_central(*market)
    for hour, station in ((3, 0), (12, 2), (19, 4)):
        costs = []
        for step in (-0.01, 0.01):
            demand = market.days[station].demand_kw.copy()
            demand[hour] += step
            days = list(market.days)
            days[station] = replace(days[station], demand_kw=demand)
            costs.append(solve_central(*market[:3], days).cost)
        slopes = np.array([clearing.cost - costs[0], costs[1] - clearing.cost]) / 0.01
        price = clearing.demand_price_per_kwh[hour, station]
        assert slopes[0] - 1e-3 <= price <= slopes[1] + 1e-3  # a convex cost may have a kink


def test_links_in_use_join_prices_that_differ_by_the_fee(make_market):
    market = make_market(8, seed=8, limit_kw=140.0)
    clearing = solve_central(*market)
    spread = clearing.trade_price_per_kwh @ incidence(market.stations, market.links)
    fee = np.array([link.fee_per_kwh for link in market.links])
    capacity = np.array([link.capacity_kw for link in market.links])
    trade, slack = clearing.trade_kw, 1e-6
    inside = (np.abs(trade) > slack) & (np.abs(trade) < capacity - slack)
    assert inside.sum() > 20
    np.testing.assert_allclose(spread[inside], (np.sign(trade) * fee)[inside], atol=1e-6)
    full, idle = np.abs(trade) >= capacity - slack, np.abs(trade) <= slack
    assert np.all((np.sign(trade) * spread - fee)[full] >= -1e-6)
    assert np.all((np.abs(spread) - fee)[idle] <= 1e-6)


def test_an_impossible_limit_is_named_by_station_and_hour(make_market):
    market = make_market(5, seed=9)
    high = market.days[3].withdrawal_max_kw.copy()
    high[6] = -5000.0
    market.days[3] = replace(market.days[3], withdrawal_max_kw=high)
    with pytest.raises(InfeasibleError, match="of station s3 in hour 6"):
        solve_central(*market)


def test_a_link_to_nobody_is_refused(make_market):
    market = make_market(3)
    market.links[0] = replace(market.links[0], station_b="nobody")
    with pytest.raises(KeyError, match="nobody"):
        solve_central(*market)
