"""What fixed columns of a cone program fix besides themselves.

Where a switch is off, the capacity, the power and the loss behind it are all 0. Left to an
interior-point method such columns have no interior: it loses digits, and at times its way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from .solve import LinearProgram
from .units import BoolArray, FloatArray, IntArray

#: Closer than this, an interval is a number; what a row still allows is nothing.
_NOTHING = 1e-11
#: A row without free columns that is missed by less is met.
_BROKEN = 1e-8
#: Passes over all rows; each may fix what the one before made forced.
_PASSES = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Implied:
    """Bounds [column] that every point keeps, and which rows say more than these."""

    lower: FloatArray
    upper: FloatArray
    rows: BoolArray  #: rows of the linear part with a free column, or that are broken

    @property
    def free(self) -> BoolArray:
        """Columns that are not fixed."""
        return np.asarray(self.lower != self.upper)


def implied_bounds(
    linear: LinearProgram,
    cone_matrix: sp.csr_matrix,
    heads: IntArray,
    cone_of: IntArray,
    lower: FloatArray,
    upper: FloatArray,
) -> Implied:
    """Tightens the bounds by rows of one free column, by rows and cones that leave no room.

    Bounds that contradict each other are left for the solver to find.
    """
    lower, upper = lower.copy(), upper.copy()
    rows = linear.matrix.tocsr()
    for _ in range(_PASSES):
        before = int((lower != upper).sum())
        _by_forcing_rows(rows, linear, lower, upper)
        _by_single_columns(rows, linear, lower, upper)
        _by_empty_cones(cone_matrix, heads, cone_of, lower, upper)
        if int((lower != upper).sum()) == before:
            break
    free = lower != upper
    value = rows @ np.where(free, 0.0, lower)
    broken = (value > linear.row_upper + _BROKEN) | (value < linear.row_lower - _BROKEN)
    return Implied(lower=lower, upper=upper, rows=(_count(rows, free) > 0) | broken)


def _count(rows: sp.csr_matrix, free: BoolArray) -> IntArray:
    """Free columns of each row."""
    return np.asarray((rows != 0) @ free.astype(np.int64))


def _by_forcing_rows(
    rows: sp.csr_matrix, linear: LinearProgram, lower: FloatArray, upper: FloatArray
) -> None:
    """A row that its least activity just meets holds every column at that end."""
    for sign, bound in ((1.0, linear.row_upper), (-1.0, -linear.row_lower)):
        plus, minus = (sign * rows).maximum(0), (sign * rows).minimum(0)
        least = _product(plus, lower) + _product(minus, upper)
        forcing = np.isfinite(least) & (np.abs(bound - least) <= _NOTHING)
        if forcing.any():
            low = np.unique(plus[forcing].indices)
            high = np.unique(minus[forcing].indices)
            upper[low] = lower[low]
            lower[high] = upper[high]


def _product(matrix: sp.csr_matrix, values: FloatArray) -> FloatArray:
    """matrix @ values where infinite values meet only entries that are there."""
    finite = np.isfinite(values)
    product = matrix @ np.where(finite, values, 0.0)
    if not finite.all():
        product[(matrix != 0) @ (~finite).astype(np.int64) > 0] = np.nan
    return np.asarray(product)


def _by_single_columns(
    rows: sp.csr_matrix, linear: LinearProgram, lower: FloatArray, upper: FloatArray
) -> None:
    """An equation in one free column says what that is."""
    free = lower != upper
    equal = linear.row_lower == linear.row_upper
    single = np.flatnonzero(equal & (_count(rows, free) == 1))
    if not len(single):
        return
    part = rows[single]
    rest = linear.row_upper[single] - part @ np.where(free, 0.0, lower)
    active = part.multiply(free[None, :]).tocsr()
    active.eliminate_zeros()
    values = rest / active.data
    inside = (values >= lower[active.indices] - _NOTHING) & (
        values <= upper[active.indices] + _NOTHING
    )
    lower[active.indices[inside]] = upper[active.indices[inside]] = values[inside]


def _by_empty_cones(
    cone_matrix: sp.csr_matrix,
    heads: IntArray,
    cone_of: IntArray,
    lower: FloatArray,
    upper: FloatArray,
) -> None:
    """Where a cone's head is fixed at 0, so are the tail's rows."""
    free = lower != upper
    count, value = _count(cone_matrix, free), cone_matrix @ np.where(free, 0.0, lower)
    empty = (count[heads] == 0) & (np.abs(value[heads]) <= _NOTHING)
    tails = np.flatnonzero(empty[cone_of] & (count == 1) & (np.abs(value) <= _NOTHING))
    if len(tails):
        active = cone_matrix[tails].multiply(free[None, :]).tocsr()
        active.eliminate_zeros()
        inside = (lower[active.indices] <= 0) & (upper[active.indices] >= 0)
        lower[active.indices[inside]] = upper[active.indices[inside]] = 0.0
