"""The doors to what solves mixed-integer second-order cone programs.

HiGHS and Clarabel together solve them by outer approximation; MOSEK, Gurobi and SCIP are called
through cvxpy where they are installed. An ending above the gap asked for raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from .errors import InfeasibleError, SolveError, SolverMissing
from .mixed_cone_program import MixedConeProgram, MixedSolution, Progress, Watch
from .outer_approximation import approximate
from .solve import Ending
from .units import FloatArray

__all__ = ["MixedConeProgram", "MixedSolution", "Progress", "Watch", "solve_mixed_cone"]


def solve_mixed_cone(
    program: MixedConeProgram,
    what: str,
    *,
    gap: float,
    solver: str = "outer-approximation",
    seconds: float = np.inf,
    start: FloatArray | None = None,
    watch: Watch | None = None,
) -> MixedSolution:
    """Solves the program until (objective - bound) <= gap |objective|.

    Args:
        program: the problem.
        what: its name, for errors.
        gap: relative.
        solver: "outer-approximation", or "mosek", "gurobi" or "scip" where installed.
        seconds: wall-clock limit; reaching it is an error.
        start: a point whose whole numbers are tried first (outer approximation only).
        watch: called with the bounds whenever they are known better.

    Raises:
        InfeasibleError: no point meets the constraints.
        SolverMissing: ``solver`` is not installed.
        SolveError: any other ending above the gap; names the gap reached.
    """
    if solver == "outer-approximation":
        return approximate(program, what, gap, seconds, start, watch or _nobody)
    return solve_mixed_through_cvxpy(program, what, gap, solver, seconds)


def _nobody(_: Progress) -> None:
    """Nobody watches."""


#: Packages that solve mixed-integer cone programs, and how they are told gap and seconds.
_PACKAGES: dict[str, tuple[str, Callable[[float, float], dict[str, Any]]]] = {
    "mosek": (
        "MOSEK",
        lambda gap, seconds: {
            "mosek_params": {
                "MSK_DPAR_MIO_TOL_REL_GAP": gap,
                "MSK_DPAR_MIO_MAX_TIME": seconds if np.isfinite(seconds) else -1.0,
            }
        },
    ),
    "gurobi": ("GUROBI", lambda gap, seconds: {"MIPGap": gap, "TimeLimit": min(seconds, 1e20)}),
    "scip": (
        "SCIP",
        lambda gap, seconds: {
            "scip_params": {"limits/gap": gap, "limits/time": min(seconds, 1e20)}
        },
    ),
}


def solve_mixed_through_cvxpy(
    program: MixedConeProgram, what: str, gap: float, solver: str, seconds: float
) -> MixedSolution:
    """The same program in front of another package; its word for the gap is taken.

    Raises:
        InfeasibleError: no point meets the constraints.
        SolverMissing: the package is not installed, or unknown.
        SolveError: any other ending than optimal.
    """
    import cvxpy as cp

    name, options = _PACKAGES.get(solver, (solver.upper(), lambda *_: {}))
    if name not in cp.installed_solvers():
        choices = ", ".join(["outer-approximation", *_PACKAGES])
        raise SolverMissing(solver, f"install it for cvxpy, or choose among {choices}")
    problem, x = _cvxpy_problem(program)
    try:
        problem.solve(solver=name, **options(gap, seconds))
    except cp.SolverError as error:
        raise SolveError(what, name, Ending.FAILED, str(error)) from error
    if problem.status in (cp.INFEASIBLE, "infeasible_or_unbounded"):
        raise InfeasibleError(what, name, ())
    if problem.status != cp.OPTIMAL:
        raise SolveError(what, name, Ending.LIMIT, f"{problem.status}, gap {gap:g} not proven")
    objective = float(problem.value)
    done = Progress(
        round=1,
        objective=objective,
        bound=objective - gap * abs(objective),
        seconds=float(problem.solver_stats.solve_time or 0.0),
    )
    return MixedSolution(
        x=np.asarray(x.value), objective=objective, bound=done.bound, gap=gap, rounds=(done,)
    )


def _cvxpy_problem(program: MixedConeProgram) -> tuple[Any, Any]:
    import cvxpy as cp

    linear, rows = program.linear, program.cone_matrix
    x = cp.Variable(len(linear.cost))
    limits = [
        (linear.matrix, linear.row_lower, linear.row_upper),
        (sp.identity(len(linear.cost), format="csr"), linear.col_lower, linear.col_upper),
    ]
    constraints = []
    for matrix, lower, upper in limits:
        for keep, sign, bound in ((np.isfinite(upper), 1, upper), (np.isfinite(lower), -1, lower)):
            if keep.any():
                constraints.append(sign * (matrix.tocsr()[keep] @ x) <= sign * bound[keep])
    for size in np.unique(program.cone_sizes):
        heads = program.heads[program.cone_sizes == size]
        tails = [rows[heads + k] @ x for k in range(1, size)]
        constraints.append(cp.SOC(rows[heads] @ x, cp.vstack(tails), axis=0))
    whole = np.flatnonzero(program.integer)
    if len(whole):
        constraints.append(x[whole] == cp.Variable(len(whole), integer=True))
    return cp.Problem(cp.Minimize(linear.cost @ x), constraints), x
