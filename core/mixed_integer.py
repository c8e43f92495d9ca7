"""Mixed-integer linear programs solved to a proven gap."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np

from .errors import InfeasibleError, SolveError
from .solve import Ending, LinearProgram, to_highs
from .units import FloatArray

_FEASIBLE = int(highspy.SolutionStatus.kSolutionStatusFeasible)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoundedSolution:
    """A point, and what no other point can beat."""

    x: FloatArray
    objective: float
    bound: float  #: proven; at most ``objective`` when minimising
    seconds: float

    @property
    def gap(self) -> float:
        """|objective - bound| / |objective|."""
        return abs(self.objective - self.bound) / max(abs(self.objective), 1e-9)


def solve_mixed_integer(
    program: LinearProgram,
    what: str,
    *,
    gap: float,
    seconds: float = np.inf,
    early: bool = False,
    **options: Any,
) -> BoundedSolution:
    """Minimises with HiGHS on one thread until the gap is proven.

    Args:
        program: the problem.
        what: its name, for errors.
        gap: relative.
        seconds: time limit.
        early: whether the best point, with the bound that holds for it, will do when time runs
            out; the caller then looks at the gap.
        options: further ones of HiGHS, by their own names.

    Raises:
        InfeasibleError: no point meets the rows and bounds.
        SolveError: the gap was not reached in time (names the gap that was), or the solver failed.
    """
    start = time.perf_counter()
    highs = highspy.Highs()
    ours = {"mip_rel_gap": gap, "time_limit": min(seconds, 1e20)}
    for key, value in {"output_flag": False, "threads": 1, **ours, **options}.items():
        highs.setOptionValue(key, value)
    highs.passModel(to_highs(program))
    highs.run()
    status, info = highs.getModelStatus(), highs.getInfo()
    if status == highspy.HighsModelStatus.kInfeasible:
        raise InfeasibleError(what, "HiGHS", ())
    has_point = int(info.primal_solution_status) == _FEASIBLE
    whole = program.integer is not None and bool(program.integer.any())
    bound = info.mip_dual_bound if whole else info.objective_function_value
    answer = BoundedSolution(
        x=np.array(highs.getSolution().col_value),
        objective=info.objective_function_value,
        bound=bound,
        seconds=time.perf_counter() - start,
    )
    stopped = status == highspy.HighsModelStatus.kTimeLimit
    if status != highspy.HighsModelStatus.kOptimal and not (stopped and early and has_point):
        reached = f"gap {answer.gap:.2g}" if has_point else "no point"
        detail = f"{highs.modelStatusToString(status)}, {reached}"
        raise SolveError(what, "HiGHS", Ending.LIMIT if stopped else Ending.FAILED, detail)
    return answer
