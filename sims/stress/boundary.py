"""How much of one thing is too much: bisection on severity for the end of agreement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...core.errors import InfeasibleError, MessageLost, RoadvoltError
from ..case import Case
from ..options import EpisodeOptions
from .outcome import judge
from .perturbations import Kind, Perturbation
from .perturbed_day import perturb
from .play import play

Row = dict[str, Any]

#: Agreed, and yet the wires broke the promise, because somebody drew other than agreed.
PROMISE_BROKEN = "promise_broken"
#: Misses that follow from a network limit that is missed are named behind it.
_FOLLOWS = "upstream share"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """One severity, and what came of it."""

    severity: float
    row: Row
    binding: str
    detail: str

    @property
    def outcome(self) -> str:
        broken = self.row["lied"] and not self.row.get("kept_promise", True)
        return PROMISE_BROKEN if broken else str(self.row["outcome"])

    @property
    def agreed(self) -> bool:
        return self.outcome == "agreed"


def find_boundary(case: Case, kind: Kind, options: EpisodeOptions, bisections: int) -> Row:
    """The severities between which agreement ends, by perturbation alone and one seed.

    Where all agree at severity 1, bisection looks instead for the severity from which the operator
    has to ask for a change, if it does so at 1 but not at 0.

    Args:
        case: unperturbed.
        kind: of the perturbation.
        options: of all episodes.
        bisections: halvings of [0, 1] after its upper end.

    Returns:
        a row of table ``boundaries`` without its policy, under "boundary".
    """
    trials = [_try(case, kind, 1.0, options)]
    looks_for_end = not trials[0].agreed
    low, high = 0.0, 1.0
    for _ in range(bisections if looks_for_end or _adjusted(trials[0]) else 0):
        middle = (low + high) / 2
        trials.append(_try(case, kind, middle, options))
        beyond = not trials[-1].agreed if looks_for_end else _adjusted(trials[-1])
        low, high = (low, middle) if beyond else (middle, high)
    return {"boundary": _row(kind, trials)}


def _try(case: Case, kind: Kind, severity: float, options: EpisodeOptions) -> _Trial:
    day = perturb(case, (Perturbation(kind=kind, severity=severity),), options.seed)
    trace = play(day, options)
    row: Row = judge(day, trace)["episode"]
    binding = _named(trace.error) if trace.error else row.get("breach", "")
    return _Trial(severity=severity, row=row, binding=binding, detail="; ".join(day.details))


def _named(error: RoadvoltError) -> str:
    """The limit, or the agent, that an error is about; "" where it names none."""
    if isinstance(error, InfeasibleError):
        misses = [str(miss) for miss in error.misses]
        network = [miss for miss in misses if not miss.startswith(_FOLLOWS)]
        return next(iter(network or misses), "")
    return error.agent if isinstance(error, MessageLost) else ""


def _adjusted(trial: _Trial) -> bool:
    return bool(trial.row["adjusted_kwh"] > 0)


def _row(kind: Kind, trials: list[_Trial]) -> Row:
    agreed = [trial.severity for trial in trials if trial.agreed]
    failed = min((t for t in trials if not t.agreed), key=lambda t: t.severity, default=None)
    shown = failed or trials[0]
    return {
        "perturbation": kind.value,
        "agreed_up_to": max(agreed, default=0.0),
        "fails_from": failed.severity if failed else None,
        "outcome": shown.outcome,
        "reason": shown.row["reason"],
        "binding": shown.binding if failed else "",
        "adjusted_from": min((t.severity for t in trials if _adjusted(t)), default=None),
        "detail": shown.detail,
        "silent_violation": any(trial.row["silent_violation"] for trial in trials),
        "linear_excess": max(t.row.get("linear_excess", 0.0) for t in trials),
    }
