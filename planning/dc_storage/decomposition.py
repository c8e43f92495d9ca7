"""Whole numbers by cuts: the master proposes, every scenario answers with what it proves.

Begins at the continuous relaxation, whose duals are the first cuts and whose numbers, rounded up,
are the first plan. Ends when no plan can earn more than the best by more than the gap.

Source: generalized Benders decomposition: Geoffrion, Journal of Optimization Theory and
Applications 10, 1972.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...core.errors import InfeasibleError
from ...core.units import FloatArray
from ..der.mapper import Mapper
from .first_stage import FirstStage, plan_of
from .master import Choice, Master
from .operation import Day
from .recourse import Recourse, answer
from .relaxation import Relaxation
from .solution import Cut, Step

#: The master's own gap, as a share of the whole one.
_MASTER_SHARE = 0.2
#: Of the gap; the rest is for what the exact operation of the plan costs more.
_OWN_SHARE = 0.95
#: Relative: a sum that misses the return by less reaches it.
_RETURN_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """What is searched: prices, scenarios, and the cost of operation without anything."""

    first: FirstStage
    days: tuple[Day, ...]
    recourses: tuple[Recourse, ...]
    before: float  #: a year, in units of money
    empty_allowed: bool  #: whether operation without ports and storage keeps the limits

    @property
    def money(self) -> float:
        """The unit of money."""
        return self.days[0].money


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """A plan, in units of money."""

    modules: FloatArray
    profit: float  #: -inf where limits cannot be kept
    returns: bool  #: whether it returns enough
    infeasible: tuple[int, ...]  #: scenarios


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """The best plan, in units of money."""

    modules: FloatArray
    profit: float
    bound: float
    steps: tuple[Step, ...]
    return_binding: bool


class Search:
    """The cuts, plans and bounds so far."""

    def __init__(
        self,
        problem: Problem,
        relaxation: Relaxation,
        mapper: Mapper,
        watch: Callable[[Step], None],
        begin: float,
        number: int = 0,
    ) -> None:
        self._problem, self._relaxation, self._mapper = problem, relaxation, mapper
        self._watch, self._begin, self._number = watch, begin, number
        self._shared = [mapper.share(recourse) for recourse in problem.recourses]
        self._master = Master(problem.first, problem.days, problem.before)
        self._known: dict[tuple[float, ...], Evaluation] = {}
        self._steps: list[Step] = []
        nothing = np.zeros(len(problem.first.most))
        self._best = Evaluation(
            modules=nothing,
            profit=0.0 if problem.empty_allowed else -np.inf,
            returns=True,
            infeasible=(),
        )
        self._upper = problem.before - relaxation.cost
        for scenario, bounds in enumerate(relaxation.bounds):
            self._master.cut(scenario, bounds, feasible=True)

    def run(self, gap: float, end: float) -> Found:
        """Plans until the gap is proven, or the clock shows ``end``.

        Raises:
            InfeasibleError: no plan keeps the limits and returns enough.
        """
        rounded = np.minimum(np.ceil(self._relaxation.modules - 0.05), self._problem.first.most)
        self._log(self._evaluate(rounded), Cut.RELAXATION)
        while not self._closed(self._upper, gap) and time.perf_counter() < end:
            choice = self._choose(gap)
            if choice is None or tuple(choice.modules) in self._known:
                break
            self._upper = min(self._upper, max(-choice.bound, self._best.profit))
            if self._closed(self._upper, gap):
                break
            self._log(self._evaluate(choice.modules))
        if not np.isfinite(self._best.profit):
            raise InfeasibleError("ports and storage", "decomposition", ())
        return Found(
            modules=self._best.modules,
            profit=self._best.profit,
            bound=max(self._upper, self._best.profit),
            steps=tuple(self._steps),
            return_binding=self._binding(gap, end),
        )

    def _choose(self, gap: float) -> Choice | None:
        """The master's numbers; None, with the bounds closed, where it has none."""
        try:
            return self._master.solve(_MASTER_SHARE * gap)
        except InfeasibleError:
            self._upper = self._best.profit
            return None

    def _closed(self, upper: float, gap: float) -> bool:
        best = self._best.profit
        return bool(np.isfinite(best) and upper - best <= _OWN_SHARE * gap * abs(best))

    def _evaluate(self, modules: FloatArray) -> Evaluation:
        """Asks all scenarios; their cuts go to the master, the better plan is kept."""
        problem = self._problem
        tasks = [(recourse, modules) for recourse in self._shared]
        answers = self._mapper.map(answer, tasks)
        for scenario, one in enumerate(answers):
            self._master.cut(scenario, one.bounds, one.feasible)
        infeasible = tuple(k for k, one in enumerate(answers) if not one.feasible)
        income = problem.before - sum(one.cost for one in answers)
        wanted = problem.first.wanted(modules) / problem.money
        found = Evaluation(
            modules=modules,
            profit=-np.inf
            if infeasible
            else income - problem.first.yearly(modules) / problem.money,
            returns=income >= wanted - _RETURN_TOLERANCE * abs(problem.before),
            infeasible=infeasible,
        )
        self._known[tuple(modules)] = found
        if found.returns and found.profit > self._best.profit:
            self._best = found
        return found

    def _log(self, found: Evaluation, cut: Cut = Cut.OPTIMALITY) -> None:
        problem = self._problem
        step = Step(
            number=self._number + len(self._steps) + 1,
            plan=plan_of(problem.days[0].case, found.modules),
            cut=Cut.FEASIBILITY if found.infeasible else cut,
            scenarios_infeasible=found.infeasible,
            upper_bound=self._upper * problem.money,
            profit=self._best.profit * problem.money,
            seconds=time.perf_counter() - self._begin,
        )
        self._steps.append(step)
        self._watch(step)

    def _binding(self, gap: float, end: float) -> bool:
        """Whether a plan that returns too little earns more than the best by more than the gap."""
        while time.perf_counter() < end:
            richer = max((plan.profit for plan in self._known.values()), default=-np.inf)
            if not self._closed(richer, gap):
                return True
            try:
                choice = self._master.solve(_MASTER_SHARE * gap, with_return=False)
            except InfeasibleError:
                return False
            if self._closed(-choice.bound, gap) or tuple(choice.modules) in self._known:
                return False
            self._evaluate(choice.modules)
        return False
