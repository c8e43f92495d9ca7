"""The adaptive models on a feeder whose limits bind: a plan bus by bus between proven bounds.

Column-and-constraint generation as in ``fast``, but site by site, and with the limits of the feeder
that can be reached as rows of the operation. What makes the worst case of a plan x provable is
that x settles much of it beforehand:

- limits that production and demand cannot reach at x have no rows, so no prices of their own;
- where something must be bought, the import is positive and power costs the tariff at the head:
  the dual's row is an equality;
- buses without weight in the rows of an hour have the head's price, and no price exceeds it but
  behind limits on imports. There a battery that charges may have to stop, by more than what demand
  grows if a voltage is concerned. Mixing the operation with one whose batteries rest, which has
  room for ``room`` more demand at this bus and hour without them, bounds the price by

      tariff + (what batteries save in a day at most) / room.

More demand never makes operation cheaper, on any radial feeder whose limits hold without DER: what
is not consumed can be curtailed or kept, behind the very limit that it would push against. So
prices of demand are >= 0.

Source: Zeng and Zhao (see ``extensive``); the reduction is our own, checked against the operation
bus by bus and against enumeration of fates.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from ...core.errors import SolveError
from ...core.solve import Ending
from ...core.units import BoolArray, FloatArray
from ...uncertainty.seeds import generator
from ..mapper import IN_TURN, Mapper
from .bracket import Bracket, Watcher
from .extensive import solve_extensive
from .fast import RobustProblem
from .first_stage import site_by_site
from .limits import Reach, limits_of, reach_of
from .operation import Limits, Weather, copperplate
from .prices import PriceBounds
from .recourse import Recourse
from .separation import Worst, climb_from, relaxed_bound, separate
from .solution import Separation

_WHAT = "robust plan on the feeder"
#: Fates that climbs start from: the last ones generated, and random ones.
_KNOWN_STARTS, _RANDOM_STARTS = 8, 30
#: Part of the room between a plan's cost and the gap that its proof may leave open.
_ROOM = 0.8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Settled:
    """Operation of a scenario with what is certain of it."""

    recourse: Recourse
    prices: PriceBounds


class FeederProblem:
    """An adaptive problem site by site, and what can be said of it at a plan.

    Raises:
        SolveError: demand must be served, and the feeder alone cannot carry it in every fate: then
            nothing bounds prices.
    """

    def __init__(self, problem: RobustProblem) -> None:
        self.case, self.uncertainty = problem.case, problem.uncertainty
        self.first = site_by_site(problem.case)
        self._profiles = problem.profiles
        self._weights = [one.weight for one in problem.recourses]
        spread, loads = problem.uncertainty, self.case.deviations.load_mean_kw
        low, high = spread.mean - spread.down, spread.mean + spread.up
        self._load_kw = tuple(end[: loads.size].reshape(loads.shape) for end in (low, high))
        self._pv_high = high[loads.size :]
        if self.case.rules.unserved_per_kwh is None:
            self._refuse_weak_feeder()
        every = [self._reach(self.first.upper, pv) for pv in self._profiles]
        #: Of any plan.
        self.recourses = [
            self._recourse(limits_of(self.case, reach), pv, weight)
            for reach, pv, weight in zip(every, self._profiles, self._weights, strict=True)
        ]

    def settled(self, x: FloatArray) -> list[_Settled]:
        """Of every scenario, at a plan."""
        return [
            self._settle(x, pv, weight)
            for pv, weight in zip(self._profiles, self._weights, strict=True)
        ]

    def _settle(self, x: FloatArray, pv: FloatArray | None, weight: float) -> _Settled:
        reach = self._reach(x, pv)
        limits = limits_of(self.case, reach)
        one = self._recourse(limits, pv, weight)
        lower = one.lower.copy()
        lower[
            one.imported[self._bought(reach, limits)]
        ] = -np.inf  # import is positive: its dual row is equal
        prices = self._prices(x, reach, limits, pv, weight)
        return _Settled(recourse=replace(one, lower=lower), prices=prices)

    def _prices(
        self, x: FloatArray, reach: Reach, limits: Limits, pv: FloatArray | None, weight: float
    ) -> PriceBounds:
        """Of d cost / d u [parameter] of a scenario."""
        case, shape = self.case, reach.load_low_kw.shape
        high = self._highest_prices(x, reach, limits)
        alone = np.ones(shape, np.bool_)
        for hour in np.unique(limits.hour):
            alone[:, hour] = ~limits.weight[limits.hour == hour].any(axis=0)
        certain = alone & self._bought(reach, limits) & (high == case.price_per_kwh)
        worth = np.maximum(high[case.pv_sites] - case.rules.pv_per_kwh_used, 0.0)
        used = np.asarray(x[self.first.pv_kw] @ worth * (pv is None))
        settled = certain[case.pv_sites].all(axis=0)
        return PriceBounds(
            lower=weight * np.concatenate([(high * certain).ravel(), -used]),
            upper=weight * np.concatenate([high.ravel(), -used * settled]),
        )

    def _highest_prices(self, x: FloatArray, reach: Reach, limits: Limits) -> FloatArray:
        """Of demand [bus, time]: the tariff, but for buses behind what limits imports."""
        case, rules, first = self.case, self.case.rules, self.first
        high = np.tile(case.price_per_kwh, (len(case.network.buses), 1))
        if self._may_be_unserved(reach, limits):
            return np.full_like(high, rules.unserved_per_kwh)
        cycle = rules.efficiency_charge * rules.efficiency_discharge
        hours = rules.battery_kw * x[first.battery_built].sum() * case.hours
        storage_worth = case.price_per_kwh.max() * hours * cycle / (1 + cycle)
        return np.asarray(high + storage_worth / self._room(reach, limits))

    def _bought(self, reach: Reach, limits: Limits) -> BoolArray:
        """In which hours import is positive for certain [time]."""
        return reach.bought & (not self._may_be_unserved(reach, limits))

    def _may_be_unserved(self, reach: Reach, limits: Limits) -> bool:
        """Whether it can be best, or needed, to leave load unserved; no price is above that."""
        price = self.case.rules.unserved_per_kwh
        if price is None:
            return False
        return price < self.case.price_per_kwh.max() or self._narrow(reach, limits)

    def _narrow(self, reach: Reach, limits: Limits) -> bool:
        return bool(limits.importing.any() or reach.import_kw() > self.case.rules.import_max_kw)

    def _room(self, reach: Reach, limits: Limits) -> FloatArray:
        """By how much demand may grow [bus, time] before a limit needs DER; inf without limits."""
        load, most = reach.load_high_kw, self.case.rules.import_max_kw
        room = np.full(load.shape, np.inf)
        if reach.import_kw() > most:
            room = np.minimum(room, most - load.sum(axis=0))
        for row in np.flatnonzero(limits.importing):
            share, hour = -limits.weight[row], limits.hour[row]
            slack = limits.bound[row] - share @ load[:, hour]
            behind = share > 0
            room[behind, hour] = np.minimum(room[behind, hour], slack / share[behind])
        return room

    def _recourse(self, limits: Limits, pv: FloatArray | None, weight: float) -> Recourse:
        return copperplate(self.case, self.first, Weather(pv=pv, weight=weight), limits)

    def _reach(self, x: FloatArray, pv: FloatArray | None) -> Reach:
        low, high = self._load_kw
        most = self._pv_high if pv is None else pv
        return reach_of(self.case, self.first, x, (low, high), most)

    def _refuse_weak_feeder(self) -> None:
        alone = self._reach(np.zeros(self.first.count), None)
        limits = limits_of(self.case, alone)
        if len(limits.bound) or self._narrow(alone, limits):
            detail = "the feeder cannot carry its load without DER, and all load must be served"
            raise SolveError(_WHAT, "HiGHS", Ending.FAILED, detail)


def solve_nodal(
    problem: RobustProblem,
    plate: Bracket,
    *,
    gap: float,
    seconds: float = np.inf,
    watch: Watcher | None = None,
    begun: Bracket | None = None,
    mapper: Mapper = IN_TURN,
) -> Bracket:
    """Bounds of the adaptive optimum on the feeder until they are within ``gap``.

    Args:
        problem: the problem on the copperplate.
        plate: its bracket: its lower bound holds for the feeder too, its fates are the first.
        gap: (upper - lower) / upper.
        seconds: after which the bounds reached are returned; those before ``begun`` count.
        watch: told of every step.
        begun: where an interrupted search stood, to go on from.
        mapper: where climbs are made.

    Returns:
        x of ``site_by_site``.

    Raises:
        InfeasibleError: no plan serves the load.
        SolveError: see ``FeederProblem``; or time was over before there was any plan.
    """
    watch = watch or (lambda bracket: None)
    search = _Search(FeederProblem(problem), begun or _before(plate), gap, seconds, watch, mapper)
    return search.run()


def _before(plate: Bracket) -> Bracket:
    """The first step: no plan yet, but what the copperplate tells of lower bounds and fates."""
    return Bracket(
        x=np.zeros(0),
        upper=np.inf,
        lower=plate.lower,
        fates=tuple({u.tobytes(): u for u in (*plate.fates, plate.worst)}.values()),
        worst=plate.worst,
    )


class _Search:
    """Rounds of plans against fates, and fates against plans."""

    def __init__(
        self,
        feeder: FeederProblem,
        at: Bracket,
        gap: float,
        seconds: float,
        watch: Watcher,
        mapper: Mapper,
    ) -> None:
        self._feeder, self._at, self._gap = feeder, at, gap
        self._watch, self._mapper = watch, mapper
        self._rng = generator(1, "fates to climb from on the feeder")
        for _ in at.steps:  # as each of them has drawn
            self._random_fates()
        self._begin = time.perf_counter() - at.seconds
        self._end = self._begin + seconds

    def run(self) -> Bracket:
        """Rounds until the bounds meet, time is over, or no fate speaks against the plan."""
        while not self._at.ended:
            try:
                self._round()
            except SolveError as error:
                if error.ending != Ending.LIMIT or not self._at.steps:
                    raise
                break
        return self._at

    def _round(self) -> None:
        """A plan and its worst fate."""
        feeder = self._feeder
        master = solve_extensive(
            feeder.first,
            feeder.recourses,
            self._at.fates,
            _WHAT,
            gap=self._gap / 4,
            seconds=self._left(),
        )
        self._at = replace(self._at, lower=max(self._at.lower, master.bound))
        investment = float(feeder.first.cost @ master.x)
        how, worst = self._worst(master.x, (1 + self._gap) * self._at.lower - investment)
        if investment + worst.bound < self._at.upper:
            self._at = replace(self._at, x=master.x, upper=investment + worst.bound, worst=worst.u)
        learnt = self._at.with_fate(worst.u, self._gap)
        self._at = learnt.noted(how, time.perf_counter() - self._begin)
        self._watch(self._at)

    def _worst(self, x: FloatArray, enough: float) -> tuple[Separation, Worst]:
        """The worst fate of a plan; its bound as sharp as it takes to be at most ``enough``."""
        uncertainty, settled = self._feeder.uncertainty, self._feeder.settled(x)
        recourses, prices = [one.recourse for one in settled], [one.prices for one in settled]
        starts = [*self._at.fates[-_KNOWN_STARTS:], *self._random_fates()]
        worst = climb_from(recourses, x, uncertainty, starts, self._mapper)
        worst = replace(worst, bound=relaxed_bound(recourses, x, uncertainty, prices))
        if worst.bound <= enough:
            return Separation.RELAXED, worst
        if worst.cost >= enough:
            return Separation.CLIMB, worst
        gap = max(self._gap / 10, _ROOM * (enough / worst.cost - 1))
        try:
            proven = separate(recourses, x, uncertainty, prices, gap=gap, seconds=self._left())
        except SolveError as error:
            if error.ending != Ending.LIMIT:
                raise
            return Separation.CLIMB, worst
        found = max(worst, proven, key=lambda one: one.cost)
        return Separation.EXACT, replace(found, bound=min(worst.bound, proven.bound))

    def _random_fates(self) -> list[FloatArray]:
        """The worst ones if prices were random."""
        case, uncertainty = self._feeder.case, self._feeder.uncertainty
        prices = self._rng.uniform(0, 1, (_RANDOM_STARTS, case.hours)) * case.price_per_kwh
        buses = len(case.network.buses)
        return [
            uncertainty.worst(np.concatenate([np.tile(price, buses), -price])) for price in prices
        ]

    def _left(self) -> float:
        return max(self._end - time.perf_counter(), 0.0)
