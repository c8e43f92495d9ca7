"""What a scenario answers to numbers of modules: its cost, or that limits cannot be kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...core.errors import SolveError
from ...core.solve import Certificate, ConeProgram, ConeSolution, solve_cone_or_certify
from ...core.units import FloatArray
from .operation import Day, DayProgram, least_miss, module_sizes
from .standard import HourBounds, StandardDay, hour_bounds, into_dual_cone, standard

_WHAT = "operation of a day"
#: Where Clarabel cannot reach the first tolerance, the next; bounds hold with any.
_TOLERANCES = (1e-8, 1e-6, 1e-4)
#: Modules in place of none: a port of size 0 leaves cones without interior, and prices without end.
#: Bounds hold anywhere, so they may be taken next to 0. Where the first gives no answer, the next.
NUDGES = (1e-4, 1e-3, 1e-2)
#: Sum of what limits are missed by, squared per unit, that is called none.
MISS_TOLERANCE = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recourse:
    """A scenario, ready to be asked."""

    day: Day
    cost: StandardDay

    @classmethod
    def of(cls, day: Day, program: DayProgram) -> Recourse:
        """From its cheapest operation."""
        return cls(day=day, cost=standard(program, module_sizes(day.case)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """Of a scenario to numbers of modules."""

    feasible: bool
    cost: float  #: a year; infinite where limits cannot be kept
    bounds: HourBounds  #: of the cost; or of what must not be positive for limits to be kept


def answer(recourse: Recourse, modules: FloatArray) -> Answer:
    """The cheapest operation with so many modules, a little for none, or proof that none exists.

    Raises:
        SolveError: neither was found.
    """
    for nudge in NUDGES:
        program = recourse.cost.program(np.where(modules > 0, modules, nudge))
        try:
            return _read(recourse.cost, solve_finely(program, _WHAT, _TOLERANCES[:2]))
        except SolveError:
            pass
    return _by_misses(recourse, np.where(modules > 0, modules, NUDGES[-1]))


def _by_misses(recourse: Recourse, modules: FloatArray) -> Answer:
    """Close to where limits can just be kept: by what they are missed at least."""
    miss = standard(least_miss(recourse.day), module_sizes(recourse.day.case))
    found = solve_finely(miss.program(modules), _WHAT, _TOLERANCES[1:])
    if isinstance(found, ConeSolution) and float(miss.cost @ found.x) <= MISS_TOLERANCE:
        return _read(recourse.cost, solve_finely(recourse.cost.program(modules), _WHAT))
    return _infeasible(miss, found.z)


def _read(day: StandardDay, found: ConeSolution | Certificate) -> Answer:
    if isinstance(found, Certificate):
        return _infeasible(replace(day, cost=0 * day.cost), found.z / abs(found.z).max())
    bounds = hour_bounds(day, into_dual_cone(day, found.z))
    return Answer(feasible=True, cost=float(day.cost @ found.x), bounds=bounds)


def _infeasible(day: StandardDay, z: FloatArray) -> Answer:
    bounds = hour_bounds(day, into_dual_cone(day, z))
    return Answer(feasible=False, cost=float("inf"), bounds=bounds)


def solve_finely(
    program: ConeProgram, what: str, tolerances: Sequence[float] = _TOLERANCES
) -> ConeSolution | Certificate:
    """By Clarabel, as finely as it can."""
    for tolerance in tolerances[:-1]:
        try:
            return solve_cone_or_certify(program, what, tolerance)
        except SolveError:
            pass
    return solve_cone_or_certify(program, what, tolerances[-1])
