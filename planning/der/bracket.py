"""Where a search stands: the optimum between two bounds, and all it takes to go on from there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

import numpy as np

from ...core.units import FloatArray
from .extensive import Cut
from .solution import Separation, Step


class Stage(StrEnum):
    """What a search of ``solve_der`` is for; the second follows if the feeder is in the way."""

    COPPERPLATE = "copperplate"
    FEEDER = "feeder"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bracket:
    """The optimum between two bounds, with a plan that reaches the upper one.

    A search that is given what it told after any of its steps goes on with the same steps as if it
    had never stopped.
    """

    x: FloatArray  #: of ``all_as_one``, or of ``site_by_site`` on the feeder
    upper: float
    lower: float
    steps: tuple[Step, ...] = ()
    fates: tuple[FloatArray, ...] = ()  #: that plans are made against
    worst: FloatArray  #: the worst fate known of x
    cuts: tuple[Cut, ...] = ()  #: of Benders
    ended: bool = False  #: nothing is left to try, whether or not the bounds met

    @property
    def seconds(self) -> float:
        """That it took to get here."""
        return self.steps[-1].seconds if self.steps else 0.0

    def closed(self, gap: float) -> bool:
        """Whether the bounds are within a gap, relative to the upper one."""
        apart = self.upper - self.lower
        return bool(np.isfinite(self.upper) and apart <= gap * abs(self.upper))

    def has(self, u: FloatArray) -> bool:
        """Whether plans are made against this fate already."""
        return any(np.array_equal(u, one) for one in self.fates)

    def with_fate(self, u: FloatArray, gap: float) -> Bracket:
        """Plans are made against u too; the end, if they are already or the bounds have met."""
        if self.closed(gap) or self.has(u):
            return replace(self, ended=True)
        return replace(self, fates=(*self.fates, u))

    def noted(self, how: Separation, seconds: float) -> Bracket:
        """A step later."""
        step = Step(
            number=len(self.steps) + 1,
            lower_bound=self.lower,
            upper_bound=self.upper,
            separation=how,
            seconds=seconds,
        )
        return replace(self, steps=(*self.steps, step))


#: Told of the bracket after every step.
Watcher: TypeAlias = Callable[[Bracket], None]
