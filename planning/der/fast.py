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
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...core.units import FloatArray
from ...uncertainty.seeds import generator
from ..mapper import IN_TURN, Mapper
from .bracket import Bracket, Watcher
from .budget_set import BudgetSet
from .case import DerCase
from .dualised import solve_dualised
from .extensive import solve_extensive
from .first_stage import FirstStage, all_as_one
from .operation import Weather, copperplate
from .prices import PriceBounds, tariff_bounds
from .recourse import Recourse
from .separation import Worst, climb_from, relaxed_bound, separate
from .solution import Separation

#: Fates that climbs start from besides what tariffs suggest.
_KNOWN_STARTS, _RANDOM_STARTS = 3, 20
_ROUNDS = 60


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

    def climbed(
        self, x: FloatArray, starts: Sequence[FloatArray], mapper: Mapper = IN_TURN
    ) -> Worst:
        """The worst fate that climbs find."""
        return climb_from(self.recourses, x, self.uncertainty, starts, mapper)

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
    begun: Bracket | None = None,
    mapper: Mapper = IN_TURN,
) -> Bracket:
    """Bounds of the adaptive optimum until they are within ``gap``, or time is over.

    Args:
        problem: what is uncertain, and what may be built.
        gap: (upper - lower) / upper.
        seconds: after which the bounds reached are returned; those before ``begun`` count.
        watch: told of every step.
        begun: where an interrupted search stood, to go on from.
        mapper: where climbs are made.

    Raises:
        InfeasibleError: no plan serves the load.
    """
    search = _Search(problem, gap, seconds, watch or (lambda bracket: None), mapper)
    return search.run(begun)


class _Search:
    """Rounds of plans against fates, and fates against plans."""

    _at: Bracket

    def __init__(
        self, problem: RobustProblem, gap: float, seconds: float, watch: Watcher, mapper: Mapper
    ) -> None:
        self._problem, self._gap, self._watch, self._mapper = problem, gap, watch, mapper
        self._begin, self._seconds = time.perf_counter(), seconds
        self._rng = generator(1, "fates to climb from")

    def run(self, begun: Bracket | None) -> Bracket:
        """Rounds until the bounds meet, nothing is left to try, or time is over."""
        if begun is None:
            self._at = self._dualised()
        else:
            self._go_on_from(begun)
        while not self._over():
            self._round()
        return self._at

    def _dualised(self) -> Bracket:
        """Before the first round: a plan, its upper bound, and what climbs say of it."""
        problem, gap = self._problem, self._gap
        dual = solve_dualised(
            problem.case, problem.first, problem.recourses, problem.uncertainty,
            gap=min(1e-5, gap / 10),
        )  # fmt: skip
        guess = problem.guess()
        worst = self._climbed(dual.x, (guess,)).u
        fates = (guess,) if np.array_equal(worst, guess) else (guess, worst)
        return Bracket(x=dual.x, upper=dual.bound, lower=-np.inf, fates=fates, worst=worst)

    def _go_on_from(self, begun: Bracket) -> None:
        """Passes over what was drawn at the beginning and in every round."""
        self._at = begun
        self._begin -= begun.seconds
        for _ in range(1 + len(begun.steps)):
            self._random_fates()

    def _over(self) -> bool:
        rounds = len(self._at.steps)
        return rounds > 0 and (self._at.ended or rounds >= _ROUNDS or self._left() <= 0)

    def _round(self) -> None:
        """One plan against the fates known, and the worst fate for it."""
        problem, at = self._problem, self._at
        master = solve_extensive(
            problem.first,
            problem.recourses,
            at.fates,
            "plan against generated fates",
            gap=min(1e-6, self._gap / 10),
        )
        self._at = replace(at, lower=max(at.lower, master.bound))
        if self._at.closed(self._gap):
            self._note(Separation.NONE, at.worst)
            return
        how, worst = Separation.CLIMB, self._climbed(master.x, at.fates)
        if self._promising(master.x, worst):
            how, worst = self._prove(master.x, worst)
        self._note(how, worst.u)

    def _promising(self, x: FloatArray, worst: Worst) -> bool:
        """Whether no fate is known that speaks against x."""
        cost, lower = self._problem.investment(x) + worst.cost, self._at.lower
        return cost - lower <= self._gap / 2 * abs(lower) or self._at.has(worst.u)

    def _prove(self, x: FloatArray, worst: Worst) -> tuple[Separation, Worst]:
        """An upper bound of x; takes x for the plan where that is the best."""
        problem, investment, lower = self._problem, self._problem.investment(x), self._at.lower
        how, bound = Separation.RELAXED, problem.relaxed(x)
        if investment + bound - lower > self._gap * abs(lower):
            how = Separation.EXACT
            # As sharp as the bracket needs, if the worst fate known is the worst there is.
            room = ((1 + self._gap) * lower - investment) / worst.cost - 1
            proven = problem.proven(x, max(self._gap / 5, 0.9 * room), max(self._left(), 1.0))
            bound = min(bound, proven.bound)
            worst = max(worst, proven, key=lambda one: one.cost)
        if investment + bound < self._at.upper:
            self._at = replace(self._at, x=x, upper=investment + bound, worst=worst.u)
        return how, worst

    def _climbed(self, x: FloatArray, fates: Sequence[FloatArray]) -> Worst:
        starts = [fates[0], *fates[1:][-_KNOWN_STARTS:], *self._random_fates()]
        return self._problem.climbed(x, starts, self._mapper)

    def _random_fates(self) -> list[FloatArray]:
        return [self._problem.guess(self._rng.uniform(0, 1, self._problem.case.hours))
                for _ in range(_RANDOM_STARTS)]  # fmt: skip

    def _left(self) -> float:
        return self._seconds - (time.perf_counter() - self._begin)

    def _note(self, how: Separation, fate: FloatArray) -> None:
        learnt = self._at.with_fate(fate, self._gap)
        self._at = learnt.noted(how, time.perf_counter() - self._begin)
        self._watch(self._at)
