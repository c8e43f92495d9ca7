"""Solves a posed problem, or names the limits that stand in the way and by how much.

When no point meets all limits, the same problem is solved once more with prices on exceeding
network limits, and on leaving errors to the upstream grid beyond its share, in the place of
costs. Excesses are weighed as parts of the rating (flows) and of 1 pu squared (voltages).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from ..core.errors import InfeasibleError, LimitMiss
from ..core.units import BoolArray, FloatArray, IntArray
from .cone_builder import ProgramBuilder
from .limited_solve import TOLERANCE, LimitedSolution, net_charging, solve_limited
from .network_limits import limit_miss
from .opf_model import OpfModel
from .opf_problem import PosedOpf

#: Writes a problem into an empty program.
Pose: TypeAlias = Callable[[OpfModel, ProgramBuilder], PosedOpf]

#: Price of the whole missing net load left to the upstream grid, against a limit missed by 100 %.
_SHARE_PRICE = 10.0


def solve_or_name(model: OpfModel, pose: Pose, what: str) -> tuple[PosedOpf, LimitedSolution]:
    """The problem as posed, and its optimum.

    Raises:
        InfeasibleError: with the smallest excesses, named by element, phase and hour; without
            any if devices cannot even keep their own limits.
        SolveError: the solver failed.
    """
    posed = pose(model, ProgramBuilder())
    try:
        return posed, solve_limited(model, posed.limited, what)
    except InfeasibleError as error:
        misses, charging = _least_misses(model, pose, what)
        if misses:
            raise InfeasibleError(what, error.solver, misses) from error
    # Not infeasible, but in the directions that were tried for the batteries: here are others.
    posed = pose(model, ProgramBuilder())
    return posed, solve_limited(model, posed.limited, what, charging)


def _least_misses(
    model: OpfModel, pose: Pose, what: str
) -> tuple[tuple[LimitMiss, ...], BoolArray]:
    """The excesses of least total weight, largest first, and where batteries charge with them."""
    open_model = replace(model, options=replace(model.options, upstream_share_max=1.0))
    program = ProgramBuilder()
    posed = pose(open_model, program)
    program.drop_costs()
    extra = _add_extra_share(program, posed.upstream.alpha, model.options.upstream_share_max)
    problem = replace(posed.limited, slack_price=1 / model.limits.scale)
    solution = solve_limited(open_model, problem, f"{what}, least excess")
    misses = (
        *_share_misses(solution.values[extra]),
        *_network_misses(model, solution.slack),
    )
    return misses, net_charging(solution.values, posed.batteries)


def _network_misses(model: OpfModel, slack: FloatArray) -> Iterator[LimitMiss]:
    """Largest first; of the sides of one line's polygon only the one most exceeded."""
    weight = slack / model.limits.scale
    hours, rows = np.nonzero(weight > TOLERANCE)
    named = set()
    for k in np.argsort(-weight[hours, rows], kind="stable"):
        hour, row = int(hours[k]), int(rows[k])
        excess = float(slack[hour, row])
        miss = limit_miss(model.feeder, model.limits, row, hour, excess)
        if miss.limit not in named:
            named.add(miss.limit)
            yield miss


def _add_extra_share(program: ProgramBuilder, alpha: IntArray, share_max: float) -> IntArray:
    """extra >= upstream share - its bound [time]."""
    extra = program.variables(len(alpha), unit=1.0)
    program.at_most([(extra, -1.0)], np.zeros(len(alpha)))
    program.at_most([(alpha, 1.0), (extra, -1.0)], np.full(len(alpha), share_max))
    program.add_cost(extra, _SHARE_PRICE)
    return extra


def _share_misses(extra: FloatArray) -> list[LimitMiss]:
    return [
        LimitMiss(f"upstream share in balancing {hour:02d}:00", 100 * float(extra[hour]), "%")
        for hour in np.flatnonzero(extra > TOLERANCE)
    ]
