"""One vocabulary of solver endings, one door to each solver.

Linear and mixed-integer programs go to HiGHS, cone programs to Clarabel (or MOSEK where it is
installed); small convex quadratic programs have their door in ``quadratic``. A solver that stops
for any reason but optimality raises: a time limit is never "ok".
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import clarabel
import highspy
import numpy as np
import scipy.sparse as sp

from .errors import InfeasibleError, SolveError, SolverMissing
from .units import BoolArray, FloatArray


class Ending(StrEnum):
    """How a solver ended."""

    OPTIMAL = "optimal"
    INEXACT = "inexact"  #: stopped near an optimum without meeting the tolerance
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    LIMIT = "limit"  #: time, iterations or nodes
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveReport:
    """What a solver says of its run. ``objective`` in the problem's own unit."""

    solver: str
    ending: Ending
    objective: float
    iterations: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearProgram:
    """min cost'x  s.t.  row_lower <= matrix x <= row_upper,  col_lower <= x <= col_upper.

    ``integer`` marks the columns that must be whole numbers.
    """

    cost: FloatArray
    matrix: sp.csc_matrix
    row_lower: FloatArray
    row_upper: FloatArray
    col_lower: FloatArray
    col_upper: FloatArray
    integer: BoolArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearSolution:
    """Optimal point and duals; ``row_dual`` = d objective / d row bound (HiGHS' sign)."""

    x: FloatArray
    row_dual: FloatArray
    col_dual: FloatArray
    report: SolveReport


_HIGHS_ENDINGS = {
    highspy.HighsModelStatus.kOptimal: Ending.OPTIMAL,
    highspy.HighsModelStatus.kInfeasible: Ending.INFEASIBLE,
    highspy.HighsModelStatus.kUnboundedOrInfeasible: Ending.INFEASIBLE,
    highspy.HighsModelStatus.kUnbounded: Ending.UNBOUNDED,
    highspy.HighsModelStatus.kTimeLimit: Ending.LIMIT,
    highspy.HighsModelStatus.kIterationLimit: Ending.LIMIT,
    highspy.HighsModelStatus.kSolutionLimit: Ending.LIMIT,
}


def solve_linear(program: LinearProgram, what: str, **options: Any) -> LinearSolution:
    """Solves a linear or mixed-integer program with HiGHS on one thread.

    Args:
        program: the problem.
        what: the problem's name, for errors.
        options: HiGHS options by their own names, e.g. ``mip_rel_gap=1e-3``.

    Raises:
        InfeasibleError: no point meets the rows and bounds (without naming them: the caller knows
            what its rows mean, see ``LimitMiss``).
        SolveError: any other ending than optimal.
    """
    start = time.perf_counter()
    highs = highspy.Highs()
    for key, value in {"output_flag": False, "threads": 1, **options}.items():
        highs.setOptionValue(key, value)
    highs.passModel(to_highs(program))
    highs.run()
    status = highs.getModelStatus()
    ending = _HIGHS_ENDINGS.get(status, Ending.FAILED)
    if ending is Ending.INFEASIBLE:
        raise InfeasibleError(what, "HiGHS", ())
    if ending is not Ending.OPTIMAL:
        raise SolveError(what, "HiGHS", ending, highs.modelStatusToString(status))
    info, solution = highs.getInfo(), highs.getSolution()
    return LinearSolution(
        x=np.array(solution.col_value),
        row_dual=np.array(solution.row_dual),
        col_dual=np.array(solution.col_dual),
        report=SolveReport(
            solver="HiGHS",
            ending=ending,
            objective=info.objective_function_value,
            iterations=max(info.simplex_iteration_count, 0),
            seconds=time.perf_counter() - start,
        ),
    )


def to_highs(program: LinearProgram) -> highspy.HighsLp:
    """The program as HiGHS takes it."""
    matrix = program.matrix.tocsc()
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = matrix.shape[1], matrix.shape[0]
    lp.col_cost_ = program.cost
    lp.col_lower_, lp.col_upper_ = program.col_lower, program.col_upper
    lp.row_lower_, lp.row_upper_ = program.row_lower, program.row_upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = matrix.indptr, matrix.indices
    lp.a_matrix_.value_ = matrix.data
    if program.integer is not None:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[int(flag)] for flag in program.integer]
    return lp


class ConeKind(StrEnum):
    """The cones a slack may lie in."""

    ZERO = "zero"
    NONNEGATIVE = "nonnegative"
    SECOND_ORDER = "second order"


@dataclass(frozen=True, slots=True)
class Cone:
    """A block of ``size`` consecutive rows whose slack lies in a cone of this kind."""

    kind: ConeKind
    size: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConeProgram:
    """min 1/2 x'Px + q'x  s.t.  Ax + s = b,  s in the product of ``cones``.

    ``quadratic`` is the upper triangle of P. Rows of A follow the order of ``cones``.
    """

    quadratic: sp.csc_matrix
    cost: FloatArray
    matrix: sp.csc_matrix
    bound: FloatArray
    cones: tuple[Cone, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConeSolution:
    """Optimal point, and the dual ``z`` of every row: - d objective / d bound, in the dual cone."""

    x: FloatArray
    z: FloatArray
    report: SolveReport


#: At Clarabel's default 1e-8 our problems sometimes end "insufficient progress"; at 1e-6 the
#: objective agrees in seven digits.
CONE_TOLERANCE = 1e-6

_CLARABEL_ENDINGS = {
    "Solved": Ending.OPTIMAL,
    "AlmostSolved": Ending.INEXACT,
    "InsufficientProgress": Ending.INEXACT,
    "PrimalInfeasible": Ending.INFEASIBLE,
    "AlmostPrimalInfeasible": Ending.INFEASIBLE,
    "DualInfeasible": Ending.UNBOUNDED,
    "AlmostDualInfeasible": Ending.UNBOUNDED,
    "MaxIterations": Ending.LIMIT,
    "MaxTime": Ending.LIMIT,
}


def solve_cone(
    program: ConeProgram,
    what: str,
    solver: str = "clarabel",
    tolerance: float = CONE_TOLERANCE,
    equilibrate: bool = True,
) -> ConeSolution:
    """Solves a cone program with Clarabel, or with MOSEK where asked for and present.

    ``tolerance`` is Clarabel's, relative, for feasibility and gap; ``equilibrate`` lets it scale
    rows and columns once more.

    Raises:
        InfeasibleError: no point meets the constraints (unnamed; see ``solve_linear``).
        SolverMissing: ``solver`` is not installed.
        SolveError: any other ending than optimal, "almost solved" included.
    """
    if solver == "clarabel":
        return _solve_clarabel(program, what, tolerance, equilibrate)
    if solver == "mosek":
        if importlib.util.find_spec("mosek") is None:
            raise SolverMissing("MOSEK", "pip install 'roadvolt[mosek]' and set up its licence")
        return solve_cone_through_cvxpy(program, what, "MOSEK")
    raise SolverMissing(solver, "choose 'clarabel' or 'mosek'")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Certificate:
    """Proof that a cone program has no point: z in the dual cone with A'z = 0 and b'z < 0."""

    z: FloatArray


def solve_cone_or_certify(
    program: ConeProgram, what: str, tolerance: float = CONE_TOLERANCE
) -> ConeSolution | Certificate:
    """Like ``solve_cone`` with Clarabel, but gives the proof where no point meets the constraints.

    Raises:
        SolveError: any other ending than optimal or infeasible.
    """
    start = time.perf_counter()
    answer, ending = _run_clarabel(program, tolerance, equilibrate=True)
    if ending is Ending.INFEASIBLE:
        return Certificate(z=np.array(answer.z))
    return _cone_solution(answer, ending, what, start)


def _solve_clarabel(
    program: ConeProgram, what: str, tolerance: float, equilibrate: bool
) -> ConeSolution:
    start = time.perf_counter()
    answer, ending = _run_clarabel(program, tolerance, equilibrate)
    if ending is Ending.INFEASIBLE:
        raise InfeasibleError(what, "Clarabel", ())
    return _cone_solution(answer, ending, what, start)


def _run_clarabel(program: ConeProgram, tolerance: float, equilibrate: bool) -> tuple[Any, Ending]:
    makers = {
        ConeKind.ZERO: clarabel.ZeroConeT,
        ConeKind.NONNEGATIVE: clarabel.NonnegativeConeT,
        ConeKind.SECOND_ORDER: clarabel.SecondOrderConeT,
    }
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1
    settings.equilibrate_enable = equilibrate
    for name in ("tol_gap_abs", "tol_gap_rel", "tol_feas"):
        setattr(settings, name, tolerance)
    cones = [makers[cone.kind](cone.size) for cone in program.cones]
    quadratic, matrix = program.quadratic.tocsc(), program.matrix.tocsc()
    answer = clarabel.DefaultSolver(
        quadratic, program.cost, matrix, program.bound, cones, settings
    ).solve()
    return answer, _CLARABEL_ENDINGS.get(str(answer.status), Ending.FAILED)


def _cone_solution(answer: Any, ending: Ending, what: str, start: float) -> ConeSolution:
    if ending is not Ending.OPTIMAL:
        raise SolveError(what, "Clarabel", ending, str(answer.status))
    report = SolveReport(
        solver="Clarabel",
        ending=ending,
        objective=float(answer.obj_val),
        iterations=int(answer.iterations),
        seconds=time.perf_counter() - start,
    )
    return ConeSolution(x=np.array(answer.x), z=np.array(answer.z), report=report)


def solve_cone_through_cvxpy(program: ConeProgram, what: str, solver: str) -> ConeSolution:
    """The same program handed to any cone solver that cvxpy knows, by cvxpy's name for it."""
    import cvxpy as cp

    start = time.perf_counter()
    x = cp.Variable(len(program.cost))
    slack = program.bound - program.matrix @ x
    constraints = [
        _cvxpy_membership(slack[rows], cone.kind) for cone, rows in _cone_rows(program.cones)
    ]
    upper = sp.csc_matrix(sp.triu(program.quadratic))
    full = upper + sp.triu(upper, k=1).T
    objective = 0.5 * cp.quad_form(x, cp.psd_wrap(full)) + program.cost @ x
    problem = cp.Problem(cp.Minimize(objective), constraints)
    try:
        problem.solve(solver=solver)
    except cp.SolverError as error:
        raise SolveError(what, solver, Ending.FAILED, str(error)) from error
    if problem.status == cp.INFEASIBLE:
        raise InfeasibleError(what, solver, ())
    if problem.status != cp.OPTIMAL:
        raise SolveError(what, solver, Ending.INEXACT, str(problem.status))
    report = SolveReport(
        solver=solver,
        ending=Ending.OPTIMAL,
        objective=float(problem.value),
        iterations=int(problem.solver_stats.num_iters or 0),
        seconds=time.perf_counter() - start,
    )
    dual = np.concatenate([_flat_dual(constraint.dual_value) for constraint in constraints])
    return ConeSolution(x=np.asarray(x.value), z=dual, report=report)


def _cone_rows(cones: Sequence[Cone]) -> list[tuple[Cone, slice]]:
    stops = np.cumsum([cone.size for cone in cones])
    return [(cone, slice(stop - cone.size, stop)) for cone, stop in zip(cones, stops, strict=True)]


def _cvxpy_membership(slack: Any, kind: ConeKind) -> Any:
    import cvxpy as cp

    if kind is ConeKind.ZERO:
        return -slack == 0  # cvxpy's multiplier of "slack == 0" has the opposite sign of z
    if kind is ConeKind.NONNEGATIVE:
        return slack >= 0
    return cp.SOC(slack[0], slack[1:])


def _flat_dual(dual: Any) -> FloatArray:
    """A second-order cone's dual comes in two parts, the others' as one array."""
    parts = dual if isinstance(dual, list) else [dual]
    return np.concatenate([np.ravel(part) for part in parts])
