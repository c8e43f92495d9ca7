"""Who stands where a limit is missed: the stations that a local adjustment signal speaks to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.errors import LimitMiss
from ..core.units import BoolArray
from .feeder import ConnectionPoint
from .network_limits import RowKind, limit_name
from .opf_model import OpfModel, point_nodes


def strained_points(
    model: OpfModel, points: tuple[ConnectionPoint, ...], misses: Sequence[LimitMiss]
) -> BoolArray:
    """The points at the bus of a missed voltage or unbalance, or behind a line's end [point].

    All of them where nobody stands there, or where the miss has no place in the network.
    """
    rows = _rows_by_name(model)
    effects = np.abs(model.limits.by_p @ point_nodes(model, points).T)
    strained = np.zeros(len(points), dtype=bool)
    for miss in misses:
        row = rows.get(_without_hour(miss.limit))
        if row is None:
            continue
        if model.limits.kind[row] is RowKind.FLOW:
            strained |= effects[row] > 0
        else:
            bus = model.feeder.buses[model.limits.element[row]]
            strained |= np.array([point.bus == bus for point in points], dtype=bool)
    return strained if strained.any() else np.ones_like(strained)


def _rows_by_name(model: OpfModel) -> dict[str, int]:
    """Limits by what messages call them, hour left off; sides of a polygon share a name."""
    limits = model.limits
    return {
        _without_hour(limit_name(model.feeder, limits, row, 0)): row
        for row in range(len(limits.kind))
    }


def _without_hour(name: str) -> str:
    return name.rpartition(" ")[0]
