"""A plan near the optimum of the copperplate that the feeder carries.

Costs are flat around the optimum: a little less PV, or fewer batteries, costs a few parts in ten
thousand, and may be all that a placement needs. A pattern search over the four numbers of the
copperplate looks for the cheapest plan that can be placed; its worst case is proven afterwards, and
the lower bound of the copperplate holds as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from ...core.units import FloatArray
from .fast import RobustProblem
from .placement import Extent, place
from .recourse import operate
from .solution import DerPlan

#: Relative steps in the sizes, coarse to fine.
_STEPS = (0.1, 0.04, 0.015, 0.005)

Fitted: TypeAlias = tuple[FloatArray, DerPlan]


def fit(
    problem: RobustProblem, x: FloatArray, extent: Extent, fates: Sequence[FloatArray]
) -> Fitted | None:
    """The cheapest plan found that can be placed, judged by fates; None if none was found.

    Args:
        problem: on the copperplate.
        x: its optimum, which the search begins at.
        extent: of all fates.
        fates: that stand for the worst case.
    """

    def cost(point: FloatArray) -> float:
        return problem.investment(point) + max(
            operate(problem.recourses, point, u).cost for u in fates
        )

    best: Fitted | None = None
    least = np.inf
    for start in _starts(problem, x):
        plan = place(problem.case, problem.first, start, extent)
        if plan is not None and (found := cost(start)) < least:
            best, least = (start, plan), found
    if best is None:
        return None
    for step in _STEPS:
        best = _descend(problem, best, extent, step, cost)
    return best


def _descend(
    problem: RobustProblem,
    best: Fitted,
    extent: Extent,
    step: float,
    cost: Callable[[FloatArray], float],
) -> Fitted:
    """Goes to better neighbours while there are any."""
    least = cost(best[0])
    improved = True
    while improved:
        improved = False
        for point in _neighbours(problem, best[0], step):
            found = cost(point)
            if found < least - 1e-9 * abs(least):
                plan = place(problem.case, problem.first, point, extent)
                if plan is not None:
                    best, least, improved = (point, plan), found, True
                    break
    return best


def _starts(problem: RobustProblem, x: FloatArray) -> Iterator[FloatArray]:
    """As many sites as may be, fewer and fewer batteries, smaller and smaller PV."""
    sites, kw, batteries, kwh = x
    for share in (1.0, 0.9, 0.75, 0.5):
        for count in range(int(batteries), -1, -1):
            left = count / batteries if batteries else 0.0
            yield _allowed(problem, np.array([sites, share * kw, count, left * kwh]))
    yield np.zeros(4)


def _neighbours(problem: RobustProblem, x: FloatArray, step: float) -> Iterator[FloatArray]:
    for column in (1, 3):
        for factor in (1 + step, 1 - step):
            moved = x.copy()
            moved[column] *= factor
            yield _allowed(problem, moved)
    for column in (0, 2):
        for change in (1, -1):
            moved = x.copy()
            moved[column] += change
            yield _allowed(problem, moved)


def _allowed(problem: RobustProblem, x: FloatArray) -> FloatArray:
    """The nearest point with enough sites for what is built and no more than there are."""
    rules, upper = problem.case.rules, problem.first.upper
    found = np.clip(x, 0.0, upper)
    for built, size in ((0, 1), (2, 3)):
        found[built] = min(max(found[built], np.ceil(found[size] / rules.size_max)), upper[built])
        low, high = rules.size_min * found[built], rules.size_max * found[built]
        found[size] = float(np.clip(found[size], low, high))
    return found
