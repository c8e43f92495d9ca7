"""From a case and what goes wrong to the day that the parties meet.

Everything random (which line, which station, when) depends on the seed and the kind only, never on
the severity: more of the same is worse at the same place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...agents.faults import MessageFaults
from ...core.units import FloatArray, frozen
from ...uncertainty.seeds import generator
from ..case import Case
from . import case_changes as change
from .perturbations import Kind, Perturbation

#: The most that messages suffer, at severity 1.
_WORST_FAULTS = MessageFaults(lost=0.95, repeated=0.4, late=0.4, reordered=1.0)
_MOST_KILLS = 3
#: What a liar draws at severity 1 beyond its report, relative to that.
_WORST_LIE = 4.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PerturbedDay:
    """A day as planned, and what happens under way.

    ``later`` is the case after the interruption of round ``interrupted_in`` (0: none). Stations
    really draw ``truth`` [station] times what they report.
    """

    case: Case
    truth: FloatArray
    later: Case | None = None
    leaving: tuple[str, ...] = ()
    interrupted_in: int = 0
    faults: MessageFaults | None = None
    kills: int = 0
    details: tuple[str, ...] = ()  #: of each perturbation, in words

    @property
    def lied(self) -> bool:
        """Whether somebody draws other than reported."""
        return bool(np.any(self.truth != 1))


def perturb(case: Case, perturbations: Sequence[Perturbation], seed: int) -> PerturbedDay:
    """Applies the perturbations in the order of ``Kind``; what happens under way comes last."""
    day = PerturbedDay(case=case, truth=frozen(np.ones(len(case.stations))))
    words: dict[Kind, str] = {}
    order = list(Kind)
    for item in sorted(perturbations, key=lambda p: _STAGE.get(p.kind, order.index(p.kind))):
        if item.severity == 0:
            words[item.kind] = "nothing"
            continue
        rng = generator(seed, "stress", item.kind.value)
        day, words[item.kind] = _APPLY[item.kind](day, item.severity, rng)
    return replace(day, details=tuple(words[item.kind] for item in perturbations))


_Applied = tuple[PerturbedDay, str]


def _case_change(
    alter: Callable[[Case, float, np.random.Generator], tuple[Case, str]],
) -> Callable[[PerturbedDay, float, np.random.Generator], _Applied]:
    def apply(day: PerturbedDay, severity: float, rng: np.random.Generator) -> _Applied:
        case, words = alter(day.case, severity, rng)
        return replace(day, case=case), words

    return apply


def _crowd(day: PerturbedDay, severity: float, rng: np.random.Generator) -> _Applied:
    case, words = change.crowd_lateral(day.case, severity, rng)
    return replace(day, case=case, truth=frozen(np.ones(len(case.stations)))), words


def _lie(day: PerturbedDay, severity: float, rng: np.random.Generator) -> _Applied:
    truth = np.array(day.truth)
    liar = int(rng.integers(len(truth)))
    truth[liar] = 1 + _WORST_LIE * severity
    name = day.case.stations[liar].id
    return replace(day, truth=frozen(truth)), f"{name} draws {truth[liar]:.2f} x its report"


def _leave(day: PerturbedDay, severity: float, rng: np.random.Generator) -> _Applied:
    case = day.later or day.case
    count = round(severity * (len(case.stations) - 1))
    gone = tuple(case.stations[k].id for k in rng.permutation(len(case.stations))[:count])
    if not gone:
        return day, "nobody leaves"
    later = change.without_stations(case, gone)
    words = f"{', '.join(gone[:5])}{' ..' if count > 5 else ''} leave in round 1 ({count})"
    return replace(day, later=later, leaving=gone, interrupted_in=1), words


def _tighten(day: PerturbedDay, severity: float, rng: np.random.Generator) -> _Applied:
    later, words = change.tighten_limits(day.later or day.case, severity)
    return replace(day, later=later, interrupted_in=1), f"{words} in round 1"


def _spoil_messages(day: PerturbedDay, severity: float, rng: np.random.Generator) -> _Applied:
    worst = _WORST_FAULTS
    faults = MessageFaults(
        lost=severity * worst.lost,
        repeated=severity * worst.repeated,
        late=severity * worst.late,
        reordered=severity * worst.reordered,
    )
    return replace(day, faults=faults), f"{faults.lost:.0%} of messages lost"


def _kill(day: PerturbedDay, severity: float, rng: np.random.Generator) -> _Applied:
    kills = math.ceil(severity * _MOST_KILLS)
    return replace(day, kills=kills), f"{kills} hosts of stations killed"


_APPLY: dict[Kind, Callable[[PerturbedDay, float, np.random.Generator], _Applied]] = {
    Kind.LINE_DERATING: _case_change(change.derate_line),
    Kind.PV_SURGE: _case_change(change.surge_pv),
    Kind.DEMAND_SPIKE: _case_change(change.spike_demand),
    Kind.ROAD_CLOSURE: _case_change(change.close_road),
    Kind.PRICE_SHOCK: _case_change(change.shock_prices),
    Kind.CROWDED_LATERAL: _crowd,
    Kind.STATION_LIES: _lie,
    Kind.STATION_LEAVES: _leave,
    Kind.LIMITS_TIGHTENED: _tighten,
    Kind.MESSAGE_FAULTS: _spoil_messages,
    Kind.HOST_KILLED: _kill,
}
#: A crowd comes before all else, what happens under way after it.
_STAGE = {Kind.CROWDED_LATERAL: -1, Kind.STATION_LEAVES: 100, Kind.LIMITS_TIGHTENED: 101}
