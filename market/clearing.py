"""The coordinator of the negotiation: carries bids between shards until the gap is certified."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np

from ..core.errors import NegotiationError, RoundMismatch
from ..core.units import FloatArray, frozen
from .block import build_block
from .partition import MarketSplit, split_market
from .port import Bounds, ShardOutcome, ShardPort
from .scale import MarketScale, to_scale
from .shard import BorderBids, Progress
from .station import Schedule, Station, StationDay, Tariff, TradeLink

#: Calls one method of every shard's port, with each shard's arguments; answers in shard order.
Ask: TypeAlias = Callable[[str, Sequence[tuple[Any, ...]]], Sequence[Any]]

#: Iterations between two certificates: in compiled shards one costs as much as 15 iterations.
CHECK_ITERATIONS = 25
#: A gap that shrank by less than this over so many certificates has stalled: local steps have
#: ceased to help. Slow is not stalled: a slow negotiation needs fewer exchanges with local steps.
STALL_RATIO = 0.95
STALL_CHECKS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearingOptions:
    """How the negotiation goes.

    ``tolerance`` is the certified gap relative to cost at which it ends, ``steps`` the local
    iterations between exchanges, ``max_iterations`` when it gives up.
    """

    tolerance: float = 1e-3
    steps: int = 5
    max_iterations: int = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundLog:
    """One exchange. Bounds and gap are the last certified ones, infinite before the first.

    Residuals are root mean squares: ``primal_kw`` between plans and balance, ``dual_kw`` of the
    trades' change in the last iteration.
    """

    round: int
    iteration: int
    steps: int
    primal_kw: float
    dual_kw: float
    upper: float
    lower: float
    gap: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clearing:
    """What the stations agreed on, and the proof of how good it is: lower <= optimum <= upper.

    ``trade_kw`` [time, link] is positive when ``station_a`` buys. ``price_per_kwh``
    [time, station] is what a kWh from a peer is worth.
    """

    trade_kw: FloatArray
    schedule: Schedule
    price_per_kwh: FloatArray
    upper: float
    lower: float
    gap: float
    log: tuple[RoundLog, ...]


def clear(
    split: MarketSplit,
    ask: Ask,
    options: ClearingOptions,
    *,
    warm: bool = False,
    told_before: Sequence[RoundLog] = (),
    on_round: Callable[[RoundLog], None] | None = None,
) -> Clearing:
    """Negotiates until the social cost is certified to ``options.tolerance``.

    1. Every shard gives its part of the market's scale, and opens.
    2. Rounds: each shard gets its neighbours' bids, iterates, and answers with new bids.
    3. Every 25 iterations shards give their terms of both bounds; where the gap stalls,
       shards exchange after every iteration.
    4. The outcome is collected.

    Args:
        split: which shard hosts which stations; shards answer in this order.
        ask: carries calls to the shards' ``ShardPort`` s, wherever they live.
        options: when to stop.
        warm: go on from the states that the ports hold (after new limits, or restored ones).
        told_before: the log of this very negotiation up to the states that the ports hold, if it
            was interrupted; it then ends as if it had not been.
        on_round: told of every exchange.

    Raises:
        NegotiationError: the gap is not reached within the iterations allowed.
        RoundMismatch: a shard answers for another round.
    """
    scale = to_scale(_ask_all(ask, "sums", split))
    told: list[Progress] = _ask_all(ask, "open", split, scale, warm)
    alone = not any(progress.bids for progress in told)  # nobody to exchange with
    pace = _Pace(CHECK_ITERATIONS, CHECK_ITERATIONS) if alone else _Pace(options.steps, 1)
    log = list(told_before)
    first = log[0].iteration - log[0].steps if log else told[0].iteration
    for entry in log:
        if pace.due(entry.iteration - first):
            pace.see(entry.gap)
    upper, lower, gap = (
        (log[-1].upper, log[-1].lower, log[-1].gap) if log else (math.inf, -math.inf, math.inf)
    )
    while gap > options.tolerance:
        if told[0].iteration - first >= options.max_iterations:
            raise NegotiationError(told[0].iteration - first, gap, options.tolerance)
        told = list(ask("advance", [(box, pace.steps) for box in _mail(told)]))
        if pace.due(told[0].iteration - first):
            terms: list[Bounds] = list(ask("bounds", [(box,) for box in _mail(told)]))
            upper = sum(term.upper for term in terms)
            lower = max(lower, sum(term.lower for term in terms))
            gap = relative_gap(upper, lower, scale)
            pace.see(gap)
        log.append(_to_log(told, pace.last_steps, upper, lower, gap))
        if on_round:
            on_round(log[-1])
    outcomes = list(ask("outcome", [(box,) for box in _mail(told)]))
    return _to_clearing(outcomes, log)


def clear_market(
    stations: Sequence[Station],
    links: Sequence[TradeLink],
    tariff: Tariff,
    days: Sequence[StationDay],
    *,
    shards: int = 1,
    options: ClearingOptions | None = None,
    on_round: Callable[[RoundLog], None] | None = None,
) -> Clearing:
    """Clears a market within this process; see ``clear``.

    Raises:
        CaseError: the market cannot be used as given.
        NegotiationError: see ``clear``.
    """
    split = split_market([station.id for station in stations], links, shards)
    ports = local_ports(split, stations, tariff, days)
    return clear(split, ask_locally(ports), options or ClearingOptions(), on_round=on_round)


def local_ports(
    split: MarketSplit,
    stations: Sequence[Station],
    tariff: Tariff,
    days: Sequence[StationDay],
    *,
    compiled: bool | None = None,
) -> list[ShardPort]:
    """One port for each shard, each with its own stations only."""
    return [
        ShardPort(
            build_block(
                [stations[k] for k in part.stations], [days[k] for k in part.stations], tariff
            ),
            part,
            compiled,
        )
        for part in split.parts
    ]


def ask_locally(ports: Sequence[ShardPort]) -> Ask:
    """Calls ports in this process, one after the other."""

    def ask(method: str, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        return [getattr(port, method)(*given) for port, given in zip(ports, arguments, strict=True)]

    return ask


def relative_gap(upper: float, lower: float, scale: MarketScale) -> float:
    """(upper - lower) / |upper|; infinite while a bound is.

    Where costs and earnings nearly cancel, a hundredth of what the whole need would cost at the
    mean price takes the place of the cost.
    """
    if not (math.isfinite(upper) and math.isfinite(lower)):
        return math.inf
    return (upper - lower) / max(abs(upper), 0.01 * scale.turnover)


class _Pace:
    """How many local steps to make, and when to certify."""

    def __init__(self, steps: int, shortest: int) -> None:
        self.steps = self.last_steps = steps
        self._shortest = shortest
        self._next = CHECK_ITERATIONS
        self._gaps: list[float] = []

    def due(self, iteration: int) -> bool:
        """Whether it is time for a certificate."""
        self.last_steps = self.steps
        if iteration < self._next:
            return False
        self._next = iteration + CHECK_ITERATIONS
        return True

    def see(self, gap: float) -> None:
        """Takes note of a certificate: where gaps stall, exchange after every iteration."""
        self._gaps.append(gap)
        if len(self._gaps) > STALL_CHECKS:
            before = self._gaps[-1 - STALL_CHECKS]
            if math.isfinite(before) and min(self._gaps[-STALL_CHECKS:]) > STALL_RATIO * before:
                self.steps = self._shortest


def _ask_all(ask: Ask, method: str, split: MarketSplit, *arguments: Any) -> list[Any]:
    return list(ask(method, [arguments] * len(split.parts)))


def _mail(told: Sequence[Progress]) -> list[tuple[BorderBids, ...]]:
    """What each shard receives, in the order of the senders.

    Raises:
        RoundMismatch: a shard is in another round than the first.
    """
    boxes: list[list[BorderBids]] = [[] for _ in told]
    for shard, progress in enumerate(told):
        if progress.round != told[0].round:
            raise RoundMismatch(f"shard {shard}", told[0].round, progress.round)
        for message in progress.bids:
            boxes[message.receiver].append(message)
    return [tuple(box) for box in boxes]


def _to_log(
    told: Sequence[Progress], steps: int, upper: float, lower: float, gap: float
) -> RoundLog:
    primal = sum(p.primal_square_kw2 for p in told) / max(sum(p.primal_entries for p in told), 1)
    dual = sum(p.dual_square_kw2 for p in told) / max(sum(p.dual_entries for p in told), 1)
    return RoundLog(
        round=told[0].round,
        iteration=told[0].iteration,
        steps=steps,
        primal_kw=math.sqrt(primal),
        dual_kw=math.sqrt(dual),
        upper=upper,
        lower=lower,
        gap=gap,
    )


def _to_clearing(outcomes: Sequence[ShardOutcome], log: Sequence[RoundLog]) -> Clearing:
    stations = [outcome.stations for outcome in outcomes]
    names = [field.name for field in fields(Schedule)]
    parts = [[getattr(outcome.schedule, name) for outcome in outcomes] for name in names]
    return Clearing(
        trade_kw=_gather([o.trade_kw for o in outcomes], [o.links for o in outcomes]),
        schedule=Schedule(
            **{name: _gather(part, stations) for name, part in zip(names, parts, strict=True)}
        ),
        price_per_kwh=_gather([o.price_per_kwh for o in outcomes], stations),
        upper=log[-1].upper,
        lower=log[-1].lower,
        gap=log[-1].gap,
        log=tuple(log),
    )


def _gather(parts: Sequence[FloatArray], places: Sequence[Any]) -> FloatArray:
    """Parts put at their places along the last axis."""
    whole = np.empty((*parts[0].shape[:-1], sum(len(place) for place in places)))
    for part, place in zip(parts, places, strict=True):
        whole[..., place] = part
    return frozen(whole)
