"""Rows of a linear program, block by block, as a sparse matrix between bounds.

A *term* is ``(columns, coefficients)``: the columns' leading axes are those of the rows, trailing
axes are summed over, and coefficients broadcast against the columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from .devices.rows import Term
from .units import FloatArray, IntArray


class Triplets:
    """A sparse matrix that grows by rows."""

    def __init__(self) -> None:
        self._count = 0
        self._entries: list[FloatArray] = [np.zeros((3, 0))]

    def reserve(self, count: int) -> IntArray:
        """Numbers of new rows."""
        rows = self._count + np.arange(count)
        self._count += count
        return rows

    def put(self, rows: IntArray, columns: IntArray, coefficients: Any) -> None:
        """Entries; those that meet are added."""
        parts = np.broadcast_arrays(rows, columns, np.asarray(coefficients, float))
        entries = np.array([part.ravel() for part in parts], float)
        self._entries.append(entries[:, entries[2] != 0])

    def matrix(self, columns: int) -> sp.csr_matrix:
        """The matrix so far, of so many columns."""
        row, column, value = np.concatenate(self._entries, axis=1)
        shape = (self._count, columns)
        return sp.csr_matrix((value, (row.astype(int), column.astype(int))), shape=shape)


class LinearRows:
    """Collects rows. The bound's shape is theirs; a number means the first columns' shape."""

    def __init__(self) -> None:
        self._rows = Triplets()
        self._bounds: list[FloatArray] = [np.zeros((2, 0))]

    def equal(self, terms: Sequence[Term], bound: Any) -> None:
        """Rows sum(terms) = bound."""
        self.between(terms, bound, bound)

    def at_most(self, terms: Sequence[Term], bound: Any) -> None:
        """Rows sum(terms) <= bound."""
        self.between(terms, -np.inf, bound)

    def at_least(self, terms: Sequence[Term], bound: Any) -> None:
        """Rows sum(terms) >= bound."""
        self.between(terms, bound, np.inf)

    def between(self, terms: Sequence[Term], lower: Any, upper: Any) -> None:
        """Rows lower <= sum(terms) <= upper."""
        shape = np.broadcast_shapes(np.shape(lower), np.shape(upper)) or terms[0][0].shape
        bounds = [np.broadcast_to(value, shape).ravel() for value in (lower, upper)]
        rows = self._rows.reserve(bounds[0].size).reshape(shape)
        self._bounds.append(np.array(bounds, float))
        for columns, coefficients in terms:
            spread = rows.reshape(shape + (1,) * (columns.ndim - len(shape)))
            self._rows.put(spread, columns, coefficients)

    def stack(self, columns: int) -> tuple[sp.csc_matrix, FloatArray, FloatArray]:
        """The matrix, of so many columns, and the bounds [row] below and above."""
        lower, upper = np.concatenate(self._bounds, axis=1)
        return self._rows.matrix(columns).tocsc(), lower, upper
