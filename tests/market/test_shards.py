"""Shards: what crosses a border, and that hosting changes nothing."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from roadvolt.core.errors import CaseError, OutOfTurn, RoundMismatch
from roadvolt.market import shard
from roadvolt.market.clearing import ClearingOptions, ask_locally, clear, clear_market, local_ports
from roadvolt.market.partition import split_market
from roadvolt.market.scale import to_scale
from roadvolt.market.shard import BorderBids
from roadvolt.market.station import TradeLink


def hosted(market, shards: int, **choice):
    """The market cut in shards, each with its port."""
    split = split_market([s.id for s in market.stations], market.links, shards)
    return split, local_ports(split, market.stations, market.tariff, market.days, **choice)


def opened(ports):
    """The ports' first answers."""
    scale = to_scale([port.sums() for port in ports])
    return [port.open(scale, False) for port in ports]


def one_round(ports, told, steps):
    """All shards' next answers."""
    boxes = mail(told)
    return [port.advance(box, steps) for port, box in zip(ports, boxes, strict=True)]


def mail(told):
    """The bids for each shard, last sender first: the order must not matter."""
    bids = [message for progress in reversed(told) for message in progress.bids]
    return [tuple(m for m in bids if m.receiver == k) for k in range(len(told))]


def assert_same(one, other) -> None:
    """Two clearings with the same bits."""
    assert np.array_equal(one.trade_kw, other.trade_kw)
    assert np.array_equal(one.price_per_kwh, other.price_per_kwh)
    assert np.array_equal(one.schedule.soc_kwh, other.schedule.soc_kwh)
    assert (one.upper, one.lower) == (other.upper, other.lower)


def test_both_ends_of_a_border_link_find_the_same_trade_bit_for_bit(make_market):
    split, ports = hosted(make_market(9, 1, limit_kw=90.0), 3)
    told = opened(ports)
    for _ in range(8):
        told = one_round(ports, told, 5)
        found: dict[int, list[np.ndarray]] = {}
        for port, part, box in zip(ports, split.parts, mail(told), strict=True):
            _, problem, state = port._negotiation
            for link, trade in zip(
                part.border, shard.border_trade_kw(problem, state, box), strict=True
            ):
                found.setdefault(int(link), []).append(trade)
        assert len(found) > 0
        assert all(np.array_equal(*ends) for ends in found.values())
    assert max(np.abs(ends[0]).max() for ends in found.values()) > 1.0


def test_shards_that_exchange_after_every_step_are_the_flat_iteration(make_market):
    market = make_market(8, 2, limit_kw=120.0)
    _, whole = hosted(market, 1)
    split, parts = hosted(market, 4)
    told_whole, told_parts = opened(whole), opened(parts)
    for _ in range(60):
        told_whole, told_parts = one_round(whole, told_whole, 1), one_round(parts, told_parts, 1)
    plan = whole[0]._negotiation.state.plan
    for port, part in zip(parts, split.parts, strict=True):
        assert port._negotiation.state.plan == pytest.approx(plan[:, part.stations], abs=1e-8)


def test_sharded_negotiations_certify_the_same_optimum(make_market):
    market = make_market(12, 3)
    flat = clear_market(*market, options=ClearingOptions(tolerance=1e-4))
    for shards in (2, 4, 12):
        cut = clear_market(*market, shards=shards)
        assert cut.lower <= flat.upper
        assert flat.lower <= cut.upper
        assert cut.gap <= 1e-3


def test_pickled_answers_in_any_order_give_the_same_bits(make_market):
    market = make_market(9, 4)
    split, ports = hosted(market, 3)
    straight = clear(split, ask_locally(ports), ClearingOptions())
    _, others = hosted(market, 3)

    def ask(method, arguments):
        replies: dict[int, object] = {}
        for k in (2, 0, 1):  # as if the third host were the fastest
            given = pickle.loads(pickle.dumps(arguments[k]))
            if method in ("advance", "bounds", "outcome"):
                given = (tuple(reversed(given[0])), *given[1:])
            replies[k] = pickle.loads(pickle.dumps(getattr(others[k], method)(*given)))
        return [replies[k] for k in range(3)]

    assert_same(straight, clear(split, ask, ClearingOptions()))


def test_a_port_restored_elsewhere_goes_on_bit_for_bit(make_market):
    market = make_market(8, 5)
    split, ports = hosted(market, 2)
    for port, part in zip(ports, split.parts, strict=True):
        limit = np.full((24, len(part.stations)), 130.0)
        port.limit(-limit, limit)
    told = opened(ports)
    for _ in range(7):
        told = one_round(ports, told, 5)
    _, fresh = hosted(market, 2)
    for port, lost in zip(fresh, ports, strict=True):
        arrays = lost.snapshot()
        assert all(type(array) is np.ndarray for array in arrays.values())
        port.restore(pickle.loads(pickle.dumps(arrays)))
        assert port.snapshot().keys() == arrays.keys()
        assert all(np.array_equal(array, arrays[k]) for k, array in port.snapshot().items())
    assert_same(
        clear(split, ask_locally(ports), ClearingOptions(), warm=True),
        clear(split, ask_locally(fresh), ClearingOptions(), warm=True),
    )


def test_a_port_that_never_negotiated_can_be_restored_too(make_market):
    market = make_market(4)
    _, (port,) = hosted(market, 1)
    _, (fresh,) = hosted(market, 1)
    fresh.restore(port.snapshot())
    assert fresh.snapshot().keys() == port.snapshot().keys()


def test_a_port_asked_for_bounds_before_it_negotiates_says_so(make_market):
    _, (port,) = hosted(make_market(3), 1)
    with pytest.raises(OutOfTurn, match="open a negotiation first"):
        port.bounds([])


def test_only_bids_and_prices_of_border_links_cross(make_market):
    split, ports = hosted(make_market(8, 6), 2)
    told = one_round(ports, opened(ports), 5)
    crossing = len(split.parts[0].border)
    assert {slot for slot in BorderBids.__slots__ if slot.endswith(("kw", "kwh"))} == {
        "bid_kw",
        "price_per_kwh",
    }
    for progress in told:
        for message in progress.bids:
            assert message.bid_kw.shape == message.price_per_kwh.shape == (24, crossing)


def test_bids_of_another_round_or_for_another_shard_are_refused(make_market):
    _, ports = hosted(make_market(8, 6), 2)
    told = opened(ports)
    message = told[1].bids[0]
    for wrong in (replace(message, round=3), replace(message, receiver=1)):
        with pytest.raises(RoundMismatch):
            ports[0].advance((wrong,), 5)
    with pytest.raises(RoundMismatch):
        ports[0].advance((), 5)
    ports[0].advance((message,), 5)


def test_a_partition_covers_everything_once_and_keeps_neighbours_together(make_market):
    market = make_market(40, degree=4)
    names = [s.id for s in market.stations]
    rng = np.random.default_rng(1)
    shuffled = [names[k] for k in rng.permutation(40)]
    split = split_market(shuffled, market.links, 5)
    assert sorted(np.concatenate([p.stations for p in split.parts])) == list(range(40))
    assert {len(p.stations) for p in split.parts} == {8}
    inner = np.concatenate([p.inner for p in split.parts])
    border = np.concatenate([p.border for p in split.parts])
    ends, times = np.unique(border, return_counts=True)
    assert np.all(times == 2)
    assert sorted([*inner, *ends]) == list(range(80))
    # On a ring with second neighbours a cut severs three links; runs of it need 5 cuts, and
    # bisection of a ring's breadth-first order, which grows both ways round, up to twice that.
    assert len(border) // 2 <= 2 * 5 * 3
    assert split_market(shuffled, market.links, 5).parts[2].stations.tolist() == (
        split.parts[2].stations.tolist()
    )


def test_more_shards_than_stations_are_not_made(make_market):
    market = make_market(3)
    assert len(split_market([s.id for s in market.stations], market.links, 9).parts) == 3


def test_links_to_nowhere_or_to_oneself_are_named():
    link = {"capacity_kw": 1.0, "fee_per_kwh": 0.0}
    links = [
        TradeLink(id="x", station_a="s0", station_b="s9", **link),
        TradeLink(id="y", station_a="s1", station_b="s1", **link),
    ]
    with pytest.raises(CaseError) as raised:
        split_market(["s0", "s1"], links)
    assert [problem.place for problem in raised.value.problems] == ["link 'x'", "link 'y'"]
