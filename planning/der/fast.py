"""The fast method: a plan between a dualised bound from above and generated fates from below.

1. A single program (``dualised``) gives a plan and an upper bound, mostly within a percent.
2. Column-and-constraint generation gives lower bounds: the best plan against the fates found so
   far. Fates come from climbs, which cost milliseconds.
3. Only where no climb finds a worse fate is the worst case of a plan proven: by the relaxation if
   that is sharp enough, else exactly.

All on the copperplate (``all_as_one``); whether the network carries it is another question
(``placement``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...core.units import FloatArray
from ...uncertainty.seeds import generator
from .budget_set import BudgetSet
from .case import DerCase
from .dualised import solve_dualised
from .extensive import solve_extensive
from .first_stage import FirstStage, all_as_one
from .operation import Weather, copperplate
from .prices import PriceBounds, tariff_bounds
from .recourse import Recourse
from .separation import Worst, climb_from, relaxed_bound, separate
from .solution import Separation, Step

#: Fates that climbs start from besides what tariffs suggest.
_KNOWN_STARTS, _RANDOM_STARTS = 3, 20
_ROUNDS = 60

Watcher = Callable[[Step], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bracket:
    """The optimum of the copperplate between two bounds, with a plan that reaches the upper one."""

    x: FloatArray  #: of ``all_as_one``
    upper: float
    lower: float
    steps: tuple[Step, ...]
    fates: tuple[FloatArray, ...]
    worst: FloatArray  #: the worst fate known of x


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RobustProblem:
    """An adaptive problem on the copperplate."""

    case: DerCase
    first: FirstStage
    recourses: tuple[Recourse, ...]
    profiles: tuple[FloatArray | None, ...]  #: PV [time] of each scenario, None: uncertain
    uncertainty: BudgetSet

    @classmethod
    def of(
        cls, case: DerCase, uncertainty: BudgetSet, weathers: Sequence[Weather]
    ) -> RobustProblem:
        """The problem in which every scenario meets the same u."""
        first = all_as_one(case)
        return cls(
            case=case,
            first=first,
            recourses=tuple(copperplate(case, first, weather) for weather in weathers),
            profiles=tuple(weather.pv for weather in weathers),
            uncertainty=uncertainty,
        )

    def investment(self, x: FloatArray) -> float:
        """Cost of a plan for a day."""
        return float(self.first.cost @ x)

    def climbed(self, x: FloatArray, starts: Sequence[FloatArray]) -> Worst:
        """The worst fate that climbs find."""
        return climb_from(self.recourses, x, self.uncertainty, starts)

    def relaxed(self, x: FloatArray) -> float:
        """An upper bound of the worst cost of operation."""
        return relaxed_bound(self.recourses, x, self.uncertainty, self.price_bounds(x))

    def proven(self, x: FloatArray, gap: float, seconds: float) -> Worst:
        """The worst fate, to a gap."""
        prices = self.price_bounds(x)
        return separate(self.recourses, x, self.uncertainty, prices, gap=gap, seconds=seconds)

    def price_bounds(self, x: FloatArray) -> list[PriceBounds]:
        """What parameters can be worth at a plan, of every scenario."""
        return [
            tariff_bounds(self.case, self.first, self.uncertainty, x, pv, one.weight)
            for one, pv in zip(self.recourses, self.profiles, strict=True)
        ]

    def dearest(self) -> FloatArray:
        """What a kW of demand or of PV can be worth [parameter], whatever is built."""
        rules, price = self.case.rules, self.case.price_per_kwh
        used = np.maximum(price - rules.pv_per_kwh_used, 0.0)
        return np.concatenate([np.tile(price, len(self.case.network.buses)), used])

    def guess(self, weight: FloatArray | float = 1.0) -> FloatArray:
        """The worst fate if every hour's price were its tariff, times ``weight`` [time]."""
        price = self.case.price_per_kwh * weight
        return self.uncertainty.worst(
            np.concatenate([np.tile(price, len(self.case.network.buses)), -price])
        )


def solve_fast(
    problem: RobustProblem,
    *,
    gap: float,
    seconds: float = np.inf,
    watch: Watcher | None = None,
    known: Sequence[FloatArray] = (),
) -> Bracket:
    """Bounds of the adaptive optimum until they are within ``gap``, or time is over.

    Args:
        problem: what is uncertain, and what may be built.
        gap: (upper - lower) / upper.
        seconds: after which the bounds reached are returned.
        watch: told of every step.
        known: fates generated before, to go on from.

    Raises:
        InfeasibleError: no plan serves the load.
    """
    return _Search(problem, gap, seconds, watch or (lambda step: None), known).run()


class _Search:
    """The bounds so far."""

    def __init__(
        self,
        problem: RobustProblem,
        gap: float,
        seconds: float,
        watch: Watcher,
        known: Sequence[FloatArray],
    ) -> None:
        self._problem, self._gap, self._watch = problem, gap, watch
        self._begin, self._seconds = time.perf_counter(), seconds
        self._rng = generator(1, "fates to climb from")
        self._fates = [problem.guess(), *known]
        self._lower, self._steps = -np.inf, list[Step]()
        dual = solve_dualised(
            problem.case, problem.first, problem.recourses, problem.uncertainty,
            gap=min(1e-5, gap / 10),
        )  # fmt: skip
        self._x, self._upper = dual.x, dual.bound
        self._worst = self._climbed(self._x).u
        self._add(self._worst)

    def run(self) -> Bracket:
        """Rounds until the bounds meet."""
        for _ in range(_ROUNDS):
            if not self._round() or self._left() <= 0:
                break
        return Bracket(
            x=self._x,
            upper=self._upper,
            lower=self._lower,
            steps=tuple(self._steps),
            fates=tuple(self._fates),
            worst=self._worst,
        )

    def _round(self) -> bool:
        """One plan against the fates known; False once the bounds meet or nothing is left."""
        problem = self._problem
        master = solve_extensive(
            problem.first,
            problem.recourses,
            self._fates,
            "plan against generated fates",
            gap=min(1e-6, self._gap / 10),
        )
        x, self._lower = master.x, max(self._lower, master.bound)
        if self._closed():
            self._note(Separation.NONE)
            return False
        worst = self._climbed(x)
        how = Separation.CLIMB
        if self._promising(x, worst):
            how, worst = self._prove(x, worst)
        self._note(how)
        return not self._closed() and self._add(worst.u)

    def _promising(self, x: FloatArray, worst: Worst) -> bool:
        """Whether no fate is known that speaks against x."""
        cost = self._problem.investment(x) + worst.cost
        return cost - self._lower <= self._gap / 2 * abs(self._lower) or self._has(worst.u)

    def _prove(self, x: FloatArray, worst: Worst) -> tuple[Separation, Worst]:
        """An upper bound of x; takes x for the plan where that is the best."""
        problem, investment = self._problem, self._problem.investment(x)
        how, bound = Separation.RELAXED, problem.relaxed(x)
        if investment + bound - self._lower > self._gap * abs(self._lower):
            how = Separation.EXACT
            # As sharp as the bracket needs, if the worst fate known is the worst there is.
            room = ((1 + self._gap) * self._lower - investment) / worst.cost - 1
            proven = problem.proven(x, max(self._gap / 5, 0.9 * room), max(self._left(), 1.0))
            bound = min(bound, proven.bound)
            worst = max(worst, proven, key=lambda one: one.cost)
        if investment + bound < self._upper:
            self._x, self._upper, self._worst = x, investment + bound, worst.u
        return how, worst

    def _climbed(self, x: FloatArray) -> Worst:
        random = [self._problem.guess(self._rng.uniform(0, 1, self._problem.case.hours))
                  for _ in range(_RANDOM_STARTS)]  # fmt: skip
        starts = [self._fates[0], *self._fates[1:][-_KNOWN_STARTS:], *random]
        return self._problem.climbed(x, starts)

    def _closed(self) -> bool:
        return self._upper - self._lower <= self._gap * abs(self._upper)

    def _has(self, u: FloatArray) -> bool:
        return any(np.array_equal(u, one) for one in self._fates)

    def _add(self, u: FloatArray) -> bool:
        """Keeps a fate; False if it is known."""
        if self._has(u):
            return False
        self._fates.append(u)
        return True

    def _left(self) -> float:
        return self._seconds - (time.perf_counter() - self._begin)

    def _note(self, how: Separation) -> None:
        step = Step(
            number=len(self._steps) + 1,
            lower_bound=self._lower,
            upper_bound=self._upper,
            separation=how,
            seconds=time.perf_counter() - self._begin,
        )
        self._steps.append(step)
        self._watch(step)
