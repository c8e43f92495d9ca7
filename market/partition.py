"""Which shard hosts which stations, and what each shard knows of the links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import reverse_cuthill_mckee

from ..core.errors import CaseError, Problem
from ..core.units import BoolArray, FloatArray, IntArray, frozen
from .station import TradeLink


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShardLinks:
    """The part of the link graph that one shard sees. Stations by their place in the shard.

    *Inner* links have both ends in the shard, *border* links one. A trade is positive when
    station a of the link buys. Of a far station the shard knows the host and the number of links,
    and nothing else.
    """

    shard: int
    stations: IntArray  #: [station] place in the whole market
    degree: IntArray  #: [station] number of links
    inner: IntArray  #: [inner link] place in the whole market
    inner_a: IntArray
    inner_b: IntArray
    inner_capacity_kw: FloatArray
    inner_fee_per_kwh: FloatArray
    border: IntArray  #: [border link] place in the whole market, ascending
    border_station: IntArray  #: the near end
    border_buys: BoolArray  #: the near end is station a, and so owns the link
    border_capacity_kw: FloatArray
    border_fee_per_kwh: FloatArray
    far_shard: IntArray
    far_degree: IntArray

    @property
    def neighbours(self) -> tuple[int, ...]:
        """The shards at the other end of border links, ascending."""
        return tuple(int(shard) for shard in np.unique(self.far_shard))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSplit:
    """A market cut into shards."""

    stations: tuple[str, ...]
    links: tuple[str, ...]
    parts: tuple[ShardLinks, ...]


def split_market(
    stations: Sequence[str], links: Sequence[TradeLink], shards: int = 1
) -> MarketSplit:
    """Cuts a market into shards of nearly equal size, neighbours together.

    Recursive bisection of the link graph: the stations of a part are put in Cuthill-McKee order
    (neighbours close to each other) and cut in the middle, until there are ``shards`` parts. The
    result depends on its arguments only, never on the machine; more shards than stations are
    not made.

    Raises:
        CaseError: a link names an unknown station, or the same one twice.
    """
    place = {name: index for index, name in enumerate(stations)}
    problems = [problem for link in links for problem in _link_problems(link, place)]
    if problems:
        raise CaseError("market", tuple(problems))
    ends = np.array(
        [(place[link.station_a], place[link.station_b]) for link in links], dtype=np.int64
    ).reshape(-1, 2)
    shard_of = _bisect(len(stations), ends, min(shards, len(stations)))
    capacity_kw = np.array([link.capacity_kw for link in links])
    fee_per_kwh = np.array([link.fee_per_kwh for link in links])
    parts = tuple(
        _part(shard, shard_of, ends, capacity_kw, fee_per_kwh)
        for shard in range(int(shard_of.max()) + 1)
    )
    return MarketSplit(
        stations=tuple(stations), links=tuple(link.id for link in links), parts=parts
    )


def _link_problems(link: TradeLink, place: dict[str, int]) -> list[Problem]:
    where = f"link '{link.id}'"
    ends = (link.station_a, link.station_b)
    problems = [
        Problem(where, f"no station '{end}'", "name a station of the case")
        for end in ends
        if end not in place
    ]
    if ends[0] == ends[1]:
        problems.append(Problem(where, "joins a station to itself", "name two stations"))
    return problems


def _bisect(stations: int, ends: IntArray, shards: int) -> IntArray:
    """Shard of each station."""
    ones = np.ones(len(ends))
    graph = sp.csr_matrix((ones, (ends[:, 0], ends[:, 1])), shape=(stations, stations))
    graph = sp.csr_matrix(graph + graph.T)
    shard_of = np.zeros(stations, dtype=np.int64)
    waiting = [(np.arange(stations), 0, shards)]
    while waiting:
        members, first, count = waiting.pop()
        if count == 1:
            shard_of[members] = first
            continue
        order = members[
            reverse_cuthill_mckee(sp.csr_matrix(graph[members][:, members]), symmetric_mode=True)
        ]
        low = count // 2
        cut = len(members) * low // count
        waiting.append((order[:cut], first, low))
        waiting.append((order[cut:], first + low, count - low))
    return shard_of


def _part(
    shard: int,
    shard_of: IntArray,
    ends: IntArray,
    capacity_kw: FloatArray,
    fee_per_kwh: FloatArray,
) -> ShardLinks:
    degree = np.bincount(ends.ravel(), minlength=len(shard_of))
    members = np.flatnonzero(shard_of == shard)
    near = shard_of[ends] == shard
    inner = np.flatnonzero(near.all(axis=1))
    border = np.flatnonzero(near[:, 0] != near[:, 1])
    buys = near[border, 0]
    near_end = np.where(buys, ends[border, 0], ends[border, 1])
    far_end = np.where(buys, ends[border, 1], ends[border, 0])
    return ShardLinks(
        shard=shard,
        stations=frozen(members, np.int64),
        degree=frozen(degree[members], np.int64),
        inner=frozen(inner, np.int64),
        inner_a=frozen(np.searchsorted(members, ends[inner, 0]), np.int64),
        inner_b=frozen(np.searchsorted(members, ends[inner, 1]), np.int64),
        inner_capacity_kw=frozen(capacity_kw[inner]),
        inner_fee_per_kwh=frozen(fee_per_kwh[inner]),
        border=frozen(border, np.int64),
        border_station=frozen(np.searchsorted(members, near_end), np.int64),
        border_buys=frozen(buys, np.bool_),
        border_capacity_kw=frozen(capacity_kw[border]),
        border_fee_per_kwh=frozen(fee_per_kwh[border]),
        far_shard=frozen(shard_of[far_end], np.int64),
        far_degree=frozen(degree[far_end], np.int64),
    )
