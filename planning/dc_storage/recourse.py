"""What a scenario answers to numbers of modules: its cost, or that limits cannot be kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.errors import SolveError
from ...core.solve import Certificate, ConeProgram, ConeSolution, solve_cone_or_certify
from ...core.units import FloatArray
from .operation import Day, DayProgram, least_cost, least_miss, module_sizes
from .standard import HourBounds, StandardDay, hour_bounds, into_dual_cone, standard

#: Where Clarabel cannot reach the first tolerance, the second; bounds hold with any.
_TOLERANCES = (1e-8, 1e-6)
#: Modules added to every number that is asked for. A port of size 0 leaves cones without interior,
#: and prices without end; bounds hold anywhere, so they may be taken next to it.
NUDGE = 1e-3
#: Sum of what limits are missed by, squared per unit, that is called none.
MISS_TOLERANCE = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recourse:
    """A scenario's programs, stated once."""

    day: DayProgram
    cost: StandardDay
    miss: StandardDay

    @classmethod
    def of(cls, day: Day) -> Recourse:
        """Both programs."""
        units, program = module_sizes(day.case), least_cost(day)
        return cls(
            day=program, cost=standard(program, units), miss=standard(least_miss(day), units)
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """Of a scenario to numbers of modules."""

    feasible: bool
    value: float  #: yearly cost, or what limits are missed by
    bounds: HourBounds  #: of either
    x: FloatArray  #: all columns of the program; sizes 0


def answer(recourse: Recourse, modules: FloatArray) -> Answer:
    """The cheapest operation with so many modules, ``NUDGE`` added, or the one that misses least.

    Raises:
        SolveError: neither was found.
    """
    there = modules + NUDGE
    found = solve_finely(recourse.cost.program(there), "operation of a day")
    if isinstance(found, ConeSolution):
        return _read(recourse.cost, found, feasible=True)
    return _missing(recourse, there)


def _missing(recourse: Recourse, modules: FloatArray) -> Answer:
    found = solve_finely(recourse.miss.program(modules), "limits of a day")
    if isinstance(found, Certificate):
        raise SolveError("limits of a day", "Clarabel", "infeasible", "beyond missing any limit")
    return _read(recourse.miss, found, feasible=False)


def _read(day: StandardDay, found: ConeSolution, feasible: bool) -> Answer:
    return Answer(
        feasible=feasible,
        value=float(day.cost @ found.x),
        bounds=hour_bounds(day, into_dual_cone(day, found.z)),
        x=day.values(found.x),
    )


def solve_finely(program: ConeProgram, what: str) -> ConeSolution | Certificate:
    """By Clarabel, as finely as it can."""
    for tolerance in _TOLERANCES[:-1]:
        try:
            return solve_cone_or_certify(program, what, tolerance)
        except SolveError:
            pass
    return solve_cone_or_certify(program, what, _TOLERANCES[-1])
