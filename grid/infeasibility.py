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

from ..core.errors import InfeasibleError, LimitMiss, SolveError
from ..core.solve import Ending
from ..core.units import BoolArray, FloatArray, IntArray
from .cone_builder import ProgramBuilder
from .limited_solve import (
    TOLERANCE,
    DirectionsError,
    Hints,
    LimitedSolution,
    net_charging,
    solve_limited,
    solve_relaxed,
)
from .network_limits import limit_miss
from .opf_model import OpfModel
from .opf_problem import PosedOpf

#: Writes a problem into an empty program.
Pose: TypeAlias = Callable[[OpfModel, ProgramBuilder], PosedOpf]

#: Price of the whole missing net load left to the upstream grid, against a limit missed by 100 %.
_SHARE_PRICE = 10.0
#: What messages call an error that devices leave to the upstream grid beyond its share.
SHARE_MISS = "upstream share in balancing"


def solve_or_name(
    model: OpfModel,
    pose: Pose,
    what: str,
    hints: Hints | None = None,
    name: bool = True,
    charging: BoolArray | None = None,
) -> tuple[PosedOpf, LimitedSolution]:
    """The problem as posed, and its optimum.

    Args:
        model: from ``build_opf``.
        pose: writes the problem.
        what: the problem's name, for errors.
        hints: of an earlier solve, replaced by those of this one.
        name: whether to look for the limits that are missed; it takes another solve.
        charging: directions of the batteries [time, battery]; None chooses.

    Raises:
        InfeasibleError: with the smallest excesses, named by element, phase and hour; without
            any if devices cannot even keep their own limits.
        SolveError: the solver failed.
    """
    posed = pose(model, ProgramBuilder())
    try:
        return posed, solve_limited(model, posed.limited, what, charging, hints)
    except DirectionsError as error:
        return _solve_in_other_directions(model, pose, what, error)
    except SolveError as error:
        # Where the solver gives up, the limits can hardly be kept, or hardly be missed.
        unclear = error.ending == Ending.INEXACT
        if not unclear and not (name and isinstance(error, InfeasibleError)):
            raise
        open_model, elastic, extra = _pose_elastic(model, pose)
        least = solve_relaxed(open_model, elastic.limited, f"{what}, least excess")
        misses = _misses(model, least, extra)
        if misses:
            raise InfeasibleError(what, error.solver, misses) from error
        return _solve_in_other_directions(model, pose, what, error)


def _solve_in_other_directions(
    model: OpfModel, pose: Pose, what: str, refused: SolveError
) -> tuple[PosedOpf, LimitedSolution]:
    """Not infeasible, but in the directions tried: those of the least excesses may do."""
    open_model, elastic, extra = _pose_elastic(model, pose)
    least = solve_limited(open_model, elastic.limited, f"{what}, least excess")
    misses = _misses(model, least, extra)
    if misses:
        raise InfeasibleError(what, refused.solver, misses) from refused
    posed = pose(model, ProgramBuilder())
    charging = net_charging(least.values, elastic.batteries)
    return posed, solve_limited(model, posed.limited, what, charging)


def _pose_elastic(model: OpfModel, pose: Pose) -> tuple[OpfModel, PosedOpf, IntArray]:
    """The problem with prices on excesses for its objective; the columns of extra shares."""
    open_model = replace(model, options=replace(model.options, upstream_share_max=1.0))
    program = ProgramBuilder()
    posed = pose(open_model, program)
    program.drop_costs()
    extra = _add_extra_share(program, posed.upstream.alpha, model.options.upstream_share_max)
    limited = replace(posed.limited, slack_price=1 / model.limits.scale)
    return open_model, replace(posed, limited=limited), extra


def _misses(model: OpfModel, solution: LimitedSolution, extra: IntArray) -> tuple[LimitMiss, ...]:
    """What is exceeded in spite of its price, largest first."""
    return (*_share_misses(solution.values[extra]), *_network_misses(model, solution.slack))


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
        LimitMiss(f"{SHARE_MISS} {hour:02d}:00", 100 * float(extra[hour]), "%")
        for hour in np.flatnonzero(extra > TOLERANCE)
    ]
