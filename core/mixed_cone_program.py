"""Mixed-integer second-order cone programs as data, and their relaxation to continuous columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from .errors import SolveError
from .implied_bounds import Implied, implied_bounds
from .solve import (
    Certificate,
    Cone,
    ConeKind,
    ConeProgram,
    ConeSolution,
    LinearProgram,
    solve_cone_or_certify,
)
from .units import BoolArray, FloatArray, IntArray

#: A cone missed by less, relative, is met.
CONE_MISS = 1e-7


@dataclass(frozen=True, kw_only=True, eq=False)
class MixedConeProgram:
    """min cost'x over the points of ``linear`` with every cone of ``cone_matrix`` x.

    Cone k is a block of ``cone_sizes[k]`` consecutive rows, of which the first is at least the
    Euclidean norm of the others. Not slotted: derived arrays are computed on first use and kept.
    """

    linear: LinearProgram
    cone_matrix: sp.csr_matrix
    cone_sizes: IntArray

    @cached_property
    def integer(self) -> BoolArray:
        """The columns that must be whole numbers [column]."""
        flags = self.linear.integer
        return np.zeros(len(self.linear.cost), bool) if flags is None else flags

    @cached_property
    def heads(self) -> IntArray:
        """First row of each cone."""
        return np.asarray(np.cumsum(self.cone_sizes) - self.cone_sizes)

    @cached_property
    def cone_of(self) -> IntArray:
        """The cone of each row of ``cone_matrix``."""
        return np.repeat(np.arange(len(self.cone_sizes)), self.cone_sizes)

    def cone_misses(self, x: FloatArray) -> FloatArray:
        """By how much each cone's norm exceeds its head, relative, beyond the tolerance."""
        rows = self.cone_matrix @ x
        norm = self.tail_norms(rows)
        excess = norm - rows[self.heads]
        return np.asarray(np.maximum(excess - CONE_MISS * np.maximum(1.0, norm), 0.0))

    def tail_norms(self, rows: FloatArray) -> FloatArray:
        """Norm of each cone's rows but the first."""
        squares = rows**2
        squares[self.heads] = 0.0
        return np.sqrt(np.bincount(self.cone_of, squares, len(self.cone_sizes)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a solve stands: the optimum lies between ``bound`` and ``objective``."""

    round: int
    objective: float  #: of the best point so far, infinite without one
    bound: float
    seconds: float

    @property
    def gap(self) -> float:
        """(objective - bound) / |objective|, infinite without a point."""
        if not np.isfinite(self.objective):
            return np.inf
        return max(self.objective - self.bound, 0.0) / max(abs(self.objective), 1e-9)


Watch = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MixedSolution:
    """A point whose objective is within ``gap`` of the optimum, proven by ``bound``."""

    x: FloatArray
    objective: float
    bound: float
    gap: float
    rounds: tuple[Progress, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relaxed:
    """The optimum over continuous columns, and the dual of every row of ``cone_matrix``."""

    x: FloatArray
    cone_dual: FloatArray
    objective: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Excluded:
    """No point lies between the bounds; ``cone_dual`` is the cones' part of the proof."""

    cone_dual: FloatArray


#: Optima end up in cuts and in deviations that are shown, hence finer than elsewhere; where
#: Clarabel cannot reach the first, the second.
_CONE_TOLERANCES = (1e-8, 1e-6)


def solve_relaxed(
    program: MixedConeProgram, what: str, lower: FloatArray, upper: FloatArray
) -> Relaxed | Excluded:
    """Solves the program over continuous columns between other bounds, by Clarabel.

    Columns that the bounds fix, and what follows from them, are taken out first.

    Raises:
        SolveError: any other ending than optimal or infeasible.
    """
    implied = implied_bounds(
        program.linear, program.cone_matrix, program.heads, program.cone_of, lower, upper
    )
    fixed = np.where(implied.free, 0.0, implied.lower)
    kept = _loose_cones(program, implied.free, fixed)
    answer = _solve_finely(_cone_program(program, implied, fixed, kept), what)
    cone_dual = np.zeros(program.cone_matrix.shape[0])
    cone_dual[kept[program.cone_of]] = answer.z[
        len(answer.z) - int(program.cone_sizes[kept].sum()) :
    ]
    if isinstance(answer, Certificate):
        return Excluded(cone_dual=cone_dual)
    x = fixed.copy()
    x[implied.free] = answer.x
    return Relaxed(x=x, cone_dual=cone_dual, objective=float(program.linear.cost @ x))


def solve_at(program: MixedConeProgram, what: str, x: FloatArray) -> Relaxed | Excluded:
    """Solves the program with the whole numbers of a point, rounded."""
    lower, upper = program.linear.col_lower.copy(), program.linear.col_upper.copy()
    lower[program.integer] = upper[program.integer] = np.round(x[program.integer])
    return solve_relaxed(program, what, lower, upper)


def _loose_cones(program: MixedConeProgram, free: BoolArray, fixed: FloatArray) -> BoolArray:
    """All cones but those whose rows are fixed, as they should be."""
    rows, count = program.cone_matrix, len(program.cone_sizes)
    loose = np.zeros(count, bool)
    loose[program.cone_of[(rows != 0) @ free.astype(np.int64) > 0]] = True
    return np.asarray(loose | (program.cone_misses(fixed) > 0))


def _solve_finely(program: ConeProgram, what: str) -> ConeSolution | Certificate:
    fine, coarse = _CONE_TOLERANCES
    try:
        return solve_cone_or_certify(program, what, fine)
    except SolveError:
        return solve_cone_or_certify(program, what, coarse)


def _cone_program(
    program: MixedConeProgram, implied: Implied, fixed: FloatArray, kept: BoolArray
) -> ConeProgram:
    """Rows in the order equal, at most, at least, upper and lower bounds, cones."""
    linear, matrix, free = program.linear, program.linear.matrix.tocsr(), implied.free
    said = implied.rows
    equal = said & (linear.row_lower == linear.row_upper)
    most = said & np.isfinite(linear.row_upper) & ~equal
    least = said & np.isfinite(linear.row_lower) & ~equal
    capped, floored = free & np.isfinite(implied.upper), free & np.isfinite(implied.lower)
    one = sp.identity(len(linear.cost), format="csr")
    blocks = [matrix[equal], matrix[most], -matrix[least], one[capped], -one[floored]]
    bounds = [
        linear.row_lower[equal],
        linear.row_upper[most],
        -linear.row_lower[least],
        implied.upper[capped],
        -implied.lower[floored],
    ]
    cone_rows = program.cone_matrix[kept[program.cone_of]]
    full = sp.vstack([*blocks, -cone_rows], format="csr")
    bound = np.concatenate([*bounds, np.zeros(cone_rows.shape[0])])
    kinds = [
        Cone(ConeKind.ZERO, int(equal.sum())),
        Cone(ConeKind.NONNEGATIVE, sum(len(part) for part in bounds[1:])),
    ]
    cones = [Cone(ConeKind.SECOND_ORDER, int(size)) for size in program.cone_sizes[kept]]
    return ConeProgram(
        quadratic=sp.csc_matrix((int(free.sum()),) * 2),
        cost=linear.cost[free],
        matrix=full[:, free].tocsc(),
        bound=bound - full @ fixed,
        cones=(*(cone for cone in kinds if cone.size), *cones),
    )
