"""The trading adjustment signal: the nearest exchange that the network can carry.

    min  sum (adjustment)^2
    s.t. a dispatch exists for the adjusted withdrawals, within limits tightened by a back-off;
         min(w, 0) <= w + adjustment <= max(w, 0)

A station is asked to draw less, or to feed in less, never for more than it offered. The square
shares an adjustment fairly among stations that strain a limit alike (seed 004, (23)-(27); the
sign restriction and the back-off make the trading rounds end).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from ..core.units import FloatArray, frozen
from .cone_builder import ProgramBuilder
from .feeder import ConnectionPoint
from .infeasibility import solve_or_name
from .limited_solve import LimitedSolution
from .network_limits import limit_name
from .opf_model import OpfModel, point_nodes
from .opf_problem import FlexibleLoad, PosedOpf, pose_opf

#: What a unit of cost weighs against a square kW: enough to choose among dispatches, and it moves
#: an adjustment by half the price of energy times this, a few 1e-4 kW.
COST_WEIGHT = 0.01
#: A limit is named when it moves a station by more than this.
NAMED_KW = 0.01


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Projection:
    """The operator's answer to a set of trades."""

    permitted_kw: FloatArray  #: [time, point], net withdrawal that is allowed
    adjustment_kw: FloatArray  #: [time, point, phase], permitted less asked for
    binding: tuple[str, ...]  #: the limits behind it, strongest first, e.g. "line 17 phase a 14:00"


def project(
    model: OpfModel,
    points: tuple[ConnectionPoint, ...],
    withdrawal_kw: FloatArray,
    backoff_kw: float = 0.5,
) -> Projection:
    """The permitted withdrawals nearest to those asked for.

    Args:
        model: from ``build_opf``.
        points: where stations are connected; they may share a bus.
        withdrawal_kw: net withdrawals asked for [time, point], negative for feeding in.
        backoff_kw: every limit is kept for so much more, or less, load at any one bus.

    Raises:
        InfeasibleError: the limits cannot be kept whatever the stations forgo; names them.
        SolveError: the solver failed.
    """
    pose = partial(_pose, points=points, withdrawal_kw=withdrawal_kw, backoff_kw=backoff_kw)
    posed, solution = solve_or_name(model, pose, "trading adjustment")
    adjustment = solution.values[posed.flexible.columns]
    lower, upper = np.minimum(withdrawal_kw, 0), np.maximum(withdrawal_kw, 0)
    permitted = np.clip(withdrawal_kw + adjustment, lower, upper)
    share = np.array([point.share for point in points]).reshape(-1, 3)
    return Projection(
        permitted_kw=frozen(permitted),
        adjustment_kw=frozen((permitted - withdrawal_kw)[..., None] * share),
        binding=_binding(model, posed, solution),
    )


def _pose(
    model: OpfModel,
    program: ProgramBuilder,
    *,
    points: tuple[ConnectionPoint, ...],
    withdrawal_kw: FloatArray,
    backoff_kw: float,
) -> PosedOpf:
    nodes = point_nodes(model, points)
    adjustment = program.variables(*withdrawal_kw.shape, unit=10.0)
    program.at_most([(adjustment, 1.0)], np.maximum(-withdrawal_kw, 0))
    program.at_most([(adjustment, -1.0)], np.maximum(withdrawal_kw, 0))
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
