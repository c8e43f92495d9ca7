"""The trading adjustment signal: the nearest exchange that the network can carry.

    min  sum (adjustment)^2
    s.t. a dispatch exists for the adjusted withdrawals, within limits tightened by a back-off;
         min(w, 0) <= w + adjustment <= max(w, 0)

A station is asked to draw less, or to feed in less, never for more than it offered. The square
shares an adjustment fairly among stations that strain a limit alike (Chen et al., (23)-(27); the
sign restriction and the back-off make the trading rounds end).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from ..core.units import BoolArray, FloatArray, frozen
from .cone_builder import ProgramBuilder
from .feeder import ConnectionPoint
from .infeasibility import solve_or_name
from .limited_solve import LimitedSolution, row_excess
from .network_limits import limit_name
from .opf_model import OpfModel, point_nodes
from .opf_problem import FlexibleLoad, PosedOpf, pose_opf

#: What a unit of cost weighs against a square kW: enough to choose among dispatches, and it moves
#: an adjustment by half the price of energy times this, a few 1e-4 kW.
COST_WEIGHT = 0.01
#: A station is moved, and a limit named as moving it, from here on.
NAMED_KW = 0.01


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Projection:
    """The operator's answer to a set of trades.

    ``lowest_kw`` and ``highest_kw`` are the one-sided limits to trade again within (``limits_on``).
    """

    permitted_kw: FloatArray  #: [time, point], net withdrawal that is allowed
    adjustment_kw: FloatArray  #: [time, point, phase], permitted less asked for
    lowest_kw: FloatArray  #: [time, point] <= 0, -inf where the point may feed in as it likes
    highest_kw: FloatArray  #: [time, point] >= 0, inf where it may draw as it likes
    binding: tuple[str, ...]  #: the limits behind it, strongest first, e.g. "line 17 phase a 14:00"


def project(
    model: OpfModel,
    points: tuple[ConnectionPoint, ...],
    withdrawal_kw: FloatArray,
    backoff_kw: float = 0.5,
    movable: BoolArray | None = None,
) -> Projection:
    """The permitted withdrawals nearest to those asked for.

    Args:
        model: from ``build_opf``.
        points: where stations are connected; they may share a bus.
        withdrawal_kw: net withdrawals asked for [time, point], negative for feeding in.
        backoff_kw: every limit is kept for so much more, or less, load at any one bus.
        movable: the points that may be asked to change [point]; None is all.

    Raises:
        InfeasibleError: the limits cannot be kept whatever the stations forgo; names them.
        SolveError: the solver failed.
    """
    pose = partial(
        _pose,
        points=points,
        withdrawal_kw=withdrawal_kw,
        backoff_kw=backoff_kw,
        movable=np.ones(len(points), dtype=bool) if movable is None else movable,
    )
    posed, solution = solve_or_name(model, pose, "trading adjustment")
    adjustment = solution.values[posed.flexible.columns]
    lower, upper = np.minimum(withdrawal_kw, 0), np.maximum(withdrawal_kw, 0)
    permitted = np.clip(withdrawal_kw + adjustment, lower, upper)
    # Smaller changes are what the cone solver leaves, not a wish.
    permitted = np.where(np.abs(permitted - withdrawal_kw) > NAMED_KW, permitted, withdrawal_kw)
    share = np.array([point.share for point in points]).reshape(-1, 3)
    room = np.maximum(-row_excess(model, posed.limited, solution.values), 0)
    lowest, highest = limits_on(withdrawal_kw, permitted, posed.flexible.effects, room)
    return Projection(
        permitted_kw=frozen(permitted),
        adjustment_kw=frozen((permitted - withdrawal_kw)[..., None] * share),
        lowest_kw=frozen(lowest),
        highest_kw=frozen(highest),
        binding=_binding(model, posed, solution),
    )


def limits_on(
    asked_kw: FloatArray, permitted_kw: FloatArray, effects: FloatArray, room: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """One-sided limits that keep those who strain the network from moving the strain elsewhere.

    A point asked to draw less is bounded above by what it is permitted, in the hours it was
    asked. In its other hours it would take up there what it lost here, and be refused again: it
    is bounded by its withdrawal plus the room that the network leaves, shared alike by all points
    so asked (room of row k / sum of their effects on k, the least over k). Feeding in likewise,
    from below. Points that were not asked to change are free.

    Args:
        asked_kw: net withdrawals asked for [time, point].
        permitted_kw: what is allowed of them [time, point].
        effects: what a kW drawn at a point adds to a row [row, point].
        room: by how much rows may still rise at what is permitted [time, row], >= 0.

    Returns:
        lowest_kw <= 0 <= highest_kw [time, point], infinite where there is no limit.
    """
    sides = []
    for sense in (-1.0, 1.0):
        change = sense * (permitted_kw - asked_kw)
        reduced = change < 0
        strain = np.maximum(sense * effects, 0) @ reduced.any(axis=0)
        strained = strain > 0
        shared = np.min(room[:, strained] / strain[strained], axis=1, initial=np.inf)
        most = sense * permitted_kw + np.where(reduced, 0, shared[:, None])
        most = np.where(reduced.any(axis=0), np.maximum(most, 0), np.inf)
        sides.append(sense * most)
    return sides[0], sides[1]


def _pose(
    model: OpfModel,
    program: ProgramBuilder,
    *,
    points: tuple[ConnectionPoint, ...],
    withdrawal_kw: FloatArray,
    backoff_kw: float,
    movable: BoolArray,
) -> PosedOpf:
    nodes = point_nodes(model, points)
    adjustment = program.variables(*withdrawal_kw.shape, unit=10.0)
    program.at_most([(adjustment, 1.0)], movable * np.maximum(-withdrawal_kw, 0))
    program.at_most([(adjustment, -1.0)], movable * np.maximum(withdrawal_kw, 0))
    flexible = FlexibleLoad(
        columns=adjustment, effects=model.limits.by_p @ nodes.T, balance=np.ones(len(points))
    )
    p_load_kw = model.p_load_kw + withdrawal_kw @ nodes
    posed = pose_opf(model, program, p_load_kw, flexible=flexible, backoff_kw=backoff_kw)
    program.weigh_costs(COST_WEIGHT)
    program.add_cost(adjustment, 0.0, 1.0)
    return posed


def _binding(model: OpfModel, posed: PosedOpf, solution: LimitedSolution) -> tuple[str, ...]:
    """Names of the rows that move a station: at the optimum 2 adjustment = - sum dual effect."""
    pull = solution.duals / 2 * np.abs(posed.flexible.effects).max(axis=1, initial=0.0)
    hours, rows = np.nonzero(pull > NAMED_KW)
    order = np.argsort(-pull[hours, rows], kind="stable")
    names = [limit_name(model.feeder, model.limits, int(rows[k]), int(hours[k])) for k in order]
    return tuple(dict.fromkeys(names))  # sides of one flow polygon have one name
