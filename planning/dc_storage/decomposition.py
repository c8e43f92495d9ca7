"""Whole numbers by cuts: a tree of boxes, one store of cuts, every scenario answering with proofs.

Begins at the continuous relaxation, whose duals are the first cuts and whose numbers, rounded up,
are the first plan. The box of the largest bound is taken next:

- its sites are not all decided: it is split by one of them;
- they are: all scenarios answer to its numbers, rounded;
- they have answered before: it is split by a number that is not whole.

Cuts hold everywhere, whatever box they come from. Ends when no box is left whose bound is above
the best plan by more than the gap.

Source: generalized Benders decomposition: Geoffrion, Journal of Optimization Theory and
Applications 10, 1972; cuts within one tree are called branch-and-Benders-cut.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...core.errors import InfeasibleError, SolveError
from ...core.solve import Ending
from ...core.units import FloatArray
from ..der.mapper import Mapper
from .first_stage import plan_of
from .master import Box, Master
from .problem import Problem
from .recourse import answer
from .relaxation import Relaxation
from .solution import Cut, Step
from .standard import HourBounds

#: Nearer to a whole number is one.
_WHOLE = 1e-6
_REMEDY = "no plan keeps the limits and returns enough; ask for a lower return"
#: Of the gap; the rest is for what the exact operation of the plan costs more.
_OWN_SHARE = 0.95
#: Relative: a sum that misses the return by less reaches it.
_RETURN_TOLERANCE = 1e-9


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
        earlier: Search | None = None,
    ) -> None:
        """``earlier``: a search under limits that are nowhere tighter: its cuts hold here too."""
        self.problem, self.relaxation, self._mapper = problem, relaxation, mapper
        self._watch, self._begin = watch, begin
        self._number = earlier.last_number if earlier else 0
        self._shared = [mapper.share(recourse) for recourse in problem.recourses]
        self._cuts: list[tuple[int, HourBounds, bool]] = list(earlier._cuts) if earlier else []
        self._hint = earlier.best.modules if earlier else np.zeros(len(problem.first.most))
        self._masters = list[Master]()
        self._known: dict[tuple[float, ...], Evaluation] = {}
        self._steps: list[Step] = []
        nothing = np.zeros(len(problem.first.most))
        profit = 0.0 if problem.empty_allowed else -np.inf
        self.best: Evaluation = Evaluation(
            modules=nothing, profit=profit, returns=True, infeasible=()
        )
        self._upper = problem.before - relaxation.cost
        for scenario, bounds in enumerate(relaxation.bounds):
            self._add_cut(scenario, bounds, feasible=True)

    @property
    def last_number(self) -> int:
        """Of the steps so far, earlier searches counted."""
        return self._number + len(self._steps)

    def run(self, gap: float, end: float) -> Found:
        """Plans until the gap is proven, or the clock shows ``end``; goes on where it stopped.

        Raises:
            InfeasibleError: no plan keeps the limits and returns enough.
            SolveError: time was over before there was any plan.
        """
        rounded = np.minimum(np.ceil(self.relaxation.modules - 0.05), self.problem.first.most)
        for plan, cut in ((rounded, Cut.RELAXATION), (self._hint, Cut.OPTIMALITY)):
            if plan.any() and tuple(plan) not in self._known:
                self._log(self._evaluate(plan), cut)
        tree = _Tree(self._master(with_return=True))
        while not self._closed(tree.bound, gap) and time.perf_counter() < end:
            self._upper = min(self._upper, max(tree.bound, self.best.profit))
            self._take(tree)
        self._upper = min(self._upper, max(tree.bound, self.best.profit))
        if not np.isfinite(self.best.profit):
            if tree.bound > -np.inf:
                raise SolveError("ports and storage", "decomposition", Ending.LIMIT, "no plan yet")
            raise InfeasibleError("ports and storage", "decomposition", (), _REMEDY)
        best = self.best
        return Found(
            modules=best.modules,
            profit=best.profit,
            bound=self._upper,
            steps=tuple(self._steps),
            return_binding=tree.return_seen and self._binding(best, gap, end),
        )

    def _master(self, with_return: bool) -> Master:
        problem = self.problem
        master = Master(problem.first, problem.days, problem.before)
        for cut in self._cuts:
            master.cut(*cut)
        if with_return:
            master.ask_return()
        self._masters.append(master)
        return master

    def _add_cut(self, scenario: int, bounds: HourBounds, feasible: bool) -> None:
        self._cuts.append((scenario, bounds, feasible))
        for master in self._masters:
            master.cut(scenario, bounds, feasible)

    def _take(self, tree: _Tree) -> None:
        """The box of the largest bound: split, or learnt from."""
        numbers = tree.guess()
        if numbers is None or tree.split_by(_fractional(numbers, sites=True)):
            return
        modules = numbers[len(numbers) // 2 :]
        plan = np.where(modules > _WHOLE, np.maximum(np.round(modules), 1.0), 0.0)
        if tuple(plan) not in self._known:
            self._log(self._evaluate(plan))
        elif not tree.split_by(_fractional(numbers, sites=False)):
            tree.leave_out(plan)

    def _closed(self, upper: float, gap: float) -> bool:
        best = self.best.profit
        if not np.isfinite(best):
            return upper == -np.inf
        return bool(upper - best <= _OWN_SHARE * gap * abs(best))

    def _evaluate(self, modules: FloatArray) -> Evaluation:
        """Asks all scenarios; their cuts go to the master, the better plan is kept."""
        problem = self.problem
        tasks = [(recourse, modules) for recourse in self._shared]
        answers = self._mapper.map(answer, tasks)
        for scenario, one in enumerate(answers):
            self._add_cut(scenario, one.bounds, one.feasible)
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
        if found.returns and found.profit > self.best.profit:
            self.best = found
        return found

    def _log(self, found: Evaluation, cut: Cut = Cut.OPTIMALITY) -> None:
        problem = self.problem
        step = Step(
            number=self.last_number + 1,
            plan=plan_of(problem.days[0].case, found.modules),
            cut=Cut.FEASIBILITY if found.infeasible else cut,
            scenarios_infeasible=found.infeasible,
            upper_bound=self._upper * problem.money,
            profit=self.best.profit * problem.money,
            seconds=time.perf_counter() - self._begin,
        )
        self._steps.append(step)
        self._watch(step)

    def _binding(self, best: Evaluation, gap: float, end: float) -> bool:
        """Whether a plan that returns too little earns more than the best by more than the gap."""
        tree = _Tree(self._master(with_return=False))
        while time.perf_counter() < end:
            if any(not self._closed(plan.profit, gap) for plan in self._known.values()):
                return True
            if self._closed(tree.bound, gap):
                return False
            self._take(tree)
        return False


class _Tree:
    """Boxes that may hold a better plan, the one of the largest bound first."""

    def __init__(self, master: Master) -> None:
        self._master, self._count = master, 0
        self._boxes: list[tuple[float, int, Box]] = []
        self.return_seen = False  #: whether the return ever mattered
        self._push(np.inf, master.whole)

    @property
    def bound(self) -> float:
        """No plan left earns more."""
        return -self._boxes[0][0] if self._boxes else -np.inf

    def guess(self) -> FloatArray | None:
        """The best numbers of the first box, by what is known; None: another box is first now."""
        bound, _, box = self._boxes[0]
        found = self._master.guess(box)
        if found is None:
            self.return_seen = True  # for want of a return, perhaps
            heapq.heappop(self._boxes)
            return None
        self.return_seen |= found.return_active
        heapq.heappop(self._boxes)
        self._push(min(-bound, found.profit), box)
        return found.numbers if self._boxes[0][2] is box else None

    def split_by(self, fraction: tuple[int, float] | None) -> bool:
        """Splits the first box below and above a number; whether there is one to split by."""
        if fraction is None:
            return False
        place, value = fraction
        bound, _, box = heapq.heappop(self._boxes)
        self._push(-bound, _with(box, place, upper=np.floor(value)))
        self._push(-bound, _with(box, place, lower=np.ceil(value)))
        return True

    def leave_out(self, modules: FloatArray) -> None:
        """The first box without one plan, which is known and yet looks better than it is."""
        bound, _, box = heapq.heappop(self._boxes)
        count = len(modules)
        for place, value in enumerate(modules, start=count):
            if value > box.lower[place]:
                self._push(-bound, _with(box, place, upper=value - 1))
            if value < box.upper[place]:
                self._push(-bound, _with(box, place, lower=value + 1))
            box = _with(box, place, lower=value, upper=value)

    def _push(self, bound: float, box: Box) -> None:
        self._count += 1
        heapq.heappush(self._boxes, (-bound, -self._count, box))


def _with(box: Box, place: int, lower: float | None = None, upper: float | None = None) -> Box:
    low, high = box.lower.copy(), box.upper.copy()
    low[place] = low[place] if lower is None else lower
    high[place] = high[place] if upper is None else upper
    return Box(lower=low, upper=high)


def _fractional(numbers: FloatArray, sites: bool) -> tuple[int, float] | None:
    """The number farthest from whole ones, of sites or of modules; None: all are whole."""
    count = len(numbers) // 2
    start = 0 if sites else count
    part = numbers[start : start + count]
    off = np.abs(part - np.round(part))
    place = int(off.argmax())
    return (start + place, float(part[place])) if off[place] > _WHOLE else None
