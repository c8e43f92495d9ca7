"""Anchors the linear model's voltages to the exact power flow of one dispatch.

LinDist3Flow neglects losses and so promises voltages that are a little too high: 0.004 pu on the
33-bus feeder at peak. With the error at one dispatch taken off, what is left is of second order in
the distance from it. So one solves, anchors and solves again until a dispatch keeps every limit
with its own exact voltages: mostly twice, more often where stations crowd on one lateral.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..core.errors import PowerFlowError, SolveError
from ..core.solve import Ending
from ..core.units import FloatArray, frozen
from .dispatch import Dispatch
from .feeder import ConnectionPoint
from .lindist3flow import squared_voltages
from .opf_model import OpfModel
from .powerflow import AcModel
from .realised_load import build_realised_load

#: A dispatch keeps its limits where its own exact voltages exceed none by more [pu^2].
SETTLED = 1e-4
PASS_LIMIT = 12


def solve_anchored(
    model: OpfModel,
    points: tuple[ConnectionPoint, ...],
    withdrawal_kw: FloatArray,
    solve: Callable[[OpfModel, tuple[ConnectionPoint, ...], FloatArray], Dispatch],
    passes: int,
) -> tuple[OpfModel, Dispatch | SolveError]:
    """Solves, anchors and solves again until the dispatch keeps all limits at its own voltages.

    The voltages need not be those of the plan to the last digit: where two dispatches of nearly
    the same cost take turns, the one that keeps the limits by more than planned ends the search.

    Args:
        model: from ``build_opf``.
        points: where stations are connected.
        withdrawal_kw: what they draw [time, point].
        solve: ``solve_opf``, with its options.
        passes: at least so many anchorings; 0 is plain LinDist3Flow.

    Returns:
        The model last solved, and its dispatch or why there is none: an ``InfeasibleError`` that
        names limits, or a ``SolveError``, also where the ``PASS_LIMIT`` is reached.

    Raises:
        PowerFlowError: the exact power flow of an hour did not converge.
    """
    try:
        dispatch = solve(model, points, withdrawal_kw)
        for done in range(PASS_LIMIT):
            if not passes:
                return model, dispatch
            closer = anchor_to_ac(model, points, withdrawal_kw, dispatch)
            excess = _worst_excess(closer, points, withdrawal_kw, dispatch)
            if done >= passes and excess <= SETTLED:
                return model, dispatch
            model = closer
            dispatch = solve(model, points, withdrawal_kw)
    except SolveError as refused:
        return model, refused
    detail = f"a limit is still exceeded by {excess:.1e} pu^2 after {PASS_LIMIT} passes"
    return model, SolveError("anchoring of voltages", model.options.solver, Ending.LIMIT, detail)


def anchor_to_ac(
    model: OpfModel,
    points: tuple[ConnectionPoint, ...],
    withdrawal_kw: FloatArray,
    dispatch: Dispatch,
) -> OpfModel:
    """The model whose voltages at this dispatch, without errors, are those of the AC power flow.

    ``w = w_linear + w_offset``, ``w_offset = |V|^2 - w_linear`` at the dispatch [time, node]. Flows
    and sensitivities stay as they are.

    Args:
        model: from ``build_opf``, anchored before or not.
        points: where stations are connected.
        withdrawal_kw: what they draw [time, point].
        dispatch: an answer of ``solve_opf`` for these withdrawals.

    Raises:
        PowerFlowError: the exact power flow of an hour did not converge.
    """
    load = build_realised_load(model.feeder, model.day, dispatch, points, withdrawal_kw)
    exact = AcModel(model.feeder).solve(load.p_kw, load.q_kvar)
    if len(exact.failed):
        raise PowerFlowError("anchoring voltages", len(exact.failed), len(load.p_kw))
    to_nodes = model.linear.to_nodes
    linear = squared_voltages(model.linear, to_nodes(load.p_kw), to_nodes(load.q_kvar))
    offset = np.square(to_nodes(exact.vm_pu)) - linear
    return replace(model, w_offset=frozen(offset))


def _worst_excess(
    model: OpfModel,
    points: tuple[ConnectionPoint, ...],
    withdrawal_kw: FloatArray,
    dispatch: Dispatch,
) -> float:
    """By how much a dispatch exceeds the network row it keeps worst, margin included, in scale."""
    load = build_realised_load(model.feeder, model.day, dispatch, points, withdrawal_kw)
    p, q = model.linear.to_nodes(load.p_kw), model.linear.to_nodes(load.q_kvar)
    limits, alpha = model.limits, np.hstack([dispatch.generator_alpha, dispatch.battery_alpha])
    used = p @ limits.by_p.T + q @ limits.by_q.T + model.w_offset @ limits.by_w.T
    excess = used + model.margins.of_shares(alpha) - limits.limit
    return float((excess / limits.scale).max())
