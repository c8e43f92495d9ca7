"""Outer approximation of mixed-integer second-order cone programs, by HiGHS and Clarabel.

HiGHS chooses the whole numbers under linear cuts in place of the cones, which bounds the optimum
from below; Clarabel solves the cone program at these numbers, which bounds it from above. A cut of
a cone K is z'(rows x) >= 0 for a z in K's dual, which is K. From the duals of Clarabel's solution,
or from its proof that there is none, the cuts reproduce that answer exactly, so that the same
numbers are never chosen twice in vain (Lubin, Yamangil, Bent and Vielma, Polyhedral approximation
in mixed-integer convex optimization, Mathematical Programming 172, 2018).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import highspy
import numpy as np
import scipy.sparse as sp

from .errors import InfeasibleError, SolveError
from .mixed_cone_program import (
    Excluded,
    MixedConeProgram,
    MixedSolution,
    Progress,
    Relaxed,
    Watch,
    solve_at,
    solve_relaxed,
)
from .solve import Ending, to_highs
from .units import FloatArray

_NAME = "outer approximation"

#: Each mixed-integer linear program is solved to this share of the gap; cuts need the rest.
_MASTER_SHARE = 0.6
_ROUNDS = 50
_FEASIBLE = int(highspy.SolutionStatus.kSolutionStatusFeasible)

#: Sides of the polygon that stands for each three-row cone at the start.
_SIDES = 12

#: Duals below this share of the largest are the solver's noise, and give no cut.
_DUAL_NOISE = 1e-9


def approximate(
    program: MixedConeProgram,
    what: str,
    gap: float,
    seconds: float,
    start: FloatArray | None,
    watch: Watch,
) -> MixedSolution:
    """See ``solve_mixed_cone``."""
    search = _Search(program, what, gap, seconds, watch)
    search.relax()
    if start is not None:
        search.try_numbers(start)
    for _ in range(_ROUNDS):
        if search.progress().gap <= gap:
            return search.solution()
        search.improve()
    raise SolveError(what, _NAME, Ending.LIMIT, f"gap {search.progress().gap:.3g} > {gap:g}")


class _Search:
    """The best point, the bound and the cuts so far."""

    def __init__(
        self, program: MixedConeProgram, what: str, gap: float, seconds: float, watch: Watch
    ) -> None:
        self._program, self._what, self._gap = program, what, gap
        self._watch, self._seconds, self._begin = watch, seconds, time.perf_counter()
        self._master = _Master(program, what)
        self._best: Relaxed | None = None
        self._bound = -np.inf
        self._log: list[Progress] = []

    def relax(self) -> None:
        """Starts from the optimum over continuous columns."""
        linear = self._program.linear
        answer = solve_relaxed(self._program, self._what, linear.col_lower, linear.col_upper)
        if isinstance(answer, Excluded):
            raise InfeasibleError(self._what, "Clarabel", ())
        self._bound = answer.objective
        if not self._program.integer.any():
            self._best = answer
        self._master.add(_polygons(self._program))
        self._master.add(answer.cone_dual)
        self._note()

    def improve(self) -> None:
        """One round: numbers and bound from HiGHS, point and cuts from Clarabel."""
        start = self._best.x if self._best else None
        x, bound = self._master.solve(_MASTER_SHARE * self._gap, self._left(), start, self._look)
        self._bound = max(self._bound, bound)
        self._master.add(_separating(self._program, x))
        self.try_numbers(x)
        self._note()

    def try_numbers(self, x: FloatArray) -> None:
        """Solves at the whole numbers of a point, and takes the cuts that this proves."""
        answer = solve_at(self._program, self._what, x)
        self._master.add(answer.cone_dual)
        if isinstance(answer, Relaxed) and answer.objective < self._objective():
            self._best = answer

    def progress(self) -> Progress:
        """The bounds now."""
        return self._with_bound(self._bound)

    def solution(self) -> MixedSolution:
        """The best point, once within the gap."""
        assert self._best is not None
        done = self.progress()
        return MixedSolution(
            x=self._best.x,
            objective=done.objective,
            bound=done.bound,
            gap=done.gap,
            rounds=tuple(self._log),
        )

    def _with_bound(self, bound: float) -> Progress:
        return Progress(
            round=len(self._log),
            objective=self._objective(),
            bound=min(bound, self._objective()),
            seconds=time.perf_counter() - self._begin,
        )

    def _objective(self) -> float:
        return self._best.objective if self._best else np.inf

    def _note(self) -> None:
        self._log.append(self.progress())
        self._watch(self._log[-1])

    def _look(self, bound: float) -> None:
        self._watch(self._with_bound(max(bound, self._bound)))

    def _left(self) -> float:
        left = self._seconds - (time.perf_counter() - self._begin)
        if left <= 0:
            reached = f"time limit at gap {self.progress().gap:.3g} > {self._gap:g}"
            raise SolveError(self._what, _NAME, Ending.LIMIT, reached)
        return left


class _Master:
    """The mixed-integer linear program in HiGHS, which gains cuts."""

    def __init__(self, program: MixedConeProgram, what: str) -> None:
        self._program, self._what = program, what
        self._highs = highspy.Highs()
        self._highs.setOptionValue("output_flag", True)  # without it there are no logging events
        self._highs.setOptionValue("log_to_console", False)
        self._highs.setOptionValue("threads", 1)
        self._highs.passModel(to_highs(program.linear))

    def add(self, dual: FloatArray) -> None:
        """Adds the cuts z'(rows x) >= 0 of multipliers z [set of multipliers, row of cones]."""
        cuts = _cuts(self._program, np.atleast_2d(dual))
        count = cuts.shape[0]
        self._highs.addRows(
            count,
            np.zeros(count),
            np.full(count, highspy.kHighsInf),
            cuts.nnz,
            cuts.indptr[:-1].astype(np.int32),
            cuts.indices.astype(np.int32),
            cuts.data,
        )

    def solve(
        self,
        gap: float,
        seconds: float,
        start: FloatArray | None,
        look: Callable[[float], None],
    ) -> tuple[FloatArray, float]:
        """A point under the cuts so far, and the lower bound proven.

        The point is within the gap, or the best when time ran out.
        """
        highs = self._highs

        def on_log(event: Any) -> None:
            look(event.data_out.mip_dual_bound)

        highs.cbMipLogging.subscribe(on_log)
        highs.setOptionValue("mip_rel_gap", gap)
        highs.setOptionValue("time_limit", float(min(highs.getRunTime() + seconds, 1e20)))
        if start is not None:
            guess = highspy.HighsSolution()
            guess.col_value = list(start)
            highs.setSolution(guess)
        highs.run()
        highs.cbMipLogging.clear()
        status, info = highs.getModelStatus(), highs.getInfo()
        if status == highspy.HighsModelStatus.kInfeasible:
            raise InfeasibleError(self._what, "HiGHS", ())
        stopped = status != highspy.HighsModelStatus.kOptimal
        if stopped and info.primal_solution_status != _FEASIBLE:
            reached = f"{highs.modelStatusToString(status)} without a point, gap inf"
            raise SolveError(self._what, "HiGHS", Ending.LIMIT, reached)
        return np.array(highs.getSolution().col_value), float(info.mip_dual_bound)


def _cuts(program: MixedConeProgram, duals: FloatArray) -> sp.csr_matrix:
    """One row for each cone with a multiplier, scaled to a largest coefficient of one.

    The first multiplier of a cone is lowered to the norm of the others: the tightest that is
    valid. All-zero rows fall away.
    """
    matrices = [_cut_matrix(program, dual) for dual in duals]
    return sp.vstack(matrices, format="csr")


def _cut_matrix(program: MixedConeProgram, dual: FloatArray) -> sp.csr_matrix:
    norm = program.tail_norms(dual)
    weights = dual.copy()
    weights[program.heads] = norm
    used = np.flatnonzero(norm > _DUAL_NOISE * norm.max(initial=1e-300))
    shape = (len(norm), len(dual))
    combine = sp.csr_matrix((weights, (program.cone_of, np.arange(len(dual)))), shape=shape)
    rows = (combine[used] @ program.cone_matrix).tocsr()
    size = np.maximum(abs(rows).max(axis=1).toarray().ravel(), 1e-300)
    return (sp.diags(1 / size) @ rows).tocsr()


def _polygons(program: MixedConeProgram) -> FloatArray:
    """Multipliers [side, row] of regular polygons around the three-row cones."""
    flat = program.heads[program.cone_sizes == 3]
    duals = np.zeros((_SIDES, program.cone_matrix.shape[0]))
    angle = 2 * np.pi * np.arange(_SIDES)[:, None] / _SIDES
    duals[:, flat + 1], duals[:, flat + 2] = np.cos(angle).round(15), np.sin(angle).round(15)
    return duals


def _separating(program: MixedConeProgram, x: FloatArray) -> FloatArray:
    """Multipliers whose cuts exclude a point from every cone that it misses."""
    rows = program.cone_matrix @ x
    missed = program.cone_misses(x) > 0
    scale = np.where(missed, 1 / np.maximum(program.tail_norms(rows), 1e-300), 0.0)
    return np.asarray(-rows * scale[program.cone_of])
