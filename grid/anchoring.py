"""Anchors the linear model's voltages to the exact power flow of one dispatch.

LinDist3Flow neglects losses and so promises voltages that are a little too high: 0.004 pu on the
33-bus feeder at peak. With the error at one dispatch taken off, what is left is of second order in
the distance from it; solving, anchoring and solving again settles in two or three passes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..core.errors import PowerFlowError
from ..core.units import FloatArray, frozen
from .dispatch import Dispatch
from .feeder import ConnectionPoint
from .lindist3flow import squared_voltages
from .opf_model import OpfModel
from .powerflow import AcModel
from .realised_load import build_realised_load


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
