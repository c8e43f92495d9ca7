"""The same dispatch with exact discs in place of polygons, to see what polygons cost.

Converters' capacities and losses, DG that may be curtailed, and branch currents are then
second-order cones. The polygons are inscribed: they can only cost more.
"""

from __future__ import annotations

import numpy as np

from ...core.bounded_quadratic import solve_bounded
from ...core.devices.converter import capacity
from ...core.units import IntArray
from .case import DispatchCase
from .flow import Drawn, anchored_at, anchored_state, exact_flow
from .limits import MARGIN_CURRENT, branch_rows, rating, voltage_rows
from .program import Draft, tied_loads
from .promises import keep_promises, promises
from .solution import Dispatch, Setpoints


def exact_disc(case: DispatchCase, dispatch: Dispatch) -> float:
    """Least cost with discs, anchored at the dispatch.

    To be compared with ``dispatch.bound``: neither pins losses to a side of the polygon.

    Raises:
        SolveError: Clarabel did not end at an optimum.
    """
    drawn = drawn_by(case, dispatch.setpoints)
    draft = Draft(case, anchored_at(case.network, drawn, exact_flow(case.network, drawn)), True)
    limits = case, draft.fixed, draft.where, draft.reach, draft.anchor
    for rows in voltage_rows(*limits):
        draft.keep(rows)
    reached = [np.stack([rows.time, rows.element]) for rows in branch_rows(*limits)]
    time, branch = np.unique(np.concatenate(reached, axis=1), axis=1)
    _keep_branches(draft, time, branch)
    plan = drawn_by(case, dispatch.plan_setpoints)
    keep_promises(draft, promises(case, dispatch.plan_import_kw), plan)
    program, cones = draft.build()
    found = solve_bounded(program, "dispatch with exact discs", cones=cones)
    return found.objective + draft.constant()


def drawn_by(case: DispatchCase, points: Setpoints) -> Drawn:
    """What buses draw at setpoints, per unit."""
    base, tied = case.network.s_base_kva, tied_loads(case)
    injecting = (
        (case.generators.buses, points.dg_p_kw, points.dg_q_kvar),
        (case.sops.buses, points.sop_p_kw, points.sop_q_kvar),
        (case.batteries.buses, points.battery_p_kw, points.battery_q_kvar),
        (case.deferrable.buses, -points.load_p_kw, -points.load_q_kvar),
    )
    p, q = tied.p.copy(), tied.q.copy()
    for buses, p_kw, q_kvar in injecting:
        np.subtract.at(p.T, buses, p_kw.T / base)
        np.subtract.at(q.T, buses, q_kvar.T / base)
    return Drawn(p=p, q=q)


def _keep_branches(draft: Draft, time: IntArray, branch: IntArray) -> None:
    """|(P, Q)| of branches [row] within their rating."""
    case, where = draft.case, draft.where
    size = ((1 - MARGIN_CURRENT) * rating(case, draft.anchor))[time, branch]
    carried = case.network.carries[branch][:, where.buses] * where.signs
    state = anchored_state(case.network, draft.fixed, draft.anchor)
    full = draft.builder.columns(len(time), lower=size, upper=size)
    p, q = (draft.builder.columns(len(time), lower=-size, upper=size) for _ in range(2))
    for flow, drawn, fixed in ((p, draft.p, state.p), (q, draft.q, state.q)):
        draft.builder.equal([(drawn[time], carried), (flow, -1.0)], -fixed[time, branch])
    capacity(draft.builder, p, q, full)
