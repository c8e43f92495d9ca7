"""Judges: hand-worked payments, and laws of money that hold for any trades and prices."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadvolt.market.central import solve_central
from roadvolt.market.clearing import ClearingOptions, clear_market
from roadvolt.market.local import solve_standalone
from roadvolt.market.settlement import SharingRule, settle_by_bargaining, settle_by_prices
from roadvolt.market.station import TradeLink


class Named:
    """A settlement looks at nothing of a station but its id."""

    def __init__(self, name):
        self.id = name


STATIONS = [Named(name) for name in "abcd"]
PAIRS = ["ab", "bc", "cd", "da", "ac"]


def links_with(fees):
    return [
        TradeLink(id=pair, station_a=pair[0], station_b=pair[1], capacity_kw=99.0, fee_per_kwh=fee)
        for pair, fee in zip(PAIRS, fees, strict=True)
    ]


def random_day(seed):
    rng = np.random.default_rng(seed)
    facts = {
        "trade_kw": rng.uniform(-90, 90, (24, 5)) * (rng.random((24, 5)) < 0.6),
        "schedule_cost": rng.uniform(-50, 500, 4),
        "standalone_cost": rng.uniform(-50, 500, 4),
    }
    return links_with(rng.uniform(0, 0.02, 5)), facts, rng.uniform(0, 0.3, (24, 4))


seeds = st.integers(0, 100_000)


def test_a_hand_worked_bill_by_prices():
    # a buys 10 from b in hour 0 (worth 0.20 to a, 0.08 to b, fee 0.02): p = 0.13, a pays 1.50.
    # b buys 5 from a in hour 1 (worth 0.30 to b, 0.10 to a): p = 0.19, b pays 1.05.
    links = links_with([0.02, 0, 0, 0, 0])
    trade_kw = np.zeros((2, 5))
    trade_kw[:, 0] = [10, -5]
    prices = np.array([[0.20, 0.08, 0, 0], [0.10, 0.30, 0, 0]])
    settlement = settle_by_prices(
        STATIONS,
        links,
        trade_kw=trade_kw,
        trade_price_per_kwh=prices,
        schedule_cost=np.array([1.0, 2, 0, 0]),
        standalone_cost=np.array([3.0, 1.5, 0, 0]),
    )
    np.testing.assert_allclose(settlement.price_per_kwh[:, 0], [0.13, 0.19])
    np.testing.assert_allclose(settlement.payment, [1.50 - 0.95, 1.05 - 1.30, 0, 0], atol=1e-12)
    np.testing.assert_allclose(settlement.fees, [0.30, 0, 0, 0, 0])
    np.testing.assert_allclose(settlement.cost, [1.55, 1.75, 0, 0])
    np.testing.assert_allclose(settlement.gain, [1.45, -0.25, 0, 0])
    assert settlement.losers == ("b",)


def test_a_hand_worked_bargain():
    # Alone 10 + 6 + 4 + 0, together 9 - 2 + 4 + 0, fees 1: the saving is 8.
    links = links_with([0.1, 0, 0, 0, 0])
    trade_kw = np.array([[10.0, 30.0, 0, 0, 0]])  # a trades 10, b 40, c 30, d nothing
    facts = {
        "trade_kw": trade_kw,
        "schedule_cost": np.array([9.0, -2, 4, 0]),
        "standalone_cost": np.array([10.0, 6, 4, 0]),
    }
    equal = settle_by_bargaining(STATIONS, links, **facts)
    np.testing.assert_allclose(equal.gain, [2, 2, 2, 2])
    np.testing.assert_allclose(equal.payment, [-1, 6, -2, -2])
    traded = settle_by_bargaining(STATIONS, links, **facts, rule=SharingRule.TRADED)
    np.testing.assert_allclose(traded.gain, [1, 4, 3, 0], atol=1e-12)
    assert traded.losers == ()


@given(seeds)
def test_money_balances_by_prices_whatever_the_trades_and_prices(seed):
    links, facts, prices = random_day(seed)
    settlement = settle_by_prices(STATIONS, links, **facts, trade_price_per_kwh=prices)
    scale = np.abs(settlement.payment).sum() + 1
    assert abs(settlement.imbalance) <= 1e-13 * scale
    assert math.fsum(settlement.payment) == pytest.approx(settlement.fees.sum(), abs=1e-12 * scale)


@given(seeds, st.sampled_from(list(SharingRule)))
def test_money_balances_by_bargaining_whatever_the_costs(seed, rule):
    links, facts, _ = random_day(seed)
    settlement = settle_by_bargaining(STATIONS, links, **facts, rule=rule)
    assert abs(settlement.imbalance) <= 1e-11


@given(seeds, st.sampled_from(list(SharingRule)))
def test_bargaining_lets_nobody_lose_if_there_is_a_saving(seed, rule):
    links, facts, _ = random_day(seed)
    settlement = settle_by_bargaining(STATIONS, links, **facts, rule=rule)
    saving = facts["standalone_cost"].sum() - facts["schedule_cost"].sum() - settlement.fees.sum()
    assert settlement.gain.sum() == pytest.approx(saving, abs=1e-9)
    if saving >= 0:
        assert settlement.losers == ()
    elif saving < -1 and rule is SharingRule.EQUAL:
        assert settlement.losers == ("a", "b", "c", "d")


@given(seeds)
def test_equal_bargaining_maximises_the_product_of_gains(seed):
    links, facts, _ = random_day(seed)
    facts["standalone_cost"] = facts["standalone_cost"] + 1000  # a saving for sure
    gain = settle_by_bargaining(STATIONS, links, **facts).gain
    shift = np.random.default_rng(seed).normal(size=4)
    shift = 0.3 * gain.min() * (shift - shift.mean()) / np.abs(shift).max()
    assert np.prod(gain) >= np.prod(gain + shift)


@given(seeds)
def test_naming_the_ends_of_a_link_the_other_way_round_changes_no_payment(seed):
    links, facts, prices = random_day(seed)
    turned = [
        TradeLink(
            id=link.id,
            station_a=link.station_b,
            station_b=link.station_a,
            capacity_kw=link.capacity_kw,
            fee_per_kwh=link.fee_per_kwh,
        )
        for link in links
    ]
    one = settle_by_prices(STATIONS, links, **facts, trade_price_per_kwh=prices)
    facts["trade_kw"] = -facts["trade_kw"]
    other = settle_by_prices(STATIONS, turned, **facts, trade_price_per_kwh=prices)
    np.testing.assert_allclose(one.payment, other.payment, atol=1e-9)
    np.testing.assert_allclose(one.price_per_kwh, other.price_per_kwh, atol=1e-12)


@given(seeds)
def test_payments_by_prices_are_the_sum_over_trades_one_by_one(seed):
    links, facts, prices = random_day(seed)
    payment = dict.fromkeys("abcd", 0.0)
    for hour, link in np.ndindex(24, 5):
        amount = facts["trade_kw"][hour, link]
        ends = (links[link].station_a, links[link].station_b)
        buyer, seller = ends if amount > 0 else ends[::-1]
        fee = links[link].fee_per_kwh
        worth = {name: prices[hour, "abcd".index(name)] for name in ends}
        price = 0.5 * (worth[buyer] - fee + worth[seller])
        payment[buyer] += (price + fee) * abs(amount)
        payment[seller] -= price * abs(amount)
    settlement = settle_by_prices(STATIONS, links, **facts, trade_price_per_kwh=prices)
    np.testing.assert_allclose(settlement.payment, list(payment.values()), atol=1e-9)


def test_a_day_without_trade_moves_no_money():
    links, facts, prices = random_day(1)
    facts["trade_kw"] = np.zeros((24, 5))
    facts["standalone_cost"] = facts["schedule_cost"]
    settlements = [
        settle_by_prices(STATIONS, links, **facts, trade_price_per_kwh=prices),
        *(settle_by_bargaining(STATIONS, links, **facts, rule=rule) for rule in SharingRule),
    ]
    for settlement in settlements:
        np.testing.assert_allclose(settlement.payment, 0, atol=1e-12)
        assert settlement.losers == ()


def test_stations_without_links_can_be_settled():
    settlement = settle_by_prices(
        STATIONS,
        [],
        trade_kw=np.zeros((24, 0)),
        trade_price_per_kwh=np.zeros((24, 4)),
        schedule_cost=np.ones(4),
        standalone_cost=np.ones(4),
    )
    np.testing.assert_array_equal(settlement.payment, np.zeros(4))
    assert settlement.price_per_kwh.shape == (24, 0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("limit_kw", [np.inf, 130.0])
def test_at_the_optimum_of_the_market_nobody_loses(make_market, seed, limit_kw):
    market = make_market(9, seed=seed, limit_kw=limit_kw)
    clearing = solve_central(*market)
    alone = solve_standalone(market.stations, market.days, market.tariff)
    facts = {
        "trade_kw": clearing.trade_kw,
        "schedule_cost": clearing.schedule.cost,
        "standalone_cost": alone.cost,
    }
    by_prices = settle_by_prices(
        market.stations, market.links, **facts, trade_price_per_kwh=clearing.trade_price_per_kwh
    )
    assert by_prices.gain.min() >= -1e-5
    assert by_prices.gain.sum() == pytest.approx(alone.cost.sum() - clearing.cost, abs=1e-5)
    for rule in SharingRule:
        assert settle_by_bargaining(market.stations, market.links, **facts, rule=rule).losers == ()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("tolerance", [0.05, 1e-3])
def test_short_of_the_optimum_nobody_loses_more_than_the_certified_gap(
    make_market, seed, tolerance
):
    market = make_market(9, seed=seed)
    clearing = clear_market(*market, options=ClearingOptions(tolerance=tolerance))
    alone = solve_standalone(market.stations, market.days, market.tariff)
    by_prices = settle_by_prices(
        market.stations,
        market.links,
        trade_kw=clearing.trade_kw,
        trade_price_per_kwh=clearing.price_per_kwh,
        schedule_cost=clearing.schedule.cost,
        standalone_cost=alone.cost,
    )
    # A law where the last prices gave the best lower bound, as they did in these markets.
    assert -by_prices.gain.min() <= clearing.upper - clearing.lower
