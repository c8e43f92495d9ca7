"""How often limits are exceeded in samples, and whether that breaks a promise.

A promise of ``risk`` holds for every limit by itself: one magnitude of one bus and phase in one
hour, one loading, one reserve, one store. With thousands of limits some look bad by chance, so the
intervals hold for all limits *together* (Bonferroni): if every promise is kept, a breach is
reported with probability at most ``1 - CONFIDENCE``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.special import betaincinv

from ..core.units import PHASES, BoolArray, FloatArray, IntArray

CONFIDENCE = 0.95


class LimitKind(StrEnum):
    """What a promise is about, in samples of the exact check; the word for it in reports.

    ``network_limits.RowKind`` is the plan's side: rows of the linear model, which has two for an
    unbalance and many for a loading, and none for devices.
    """

    VOLTAGE_LOW = "lowest voltage at bus"
    VOLTAGE_HIGH = "highest voltage at bus"
    UNBALANCE = "voltage unbalance at bus"
    LOADING = "loading of line"
    RESERVE_UP = "upward reserve of"
    RESERVE_DOWN = "downward reserve of"
    ENERGY_LOW = "lowest energy of"
    ENERGY_HIGH = "highest energy of"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRate:
    """How often one limit was exceeded, and where its true rate may lie."""

    kind: LimitKind
    element: str
    phase: str  #: "" where the limit is not of one phase
    time: int
    rate: float
    lower: float  #: the interval holds for all limits of the day together
    upper: float

    def __str__(self) -> str:
        phase = f" phase {self.phase}" if self.phase else ""
        return (
            f"{self.kind} {self.element}{phase} {self.time:02d}:00 exceeded in {self.rate:.2%} "
            f"of samples (true rate {self.lower:.2%} to {self.upper:.2%})"
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LimitFamily:
    """All limits of one kind over a day."""

    kind: LimitKind
    elements: tuple[str, ...]
    exists: BoolArray  #: [element] or [element, phase]
    rate: FloatArray  #: [time, element] or [time, element, phase]; 0 where there is no limit
    joint_rate: float  #: share of (scenario, hour) in which any limit of the family is exceeded


def exact_interval(count: IntArray, total: int, level: float) -> tuple[FloatArray, FloatArray]:
    """Interval of a probability after ``count`` of ``total`` independent trials went wrong.

    The beta quantiles of Clopper and Pearson, whose coverage is at least ``level`` at any
    probability; approximate intervals fail in the far tails that simultaneous levels ask for.

    Args:
        count: [...], 0 to ``total``.
        total: number of trials, > 0.
        level: coverage, in (0, 1); what is left is split evenly on both sides.

    Returns:
        (lower, upper) [...].

    References:
        Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of
        the binomial, Biometrika 26(4), 1934.
    """
    tail = (1 - level) / 2
    # The quantiles exist for positive shapes only; at the ends the bound is 0 or 1 by definition.
    lower = np.where(count > 0, betaincinv(np.maximum(count, 1), total - count + 1, tail), 0.0)
    upper_shape = np.maximum(total - count, 1)
    upper = np.where(count < total, betaincinv(count + 1, upper_shape, 1 - tail), 1.0)
    return lower, upper


def worst_rates(families: Sequence[LimitFamily], samples: int) -> tuple[LimitRate, ...]:
    """The limit of each family that is exceeded most often in ``samples`` scenarios."""
    level = _level_of_each(families)
    return tuple(
        _rates_at(family, [_most_often(family)], samples, level)[0]
        for family in families
        if family.exists.any()
    )


def find_breaches(
    families: Sequence[LimitFamily], samples: int, risk: float
) -> tuple[LimitRate, ...]:
    """The limits whose rate is significantly above the promised ``risk``, worst first."""
    level = _level_of_each(families)
    suspects = [
        rate
        for family in families
        for rate in _rates_at(family, np.flatnonzero(family.rate > risk), samples, level)
    ]
    return tuple(sorted((x for x in suspects if x.lower > risk), key=lambda x: -x.rate))


def _most_often(family: LimitFamily) -> int:
    return int(np.where(family.exists, family.rate, -1.0).argmax())


def _level_of_each(families: Sequence[LimitFamily]) -> float:
    """The level at which single intervals hold all together with ``CONFIDENCE``."""
    limits = sum(len(family.rate) * np.count_nonzero(family.exists) for family in families)
    return 1 - (1 - CONFIDENCE) / max(limits, 1)


def _rates_at(
    family: LimitFamily, flat: Sequence[int] | IntArray, samples: int, level: float
) -> list[LimitRate]:
    """The limits at flat positions of ``family.rate``, with names and intervals."""
    rates = family.rate.ravel()[flat]
    lower, upper = exact_interval(np.rint(rates * samples).astype(np.int64), samples, level)
    places = zip(*np.unravel_index(flat, family.rate.shape), strict=True)
    return [
        LimitRate(
            kind=family.kind,
            element=family.elements[place[1]],
            phase=PHASES[place[2]] if len(place) == 3 else "",
            time=int(place[0]),
            rate=float(rates[k]),
            lower=float(lower[k]),
            upper=float(upper[k]),
        )
        for k, place in enumerate(places)
    ]
