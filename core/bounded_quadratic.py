"""Convex quadratic programs solved by an interior-point method, with a bound that needs no trust.

A solver's dual objective is a bound only as far as its dual is feasible. What it leaves is made up
for by the columns' own bounds: for every x within them with b - A x in a cone, and z in its dual,

    f(x) >= f(y) + f'(y) (x - y) + z'(A x - b) = f(y) - f'(y) y - z'b + (f'(y) + A'z) x,

of which the last term is at least its smallest over the bounds. It holds for any y and z.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from .quadratic import QuadraticProgram
from .solve import CONE_TOLERANCE, Cone, ConeKind, ConeProgram, solve_cone
from .units import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NormCones:
    """Second-order cones: blocks of rows of ``matrix`` x, the first at least the others' norm."""

    matrix: sp.csr_matrix
    sizes: IntArray  #: rows of each


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoundedPoint:
    """A point, and what no other point can beat."""

    x: FloatArray
    objective: float
    bound: float
    row_price: FloatArray  #: [row] how much lower the bound is for one more of ``row_upper``


def solve_bounded(
    program: QuadraticProgram,
    what: str,
    *,
    cones: NormCones | None = None,
    tolerance: float = CONE_TOLERANCE,
) -> BoundedPoint:
    """Solves the program with Clarabel.

    Fixed columns, and rows that no point within the columns' bounds breaks, are taken out first.
    Columns and rows should be of the order of 1, as they are per unit: Clarabel's own scaling made
    it take half as many steps again. Costs are scaled here.

    Args:
        program: convex; every column has finite bounds.
        what: its name, for errors.
        cones: besides the rows.
        tolerance: relative, of feasibility and gap.

    Raises:
        InfeasibleError: no point meets the constraints (unnamed; see ``solve_linear``).
        SolveError: any other ending than optimal.
    """
    form = _form(program, cones)
    scale = float(np.abs(program.cost).max(initial=0.0)) or 1.0
    scaled = replace(form.cone, quadratic=form.cone.quadratic / scale, cost=form.cone.cost / scale)
    answer = solve_cone(scaled, what, tolerance=tolerance, equilibrate=False)
    x = form.fixed.copy()
    x[form.free] = answer.x
    objective = value(program, x)
    price, z = np.zeros(len(form.above)), answer.z * scale
    price[form.above] = z[form.equal : form.equal + int(form.above.sum())]
    return BoundedPoint(
        x=x,
        objective=objective,
        bound=form.constant + _bound(form, answer.x, z),
        row_price=price,
    )


def value(program: QuadraticProgram, x: FloatArray) -> float:
    """1/2 x'Px + cost'x."""
    return float(0.5 * x @ _times(program.quadratic, x) + program.cost @ x)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Form:
    """The program over the columns that are free."""

    cone: ConeProgram
    free: BoolArray  #: [column] of the program
    fixed: FloatArray  #: [column] values of the others
    constant: float  #: what these cost
    equal: int  #: rows of equality, which come first
    above: BoolArray  #: [row] of the program with an upper bound, which come next
    lower: FloatArray  #: [free column]
    upper: FloatArray


def _form(program: QuadraticProgram, norms: NormCones | None) -> _Form:
    """Rows in the order equal, at most, at least, upper and lower bounds, cones."""
    free = program.col_upper > program.col_lower
    fixed = np.where(free, 0.0, program.col_lower)
    matrix = program.matrix.tocsr()
    most, least = _activity(matrix, program)
    equal = program.row_lower == program.row_upper
    above = ~equal & (most > program.row_upper)
    below = ~equal & (least < program.row_lower)
    equal &= np.diff(matrix[:, free].indptr) > 0
    one = sp.identity(len(free), format="csr")[free]
    blocks = [matrix[equal], matrix[above], -matrix[below], one, -one]
    bounds = [
        program.row_upper[equal],
        program.row_upper[above],
        -program.row_lower[below],
        program.col_upper[free],
        -program.col_lower[free],
    ]
    cones = [
        Cone(ConeKind.ZERO, int(equal.sum())),
        Cone(ConeKind.NONNEGATIVE, sum(len(part) for part in bounds[1:])),
    ]
    if norms is not None:
        blocks.append(-norms.matrix)
        bounds.append(np.zeros(norms.matrix.shape[0]))
        cones += [Cone(ConeKind.SECOND_ORDER, int(size)) for size in norms.sizes]
    full = sp.vstack(blocks, format="csr")
    slope = _times(program.quadratic, fixed) + program.cost
    return _Form(
        cone=ConeProgram(
            quadratic=program.quadratic[free][:, free].tocsc(),
            cost=slope[free],
            matrix=full[:, free].tocsc(),
            bound=np.concatenate(bounds) - full @ fixed,
            cones=tuple(cone for cone in cones if cone.size),
        ),
        free=free,
        fixed=fixed,
        constant=value(program, fixed),
        equal=int(equal.sum()),
        above=above,
        lower=program.col_lower[free],
        upper=program.col_upper[free],
    )


def _activity(matrix: sp.csr_matrix, program: QuadraticProgram) -> tuple[FloatArray, FloatArray]:
    """The most and the least that rows come to within the columns' bounds."""
    up, down = matrix.maximum(0), matrix.minimum(0)
    most = up @ program.col_upper + down @ program.col_lower
    least = up @ program.col_lower + down @ program.col_upper
    return np.asarray(most), np.asarray(least)


def _bound(form: _Form, y: FloatArray, z: FloatArray) -> float:
    """The module's formula."""
    cone = form.cone
    curved = _times(cone.quadratic, y)
    left = curved + cone.cost + cone.matrix.T @ z
    smallest = np.minimum(left * form.lower, left * form.upper).sum()
    return float(-0.5 * y @ curved - z @ cone.bound + smallest)


def _times(upper: sp.csc_matrix, x: FloatArray) -> FloatArray:
    """P x for the upper triangle of P."""
    return np.asarray(upper @ x + upper.T @ x - upper.diagonal() * x)
