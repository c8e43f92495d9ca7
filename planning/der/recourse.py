"""A day's operation as a linear program whose right-hand side the plan and nature decide.

    Q(x, u) = min  cost'y   s.t.   matrix y {=, <=} r(x, u),   lower <= y <= upper,
    r(x, u) = fixed + by_plan x + by_nature u + sum of products coefficient u_k x_j

x is the first stage, u the uncertain parameters (``BudgetSet``). Stated once, the same arrays give
the program itself, its dual, Benders' cuts and the copies of generated scenarios.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp

from ...core.devices.rows import Term
from ...core.solve import LinearProgram, solve_linear
from ...core.units import BoolArray, FloatArray, IntArray, frozen


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Products:
    """Terms coefficient u_parameter x_plan of some rows, all [term]."""

    row: IntArray
    parameter: IntArray
    plan: IntArray
    coefficient: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recourse:
    """One scenario's operation; costs are times its probability already."""

    matrix: sp.csr_matrix  #: [row, y]
    equal: BoolArray  #: [row], the others are at most
    fixed: FloatArray  #: [row]
    by_plan: sp.csr_matrix  #: [row, x]
    by_nature: sp.csr_matrix  #: [row, parameter]
    products: Products
    cost: FloatArray  #: [y]
    lower: FloatArray  #: [y]
    upper: FloatArray  #: [y]
    weight: float  #: probability of the scenario
    imported: IntArray  #: columns of imported power [time]
    #: columns of "pv", "charge", "discharge" [site, time]; where there are any, of "unserved",
    #: "flow" and "voltage" (squared) [bus, time]
    others: Mapping[str, IntArray] = field(default_factory=dict)

    def right_side(self, x: FloatArray, u: FloatArray) -> FloatArray:
        """r(x, u) [row]."""
        return np.asarray(self.fixed + self.by_nature @ u + self.plan_at(u) @ x)

    def plan_at(self, u: FloatArray) -> sp.csr_matrix:
        """d r / d x [row, x] at u."""
        terms = self.products
        value = terms.coefficient * u[terms.parameter]
        return self.by_plan + _sparse(value, terms.row, terms.plan, self.by_plan.shape)

    def nature_at(self, x: FloatArray) -> sp.csr_matrix:
        """d r / d u [row, parameter] at x."""
        terms = self.products
        value = terms.coefficient * x[terms.plan]
        return self.by_nature + _sparse(value, terms.row, terms.parameter, self.by_nature.shape)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operation:
    """Optimal operation of all scenarios at one x and u."""

    cost: float
    y: tuple[FloatArray, ...]  #: of each scenario
    dual: tuple[FloatArray, ...]  #: d cost / d r [row] of each scenario

    def slope(self, recourses: Sequence[Recourse], x: FloatArray) -> FloatArray:
        """d cost / d u [parameter]: a subgradient of the cost, which is convex in u."""
        parts = [one.nature_at(x).T @ dual for one, dual in zip(recourses, self.dual, strict=True)]
        return np.asarray(sum(parts))

    def cut(
        self, recourses: Sequence[Recourse], x: FloatArray, u: FloatArray
    ) -> tuple[float, FloatArray]:
        """(constant, slope [x]) of a lower bound: cost(x', u) >= constant + slope'x'."""
        pairs = zip(recourses, self.dual, strict=True)
        slope = np.asarray(sum(one.plan_at(u).T @ dual for one, dual in pairs))
        return float(self.cost - slope @ x), slope


def operate(recourses: Sequence[Recourse], x: FloatArray, u: FloatArray) -> Operation:
    """Solves the operation of every scenario.

    Raises:
        InfeasibleError: the load cannot be served.
    """
    answers = [_solve(one, one.right_side(x, u)) for one in recourses]
    return Operation(
        cost=sum(answer.report.objective for answer in answers),
        y=tuple(answer.x for answer in answers),
        dual=tuple(answer.row_dual for answer in answers),
    )


def _solve(one: Recourse, right_side: FloatArray) -> Any:
    program = LinearProgram(
        cost=one.cost,
        matrix=one.matrix.tocsc(),
        row_lower=np.where(one.equal, right_side, -np.inf),
        row_upper=right_side,
        col_lower=one.lower,
        col_upper=one.upper,
    )
    return solve_linear(program, "operation of a day")


def _sparse(value: FloatArray, row: IntArray, column: IntArray, shape: Any) -> sp.csr_matrix:
    return sp.csr_matrix((value, (row, column)), shape=shape)


class RecourseWriter:
    """Collects columns and rows; ``build`` makes a ``Recourse`` of them."""

    def __init__(self, plan: int, nature: int) -> None:
        self._sizes = {"y": 0, "x": plan, "u": nature}
        self._bounds: list[FloatArray] = []
        self._count = 0
        self._entries: dict[str, list[tuple[Any, ...]]] = {"y": [], "x": [], "u": [], "ux": []}
        self._fixed: list[FloatArray] = []
        self._equal: list[BoolArray] = []

    def columns(
        self, *shape: int, lower: Any = 0.0, upper: Any = np.inf, cost: Any = 0.0
    ) -> IntArray:
        """New columns y; bounds and costs broadcast against the shape."""
        columns = self._sizes["y"] + np.arange(int(np.prod(shape))).reshape(shape)
        self._bounds.append(
            np.array([np.broadcast_to(value, shape).ravel() for value in (lower, upper, cost)])
        )
        self._sizes["y"] += columns.size
        return columns

    def rows(
        self,
        terms: Sequence[Term],
        fixed: Any,
        *,
        equal: bool = False,
        plan: Sequence[Term] = (),
        nature: Sequence[Term] = (),
        products: Sequence[tuple[IntArray, IntArray, Any]] = (),
    ) -> None:
        """Rows sum(terms) {=, <=} fixed + plan x + nature u + products; fixed has their shape."""
        bound = np.asarray(fixed, float)
        rows = self._count + np.arange(bound.size).reshape(bound.shape)
        self._count += bound.size
        self._fixed.append(bound.ravel())
        self._equal.append(np.full(bound.size, equal))
        for name, given in (("y", terms), ("x", plan), ("u", nature)):
            for columns, coefficient in given:
                spread = rows.reshape(rows.shape + (1,) * (columns.ndim - rows.ndim))
                self._put(name, spread, columns, coefficient)
        for parameter, column, coefficient in products:
            self._put("ux", rows, parameter, column, coefficient)

    def build(self, weight: float, imported: IntArray, **others: IntArray) -> Recourse:
        """The recourse; costs are multiplied by ``weight``."""
        lower, upper, cost = np.concatenate(self._bounds, axis=1)
        row, parameter, plan, coefficient = self._flat("ux", 4)
        matrix, by_plan, by_nature = (self._matrix(name) for name in ("y", "x", "u"))
        return Recourse(
            matrix=matrix,
            equal=frozen(np.concatenate(self._equal), np.bool_),
            fixed=frozen(np.concatenate(self._fixed)),
            by_plan=by_plan,
            by_nature=by_nature,
            products=Products(
                row=frozen(row, np.int64),
                parameter=frozen(parameter, np.int64),
                plan=frozen(plan, np.int64),
                coefficient=frozen(coefficient),
            ),
            cost=frozen(weight * cost),
            lower=frozen(lower),
            upper=frozen(upper),
            weight=weight,
            imported=frozen(imported, np.int64),
            others={name: frozen(columns, np.int64) for name, columns in others.items()},
        )

    def _put(self, name: str, *parts: Any) -> None:
        flat = [part.ravel() for part in np.broadcast_arrays(*parts)]
        used = flat[-1] != 0
        self._entries[name].append(tuple(part[used] for part in flat))

    def _flat(self, name: str, width: int) -> list[FloatArray]:
        entries = self._entries[name]
        if not entries:
            return [np.zeros(0)] * width
        return [np.concatenate(parts).astype(float) for parts in zip(*entries, strict=True)]

    def _matrix(self, name: str) -> sp.csr_matrix:
        row, column, value = self._flat(name, 3)
        shape = (self._count, self._sizes[name])
        return _sparse(value, row.astype(np.int64), column.astype(np.int64), shape)
