"""An operating envelope: for every station and hour a range in which it may do as it likes.

    min  sum (what the range lacks of [min(around, 0), max(around, 0)])^2
         + weight sum (what it lacks of ``reach_kw`` more at either end)^2
    s.t. effects+ upper + effects- lower + devices + margins <= bound   for every network row
         lower <= 0 <= upper

With effects+ and effects- the positive and negative parts of how stations act on a row, the left
side is the worst that any responses inside can do, so all of them are feasible with one and the
same dispatch, independently of each other. A station can always stand idle, and may have no other
answer: PV fails, energy runs out, peers are bound as well. So a limit that it can keep for certain
holds 0, and a box of such limits exists if and only if idle stations can be served.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from ..core.units import BoolArray, FloatArray, IntArray, frozen
from .cone_builder import ProgramBuilder
from .feeder import ConnectionPoint
from .infeasibility import solve_or_name
from .limited_solve import net_charging
from .opf_model import OpfModel, point_nodes
from .opf_problem import FlexibleLoad, PosedOpf, pose_opf
from .projection import COST_WEIGHT

#: Room beyond the agreed exchange weighs this much against covering the exchange itself.
ROOM_WEIGHT = 1e-3


class Envelope(NamedTuple):
    """A box of withdrawals, and the directions of batteries in which all of it can be carried."""

    lower_kw: FloatArray  #: [time, point] <= 0
    upper_kw: FloatArray  #: [time, point] >= 0
    charging: BoolArray  #: [time, battery], where the operator's batteries may charge only


def operating_envelope(
    model: OpfModel,
    points: tuple[ConnectionPoint, ...],
    around_kw: FloatArray,
    reach_kw: float = 200.0,
    backoff_kw: float = 0.5,
) -> Envelope:
    """The fairest large box of withdrawals of which every point can be dispatched.

    Args:
        model: from ``build_opf``.
        points: where stations are connected.
        around_kw: the exchange to cover first [time, point], as permitted by ``project``. It is
            cut where stations that relieve each other could not act alone.
        reach_kw: how far beyond it the box may grow.
        backoff_kw: every limit is kept for so much more, or less, load at any one bus, as by
            ``project``: without it the solver's tolerance may cut a corner off.

    Raises:
        InfeasibleError: idle stations, which every box holds, cannot be served; names the limits.
        SolveError: the solver failed.
    """
    pose = partial(
        _pose, points=points, around_kw=around_kw, reach_kw=reach_kw, backoff_kw=backoff_kw
    )
    posed, solution = solve_or_name(model, pose, "operating envelope")
    upper, lower = np.hsplit(solution.values[posed.flexible.columns], 2)
    return Envelope(
        lower_kw=frozen(np.minimum(lower, 0)),
        upper_kw=frozen(np.maximum(upper, 0)),
        charging=frozen(net_charging(solution.values, posed.batteries), np.bool_),
    )


def _pose(
    model: OpfModel,
    program: ProgramBuilder,
    *,
    points: tuple[ConnectionPoint, ...],
    around_kw: FloatArray,
    reach_kw: float,
    backoff_kw: float,
) -> PosedOpf:
    upper = program.variables(*around_kw.shape, unit=100.0)
    lower = program.variables(*around_kw.shape, unit=100.0)
    effects = model.limits.by_p @ point_nodes(model, points).T
    flexible = FlexibleLoad(
        columns=np.hstack([upper, lower]),
        effects=np.hstack([np.maximum(effects, 0), np.minimum(effects, 0)]),
        balance=np.zeros(2 * len(points)),
    )
    posed = pose_opf(model, program, model.p_load_kw, flexible=flexible, backoff_kw=backoff_kw)
    program.weigh_costs(COST_WEIGHT)
    _add_end(program, upper, 1.0, np.maximum(around_kw, 0), reach_kw)
    _add_end(program, lower, -1.0, np.maximum(-around_kw, 0), reach_kw)
    # The first directions that batteries can take will do: each try takes seconds.
    return replace(posed, limited=replace(posed.limited, mode_gap=np.inf))


def _add_end(
    program: ProgramBuilder, end: IntArray, sign: float, size_kw: FloatArray, reach_kw: float
) -> None:
    """sign end = (size - lack) + (reach - missing),  0 <= lack <= size,  0 <= missing <= reach."""
    lack = program.variables(*end.shape, unit=10.0)
    missing = program.variables(*end.shape, unit=100.0)
    program.equal([(end, sign), (lack, 1.0), (missing, 1.0)], size_kw + reach_kw)
    program.between(lack, 0.0, size_kw)
    program.between(missing, 0.0, reach_kw)
    program.add_cost(lack, 0.0, 1.0)
    program.add_cost(missing, 0.0, ROOM_WEIGHT)
