"""One linear program at many right-hand sides: each begins where the one before ended."""

from __future__ import annotations

import highspy
import numpy as np

from .errors import InfeasibleError, SolveError
from .solve import Ending, LinearProgram, to_highs
from .units import FloatArray

_INFEASIBLE = (
    highspy.HighsModelStatus.kInfeasible,
    highspy.HighsModelStatus.kUnboundedOrInfeasible,
)


class LinearFamily:
    """Programs that differ in their row bounds only.

    An optimal basis stays dual feasible when bounds of rows move, so that a few steps of the dual
    simplex method lead from one optimum to the next. Objectives do not depend on the order; where
    several points are optimal, the point may.
    """

    def __init__(self, program: LinearProgram, what: str) -> None:
        self._what, self._highs = what, highspy.Highs()
        for key, value in {"output_flag": False, "threads": 1, "solver": "simplex"}.items():
            self._highs.setOptionValue(key, value)
        self._highs.passModel(to_highs(program))
        self._rows = np.arange(program.matrix.shape[0], dtype=np.int32)

    def solve(self, row_lower: FloatArray, row_upper: FloatArray) -> tuple[float, FloatArray]:
        """(objective, point) at these bounds.

        Raises:
            InfeasibleError: no point meets them.
            SolveError: any other ending than optimal.
        """
        self._highs.changeRowsBounds(len(self._rows), self._rows, row_lower, row_upper)
        self._highs.run()
        status = self._highs.getModelStatus()
        if status in _INFEASIBLE:
            raise InfeasibleError(self._what, "HiGHS", ())
        if status != highspy.HighsModelStatus.kOptimal:
            words = self._highs.modelStatusToString(status)
            raise SolveError(self._what, "HiGHS", Ending.FAILED, words)
        value = self._highs.getInfo().objective_function_value
        return float(value), np.array(self._highs.getSolution().col_value)
