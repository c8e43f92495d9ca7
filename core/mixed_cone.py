"""The doors to what solves mixed-integer second-order cone programs.

HiGHS and Clarabel together solve them by outer approximation; MOSEK, Gurobi and SCIP are called
through cvxpy where they are installed. An ending above the gap asked for raises.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from .errors import InfeasibleError, SolveError, SolverMissing
from .mixed_cone_program import (
    MixedConeProgram,
    MixedSolution,
    Progress,
    Relaxed,
    Watch,
    solve_at,
)
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


@dataclass(frozen=True, slots=True)
class _Package:
    """How cvxpy calls a package, and how that is told a gap and seconds and asked for its bound."""

    name: str
    options: Callable[[float, float], dict[str, Any]]
    bound: Callable[[Any], float] | None  #: of cvxpy's extra statistics; None: not to be had


def _mosek_options(gap: float, seconds: float) -> dict[str, Any]:
    limit = seconds if np.isfinite(seconds) else -1.0
    return {
        "mosek_params": {"MSK_DPAR_MIO_TOL_REL_GAP": gap, "MSK_DPAR_MIO_MAX_TIME": limit},
    }


def _gurobi_options(gap: float, seconds: float) -> dict[str, Any]:
    return {"MIPGap": gap, "TimeLimit": min(seconds, 1e20)}


def _scip_options(gap: float, seconds: float) -> dict[str, Any]:
    return {"scip_params": {"limits/gap": gap, "limits/time": min(seconds, 1e20)}}


_PACKAGES = {
    "mosek": _Package("MOSEK", _mosek_options, None),
    "gurobi": _Package("GUROBI", _gurobi_options, lambda model: float(model.ObjBound)),
    "scip": _Package("SCIP", _scip_options, lambda more: float(more["model"].getDualbound())),
}
#: Packages stop at this share of the gap; what they take for a point is solved once more.
_PACKAGE_SHARE = 0.9


def solve_mixed_through_cvxpy(
    program: MixedConeProgram, what: str, gap: float, solver: str, seconds: float
) -> MixedSolution:
    """The same program in front of another package, whose bound is taken.

    Its whole numbers are taken too; the point to them is Clarabel's.

    Raises:
        InfeasibleError: no point meets the constraints.
        SolverMissing: the package is not installed, or unknown.
        SolveError: any other ending above the gap.
    """
    import cvxpy as cp

    package = _PACKAGES.get(solver)
    if package is None or package.name not in cp.installed_solvers():
        choices = ", ".join(["outer-approximation", *_PACKAGES])
        raise SolverMissing(solver, f"install it for cvxpy, or choose among {choices}")
    problem, x = _cvxpy_problem(program)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of points that cvxpy calls inaccurate; we judge them
            problem.solve(solver=package.name, **package.options(_PACKAGE_SHARE * gap, seconds))
    except cp.SolverError as error:
        raise SolveError(what, package.name, Ending.FAILED, str(error)) from error
    if problem.status in (cp.INFEASIBLE, "infeasible_or_unbounded"):
        raise InfeasibleError(what, package.name, ())
    if x.value is None:
        raise SolveError(what, package.name, Ending.LIMIT, f"{problem.status}, no point")
    return _finished(program, what, gap, package, problem, x.value)


def _finished(
    program: MixedConeProgram, what: str, gap: float, package: _Package, problem: Any, x: FloatArray
) -> MixedSolution:
    """The solution at a package's whole numbers, if its bound proves the gap."""
    stats, answer = problem.solver_stats, solve_at(program, what, x)
    if not isinstance(answer, Relaxed):
        raise SolveError(what, package.name, Ending.INEXACT, "its whole numbers allow no point")
    if package.bound is not None:
        bound = package.bound(stats.extra_stats)
    else:
        proven = problem.status == "optimal"
        bound = problem.value - gap * abs(problem.value) if proven else -np.inf
    done = Progress(
        round=1,
        objective=answer.objective,
        bound=min(bound, answer.objective),
        seconds=float(stats.solve_time or 0.0),
    )
    if done.gap > gap:
        raise SolveError(what, package.name, Ending.LIMIT, f"gap {done.gap:.3g} > {gap:g}")
    return MixedSolution(
        x=answer.x, objective=done.objective, bound=done.bound, gap=done.gap, rounds=(done,)
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
