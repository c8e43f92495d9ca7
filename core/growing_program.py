"""One linear program that gains rows and is solved at many bounds of its columns."""

from __future__ import annotations

from typing import Any

import highspy
import numpy as np
import scipy.sparse as sp

from .errors import SolveError
from .solve import Ending, LinearProgram, to_highs
from .units import FloatArray, IntArray

_OPTIMAL = highspy.HighsModelStatus.kOptimal
_NO_POINT = (
    highspy.HighsModelStatus.kInfeasible,
    highspy.HighsModelStatus.kUnboundedOrInfeasible,
)


class GrowingProgram:
    """Each solve begins at the basis where the one before ended, which stays dual feasible."""

    def __init__(self, program: LinearProgram, what: str) -> None:
        self._what, self._highs = what, highspy.Highs()
        for key, value in {"output_flag": False, "threads": 1, "solver": "simplex"}.items():
            self._highs.setOptionValue(key, value)
        self._highs.passModel(to_highs(program))

    def at_most(self, matrix: sp.csr_matrix, upper: FloatArray) -> None:
        """Adds rows matrix x <= upper."""
        rows = matrix.tocsr()
        self._highs.addRows(
            rows.shape[0],
            np.full(rows.shape[0], -highspy.kHighsInf),
            upper,
            rows.nnz,
            rows.indptr[:-1].astype(np.int32),
            rows.indices.astype(np.int32),
            rows.data,
        )

    def solve(
        self, columns: IntArray, lower: FloatArray, upper: FloatArray
    ) -> tuple[float, FloatArray] | None:
        """(objective, point) with these columns between these bounds; None: there is no point.

        Raises:
            SolveError: any other ending.
        """
        self._highs.changeColsBounds(len(columns), columns.astype(np.int32), lower, upper)
        status = self._status()
        if status in _NO_POINT:
            return None
        if status != _OPTIMAL:
            words = self._highs.modelStatusToString(status)
            raise SolveError(self._what, "HiGHS", Ending.FAILED, words)
        value = self._highs.getInfo().objective_function_value
        return float(value), np.array(self._highs.getSolution().col_value)

    def _status(self) -> Any:
        """A basis may lead astray, and so may any, next to where there is no point: once more."""
        for solver in ("simplex", "simplex", "ipm"):
            self._highs.setOptionValue("solver", solver)
            self._highs.run()
            status = self._highs.getModelStatus()
            if status in (_OPTIMAL, *_NO_POINT):
                break
            self._highs.clearSolver()
        return status
