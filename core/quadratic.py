"""The door to OSQP, for small convex quadratic programs that are solved again and again."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import osqp
import scipy.sparse as sp

from .errors import InfeasibleError, SolveError
from .solve import Ending, SolveReport
from .units import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuadraticProgram:
    """min 1/2 x'Px + cost'x  s.t.  row_lower <= matrix x <= row_upper,
    col_lower <= x <= col_upper.

    ``quadratic`` is the upper triangle of P.
    """

    quadratic: sp.csc_matrix
    cost: FloatArray
    matrix: sp.csc_matrix
    row_lower: FloatArray
    row_upper: FloatArray
    col_lower: FloatArray
    col_upper: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuadraticSolution:
    """Optimal point and duals: d objective / d bound, as in ``LinearSolution``."""

    x: FloatArray
    row_dual: FloatArray
    col_dual: FloatArray
    report: SolveReport


#: OSQP's absolute and relative tolerance, before its polishing.
QUADRATIC_TOLERANCE = 1e-7
_QUADRATIC_ITERATIONS = 100_000
#: OSQP adapts its step every so many iterations, where primal and dual residual differ by so much.
#: At its own 50 and 5 the step of 11 of 700 station problems swung for ever; at these, of none.
_QUADRATIC_STEP = {"adaptive_rho_interval": 100, "adaptive_rho_tolerance": 20.0}

_OSQP_ENDINGS = {
    osqp.SolverStatus.OSQP_SOLVED: Ending.OPTIMAL,
    osqp.SolverStatus.OSQP_SOLVED_INACCURATE: Ending.INEXACT,
    osqp.SolverStatus.OSQP_PRIMAL_INFEASIBLE: Ending.INFEASIBLE,
    osqp.SolverStatus.OSQP_PRIMAL_INFEASIBLE_INACCURATE: Ending.INFEASIBLE,
    osqp.SolverStatus.OSQP_DUAL_INFEASIBLE: Ending.UNBOUNDED,
    osqp.SolverStatus.OSQP_DUAL_INFEASIBLE_INACCURATE: Ending.UNBOUNDED,
    osqp.SolverStatus.OSQP_MAX_ITER_REACHED: Ending.LIMIT,
    osqp.SolverStatus.OSQP_TIME_LIMIT_REACHED: Ending.LIMIT,
}


def solve_quadratic(
    program: QuadraticProgram, what: str, start: QuadraticSolution | None = None
) -> QuadraticSolution:
    """Solves a convex quadratic program with OSQP, polished.

    Args:
        program: the problem.
        what: the problem's name, for errors.
        start: the solution of a similar program of the same shape, to start from.

    Raises:
        InfeasibleError: no point meets the rows and bounds (unnamed; see ``solve_linear``).
        SolveError: any other ending than optimal, "solved inaccurate" included.
    """
    begin = time.perf_counter()
    rows = len(program.row_lower)
    solver = osqp.OSQP(algebra="builtin")
    solver.setup(
        program.quadratic.tocsc(),
        program.cost,
        sp.vstack([program.matrix, sp.identity(len(program.cost))], format="csc"),
        np.concatenate([program.row_lower, program.col_lower]),
        np.concatenate([program.row_upper, program.col_upper]),
        verbose=False,
        polishing=True,
        eps_abs=QUADRATIC_TOLERANCE,
        eps_rel=QUADRATIC_TOLERANCE,
        max_iter=_QUADRATIC_ITERATIONS,
        **_QUADRATIC_STEP,
    )
    if start is not None:
        # OSQP's multipliers have the opposite sign of ours.
        solver.warm_start(start.x, -np.concatenate([start.row_dual, start.col_dual]))
    answer = solver.solve(raise_error=False)
    ending = _OSQP_ENDINGS.get(answer.info.status_val, Ending.FAILED)
    if ending is Ending.INFEASIBLE:
        raise InfeasibleError(what, "OSQP", ())
    if ending is not Ending.OPTIMAL:
        raise SolveError(what, "OSQP", ending, answer.info.status)
    report = SolveReport(
        solver="OSQP",
        ending=ending,
        objective=float(answer.info.obj_val),
        iterations=int(answer.info.iter),
        seconds=time.perf_counter() - begin,
    )
    dual = -np.array(answer.y)
    return QuadraticSolution(
        x=np.array(answer.x), row_dual=dual[:rows], col_dual=dual[rows:], report=report
    )
