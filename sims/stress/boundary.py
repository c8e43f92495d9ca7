"""How much of one thing is too much: bisection on severity for the end of agreement."""

from __future__ import annotations

from typing import Any

from ..case import Case
from ..options import EpisodeOptions
from .outcome import judge
from .perturbations import Kind, Perturbation
from .perturbed_day import perturb
from .play import play


def find_boundary(
    case: Case, kind: Kind, options: EpisodeOptions, bisections: int
) -> dict[str, Any]:
    """The severities between which agreement ends, by perturbation alone and one seed.

    Args:
        case: unperturbed.
        kind: of the perturbation.
        options: of all episodes.
        bisections: halvings of [0, 1] after the two ends.

    Returns:
        a row of table ``boundaries`` without its policy, under "boundary".
    """
    agreed, failed = 0.0, _try(case, kind, 1.0, options)
    if failed["outcome"] == "agreed":
        return {"boundary": _row(kind, 1.0, None, failed)}
    fails_from = 1.0
    for _ in range(bisections):
        middle = (agreed + fails_from) / 2
        ending = _try(case, kind, middle, options)
        if ending["outcome"] == "agreed":
            agreed = middle
        else:
            fails_from, failed = middle, ending
    return {"boundary": _row(kind, agreed, fails_from, failed)}


def _try(case: Case, kind: Kind, severity: float, options: EpisodeOptions) -> dict[str, Any]:
    day = perturb(case, (Perturbation(kind=kind, severity=severity),), options.seed)
    row: dict[str, Any] = judge(day, play(day, options))["episode"]
    return row


def _row(
    kind: Kind, agreed: float, fails_from: float | None, ending: dict[str, Any]
) -> dict[str, Any]:
    return {
        "perturbation": kind.value,
        "agreed_up_to": agreed,
        "fails_from": fails_from,
        "outcome": ending["outcome"],
        "reason": ending["reason"],
        "silent_violation": ending["silent_violation"],
    }
