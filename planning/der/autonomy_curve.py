"""How much investment buys how much autonomy, with perfect foresight of the scenarios in a row.

    min  days * cost'x + operation      (or the investment alone)
    s.t. sum of imports and of load not served <= (1 - autonomy) * load

on the copperplate, and with as many sites as it takes: full autonomy needs several times what a
feeder's sites may carry. The curves of Fig. 4 of García-Muñoz and Duran-Mateluna.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np
import scipy.sparse as sp

from ...core.mixed_integer import solve_mixed_integer
from ...core.solve import LinearProgram
from ...core.units import FloatArray, IntArray, frozen
from .case import DerCase
from .extensive import extensive_program
from .first_stage import FirstStage, all_as_one
from .operation import Weather, copperplate

#: How many times the sites that the case allows may be built.
_ROOM: Final = 100
#: Of every point; the investment is flat around its optimum.
_GAP: Final = 1e-4


class Aim(StrEnum):
    """What a point of the curve minimises."""

    INVESTMENT = "investment"  #: then operates at least cost
    TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """The cheapest way to an autonomy; money for a day."""

    aim: Aim
    asked: float
    autonomy: float  #: reached
    investment: float
    operation: float
    pv_kw: float
    battery_kwh: float

    @property
    def total(self) -> float:
        """Investment and operation."""
        return self.investment + self.operation


def autonomy_curve(
    case: DerCase, shares: Sequence[float], aims: Sequence[Aim] = tuple(Aim)
) -> tuple[CurvePoint, ...]:
    """A point for every share of the load that must not be imported, by aim.

    Raises:
        InfeasibleError: an autonomy cannot be reached.
    """
    curve = _Curve(case)
    return tuple(curve.point(aim, share) for aim in aims for share in shares)


class _Curve:
    """The program of all points; only its last row's bound and its costs differ."""

    def __init__(self, case: DerCase) -> None:
        days = len(case.scenarios.weight)
        load_kw = np.concatenate(list(case.scenarios.load_kw), axis=1)
        weather = Weather(pv=case.scenarios.pv.ravel(), load_kw=load_kw)
        self._first: FirstStage = _with_room(all_as_one(case))
        self._days, self._load_kwh = days, float(load_kw.sum())
        recourse = copperplate(case, self._first, weather)
        fate = np.zeros(case.deviations.load_mean_kw.size + case.hours)
        program = extensive_program(self._first, [recourse], [fate], mult=days)
        unserved = recourse.others.get("unserved", np.zeros(0, np.int64)).ravel()
        lacking = np.concatenate([recourse.imported, unserved])
        self._lacking = self._first.count + 1 + lacking
        self._program = _with_row(program, self._lacking)

    def point(self, aim: Aim, share: float) -> CurvePoint:
        """The cheapest plan of this autonomy."""
        program, n = self._asking(share), self._first.count
        if aim is Aim.INVESTMENT:
            cost = np.where(np.arange(len(program.cost)) < n, program.cost, 0.0)
            x = _solved(replace(program, cost=cost))[:n]
            program = _at_most(program, self._first.rounded(x))
        found = _solved(program)
        x = self._first.rounded(found[:n])
        return CurvePoint(
            aim=aim,
            asked=share,
            autonomy=float(1 - found[self._lacking].sum() / self._load_kwh),
            investment=float(self._first.cost @ x),
            operation=float(found[n]) / self._days,
            pv_kw=float(x[self._first.pv_kw].sum()),
            battery_kwh=float(x[self._first.battery_kwh].sum()),
        )

    def _asking(self, share: float) -> LinearProgram:
        most = self._program.row_upper.copy()
        most[-1] = max(1 - share, 0.0) * self._load_kwh
        return replace(self._program, row_upper=most)


def _with_room(first: FirstStage) -> FirstStage:
    return replace(first, upper=frozen(_ROOM * first.upper))


def _with_row(program: LinearProgram, columns: IntArray) -> LinearProgram:
    """One row more: the sum of these columns, unbounded as yet."""
    row = sp.csc_matrix(np.isin(np.arange(len(program.cost)), columns).astype(float)[None])
    return replace(
        program,
        matrix=sp.vstack([program.matrix, row], format="csc"),
        row_lower=np.append(program.row_lower, -np.inf),
        row_upper=np.append(program.row_upper, np.inf),
    )


def _at_most(program: LinearProgram, x: FloatArray) -> LinearProgram:
    """Nothing larger than x, but for the last digits that a solver may need."""
    upper = program.col_upper.copy()
    upper[: len(x)] = x * (1 + 1e-6)
    return replace(program, col_upper=upper, integer=None)


def _solved(program: LinearProgram) -> FloatArray:
    return solve_mixed_integer(program, "autonomy", gap=_GAP).x
