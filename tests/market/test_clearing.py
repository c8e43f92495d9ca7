"""The negotiation's result: certified, exactly reciprocal, feasible, the optimum of the market."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadvolt.core.errors import CaseError, NegotiationError
from roadvolt.market.central import solve_central
from roadvolt.market.clearing import (
    ClearingOptions,
    ask_locally,
    clear,
    clear_market,
    local_ports,
)
from roadvolt.market.links import net_purchase
from roadvolt.market.local import solve_standalone
from roadvolt.market.partition import split_market
from roadvolt.market.station import Tariff


def central_cost(market) -> float:
    """The optimum by HiGHS."""
    return solve_central(market.stations, market.links, market.tariff, market.days).cost


def scaled(market, price: float, power: float):
    """The same market in other units of money and power."""
    tariff = market.tariff
    sizes = ("pv_kw", "e_min_kwh", "e_max_kwh", "e_start_kwh", "battery_kw", "grid_limit_kw")
    hours = ("demand_kw", "margin_kw", "pv_kw", "withdrawal_min_kw", "withdrawal_max_kw")
    return market._replace(
        stations=[
            replace(
                s,
                degradation_per_kwh=price * s.degradation_per_kwh,
                **{name: power * getattr(s, name) for name in sizes},
            )
            for s in market.stations
        ],
        links=[
            replace(k, capacity_kw=power * k.capacity_kw, fee_per_kwh=price * k.fee_per_kwh)
            for k in market.links
        ],
        tariff=Tariff(
            buy_per_kwh=price * tariff.buy_per_kwh,
            sell_per_kwh=price * tariff.sell_per_kwh,
            unserved_per_kwh=price * tariff.unserved_per_kwh,
        ),
        days=[
            replace(d, **{name: power * getattr(d, name) for name in hours}) for d in market.days
        ],
    )


@settings(max_examples=8)
@given(
    count=st.integers(3, 7),
    seed=st.integers(0, 1000),
    limit_kw=st.sampled_from([np.inf, 150.0, 60.0, 0.0]),
    tolerance=st.sampled_from([1e-2, 1e-3]),
)
def test_bounds_enclose_the_central_optimum_and_the_gap_is_kept(
    make_market, count, seed, limit_kw, tolerance
):
    market = make_market(count, seed, limit_kw=limit_kw)
    result = clear_market(*market, options=ClearingOptions(tolerance=tolerance))
    cost = central_cost(market)
    assert result.lower <= cost + 1e-7 * abs(cost)
    assert cost <= result.upper + 1e-7 * abs(cost)
    assert result.gap <= tolerance
    fees = np.array([k.fee_per_kwh for k in market.links]) @ np.abs(result.trade_kw).sum(axis=0)
    assert result.schedule.cost.sum() + fees == pytest.approx(result.upper)


@pytest.mark.parametrize("limit_kw", [np.inf, 100.0])
def test_the_schedule_carries_the_trades_within_every_limit(make_market, limit_kw):
    market = make_market(9, 5, limit_kw=limit_kw)
    result = clear_market(*market, shards=3)
    day, links = result.schedule, market.links
    need = np.array([d.demand_kw + d.margin_kw for d in market.days]).T
    gain = np.array([s.efficiency_charge for s in market.stations])
    drain = 1 / np.array([s.efficiency_discharge for s in market.stations])
    start = np.array([s.e_start_kwh for s in market.stations])
    change = np.diff(day.soc_kwh, axis=0, prepend=start[None])
    bought = net_purchase(market.stations, links, result.trade_kw)
    supply = day.buy_kw - day.sell_kw + bought + day.pv_kw + day.unserved_kw
    assert day.trade_kw == pytest.approx(bought, abs=1e-9)
    assert supply + day.discharge_kw - day.charge_kw == pytest.approx(need, abs=1e-9)
    assert change == pytest.approx(gain * day.charge_kw - drain * day.discharge_kw, abs=1e-9)
    assert np.all(day.soc_kwh[-1] >= start - 1e-9)
    assert np.all(np.abs(day.withdrawal_kw) <= limit_kw + 1e-9)
    assert np.all(np.abs(result.trade_kw) <= np.array([k.capacity_kw for k in links]))


def test_prices_are_those_of_the_central_market(make_market):
    market = make_market(6, 1, limit_kw=90.0)
    result = clear_market(*market, options=ClearingOptions(tolerance=1e-5))
    central = solve_central(market.stations, market.links, market.tariff, market.days)
    off = np.abs(result.price_per_kwh - central.trade_price_per_kwh)
    # Prices are unique nearly everywhere; a few hours sit on a kink of the supply curve.
    assert np.quantile(off, 0.9) < 2e-3


def test_other_units_of_money_or_power_take_the_same_iterations(make_market):
    market = make_market(6, 2)
    counts = {
        clear_market(*scaled(market, price, power)).log[-1].iteration
        for price, power in ((1, 1), (5, 1), (1, 0.1), (100, 0.01))
    }
    assert len(counts) == 1


def test_big_batteries_do_not_stop_the_negotiation(make_market):
    market = make_market(8, 4)
    sizes = ("e_min_kwh", "e_max_kwh", "e_start_kwh", "battery_kw")
    big = market._replace(
        stations=[
            replace(s, **{name: 10 * getattr(s, name) for name in sizes}) for s in market.stations
        ]
    )
    result = clear_market(*big)
    assert result.lower <= central_cost(big) <= result.upper
    assert result.log[-1].iteration <= 1500


def test_the_order_of_stations_changes_the_cost_by_less_than_the_gap(make_market):
    market = make_market(8, 6)
    order = np.random.default_rng(0).permutation(8)
    shuffled = market._replace(
        stations=[market.stations[k] for k in order], days=[market.days[k] for k in order]
    )
    one, other = clear_market(*market, shards=2), clear_market(*shuffled, shards=2)
    assert abs(one.upper - other.upper) <= 1e-3 * abs(one.upper)


def test_trade_never_costs_more_than_standing_alone(make_market):
    market = make_market(6, 8)
    alone = solve_standalone(market.stations, market.days, market.tariff).cost.sum()
    assert clear_market(*market).upper < alone
    without = market._replace(links=[])
    result = clear_market(*without)
    assert result.trade_kw.shape == (24, 0)
    assert result.lower <= alone + 1e-9
    assert alone <= result.upper + 1e-9


def test_fees_above_the_price_spread_end_all_trade(make_market):
    market = make_market(6, 8, fee=10.0)
    assert np.abs(clear_market(*market).trade_kw).max() == 0.0


@pytest.mark.parametrize("grid_limit_kw", [0.0, 50.0, 1e9])
def test_stations_with_little_grid_or_any_amount_of_it_are_certified(make_market, grid_limit_kw):
    market = make_market(9, 2)
    market = market._replace(
        stations=[replace(s, grid_limit_kw=grid_limit_kw) for s in market.stations]
    )
    result, cost = clear_market(*market), central_cost(market)
    assert result.lower - 1e-9 <= cost <= result.upper + 1e-9
    assert result.schedule.buy_kw.max() <= grid_limit_kw + 1e-9
    assert result.schedule.sell_kw.max() <= grid_limit_kw + 1e-9


def test_a_station_without_links_is_cleared_with_the_others(make_market):
    market = make_market(7, 3)
    lonely = market._replace(
        links=[k for k in market.links if "s3" not in (k.station_a, k.station_b)]
    )
    result = clear_market(*lonely, shards=3)
    assert result.lower <= central_cost(lonely) <= result.upper
    assert np.all(result.schedule.trade_kw[:, 3] == 0)


def test_new_limits_are_negotiated_from_where_the_last_negotiation_ended(make_market):
    market = make_market(8, 9)
    split = split_market([s.id for s in market.stations], market.links, 2)
    ports = local_ports(split, market.stations, market.tariff, market.days)
    ask, options = ask_locally(ports), ClearingOptions()
    free = clear(split, ask, options)
    upper = 0.97 * np.maximum(free.schedule.withdrawal_kw.max(axis=0), 0)
    limits = np.tile(upper, (24, 1))
    for port, part in zip(ports, split.parts, strict=True):
        port.limit(-limits[:, part.stations] - np.inf, limits[:, part.stations])
    warm = clear(split, ask, options, warm=True)
    limited = market._replace(
        days=[replace(d, withdrawal_max_kw=limits[:, k]) for k, d in enumerate(market.days)]
    )
    cost = central_cost(limited)
    assert warm.lower <= cost <= warm.upper
    assert np.all(warm.schedule.withdrawal_kw <= limits + 1e-9)
    again = warm.log[-1].iteration - free.log[-1].iteration
    assert again < clear_market(*limited, shards=2).log[-1].iteration


def test_every_exchange_is_reported_with_falling_gaps_and_residuals(make_market):
    seen = []
    result = clear_market(*make_market(6, 1), shards=2, on_round=seen.append)
    assert tuple(seen) == result.log
    assert [entry.round for entry in seen] == list(range(1, len(seen) + 1))
    assert all(entry.gap == np.inf for entry in seen[:4])
    assert seen[-1].gap <= 1e-3 < seen[5].gap
    assert seen[-1].primal_kw < 0.1 * seen[5].primal_kw


def test_shards_exchange_after_every_step_once_the_gap_stalls(make_market):
    market, seen = make_market(4), []
    split = split_market([s.id for s in market.stations], market.links, 2)
    carry = ask_locally(local_ports(split, market.stations, market.tariff, market.days))

    def ask(method, arguments):
        replies = carry(method, arguments)
        return (
            [replace(r, upper=2.0, lower=1.0) for r in replies] if method == "bounds" else replies
        )

    with pytest.raises(NegotiationError):
        clear(split, ask, ClearingOptions(max_iterations=300), on_round=seen.append)
    assert {entry.steps for entry in seen if entry.iteration <= 275} == {5}
    assert {entry.steps for entry in seen if entry.iteration > 275} == {1}


def test_a_negotiation_that_cannot_reach_its_gap_says_how_far_it_came(make_market):
    with pytest.raises(NegotiationError) as raised:
        clear_market(*make_market(5), options=ClearingOptions(max_iterations=50))
    assert raised.value.iterations == 50
    assert 1e-3 < raised.value.gap < np.inf


def test_an_impossible_market_is_refused_with_all_its_faults(make_market):
    market = make_market(3)
    tariff = replace(market.tariff, sell_per_kwh=np.full(24, 0.2))
    stations = [replace(market.stations[0], e_start_kwh=1e6), *market.stations[1:]]
    with pytest.raises(CaseError) as raised:
        clear_market(stations, market.links, tariff, market.days)
    places = [problem.place for problem in raised.value.problems]
    assert "station 's0'" in places
    assert "tariff, hour 0" in places
