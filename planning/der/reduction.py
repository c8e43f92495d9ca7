"""From many days to few: scenario reduction by backward elimination."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from ...core.units import FloatArray, IntArray, frozen


def backward_reduction(
    points: FloatArray, keep: int, weight: FloatArray | None = None
) -> tuple[IntArray, FloatArray]:
    """Removes points one by one, each time the one whose loss costs least.

    What is removed leaves its weight to the nearest point that is kept. With J removed, that is at
    the Kantorovich distance

        D(J) = sum over k of p_k min over j not in J of ||x_k - x_j||

    from all points; the next to go is the l with the least D(J + l), the first of several.

    Args:
        points: x [item, feature].
        keep: how many remain; 1 to all.
        weight: p [item], 1 / items each if None.

    Returns:
        Which items are kept, ascending, and their weights [kept].

    Source: H. Heitsch, W. Römisch, Scenario reduction algorithms in stochastic programming,
    Computational Optimization and Applications 24, 2003: simultaneous backward reduction.
    """
    count = len(points)
    p = np.full(count, 1 / count) if weight is None else weight
    distance = cdist(points, points)
    kept = np.arange(count)
    while len(kept) > keep:
        kept = np.delete(kept, np.argmin(_losses(distance[:, kept], p)))
    heir = np.argmin(distance[:, kept], axis=1)
    heir[kept] = np.arange(len(kept))  # of two points in one place, each keeps its own
    return frozen(kept, np.int64), frozen(np.bincount(heir, p, len(kept)))


def _losses(distance: FloatArray, p: FloatArray) -> FloatArray:
    """D [kept] if one more of the kept were removed; ``distance`` [item, kept].

    A point whose nearest is removed goes to its second nearest, the others stay where they are.
    """
    items = np.arange(len(distance))
    near = np.argpartition(distance, 1, axis=1)[:, :2]
    order = np.argsort(distance[items[:, None], near], axis=1)
    first, second = np.take_along_axis(near, order, axis=1).T
    extra = p * (distance[items, second] - distance[items, first])
    return np.asarray(p @ distance[items, first] + np.bincount(first, extra, distance.shape[1]))
