"""Mixed-integer cone programs written block by block: bounded columns, costs, rows, cones."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.linear_rows import LinearRows, Triplets
from ..core.mixed_cone import MixedConeProgram
from ..core.solve import LinearProgram
from ..core.units import FloatArray, IntArray


class MixedBuilder(LinearRows):
    """Collects columns, costs, rows and cones; ``build`` makes the program of them."""

    def __init__(self) -> None:
        super().__init__()
        self._columns: list[FloatArray] = [np.zeros((3, 0))]
        self._count = 0
        self._costs: list[tuple[IntArray, FloatArray]] = []
        self._cones = Triplets()
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

    def norm_at_most(self, p: IntArray, q: IntArray, bound: IntArray, factor: Any) -> None:
        """Cones |(p, q)| <= factor bound, for columns of one shape; factors broadcast to it."""
        block = self._cone_block(p.size, 3)
        self._cones.put(block[0], bound.ravel(), np.broadcast_to(factor, bound.shape).ravel())
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

    def squares_at_most(
        self, columns: IntArray, factor: FloatArray, bound: IntArray, one: IntArray
    ) -> None:
        """Cones |F x|^2 <= bound, written |(2 F x, bound - one)| <= bound + one.

        Args:
            columns: x [cone, column].
            factor: F [row, column], the same for all.
            bound: columns [cone].
            one: a column that is 1.
        """
        rows = len(factor)
        block = self._cone_block(len(bound), rows + 2)
        for row, sign in ((0, 1.0), (rows + 1, -1.0)):
            self._cones.put(block[row], bound, 1.0)
            self._cones.put(block[row], one, sign)
        self._cones.put(block[1 : rows + 1, :, None], columns[None], 2 * factor[:, None, :])

    def build(self) -> MixedConeProgram:
        """The program."""
        lower, upper, integer = np.concatenate(self._columns, axis=1)
        matrix, row_lower, row_upper = self.stack(self._count)
        cost = np.zeros(self._count)
        for column, value in self._costs:
            np.add.at(cost, column, value)
        linear = LinearProgram(
            cost=cost,
            matrix=matrix,
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

    def _cone_block(self, count: int, size: int) -> IntArray:
        """Rows [row within cone, cone] of new cones."""
        self._cone_sizes.append(np.full(count, size))
        return self._cones.reserve(count * size).reshape(count, size).T


def grows(builder: MixedBuilder, columns: IntArray) -> None:
    """Rows x_u <= x_(u+1): what stands in a stage [stage, ...] stands in the next."""
    if columns[1:].size:
        builder.at_most([(columns[:-1], 1.0), (columns[1:], -1.0)], 0.0)
