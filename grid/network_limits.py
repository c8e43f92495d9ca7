"""The operator's promises as rows ``by_p p + by_q q <= limit`` over the net load of the nodes.

Voltages: ``vm_min^2 <= w <= vm_max^2``. Unbalance: with the mean square for the squared mean,
``(1 - v)^2 mean(w) <= w_phi <= (1 + v)^2 mean(w)``; the mean square exceeds the squared mean by the
variance of the three magnitudes, at most 2/3 v^2 of it, so at v = 3 % a rate of 3.06 % may pass,
and one of 2.97 % may be stopped. Line loading: a polygon inscribed in the circle of the rating, its
corners at unity and at zero power factor; it gives away at most 3.4 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ..core.devices.polygon import Polygon
from ..core.errors import LimitMiss
from ..core.units import PHASES, FloatArray, IntArray, frozen
from .feeder import Feeder
from .lindist3flow import LinearModel

FLOW_SIDES = 12
_FLOW_POLYGON = Polygon(FLOW_SIDES)


class RowKind(StrEnum):
    """What a row of the linear model limits; the word for it in messages.

    ``limit_rates.LimitKind`` is the check's side: what is counted in exact power flows.
    """

    VOLTAGE_HIGH = "highest voltage at bus"
    VOLTAGE_LOW = "lowest voltage at bus"
    UNBALANCE_HIGH = "voltage unbalance (highest phase) at bus"
    UNBALANCE_LOW = "voltage unbalance (lowest phase) at bus"
    FLOW = "line"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NetworkLimits:
    """Rows of one hour, the same in every hour. Net load positive for consumption."""

    by_p: FloatArray  #: [row, node] per kW
    by_q: FloatArray  #: [row, node] per kvar
    by_w: FloatArray  #: [row, node] per pu squared that voltages lie above the linear model's
    limit: FloatArray  #: [row], kVA for flows, pu squared for voltages and unbalance
    kind: tuple[RowKind, ...]  #: [row]
    element: IntArray  #: [row], number of the bus or line
    phase: IntArray  #: [row]
    scale: FloatArray  #: [row], the rating for flows, 1 pu squared for the others


def build_network_limits(feeder: Feeder, model: LinearModel) -> NetworkLimits:
    """All rows: voltages up and down, unbalance up and down, sides of the flow polygon."""
    parts = [*_voltage_rows(feeder, model), *_unbalance_rows(feeder, model)]
    parts += _flow_rows(feeder, model)
    return NetworkLimits(
        by_p=frozen(np.vstack([part.by_p for part in parts])),
        by_q=frozen(np.vstack([part.by_q for part in parts])),
        by_w=frozen(np.vstack([part.by_w for part in parts])),
        limit=frozen(np.concatenate([part.limit for part in parts])),
        kind=tuple(kind for part in parts for kind in part.kind),
        element=frozen(np.concatenate([part.element for part in parts]), np.int64),
        phase=frozen(np.concatenate([part.phase for part in parts]), np.int64),
        scale=frozen(np.concatenate([part.scale for part in parts])),
    )


def limit_name(feeder: Feeder, limits: NetworkLimits, row: int, hour: int) -> str:
    """For example "line 17 phase a 14:00"."""
    kind, element = limits.kind[row], limits.element[row]
    name = feeder.lines[element].id if kind is RowKind.FLOW else feeder.buses[element]
    return f"{kind} {name} phase {PHASES[limits.phase[row]]} {hour:02d}:00"


def limit_miss(
    feeder: Feeder, limits: NetworkLimits, row: int, hour: int, excess: float
) -> LimitMiss:
    """A row's excess in the unit its reader thinks in: kVA, pu, or percent of mean voltage.

    Of a flow it is exact at the polygon's corners, and up to 3.5 % too large between them.
    """
    per_excess = {
        RowKind.VOLTAGE_HIGH: (0.5 / feeder.limits.vm_max_pu, "pu"),
        RowKind.VOLTAGE_LOW: (0.5 / feeder.limits.vm_min_pu, "pu"),
        RowKind.UNBALANCE_HIGH: (50.0, "%"),
        RowKind.UNBALANCE_LOW: (50.0, "%"),
        RowKind.FLOW: (1 / _FLOW_POLYGON.inner, "kVA"),
    }
    factor, unit = per_excess[limits.kind[row]]
    return LimitMiss(limit_name(feeder, limits, row, hour), excess * factor, unit)


def _voltage_rows(feeder: Feeder, model: LinearModel) -> list[NetworkLimits]:
    pick = np.eye(len(model.node_bus))[model.flow_node]  # every node but the source's
    w_min, w_max = feeder.limits.vm_min_pu**2, feeder.limits.vm_max_pu**2
    return [
        _rows_on_w(RowKind.VOLTAGE_HIGH, model, model.flow_node, pick, w_max),
        _rows_on_w(RowKind.VOLTAGE_LOW, model, model.flow_node, -pick, -w_min),
    ]


def _unbalance_rows(feeder: Feeder, model: LinearModel) -> list[NetworkLimits]:
    """Only buses with three phases have a rate."""
    whole = np.all(model.node_of >= 0, axis=1)
    nodes = model.flow_node[whole[model.node_bus[model.flow_node]]]
    pick = np.eye(len(model.node_bus))[nodes]
    mean = (model.node_bus[nodes, None] == model.node_bus[None, :]) / len(PHASES)
    v = feeder.limits.vur_max
    return [
        _rows_on_w(RowKind.UNBALANCE_HIGH, model, nodes, pick - (1 + v) ** 2 * mean, 0.0),
        _rows_on_w(RowKind.UNBALANCE_LOW, model, nodes, (1 - v) ** 2 * mean - pick, 0.0),
    ]


def _rows_on_w(
    kind: RowKind, model: LinearModel, nodes: IntArray, combine: FloatArray, limit: float
) -> NetworkLimits:
    """``combine`` w <= limit [row] with w = w_source + w_by_p p + w_by_q q."""
    return NetworkLimits(
        by_p=combine @ model.w_by_p,
        by_q=combine @ model.w_by_q,
        by_w=combine,
        limit=limit - combine.sum(axis=1) * model.w_source,
        kind=(kind,) * len(nodes),
        element=model.node_bus[nodes],
        phase=model.node_phase[nodes],
        scale=np.ones(len(nodes)),
    )


def _flow_rows(feeder: Feeder, model: LinearModel) -> Sequence[NetworkLimits]:
    """cos(angle) P + sin(angle) Q <= rating cos(pi / sides), at the middle of each side."""
    rating = np.array([line.s_max_kva for line in feeder.lines])[model.flow_line]
    return [
        NetworkLimits(
            by_p=cos * model.path,
            by_q=sin * model.path,
            by_w=np.zeros_like(model.path),
            limit=rating * _FLOW_POLYGON.inner,
            kind=(RowKind.FLOW,) * len(rating),
            element=model.flow_line,
            phase=model.flow_phase,
            scale=rating,
        )
        for cos, sin in zip(_FLOW_POLYGON.cos, _FLOW_POLYGON.sin, strict=True)
    ]
