"""What is searched, stated: prices, scenarios, and operation without anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .first_stage import FirstStage
from .operated import Solved, operate_elastic
from .operation import Day, DayProgram, least_cost
from .parts import without_links
from .recourse import Recourse


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """Limits are those of the days; money is in the days' unit."""

    first: FirstStage
    days: tuple[Day, ...]
    programs: tuple[DayProgram, ...]
    recourses: tuple[Recourse, ...]
    empty: tuple[Solved, ...]  #: operation without ports and storage

    @classmethod
    def of(cls, days: Sequence[Day], empty: Sequence[Solved] | None = None) -> Problem:
        """All that a plan of these days is judged by.

        Without ``empty``, the operation without ports and storage has the limits of the days.
        """
        programs = tuple(least_cost(day) for day in days)
        return cls(
            first=FirstStage.of(days[0].case),
            days=tuple(days),
            programs=programs,
            recourses=tuple(Recourse.of(*one) for one in zip(days, programs, strict=True)),
            empty=tuple(empty or operate_empty(days)),
        )

    @property
    def money(self) -> float:
        """The unit of money."""
        return self.days[0].money

    @property
    def before(self) -> float:
        """Yearly cost of operation without ports and storage; what income is counted from."""
        return sum(day.cost for day in self.empty)

    @property
    def empty_allowed(self) -> bool:
        """Whether operation without ports and storage keeps the limits."""
        return all(day.missed == 0 for day in self.empty)


def operate_empty(days: Sequence[Day]) -> tuple[Solved, ...]:
    """Operation without ports and storage; limits that cannot be kept are missed least."""
    bare = without_links(days[0].case)
    return tuple(operate_elastic(replace(day, case=bare), np.zeros(0)) for day in days)
