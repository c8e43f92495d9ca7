"""What a host of stations answers to the coordinator: one object for each shard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..core.errors import OutOfTurn
from ..core.units import FloatArray, frozen
from . import shard as steps_of
from .block import StationBlock, with_limits
from .certificate import link_bound, station_bound
from .kernels_numpy import inner_trade_kw, nearest_plan, to_ends
from .partition import ShardLinks
from .recourse import Recourse, repair
from .scale import MarketScale, MarketSums, to_sums
from .shard import BorderBids, Progress, ShardProblem, ShardState
from .station import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Shard -> coordinator: its terms of the bounds on the social cost.

    ``upper`` is the cost of its stations' feasible days plus the fees of the links it owns (a link
    belongs to the shard of its station a), infinite where a day is impossible.
    """

    round: int
    upper: float
    lower: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShardOutcome:
    """Shard -> coordinator: what its stations do. Arrays [time, station] and [time, link]."""

    round: int
    stations: npt.NDArray[np.int64]  #: places in the market
    links: npt.NDArray[np.int64]  #: places in the market of the links it owns
    schedule: Schedule
    trade_kw: FloatArray  #: [time, link], into station a
    price_per_kwh: FloatArray  #: [time, station]


class _Days(NamedTuple):
    """The stations' feasible days under the trades that both sides bid for."""

    received_kw: FloatArray  #: [station, time]
    day: Recourse
    owned_kw: FloatArray  #: [owned link, time]
    fee_per_kwh: FloatArray  #: [owned link]


class _Negotiation(NamedTuple):
    """A negotiation under way."""

    scale: MarketScale
    problem: ShardProblem
    state: ShardState


class ShardPort:
    """A shard with its state, as it lives on a host.

    The only thing here that changes is which frozen block, problem and state it holds. Calls are
    deterministic, so a lost port is rebuilt from its blueprint, its last snapshot and the calls
    since.

    Args:
        block: the shard's stations, in the order of ``links.stations``.
        links: what the shard knows of the link graph.
        compiled: whether to run compiled kernels; None decides by size.
    """

    def __init__(
        self, block: StationBlock, links: ShardLinks, compiled: bool | None = None
    ) -> None:
        self._block, self._links, self._compiled = block, links, compiled
        self._opened: _Negotiation | None = None

    def sums(self) -> MarketSums:
        """The shard's part of the market's scale."""
        return to_sums(self._block, self._links.degree)

    def limit(self, lower_kw: FloatArray, upper_kw: FloatArray) -> None:
        """Puts new withdrawal limits [time, station] in force; negotiate again after this.

        Raises:
            CaseError: a limit excludes 0.
        """
        self._block = with_limits(self._block, lower_kw, upper_kw)

    def open(self, scale: MarketScale, warm: bool) -> Progress:
        """Begins to negotiate, from where the last negotiation ended if ``warm``."""
        return self._open(scale, self._opened.state if self._opened and warm else None)

    def advance(self, received: Sequence[BorderBids], steps: int) -> Progress:
        """One round; see ``shard.advance``."""
        scale, problem, before = self._negotiation
        state = steps_of.advance(problem, before, received, steps)
        self._opened = _Negotiation(scale, problem, state)
        return steps_of.progress(problem, state)

    def bounds(self, received: Sequence[BorderBids]) -> Bounds:
        """The shard's terms of the certificate, at the round of the bids."""
        _, problem, state = self._negotiation
        price = steps_of.trade_price_per_kwh(problem, state)
        days, links, owned = self._days(received), problem.links, problem.links.border_buys
        far_price = steps_of.from_far_end(problem, state.round, received, "price_per_kwh")
        worth = -state.energy_dual
        lower = float(np.sum(station_bound(problem.block, price, worth)))
        lower += link_bound(
            np.concatenate([price[links.inner_a], price[links.border_station[owned]]]),
            np.concatenate([price[links.inner_b], far_price[owned]]),
            np.concatenate([links.inner_capacity_kw, links.border_capacity_kw[owned]]),
            days.fee_per_kwh,
        )
        fees = float(days.fee_per_kwh @ np.abs(days.owned_kw).sum(axis=1))
        return Bounds(round=state.round, upper=float(np.sum(days.day.cost)) + fees, lower=lower)

    def outcome(self, received: Sequence[BorderBids]) -> ShardOutcome:
        """What the stations do at the round of the bids."""
        _, problem, state = self._negotiation
        days, links = self._days(received), problem.links
        return ShardOutcome(
            round=state.round,
            stations=links.stations,
            links=np.concatenate([links.inner, links.border[links.border_buys]]),
            schedule=_to_schedule(days.day, days.received_kw),
            trade_kw=frozen(days.owned_kw.T),
            price_per_kwh=frozen(steps_of.trade_price_per_kwh(problem, state).T),
        )

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """Everything that calls have changed, as plain arrays."""
        arrays = {
            "withdrawal_min_kw": self._block.withdrawal_min_kw,
            "withdrawal_max_kw": self._block.withdrawal_max_kw,
        }
        if self._opened:
            scale, _, state = self._opened
            arrays |= {f"scale.{k}": np.asarray(v) for k, v in asdict(scale).items()}
            arrays |= {f"state.{k}": array for k, array in state.to_arrays().items()}
        return arrays

    def restore(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Goes back to what ``snapshot`` wrote."""
        self.limit(arrays["withdrawal_min_kw"].T, arrays["withdrawal_max_kw"].T)
        self._opened = None
        scale = {k[6:]: v.item() for k, v in arrays.items() if k.startswith("scale.")}
        if scale:
            state = {k[6:]: v for k, v in arrays.items() if k.startswith("state.")}
            self._open(MarketScale(**scale), ShardState.from_arrays(state))

    def _open(self, scale: MarketScale, state: ShardState | None) -> Progress:
        problem = steps_of.build_problem(self._block, self._links, scale, self._compiled)
        self._opened = _Negotiation(scale, problem, state or steps_of.start(problem))
        return steps_of.progress(problem, self._opened.state)

    @property
    def _negotiation(self) -> _Negotiation:
        if self._opened is None:
            raise OutOfTurn("shard", "open a negotiation")
        return self._opened

    def _days(self, received: Sequence[BorderBids]) -> _Days:
        _, problem, state = self._negotiation
        links, tables = problem.links, problem.tables
        inner = inner_trade_kw(tables, state.copy_a, state.copy_b)
        border = steps_of.border_trade_kw(problem, state, received)
        trade_kw = to_ends(tables) @ np.concatenate([inner, -inner])
        signs = np.where(links.border_buys, 1.0, -1.0)[:, None]
        np.add.at(trade_kw, links.border_station, signs * border)
        wished = nearest_plan(tables, state.plan)
        day = repair(problem.block, trade_kw, wished[1], wished[2])
        owned = links.border_buys
        fee_per_kwh = np.concatenate([links.inner_fee_per_kwh, links.border_fee_per_kwh[owned]])
        return _Days(trade_kw, day, np.concatenate([inner, border[owned]]), fee_per_kwh)


def _to_schedule(day: Recourse, trade_kw: FloatArray) -> Schedule:
    return Schedule(
        buy_kw=frozen(day.buy.T),
        sell_kw=frozen(day.sell.T),
        pv_kw=frozen(day.pv.T),
        charge_kw=frozen(day.charge.T),
        discharge_kw=frozen(day.discharge.T),
        soc_kwh=frozen(day.energy.T),
        unserved_kw=frozen(day.unserved.T),
        trade_kw=frozen(trade_kw.T),
        cost=frozen(day.cost),
    )
