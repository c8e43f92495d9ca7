"""One plan with copies of the operation under several fates u: the programs of C&CG and Benders.

    min  cost'x + eta   s.t.  eta >= sum over scenarios of cost'y(u)   for every u given
                              eta >= constant + slope'x                for every cut

A single u is a deterministic or a stochastic plan; several make the master program of column-and-
constraint generation (Zeng and Zhao, Operations Research Letters 41, 2013).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from ...core.mixed_integer import solve_mixed_integer
from ...core.solve import LinearProgram
from ...core.units import FloatArray
from .first_stage import FirstStage
from .recourse import Recourse

Cut = tuple[float, FloatArray]  #: eta >= constant + slope'x


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Master:
    """The best plan against what it has been shown."""

    x: FloatArray  #: whole numbers rounded
    eta: float  #: cost of operation
    objective: float
    bound: float  #: proven


def solve_extensive(
    first: FirstStage,
    recourses: Sequence[Recourse],
    fates: Sequence[FloatArray],
    what: str,
    *,
    cuts: Sequence[Cut] = (),
    gap: float = 1e-6,
    seconds: float = np.inf,
    mult: float = 1.0,
) -> Master:
    """The plan of least investment and worst operation over ``fates`` and ``cuts``.

    Args:
        first: what may be built.
        recourses: operation of every scenario.
        fates: u [parameter], each shared by all scenarios.
        what: the program's name, for errors.
        cuts: lower bounds of the cost of operation.
        gap: relative.
        seconds: limit of the solver.
        mult: days that an investment is paid for, as many as the operation has.

    Raises:
        InfeasibleError: no plan serves the load in every fate.
        SolveError: the gap was not reached.
    """
    program = extensive_program(first, recourses, fates, cuts=cuts, mult=mult)
    answer = solve_mixed_integer(program, what, gap=gap, seconds=seconds)
    return Master(
        x=first.rounded(answer.x[: first.count]),
        eta=float(answer.x[first.count]),
        objective=answer.objective,
        bound=answer.bound,
    )


def extensive_program(
    first: FirstStage,
    recourses: Sequence[Recourse],
    fates: Sequence[FloatArray],
    *,
    cuts: Sequence[Cut] = (),
    mult: float = 1.0,
) -> LinearProgram:
    """Columns x, eta, then y of every fate and scenario."""
    n = first.count
    stack = _Stack()
    stack.columns(mult * first.cost, np.zeros(n), first.upper, first.integer)
    # A plan without a fate or a cut would be unbounded; costs of operation are never negative.
    stack.columns(np.ones(1), np.zeros(1), np.full(1, np.inf), np.zeros(1, bool))
    stack.rows([(first.matrix, 0)], -np.inf, first.bound)
    for u in fates:
        epigraph: list[tuple[sp.csr_matrix, int]] = [(sp.csr_matrix([[1.0]]), n)]
        for one in recourses:
            start = stack.columns(np.zeros(len(one.cost)), one.lower, one.upper, None)
            bound = one.fixed + one.by_nature @ u
            least = np.where(one.equal, bound, -np.inf)
            stack.rows([(one.matrix, start), (-one.plan_at(u), 0)], least, bound)
            epigraph.append((sp.csr_matrix(-one.cost[None]), start))
        stack.rows(epigraph, 0.0, np.inf)
    for constant, slope in cuts:
        stack.rows(
            [(sp.csr_matrix([[1.0]]), n), (sp.csr_matrix(-slope[None]), 0)], constant, np.inf
        )
    return stack.program()


class _Stack:
    """Blocks of columns and rows, put together at the end."""

    def __init__(self) -> None:
        self._columns: list[FloatArray] = []
        self._bounds: list[FloatArray] = []
        self._entries: list[FloatArray] = []
        self._width = self._height = 0

    def columns(self, cost: FloatArray, lower: FloatArray, upper: FloatArray, integer: Any) -> int:
        """Adds columns; returns the first."""
        whole = np.zeros(len(cost)) if integer is None else np.asarray(integer, float)
        self._columns.append(np.array([cost, lower, upper, whole]))
        start = self._width
        self._width += len(cost)
        return start

    def rows(self, blocks: Sequence[tuple[sp.csr_matrix, int]], lower: Any, upper: Any) -> None:
        """Adds rows lower <= sum of (block at its first column) <= upper."""
        count = blocks[0][0].shape[0]
        self._bounds.append(
            np.stack([np.broadcast_to(np.asarray(v, float), count) for v in (lower, upper)])
        )
        for block, start in blocks:
            part = block.tocoo()
            self._entries.append(np.array([part.row + self._height, part.col + start, part.data]))
        self._height += count

    def program(self) -> LinearProgram:
        cost, lower, upper, integer = np.concatenate(self._columns, axis=1)
        row_lower, row_upper = np.concatenate(self._bounds, axis=1)
        row, column, value = np.concatenate(self._entries, axis=1)
        shape = (self._height, self._width)
        places = (row.astype(np.int64), column.astype(np.int64))
        return LinearProgram(
            cost=cost,
            matrix=sp.csc_matrix((value, places), shape=shape),
            row_lower=row_lower,
            row_upper=row_upper,
            col_lower=lower,
            col_upper=upper,
            integer=integer > 0,
        )
