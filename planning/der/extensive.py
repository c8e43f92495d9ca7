"""One plan with copies of the operation under several fates u: the programs of C&CG and Benders.

    min  cost'x + eta   s.t.  eta >= sum over scenarios of cost'y(u)   for every u given
                              eta >= constant + slope'x                for every cut

A single u is a deterministic or a stochastic plan; several make the master program of column-and-
constraint generation (Zeng and Zhao, Operations Research Letters 41, 2013).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...core.mixed_integer import solve_mixed_integer
from ...core.solve import LinearProgram
from ...core.units import FloatArray
from .first_stage import FirstStage
from .program_stack import ProgramStack
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
    stack = ProgramStack()
    stack.columns(mult * first.cost, 0.0, first.upper, first.integer)
    # A plan without a fate or a cut would be unbounded; costs of operation are never negative.
    stack.columns([1.0], 0.0, np.inf)
    stack.rows([(first.matrix, 0)], -np.inf, first.bound)
    for u in fates:
        epigraph: list[tuple[sp.csr_matrix, int]] = [(sp.csr_matrix([[1.0]]), n)]
        for one in recourses:
            start = stack.columns(0.0, one.lower, one.upper)
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
