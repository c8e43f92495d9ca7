"""A shard: the stations of one host, and the pure steps by which it negotiates with others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ..core.errors import RoundMismatch
from ..core.units import FloatArray, IntArray, frozen
from . import kernels_numpy
from .block import StationBlock
from .partition import ShardLinks
from .scale import MarketScale
from .splitting import (
    BorderTables,
    Tables,
    Work,
    agreed_trade_kw,
    build_border_tables,
    build_tables,
)

#: Shards of at least this many station hours run compiled kernels. Below, importing numba
#: (a second, and ten more where nothing is cached) costs more than NumPy does for a whole clearing.
COMPILE_FROM_STATION_HOURS = 1024 * 24
ALL = slice(None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShardProblem:
    """All that a shard works with; nothing of it leaves the shard."""

    block: StationBlock
    links: ShardLinks
    tables: Tables
    border: BorderTables
    compiled: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShardState:
    """Where a shard's negotiation stands: all that is needed to go on, bit for bit.

    Plans and copies in kW (energy: kWh), duals in currency per kWh.
    """

    round: int
    iteration: int
    plan: Work  #: [quantity, station, time]: grid supply, charge, discharge, energy
    copy_a: Work  #: [inner link, time]: trade copy at station a, kW received
    copy_b: Work  #: [inner link, time]
    copy_border: Work  #: [border link, time]: trade copy at the near end
    balance_dual: Work  #: [station, time]
    energy_dual: Work  #: [station, time]
    primal_square_kw2: float  #: of the last iteration, see ``kernels_numpy.run``
    dual_square_kw2: float

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The state as named arrays, to be saved or sent."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[Any]]) -> Self:
        """The state that ``to_arrays`` wrote."""
        values: dict[str, Any] = {
            name: frozen(array, array.dtype) if array.ndim else array.item()
            for name, array in arrays.items()
        }
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BorderBids:
    """Shard -> neighbour: what it would trade over each of their links, and at what price.

    The only thing that crosses a border. Arrays [time, link], the links in the market's order:
    ``bid_kw`` is the near end's copy, positive for receiving; ``price_per_kwh`` what a kWh
    is worth at the near end.
    """

    round: int
    sender: int
    receiver: int
    bid_kw: FloatArray
    price_per_kwh: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Shard -> coordinator: its bids, and its part of the residuals (sums of squares)."""

    round: int
    iteration: int
    bids: tuple[BorderBids, ...]
    primal_square_kw2: float
    dual_square_kw2: float
    primal_entries: int
    dual_entries: int


def build_problem(
    block: StationBlock,
    links: ShardLinks,
    scale: MarketScale,
    compiled: bool | None = None,
) -> ShardProblem:
    """The problem of one shard.

    Args:
        block: its stations, in the order of ``links.stations``.
        links: what it knows of the link graph.
        scale: of the whole market, equal for all shards.
        compiled: whether to run compiled kernels; None decides by size.
    """
    return ShardProblem(
        block=block,
        links=links,
        tables=build_tables(block, links, scale),
        border=build_border_tables(links, scale),
        compiled=block.need_kw.size >= COMPILE_FROM_STATION_HOURS if compiled is None else compiled,
    )


def start(problem: ShardProblem) -> ShardState:
    """No trade, and batteries at rest at the energy they start with."""
    stations, hours = problem.block.need_kw.shape
    plan = np.zeros((4, stations, hours))
    plan[3] = problem.tables.e_start_kwh[:, None]
    inner, border = len(problem.links.inner), len(problem.links.border)
    return ShardState(
        round=0,
        iteration=0,
        plan=frozen(plan),
        copy_a=frozen(np.zeros((inner, hours))),
        copy_b=frozen(np.zeros((inner, hours))),
        copy_border=frozen(np.zeros((border, hours))),
        balance_dual=frozen(np.zeros((stations, hours))),
        energy_dual=frozen(np.zeros((stations, hours))),
        primal_square_kw2=0.0,
        dual_square_kw2=0.0,
    )


def advance(
    problem: ShardProblem, state: ShardState, received: Sequence[BorderBids], steps: int
) -> ShardState:
    """One round: agree on border trades from both bids, iterate inside, move the own bids.

    Both ends of a border link find the identical trade, so it stays reciprocal to the last bit.

    Args:
        problem: the shard's problem.
        state: where it stands; not changed.
        received: the neighbours' bids of the same round, in any order.
        steps: iterations on own stations and links, >= 1.

    Raises:
        RoundMismatch: a bid is of another round, or a neighbour's is missing or not for us.
    """
    border, tables = problem.border, problem.tables
    own_trade = border_trade_kw(problem, state, received) * border.sign[:, None]
    border_kw = np.zeros_like(tables.need_kw)
    np.add.at(border_kw, border.near, 2 * own_trade - state.copy_border)
    plan, copy_a, copy_b = state.plan.copy(), state.copy_a.copy(), state.copy_b.copy()
    balance, energy = np.empty_like(state.balance_dual), np.empty_like(state.energy_dual)
    primal, dual = _kernels(problem).run(
        tables, plan, copy_a, copy_b, border_kw, balance, energy, steps
    )
    shift = -tables.spread[border.near, None] * balance[border.near]
    move = own_trade - state.copy_border + shift
    copy_border = state.copy_border + tables.relaxation * move
    moved = ShardState(
        round=state.round + 1,
        iteration=state.iteration + steps,
        plan=plan,
        copy_a=copy_a,
        copy_b=copy_b,
        copy_border=copy_border,
        balance_dual=balance,
        energy_dual=energy,
        primal_square_kw2=float(primal) + float(np.sum(move * move, dtype=np.float64)),
        dual_square_kw2=float(dual),
    )
    return _sealed(moved)


def bids(problem: ShardProblem, state: ShardState) -> tuple[BorderBids, ...]:
    """What the shard tells its neighbours, one message each."""
    near = problem.border.near
    price = trade_price_per_kwh(problem, state, near)
    messages = []
    for shard in problem.links.neighbours:
        shared = problem.links.far_shard == shard
        messages.append(
            BorderBids(
                round=state.round,
                sender=problem.links.shard,
                receiver=shard,
                bid_kw=frozen(state.copy_border[shared].T),
                price_per_kwh=frozen(price[shared].T),
            )
        )
    return tuple(messages)


def progress(problem: ShardProblem, state: ShardState) -> Progress:
    """What the shard answers after a round."""
    copies = state.copy_a.size + state.copy_b.size + state.copy_border.size
    return Progress(
        round=state.round,
        iteration=state.iteration,
        bids=bids(problem, state),
        primal_square_kw2=state.primal_square_kw2,
        dual_square_kw2=state.dual_square_kw2,
        primal_entries=state.plan.size + copies,
        dual_entries=state.copy_a.size,
    )


def trade_price_per_kwh(
    problem: ShardProblem, state: ShardState, stations: IntArray | slice = ALL
) -> FloatArray:
    """What a kWh traded is worth at some of the shard's stations [station, time].

    The dual of the balance, kept between what the grid pays and takes, except where the grid
    limit leaves the station alone with its peers.
    """
    block, tables = problem.block, problem.tables
    beyond_pv = state.plan[0, stations] - tables.pv_kw[stations]
    limit = tables.grid_limit_kw[stations, None]
    sold_out = tables.sell_kw - beyond_pv >= limit
    bought_out = beyond_pv - tables.buy_kw >= limit
    lowest = np.where(sold_out, 0.0, block.tariff.sell_per_kwh)
    highest = np.where(bought_out, block.tariff.unserved_per_kwh, block.tariff.buy_per_kwh)
    return np.asarray(np.clip(-state.balance_dual[stations], lowest, highest))


def border_trade_kw(
    problem: ShardProblem, state: ShardState, received: Sequence[BorderBids]
) -> Work:
    """The trades agreed on the border links [border link, time], into station a.

    Raises:
        RoundMismatch: see ``advance``.
    """
    far_bid = from_far_end(problem, state.round, received, "bid_kw")
    buys = problem.links.border_buys[:, None]
    bid_a = np.where(buys, state.copy_border, far_bid)
    bid_b = np.where(buys, far_bid, state.copy_border)
    return agreed_trade_kw(problem.border, bid_a, bid_b)


def from_far_end(
    problem: ShardProblem, expected_round: int, received: Sequence[BorderBids], what: str
) -> FloatArray:
    """One array of the neighbours' messages, in the order of the border links [link, time]."""
    links = problem.links
    messages = {message.sender: message for message in received}
    far = np.zeros((len(links.border), problem.block.need_kw.shape[1]))
    for shard in links.neighbours:
        message = messages.get(shard)
        stamp = message.round if message and message.receiver == links.shard else -1
        if message is None or stamp != expected_round:
            raise RoundMismatch(f"shard {shard}", expected_round, stamp)
        far[links.far_shard == shard] = getattr(message, what).T
    return far


def _kernels(problem: ShardProblem) -> Any:
    if not problem.compiled:
        return kernels_numpy
    from . import kernels  # numba takes a second to import, so only where it pays

    return kernels


def _sealed(state: ShardState) -> ShardState:
    for field in fields(state):
        value = getattr(state, field.name)
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    return state
