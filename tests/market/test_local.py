"""Judges: hand-worked days, each station in cvxpy, Clarabel for the quadratic program, laws."""

import pickle
from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest

from roadvolt.core.errors import InfeasibleError
from roadvolt.market.central import solve_central
from roadvolt.market.central_statement import build_central_statement
from roadvolt.market.local import Offer, respond, solve_local, solve_standalone
from roadvolt.market.settlement import settle_by_prices
from roadvolt.market.station import Station, StationDay, Tariff, TradeLink
from roadvolt.uncertainty.margins import RiskChoice, RiskTreatment, margin
from roadvolt.uncertainty.seeds import generator


def plain_station(**changes):
    """No battery, no PV, a 50 kW connection."""
    return replace(
        Station(
            id="a", bus="1", phases="abc", pv_kw=0.0, e_min_kwh=0.0, e_max_kwh=0.0,
            e_start_kwh=0.0, battery_kw=0.0, efficiency_charge=0.9, efficiency_discharge=0.8,
            degradation_per_kwh=0.01, grid_limit_kw=50.0, base_kw=np.zeros(2),
        ),
        **changes,
    )  # fmt: skip


def day_of(demand_kw, *, margin_kw=(0, 0), pv_kw=(0, 0), low=-np.inf, high=np.inf):
    demand_kw, margin_kw, pv_kw = (np.array(x, dtype=float) for x in (demand_kw, margin_kw, pv_kw))
    return StationDay(
        demand_kw=demand_kw,
        margin_kw=margin_kw,
        pv_kw=pv_kw,
        withdrawal_min_kw=np.full(2, low),
        withdrawal_max_kw=np.full(2, high),
    )


TARIFF = Tariff(
    buy_per_kwh=np.array([0.05, 0.30]), sell_per_kwh=np.array([0.02, 0.01]), unserved_per_kwh=4.0
)


def alone(station, day, tariff=TARIFF):
    return solve_standalone([station], [day], tariff)


def test_demand_and_margin_are_bought_and_surplus_sun_is_sold():
    schedule = alone(plain_station(), day_of([20, 10], margin_kw=[5, 2], pv_kw=[0, 40]))
    np.testing.assert_allclose(schedule.buy_kw.ravel(), [25, 0], atol=1e-9)
    np.testing.assert_allclose(schedule.sell_kw.ravel(), [0, 28], atol=1e-9)
    np.testing.assert_allclose(schedule.withdrawal_kw.ravel(), [25, -28], atol=1e-9)
    assert schedule.cost[0] == pytest.approx(25 * 0.05 - 28 * 0.01)


def test_sun_that_the_connection_cannot_carry_is_curtailed():
    schedule = alone(plain_station(), day_of([0, 10], pv_kw=[0, 90]))
    assert schedule.sell_kw[1, 0] == pytest.approx(50)
    assert schedule.pv_kw[1, 0] == pytest.approx(60)


def test_a_battery_moves_energy_at_its_efficiencies_and_pays_for_wear():
    # 10 kW for an hour charge 9 kWh, which give 7.2 kWh back: 0.5 to buy, 2.16 saved, and the
    # wear of 0.01 (9 + 9) is 0.18. The day must end at the 3 kWh it started with.
    battery = {"e_max_kwh": 40.0, "e_start_kwh": 3.0, "e_min_kwh": 3.0, "battery_kw": 10.0}
    schedule = alone(plain_station(**battery), day_of([0, 20]))
    np.testing.assert_allclose(schedule.charge_kw.ravel(), [10, 0], atol=1e-9)
    np.testing.assert_allclose(schedule.discharge_kw.ravel(), [0, 7.2], atol=1e-9)
    np.testing.assert_allclose(schedule.soc_kwh.ravel(), [12, 3], atol=1e-9)
    assert schedule.cost[0] == pytest.approx(10 * 0.05 + 12.8 * 0.30 + 0.18)


def test_demand_beyond_the_connection_stays_unserved_at_its_price():
    schedule = alone(plain_station(), day_of([70, 0]))
    assert schedule.unserved_kw[0, 0] == pytest.approx(20)
    assert schedule.cost[0] == pytest.approx(50 * 0.05 + 20 * 4)


def test_the_operators_limit_counts_trades_with_purchases_from_the_grid():
    day = day_of([30, 30], high=24)
    schedule = solve_local([plain_station()], [day], TARIFF, np.array([[10.0], [-4.0]]))
    np.testing.assert_allclose(schedule.buy_kw.ravel(), [14, 28], atol=1e-9)
    np.testing.assert_allclose(schedule.withdrawal_kw.ravel(), [24, 24], atol=1e-9)
    np.testing.assert_allclose(schedule.unserved_kw.ravel(), [6, 6], atol=1e-9)


def test_a_limit_on_injection_curtails_sun():
    schedule = alone(plain_station(), day_of([0, 0], pv_kw=[0, 40], low=-15))
    assert schedule.withdrawal_kw[1, 0] == pytest.approx(-15)
    assert schedule.pv_kw[1, 0] == pytest.approx(15)


def test_a_negative_need_is_met_by_selling():
    schedule = alone(plain_station(), day_of([5, 0], margin_kw=[-8, 0]))
    assert schedule.sell_kw[0, 0] == pytest.approx(3)
    assert schedule.unserved_kw[0, 0] == 0


def test_a_trade_beyond_all_means_is_named_with_station_hour_and_excess():
    stations = [plain_station(id="calm"), plain_station(id="keen")]
    trade_kw = np.array([[0.0, 0.0], [0.0, -62.0]])  # sells 62 with 50 from the grid
    with pytest.raises(InfeasibleError) as caught:
        solve_local(stations, [day_of([5, 5])] * 2, TARIFF, trade_kw)
    (miss,) = caught.value.misses
    assert miss.limit == "energy balance of station keen in hour 1"
    assert (miss.excess, miss.unit) == (pytest.approx(12), "kW")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_limit_that_the_trade_alone_breaks_is_named():
    # 80 bought from a peer less 50 sold to the grid still are 30, of which 20 may be withdrawn.
    with pytest.raises(InfeasibleError, match="withdrawal limit of station a in hour 0") as caught:
        solve_local(
            [plain_station()], [day_of([30, 0], high=20)], TARIFF, np.array([[80.0], [0.0]])
        )
    assert caught.value.misses[0].excess == pytest.approx(10)


def test_many_stations_in_one_call_are_each_as_if_alone(make_market):
    market = make_market(12, seed=1, limit_kw=150.0)
    together = solve_standalone(market.stations, market.days, market.tariff)
    for index, (station, day) in enumerate(zip(market.stations, market.days, strict=True)):
        single = alone(station, day, market.tariff)
        assert single.cost[0] == pytest.approx(together.cost[index], rel=1e-7, abs=1e-6)
        statement = build_central_statement([station], [], market.tariff, [day])
        statement.solve(solver=cp.CLARABEL)
        assert single.cost[0] == pytest.approx(statement.value, rel=1e-5, abs=1e-4)


def test_a_schedule_keeps_every_rule_of_its_docstring(make_market):
    market = make_market(10, seed=2, limit_kw=140.0)
    trade_kw = 10 * np.sin(np.arange(24))[:, None] * np.where(np.arange(10) % 2, 1, -1)
    s = solve_local(market.stations, market.days, market.tariff, trade_kw)
    need = np.stack([day.demand_kw + day.margin_kw for day in market.days], axis=1)
    supply = s.buy_kw - s.sell_kw + s.trade_kw + s.pv_kw + s.discharge_kw - s.charge_kw
    np.testing.assert_allclose(supply + s.unserved_kw, need, atol=1e-6)
    np.testing.assert_array_equal(s.trade_kw, trade_kw)
    assert np.abs(s.withdrawal_kw).max() <= 140 + 1e-6
    for index, station in enumerate(market.stations):
        charge, discharge = s.charge_kw[:, index], s.discharge_kw[:, index]
        stored = station.efficiency_charge * charge
        taken = discharge / station.efficiency_discharge
        soc = station.e_start_kwh + np.cumsum(stored - taken)
        np.testing.assert_allclose(s.soc_kwh[:, index], soc, atol=1e-6)
        assert soc[-1] >= station.e_start_kwh - 1e-6
        assert soc.min() >= station.e_min_kwh - 1e-6
        assert soc.max() <= station.e_max_kwh + 1e-6
        cost = (
            market.tariff.buy_per_kwh @ s.buy_kw[:, index]
            - market.tariff.sell_per_kwh @ s.sell_kw[:, index]
            + station.degradation_per_kwh * (stored + taken).sum()
            + market.tariff.unserved_per_kwh * s.unserved_kw[:, index].sum()
        )
        assert s.cost[index] == pytest.approx(cost, abs=1e-9)


def test_no_battery_charges_and_discharges_at_once(make_market):
    market = make_market(20, seed=3)
    schedule = solve_standalone(market.stations, market.days, market.tariff)
    assert np.minimum(schedule.charge_kw, schedule.discharge_kw).max() <= 1e-7


def test_what_is_handed_out_cannot_be_written_to():
    schedule = alone(plain_station(), day_of([20, 10]))
    with pytest.raises(ValueError, match="read-only"):
        schedule.buy_kw[0] = 1


def links_of(market, name):
    return tuple(x for x in market.links if name in (x.station_a, x.station_b))


def some_offer(market, *, proximity, seed=0):
    links, rng = links_of(market, "s1"), np.random.default_rng(seed)
    return Offer(
        links=links,
        price_per_kwh=rng.uniform(0.02, 0.12, (24, len(links))),
        near_kw=rng.uniform(-60, 60, (24, len(links))),
        proximity_per_kw2=proximity,
    )


@pytest.mark.parametrize("proximity", [1e-2, 1e-3, 1e-4, 1e-5])
@pytest.mark.parametrize("limit_kw", [np.inf, 120.0])
def test_a_response_is_optimal_by_another_solver(make_market, proximity, limit_kw):
    market = make_market(6, seed=4, limit_kw=limit_kw)
    offer = some_offer(market, proximity=proximity)
    station, day = market.stations[1], market.days[1]
    response = respond(station, day, market.tariff, offer)
    found = (
        response.schedule.cost[0]
        + response.payment
        + proximity / 2 * ((response.trade_kw - offer.near_kw) ** 2).sum()
    )
    assert found == pytest.approx(least_cost(station, day, market.tariff, offer), rel=1e-5)


def least_cost(station, day, tariff, offer):
    """The same problem written out in cvxpy and solved by Clarabel."""
    hours, count = offer.near_kw.shape
    buy, sell, pv, charge, discharge, unserved = (cp.Variable(hours, nonneg=True) for _ in range(6))
    trade = cp.Variable((hours, count))
    fee = np.array([link.fee_per_kwh for link in offer.links])
    capacity = np.array([link.capacity_kw for link in offer.links])
    stored = cp.multiply(station.efficiency_charge, charge)
    taken = discharge / station.efficiency_discharge
    soc = station.e_start_kwh + cp.cumsum(stored - taken)
    withdrawal = buy - sell + cp.sum(trade, axis=1)
    need = day.demand_kw + day.margin_kw
    limits = [
        withdrawal + pv + discharge - charge + unserved == need,
        soc >= station.e_min_kwh, soc <= station.e_max_kwh, soc[-1] >= station.e_start_kwh,
        buy <= station.grid_limit_kw, sell <= station.grid_limit_kw, pv <= day.pv_kw,
        charge <= station.battery_kw, discharge <= station.battery_kw, unserved <= need,
        cp.abs(trade) <= np.tile(capacity, (hours, 1)),
    ]  # fmt: skip
    if np.isfinite(day.withdrawal_max_kw).all():
        limits += [withdrawal <= day.withdrawal_max_kw, withdrawal >= day.withdrawal_min_kw]
    cost = tariff.buy_per_kwh @ buy - tariff.sell_per_kwh @ sell
    cost += station.degradation_per_kwh * cp.sum(stored + taken)
    cost += tariff.unserved_per_kwh * cp.sum(unserved)
    cost += cp.sum(cp.multiply(offer.price_per_kwh, trade)) + cp.sum(cp.pos(trade) @ fee)
    cost += offer.proximity_per_kw2 / 2 * cp.sum_squares(trade - offer.near_kw)
    problem = cp.Problem(cp.Minimize(cost), limits)
    problem.solve(solver=cp.CLARABEL)
    return problem.value


def test_a_response_is_what_its_own_trades_cost_in_the_exact_local_problem(make_market):
    market = make_market(6, seed=5, limit_kw=150.0)
    station, day = market.stations[1], market.days[1]
    response = respond(station, day, market.tariff, some_offer(market, proximity=1e-3))
    exact = solve_local([station], [day], market.tariff, response.schedule.trade_kw)
    assert response.schedule.cost[0] == pytest.approx(exact.cost[0], rel=1e-5)


def test_a_response_from_a_near_start_is_the_same_and_takes_fewer_iterations(make_market):
    market = make_market(6, seed=4)
    station, day = market.stations[1], market.days[1]
    offer = some_offer(market, proximity=1e-2)
    cold = respond(station, day, market.tariff, offer)
    warm = respond(station, day, market.tariff, offer, start=cold.solution)
    np.testing.assert_allclose(warm.trade_kw, cold.trade_kw, atol=1e-4)
    assert warm.solution.report.iterations < cold.solution.report.iterations / 2


def test_nobody_wants_to_leave_the_central_trades_at_their_settlement_prices(make_market):
    """The market's optimum is an equilibrium: trades given as proposal come back unchanged."""
    market = make_market(6, seed=6, limit_kw=160.0)
    clearing = solve_central(*market)
    standalone = solve_standalone(market.stations, market.days, market.tariff)
    settlement = settle_by_prices(
        market.stations,
        market.links,
        trade_kw=clearing.trade_kw,
        trade_price_per_kwh=clearing.trade_price_per_kwh,
        schedule_cost=clearing.schedule.cost,
        standalone_cost=standalone.cost,
    )
    for index, (station, day) in enumerate(zip(market.stations, market.days, strict=True)):
        mine = [k for k, link in enumerate(market.links) if link in links_of(market, station.id)]
        links = tuple(market.links[k] for k in mine)
        sign = np.array([1 if link.station_a == station.id else -1 for link in links])
        offer = Offer(
            links=links,
            price_per_kwh=settlement.price_per_kwh[:, mine],
            near_kw=sign * clearing.trade_kw[:, mine],
            proximity_per_kw2=1e-3,
        )
        response = respond(station, day, market.tariff, offer)
        np.testing.assert_allclose(response.trade_kw, offer.near_kw, atol=2e-3)
        bill = response.schedule.cost[0] + response.payment
        assert bill == pytest.approx(settlement.cost[index], rel=1e-4, abs=1e-3)


def test_an_impossible_response_raises():
    day = day_of([0, 0], high=-500)
    link = TradeLink(id="l", station_a="a", station_b="b", capacity_kw=5.0, fee_per_kwh=0.0)
    offer = Offer(
        links=(link,),
        price_per_kwh=np.zeros((2, 1)),
        near_kw=np.zeros((2, 1)),
        proximity_per_kw2=1e-3,
    )
    with pytest.raises(InfeasibleError, match="response of station a"):
        respond(plain_station(), day, TARIFF, offer)


@pytest.mark.parametrize("seed", range(5))
def test_the_more_a_treatment_guards_against_the_more_a_day_costs(make_market, seed):
    market = make_market(6, seed=seed)
    errors = generator(seed, "errors").gamma(2, 8, (200, 24, 6)) - 16
    support = errors.max(axis=0) + 20
    costs = []
    for treatment in (RiskTreatment.SP, RiskTreatment.DRO, RiskTreatment.RO):
        margins = margin(errors, RiskChoice(treatment=treatment, risk=0.05), support)
        days = [
            replace(day, margin_kw=margin_kw)
            for day, margin_kw in zip(market.days, margins.T, strict=True)
        ]
        costs.append(solve_standalone(market.stations, days, market.tariff).cost)
    assert np.all(costs[0] < costs[1])
    assert np.all(costs[1] < costs[2])
