"""Cone programs written row by row: named variables, rows in engineering units, duals back.

For terms see ``core.devices.rows``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp

from ..core.devices.rows import Term
from ..core.solve import Cone, ConeKind, ConeProgram, ConeSolution
from ..core.units import FloatArray, IntArray

Affine: TypeAlias = tuple[Sequence[Term], Any]  #: terms and a constant that is added to them


@dataclass(slots=True)
class _Rows:
    """Rows of one kind, as triplets and bounds."""

    count: int = 0
    entries: list[tuple[IntArray, IntArray, FloatArray]] = field(default_factory=list)
    bounds: list[FloatArray] = field(default_factory=list)

    def copy(self) -> _Rows:
        return _Rows(self.count, list(self.entries), list(self.bounds))

    def reserve(self, bound: FloatArray) -> IntArray:
        rows = self.count + np.arange(bound.size).reshape(bound.shape)
        self.count += bound.size
        self.bounds.append(np.ravel(bound))
        return rows

    def put(self, rows: IntArray, terms: Sequence[Term], sign: float = 1.0) -> None:
        for columns, coefficients in terms:
            spread = rows.reshape(rows.shape + (1,) * (columns.ndim - rows.ndim))
            parts = np.broadcast_arrays(spread, columns, sign * np.asarray(coefficients, float))
            row, column, value = (part.ravel() for part in parts)
            used = value != 0
            self.entries.append((row[used], column[used], value[used]))


@dataclass(frozen=True, slots=True)
class RowBlock:
    """Where rows that were added together stand, to read their duals."""

    kind: ConeKind
    rows: IntArray


class ProgramBuilder:
    """Collects variables, costs and rows; ``build`` scales them for the solver."""

    def __init__(self) -> None:
        self._scale: list[FloatArray] = []
        self._columns = 0
        self._costs: list[tuple[IntArray, FloatArray, FloatArray]] = []
        self._rows = {kind: _Rows() for kind in ConeKind}
        self._cones: list[Cone] = []

    def branch(self) -> ProgramBuilder:
        """A copy that grows on its own; columns and row blocks so far are valid in both."""
        twin = ProgramBuilder()
        twin._scale, twin._columns = list(self._scale), self._columns
        twin._costs, twin._cones = list(self._costs), list(self._cones)
        twin._rows = {kind: rows.copy() for kind, rows in self._rows.items()}
        return twin

    def variables(self, *shape: int, unit: float) -> IntArray:
        """New free variables; ``unit`` is a typical size, which the solver sees as 1."""
        count = int(np.prod(shape))
        columns = self._columns + np.arange(count).reshape(shape)
        self._columns += count
        self._scale.append(np.full(count, unit))
        return columns

    def add_cost(self, columns: IntArray, linear: Any, quadratic: Any = 0.0) -> None:
        """Adds sum(linear x + quadratic x^2) to the objective."""
        parts = np.broadcast_arrays(
            columns, np.asarray(linear, float), np.asarray(quadratic, float)
        )
        column, slope, curvature = (part.ravel() for part in parts)
        self._costs.append((column, slope, curvature))

    def weigh_costs(self, weight: float) -> None:
        """Multiplies all costs so far."""
        self._costs = [(column, weight * a, weight * b) for column, a, b in self._costs]

    def drop_costs(self) -> None:
        """Forgets the objective, to put another in its place."""
        self._costs.clear()

    def equal(self, terms: Sequence[Term], bound: Any) -> RowBlock:
        """Rows sum(terms) = bound."""
        return self._add_linear(ConeKind.ZERO, terms, bound)

    def at_most(self, terms: Sequence[Term], bound: Any) -> RowBlock:
        """Rows sum(terms) <= bound."""
        return self._add_linear(ConeKind.NONNEGATIVE, terms, bound)

    def between(self, columns: IntArray, lower: Any, upper: Any) -> None:
        """Rows lower <= x <= upper."""
        self.at_most([(columns, 1.0)], np.broadcast_to(upper, columns.shape))
        self.at_most([(columns, -1.0)], -np.broadcast_to(lower, columns.shape))

    def at_most_with_norm(
        self, terms: Sequence[Term], tail: Sequence[Affine], bound: Any
    ) -> RowBlock:
        """Rows sum(terms) + ||tail|| <= bound, a second-order cone of 1 + len(tail) rows each.

        The block's rows are the heads: minus their dual is d objective / d bound.
        """
        head = np.asarray(bound, float)
        constants = [np.broadcast_to(np.asarray(part[1], float), head.shape) for part in tail]
        rows = self._rows[ConeKind.SECOND_ORDER]
        block = rows.reserve(np.stack([head, *constants], axis=-1))
        rows.put(block[..., 0], terms)
        for k, (part, _) in enumerate(tail, 1):
            rows.put(block[..., k], part, sign=-1.0)
        self._cones += [Cone(ConeKind.SECOND_ORDER, 1 + len(tail))] * head.size
        return RowBlock(ConeKind.SECOND_ORDER, block[..., 0])

    def build(self) -> tuple[ConeProgram, Scaling]:
        """The program in the solver's units, and the way back."""
        column_scale = np.concatenate(self._scale)
        matrix, bound = self._stack(column_scale)
        row_scale = self._row_scale(matrix)
        quadratic, cost = self._objective(column_scale)
        counts = [Cone(kind, self._rows[kind].count) for kind in _LINEAR if self._rows[kind].count]
        program = ConeProgram(
            quadratic=quadratic,
            cost=cost,
            matrix=(sp.diags(row_scale) @ matrix).tocsc(),
            bound=bound * row_scale,
            cones=(*counts, *self._cones),
        )
        return program, Scaling(column_scale, row_scale, self._offsets())

    def _add_linear(self, kind: ConeKind, terms: Sequence[Term], bound: Any) -> RowBlock:
        rows = self._rows[kind].reserve(np.asarray(bound, float))
        self._rows[kind].put(rows, terms)
        return RowBlock(kind, rows)

    def _offsets(self) -> dict[ConeKind, int]:
        stops = np.cumsum([0, *(self._rows[kind].count for kind in ConeKind)])
        return {kind: int(stop) for kind, stop in zip(ConeKind, stops, strict=False)}

    def _stack(self, column_scale: FloatArray) -> tuple[sp.csr_matrix, FloatArray]:
        offsets = self._offsets()
        parts = [
            (row + offsets[kind], column, value)
            for kind in ConeKind
            for row, column, value in self._rows[kind].entries
        ]
        row, column, value = (np.concatenate(part) for part in zip(*parts, strict=True))
        shape = (sum(rows.count for rows in self._rows.values()), self._columns)
        matrix = sp.csr_matrix((value * column_scale[column], (row, column)), shape=shape)
        bounds = [bound for kind in ConeKind for bound in self._rows[kind].bounds]
        return matrix, np.concatenate(bounds)

    def _row_scale(self, matrix: sp.csr_matrix) -> FloatArray:
        """1 / largest coefficient: a tolerance then means the same in kW and in pu squared."""
        size = np.zeros(matrix.shape[0])
        row = np.repeat(np.arange(len(size)), np.diff(matrix.indptr))
        np.maximum.at(size, row, np.abs(matrix.data))
        start = self._offsets()[ConeKind.SECOND_ORDER]
        sizes = np.array([cone.size for cone in self._cones], dtype=np.int64)
        if len(sizes):  # rows of one cone share one scale
            heads = np.cumsum(sizes) - sizes
            size[start:] = np.repeat(np.maximum.reduceat(size[start:], heads), sizes)
        return np.where(size > 0, 1 / np.where(size > 0, size, 1.0), 1.0)

    def _objective(self, column_scale: FloatArray) -> tuple[sp.csc_matrix, FloatArray]:
        linear, quadratic = np.zeros(self._columns), np.zeros(self._columns)
        for column, slope, curvature in self._costs:
            np.add.at(linear, column, slope)
            np.add.at(quadratic, column, curvature)
        return sp.diags(2 * quadratic * column_scale**2).tocsc(), linear * column_scale


_LINEAR = (ConeKind.ZERO, ConeKind.NONNEGATIVE)


@dataclass(frozen=True, slots=True)
class Scaling:
    """The way back from the solver's units."""

    columns: FloatArray
    rows: FloatArray
    offsets: dict[ConeKind, int]

    def values(self, solution: ConeSolution) -> FloatArray:
        """Every variable in its own unit."""
        return np.asarray(solution.x * self.columns)

    def duals(self, solution: ConeSolution, block: RowBlock) -> FloatArray:
        """- d objective / d bound of the block's rows; not negative except for equalities."""
        rows = block.rows + self.offsets[block.kind]
        return np.asarray(solution.z[rows] * self.rows[rows])
