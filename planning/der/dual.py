"""The dual of a day's operation, mechanically.

    max  r'pi + lower's - upper't   s.t.   matrix'pi + s - t {=, <=} cost,   s, t >= 0,

pi <= 0 for rows that are at most; s only where a lower bound is finite and not 0, t where an upper
bound is finite; rows of columns that are >= 0 are at most, those of free columns equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...core.units import FloatArray
from .recourse import Recourse


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dual:
    """Rows and columns (pi first) of the dual; the objective of pi is r(x, u)."""

    matrix: sp.csr_matrix  #: [y, column]
    row_lower: FloatArray  #: [y]
    row_upper: FloatArray  #: [y]
    lower: FloatArray  #: [column]
    upper: FloatArray  #: [column]
    bounds_value: FloatArray  #: [column], what s and t count for in the objective; 0 for pi

    @property
    def count(self) -> int:
        """Of columns."""
        return len(self.lower)


def dual_of(recourse: Recourse) -> Dual:
    """The dual program of one scenario's operation."""
    rows, count = recourse.matrix.shape
    floored = np.isfinite(recourse.lower)
    low = np.flatnonzero(floored & (recourse.lower != 0))
    high = np.flatnonzero(np.isfinite(recourse.upper))
    one = sp.identity(count, format="csr")
    nonnegative = floored & (recourse.lower == 0)
    extra = len(low) + len(high)
    return Dual(
        matrix=sp.hstack([recourse.matrix.T, one[:, low], -one[:, high]], format="csr"),
        row_lower=np.where(nonnegative, -np.inf, recourse.cost),
        row_upper=recourse.cost,
        lower=np.concatenate([np.full(rows, -np.inf), np.zeros(extra)]),
        upper=np.concatenate([np.where(recourse.equal, np.inf, 0.0), np.full(extra, np.inf)]),
        bounds_value=np.concatenate([np.zeros(rows), recourse.lower[low], -recourse.upper[high]]),
    )
