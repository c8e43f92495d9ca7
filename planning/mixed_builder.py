"""Mixed-integer cone programs written block by block: bounded columns, costs, rows, cones.

A *term* is ``(columns, coefficients)``: the columns' leading axes are those of the rows, trailing
axes are summed over, and coefficients broadcast against the columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp

from ..core.mixed_cone import MixedConeProgram
from ..core.solve import LinearProgram
from ..core.units import FloatArray, IntArray

Term: TypeAlias = tuple[IntArray, Any]


class MixedBuilder:
    """Collects columns, costs, rows and cones; ``build`` makes the program of them."""

    def __init__(self) -> None:
        self._columns: list[FloatArray] = [np.zeros((3, 0))]
        self._count = 0
        self._costs: list[tuple[IntArray, FloatArray]] = []
        self._rows = _Triplets()
        self._bounds: list[FloatArray] = [np.zeros((2, 0))]
        self._cones = _Triplets()
        self._cone_sizes: list[IntArray] = [np.zeros(0, np.int64)]

    def columns(
        self, *shape: int, lower: Any = 0.0, upper: Any = np.inf, integer: bool = False
    ) -> IntArray:
        """New columns with bounds that broadcast against the shape."""
        bounds = [np.broadcast_to(value, shape).ravel() for value in (lower, upper, integer)]
        columns = self._count + np.arange(bounds[0].size).reshape(shape)
        self._columns.append(np.array(bounds, float))
        self._count += columns.size
        return columns

    def cost(self, columns: IntArray, price: Any) -> None:
        """Adds sum(price x) to the objective."""
        column, value = np.broadcast_arrays(columns, np.asarray(price, float))
        self._costs.append((column.ravel(), value.ravel()))

    def equal(self, terms: Sequence[Term], bound: Any) -> None:
        """Rows sum(terms) = bound."""
        self._add(terms, bound, bound)

    def at_most(self, terms: Sequence[Term], bound: Any) -> None:
        """Rows sum(terms) <= bound.

        The bound's shape is that of the rows; a number means the shape of the first columns.
        """
        self._add(terms, -np.inf, bound)

    def at_least(self, terms: Sequence[Term], bound: Any) -> None:
        """Rows sum(terms) >= bound, likewise."""
        self._add(terms, bound, np.inf)

    def norm_at_most(self, p: IntArray, q: IntArray, bound: IntArray, factor: float) -> None:
        """Cones |(p, q)| <= factor bound, for columns of one shape."""
        block = self._cone_block(p.size, 3)
        self._cones.put(block[0], bound.ravel(), factor)
        self._cones.put(block[1], p.ravel(), 1.0)
        self._cones.put(block[2], q.ravel(), 1.0)

    def product_at_least(self, left: IntArray, right: IntArray, p: IntArray, q: IntArray) -> None:
        """Cones p^2 + q^2 <= left right, written |(2 p, 2 q, left - right)| <= left + right."""
        left, right = left.ravel(), np.broadcast_to(right, left.shape).ravel()
        block = self._cone_block(p.size, 4)
        for row, sign in ((0, 1.0), (3, -1.0)):
            self._cones.put(block[row], left, 1.0)
            self._cones.put(block[row], right, sign)
        self._cones.put(block[1], p.ravel(), 2.0)
        self._cones.put(block[2], q.ravel(), 2.0)

    def build(self) -> MixedConeProgram:
        """The program."""
        lower, upper, integer = np.concatenate(self._columns, axis=1)
        row_lower, row_upper = np.concatenate(self._bounds, axis=1)
        cost = np.zeros(self._count)
        for column, value in self._costs:
            np.add.at(cost, column, value)
        linear = LinearProgram(
            cost=cost,
            matrix=self._rows.matrix(self._count).tocsc(),
            row_lower=row_lower,
            row_upper=row_upper,
            col_lower=lower,
            col_upper=upper,
            integer=integer > 0,
        )
        return MixedConeProgram(
            linear=linear,
            cone_matrix=self._cones.matrix(self._count),
            cone_sizes=np.concatenate(self._cone_sizes),
        )

    def _add(self, terms: Sequence[Term], lower: Any, upper: Any) -> None:
        shape = np.broadcast_shapes(np.shape(lower), np.shape(upper)) or terms[0][0].shape
        bounds = [np.broadcast_to(value, shape).ravel() for value in (lower, upper)]
        rows = self._rows.reserve(bounds[0].size).reshape(shape)
        self._bounds.append(np.array(bounds, float))
        for columns, coefficients in terms:
            spread = rows.reshape(shape + (1,) * (columns.ndim - len(shape)))
            self._rows.put(spread, columns, coefficients)

    def _cone_block(self, count: int, size: int) -> IntArray:
        """Rows [row within cone, cone] of new cones."""
        self._cone_sizes.append(np.full(count, size))
        return self._cones.reserve(count * size).reshape(count, size).T


def grows(builder: MixedBuilder, columns: IntArray) -> None:
    """Rows x_u <= x_(u+1): what stands in a stage [stage, ...] stands in the next."""
    if columns[1:].size:
        builder.at_most([(columns[:-1], 1.0), (columns[1:], -1.0)], 0.0)


class _Triplets:
    """A sparse matrix that grows by rows."""

    def __init__(self) -> None:
        self._count = 0
        self._entries: list[FloatArray] = [np.zeros((3, 0))]

    def reserve(self, count: int) -> IntArray:
        rows = self._count + np.arange(count)
        self._count += count
        return rows

    def put(self, rows: IntArray, columns: IntArray, coefficients: Any) -> None:
        parts = np.broadcast_arrays(rows, columns, np.asarray(coefficients, float))
        entries = np.array([part.ravel() for part in parts], float)
        self._entries.append(entries[:, entries[2] != 0])

    def matrix(self, columns: int) -> sp.csr_matrix:
        row, column, value = np.concatenate(self._entries, axis=1)
        shape = (self._count, columns)
        return sp.csr_matrix((value, (row.astype(int), column.astype(int))), shape=shape)
