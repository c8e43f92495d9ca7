"""The upper tail of samples: the atoms that carry the worst ``risk`` of the probability."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..core.units import FloatArray

#: Counts such as (1 - risk) N that are whole numbers up to rounding are taken as whole.
COUNT_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tail:
    """The worst ``risk`` of an empirical distribution, and the quantile just below or at it.

    ``atoms`` ascend along the last axis (scenarios, moved there); ``weights`` [atom] sum to the
    risk, and only the first may be less than 1/N. ``quantile`` [...] is the left-continuous
    (1 - risk)-quantile, the ceil((1 - risk) N)-th smallest sample.
    """

    atoms: FloatArray
    weights: FloatArray
    quantile: FloatArray


def upper_tail(samples: FloatArray, risk: float) -> Tail:
    """Sorts out the upper tail of samples [scenario, ...], batched over all other axes."""
    count = len(samples)
    mass = risk * count
    size = max(math.ceil(mass - COUNT_TOLERANCE), 1)
    rank = max(math.ceil(count - mass - COUNT_TOLERANCE), 1)
    top = upper_order(samples, rank - 1)
    weights = np.full(size, 1 / count)
    weights[0] = (mass - (size - 1)) / count
    return Tail(atoms=top[..., -size:], weights=weights, quantile=top[..., 0])


def upper_order(samples: FloatArray, first: int) -> FloatArray:
    """The samples from the ``first``-th smallest (0 = smallest) on, ascending on the last axis."""
    last = np.ascontiguousarray(np.moveaxis(np.asarray(samples, dtype=np.float64), 0, -1))
    return np.sort(np.partition(last, first, axis=-1)[..., first:], axis=-1)
