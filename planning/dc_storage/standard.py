"""A scenario's program with its sizes set apart: min c'y  s.t.  A y + B x + s = b, s in a cone.

Whatever the sizes x, every dual z of the cone bounds the cost from below,

    cost(x) >= z'(B x - b) + sum over columns y of the least (c + A'z) y,

the last being 0 for an exact dual and, with the columns' reach, what an inexact one may be wrong
by. Rows of one hour touch the rest of the day only by the batteries' power, so each hour has a
bound of its own in x and that power; summed with the rows of the batteries they give the first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...core.mixed_cone import MixedConeProgram
from ...core.solve import Cone, ConeKind, ConeProgram
from ...core.units import FloatArray, IntArray
from .operation import STORE, DayProgram


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StandardDay:
    """The arrays of a scenario's program; x counts modules."""

    cost: FloatArray  #: [free column] c
    matrix: sp.csr_matrix  #: A
    by_modules: sp.csr_matrix  #: B [row, port then link]
    bound: FloatArray  #: b
    cones: tuple[Cone, ...]
    free: IntArray  #: the program's columns that are y
    fixed: FloatArray  #: values of all the program's columns, 0 where they are y or x
    row_hour: IntArray  #: [row] the hour, or STORE
    column_hour: IntArray  #: [free column]
    reach: FloatArray  #: [free column]
    power: IntArray  #: [time, link] free columns of batteries' power; -1 where there is no battery

    def program(self, modules: FloatArray) -> ConeProgram:
        """The operation with so many modules."""
        return ConeProgram(
            quadratic=sp.csc_matrix((len(self.cost),) * 2),
            cost=self.cost,
            matrix=self.matrix.tocsc(),
            bound=self.bound - self.by_modules @ modules,
            cones=self.cones,
        )

    def values(self, y: FloatArray) -> FloatArray:
        """Of all columns of the program, those of sizes left 0."""
        x = self.fixed.copy()
        x[self.free] = y
        return x


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HourBounds:
    """cost of hour t >= constant_t + by_modules_t' x + by_power_t' P_ES_t, whatever x and P_ES."""

    constant: FloatArray  #: [time]
    by_modules: FloatArray  #: [time, port then link]
    by_power: FloatArray  #: [time, link]


def standard(day: DayProgram, units: FloatArray) -> StandardDay:
    """The program with columns of sizes apart, in modules of ``units``."""
    program = day.program
    linear = program.linear
    lower, upper = linear.col_lower, linear.col_upper
    sizes = day.columns.sizes
    at_rest = lower == upper
    fixed = np.where(at_rest, lower, 0.0)
    fixed[sizes] = 0.0
    free = np.flatnonzero(~at_rest & ~np.isin(np.arange(len(lower)), sizes))
    full, bound, cones = stacked_rows(program, free)
    matrix = full[:, free].tocsr()
    hour = day.columns.hour_of(len(lower))[free]
    return StandardDay(
        cost=linear.cost[free],
        matrix=matrix,
        by_modules=(full[:, sizes] @ sp.diags(units)).tocsr(),
        bound=bound - full @ fixed,
        cones=cones,
        free=free,
        fixed=fixed,
        row_hour=_row_hours(matrix, cones, hour),
        column_hour=hour,
        reach=day.reach[free],
        power=_positions(free, day.columns.store.power),
    )


def stacked_rows(
    program: MixedConeProgram, bounded: IntArray
) -> tuple[sp.csr_matrix, FloatArray, tuple[Cone, ...]]:
    """Rows in the order equal, at most, at least, bounds of columns ``bounded``, cones."""
    linear = program.linear
    rows = linear.matrix.tocsr()
    equal = linear.row_lower == linear.row_upper
    most, least = np.isfinite(linear.row_upper) & ~equal, np.isfinite(linear.row_lower) & ~equal
    one = sp.identity(len(linear.cost), format="csr")
    capped = bounded[np.isfinite(linear.col_upper[bounded])]
    floored = bounded[np.isfinite(linear.col_lower[bounded])]
    blocks = [rows[equal], rows[most], -rows[least], one[capped], -one[floored]]
    bounds = [
        linear.row_lower[equal],
        linear.row_upper[most],
        -linear.row_lower[least],
        linear.col_upper[capped],
        -linear.col_lower[floored],
    ]
    kinds = (
        Cone(ConeKind.ZERO, int(equal.sum())),
        Cone(ConeKind.NONNEGATIVE, sum(len(part) for part in bounds[1:])),
        *(Cone(ConeKind.SECOND_ORDER, int(size)) for size in program.cone_sizes),
    )
    bound = np.concatenate([*bounds, np.zeros(program.cone_matrix.shape[0])])
    full = sp.vstack([*blocks, -program.cone_matrix], format="csr")
    return full, bound, tuple(cone for cone in kinds if cone.size)


def hour_bounds(day: StandardDay, z: FloatArray) -> HourBounds:
    """What a dual z proves of every hour."""
    hours, links = day.power.shape
    of_row = _summing(day.row_hour, hours)
    excess = day.cost + day.matrix.T @ z
    slack = np.where(day.column_hour == STORE, 0.0, -np.abs(excess) * day.reach)
    constant = of_row @ (-day.bound * z) + _summing(day.column_hour, hours) @ slack
    by_power = np.zeros((hours, links))
    there = day.power >= 0
    of_hours = np.where(day.row_hour == STORE, 0.0, z)
    by_power[there] = (day.matrix.T @ of_hours)[day.power[there]]
    by_modules = (of_row @ sp.diags(z) @ day.by_modules).toarray()
    return HourBounds(constant=constant, by_modules=by_modules, by_power=by_power)


def into_dual_cone(day: StandardDay, z: FloatArray) -> FloatArray:
    """The nearest z that is one: nonnegative, norms below heads."""
    found, start = z.copy(), 0
    for cone in day.cones:
        rows = slice(start, start + cone.size)
        if cone.kind is ConeKind.NONNEGATIVE:
            found[rows] = np.maximum(found[rows], 0.0)
        elif cone.kind is ConeKind.SECOND_ORDER:
            found[start] = max(found[start], float(np.linalg.norm(found[start + 1 : rows.stop])))
        start += cone.size
    return found


def _summing(label: IntArray, hours: int) -> sp.csr_matrix:
    """[hour, element], 1 where an element is of the hour."""
    kept = np.flatnonzero(label != STORE)
    shape = (hours, len(label))
    return sp.csr_matrix((np.ones(len(kept)), (label[kept], kept)), shape=shape)


def _row_hours(matrix: sp.csr_matrix, cones: tuple[Cone, ...], column_hour: IntArray) -> IntArray:
    """That of any of their columns; rows of a cone belong together."""
    entries, cone = matrix.tocoo(), _cone_of_row(cones)
    found = np.full(cone.max(initial=-1) + 1, STORE)
    np.maximum.at(found, cone[entries.row], column_hour[entries.col])
    return np.asarray(found[cone])


def _cone_of_row(cones: tuple[Cone, ...]) -> IntArray:
    """A number for each second-order cone, and for each other row."""
    whole = [cone.kind is ConeKind.SECOND_ORDER for cone in cones]
    parts = [1 if one else cone.size for cone, one in zip(cones, whole, strict=True)]
    sizes = [
        np.array([cone.size]) if one else np.ones(cone.size, np.int64)
        for cone, one in zip(cones, whole, strict=True)
    ]
    return np.repeat(np.arange(sum(parts)), np.concatenate(sizes) if sizes else 0)


def _positions(free: IntArray, columns: IntArray) -> IntArray:
    """Where columns are among the free ones; -1 where they are not."""
    found = np.searchsorted(free, columns)
    inside = np.minimum(found, len(free) - 1)
    return np.where(free[inside] == columns, inside, -1)
