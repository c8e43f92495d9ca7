"""The plan of ports and storage that earns the most a year, with its proof.

Rounds: limits with margins, operation without anything, relaxation, whole numbers, and what
forecast errors do to the plan's operation; where they do more than allowed, once more with margins
around that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...core.errors import InfeasibleError
from ...core.units import FloatArray, IntArray, frozen
from ...uncertainty.draws import Sampling
from ..der.mapper import IN_TURN, Mapper
from .case import DcStorageCase
from .chance import Errors, broken, draw_errors, margins, violations
from .decomposition import Found, Search
from .first_stage import FirstStage, plan_of
from .limits import Limits, nominal_limits, tighter
from .operated import (
    PartSolved,
    Solved,
    gathered,
    named_misses,
    operate,
    operate_elastic,
)
from .operation import Day, modules_max
from .parts import Part, standing, whole, with_ports, without_ports
from .problem import Problem, operate_empty
from .relaxation import Relaxation, relax
from .solution import Chance, DcSolution, Money, Operated, Step

_WHAT = "ports and storage"
#: Rounds of margins before the rates reached are returned as they are.
_MARGIN_ROUNDS = 4
#: The first plan, which margins are yet to be held against, may have so many times the gap.
_COARSE = 10.0
#: A relaxation that deviates by no more is exact; else the room for lossless voltages is set anew.
_EXACT = 1e-5
#: Relative: a limit of imports that is exceeded by less is kept.
_IMPORT_TOLERANCE = 1e-6
#: Programs see costs of about this size.
_YEARLY_COST = 100.0


def solve_dc_storage(
    case: DcStorageCase,
    *,
    gap: float = 1e-3,
    seconds: float = np.inf,
    samples: int = 1024,
    seed: int = 1,
    mapper: Mapper = IN_TURN,
    watch: Callable[[Step], None] | None = None,
) -> DcSolution:
    """The plan of the largest yearly profit that returns at least ``return_min``.

    Args:
        case: network, links, prices, scenarios, rules.
        gap: (bound - profit) / profit.
        seconds: after which the best plan so far is returned, with its bound.
        samples: forecast errors behind margins, and as many fresh ones to verify.
        seed: of these.
        mapper: where scenarios are solved; it changes no bit of the answer.
        watch: told of every step.

    Raises:
        InfeasibleError: no plan keeps the limits; names those missed where everything is built.
        SolveError: a program was not solved.
    """
    begin = time.perf_counter()
    asked = _Asked(
        gap=gap,
        end=begin + seconds,
        begin=begin,
        samples=samples,
        seed=seed,
        mapper=mapper,
        watch=watch or (lambda step: None),
    )
    study = _Study(case, asked, coupled=False)
    found = study.run() if _imports_kept(case, study.without_margins()) else None
    if found is None or not _imports_kept(case, [*found.operated, *found.before]):
        found = _Study(case, asked, coupled=True).run()
    return replace(found, seconds=time.perf_counter() - begin)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    gap: float
    end: float
    begin: float
    samples: int
    seed: int
    mapper: Mapper
    watch: Callable[[Step], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Before:
    """Operation without ports and storage."""

    days: tuple[Solved, ...]  #: of the part that a plan changes
    others: tuple[PartSolved, ...]  #: of the rest, the same with any plan
    operated: tuple[Operated, ...]
    limits_nominal: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Round:
    """What one round of margins ends with."""

    relaxation: Relaxation
    found: Found
    days: tuple[Solved, ...]
    operated: tuple[Operated, ...]
    chance: Chance


class _Study:
    """A case in two parts: feeders that a plan changes, and others, operated once.

    Limits of imports join all feeders: with ``coupled`` they are kept and all are one part;
    without, they are left out, which is exact where the answer keeps them all the same.
    """

    def __init__(self, case: DcStorageCase, asked: _Asked, coupled: bool) -> None:
        self._case, self._asked, self._coupled = case, asked, coupled
        self._part = whole(case) if coupled else with_ports(case)
        self._rest = None if coupled else without_ports(case)
        if self._rest is not None and not len(self._rest.buses):
            self._rest = None
        self._first = FirstStage.of(case)
        self._money = _money_unit(case)
        self._steps: list[Step] = []
        self._first_guess: tuple[Operated, ...] | None = None

    def run(self) -> DcSolution:
        """Rounds of margins until fresh errors violate limits as rarely as allowed."""
        asked, case = self._asked, self._case
        held = draw_errors(case, asked.seed, asked.samples, "margins", Sampling.SOBOL)
        fresh = draw_errors(case, asked.seed, asked.samples, "fresh", Sampling.MONTE_CARLO)
        before = self._before(held, fresh)
        limits = margins(case, self.without_margins(), held, asked.mapper)
        limits = margins(case, self._guessed(limits), held, asked.mapper)
        search = self._search(limits, before, None)
        gap, number = _COARSE * asked.gap, 1
        while True:
            found = self._round(search, before, fresh, gap)
            fails = broken(case, found.chance) or _deviation(found.days) > _EXACT
            done = gap == asked.gap and (not fails or number == _MARGIN_ROUNDS)
            if done or time.perf_counter() >= asked.end:
                return self._solution(before, found, number)
            if fails:
                limits = tighter(limits, margins(case, found.operated, held, asked.mapper))
                search = self._search(limits, before, search)
                number += 1
            gap = asked.gap

    def without_margins(self) -> tuple[Operated, ...]:
        """The operation of the continuous relaxation under the grid's own limits."""
        if self._first_guess is None:
            self._first_guess = self._guessed(nominal_limits(self._case))
        return self._first_guess

    def _guessed(self, limits: Limits) -> tuple[Operated, ...]:
        """The operation of the continuous relaxation, no return asked for."""
        problem = Problem.of(self._days(self._part, limits))
        found = relax(problem, with_return=False)
        if found is None:
            raise self._explained(problem.days)
        solved = tuple(
            Solved(day=day, program=program, x=x, cost=0.0, missed=0.0)
            for day, program, x in zip(problem.days, problem.programs, found.x, strict=True)
        )
        ports = np.arange(len(self._case.links.port_buses))
        return self._gather(solved, ports, self._others(limits))

    def _before(self, held: Errors, fresh: Errors) -> _Before:
        """Operation without anything, with margins of its own; and of the other feeders, for good.

        Where it cannot keep the limits there is nothing to be verified.
        """
        case, mapper = self._case, self._asked.mapper
        limits = nominal_limits(case)
        found = self._operated_before(limits)
        for _ in range(_MARGIN_ROUNDS):
            own = margins(case, found.operated, held, mapper)
            limits = own if found.limits_nominal else tighter(limits, own)
            found = replace(self._operated_before(limits), limits_nominal=False)
            missed = any(day.missed for day in found.days)
            exact = _deviation([*found.days, *(one.solved for one in found.others)]) <= _EXACT
            if exact and (
                missed or not broken(case, violations(case, found.operated, fresh, mapper))
            ):
                break
        return found

    def _operated_before(self, limits: Limits) -> _Before:
        days, others = operate_empty(self._days(self._part, limits)), self._others(limits)
        operated = self._gather(days, np.zeros(0, np.int64), others)
        return _Before(days=days, others=others, operated=operated)

    def _search(self, limits: Limits, before: _Before, earlier: Search | None) -> Search:
        asked = self._asked
        problem = Problem.of(self._days(self._part, limits), before.days)
        relaxation = relax(problem) or relax(problem, with_return=False)
        if relaxation is None:
            raise self._explained(problem.days)
        return Search(problem, relaxation, asked.mapper, self._note, asked.begin, earlier)

    def _round(self, search: Search, before: _Before, fresh: Errors, gap: float) -> _Round:
        """The best plan to a gap, and what forecast errors do to it."""
        found = search.run(gap, self._asked.end)
        days, ports = self._planned(search.problem.days, found.modules)
        if not found.modules.any():  # all is as before
            days, ports = before.days, np.zeros(0, np.int64)
        operated = self._gather(days, ports, before.others)
        return _Round(
            relaxation=search.relaxation,
            found=found,
            days=days,
            operated=operated,
            chance=violations(self._case, operated, fresh, self._asked.mapper),
        )

    def _note(self, step: Step) -> None:
        self._steps.append(step)
        self._asked.watch(step)

    def _days(self, part: Part, limits: Limits) -> tuple[Day, ...]:
        at = limits.at_buses(part.buses)
        return tuple(
            Day(case=part.case, scenario=k, limits=at, imports=self._coupled, money=self._money)
            for k in range(len(self._case.scenarios.names))
        )

    def _explained(self, days: Sequence[Day]) -> InfeasibleError:
        """Names the limits that are missed where everything is built."""
        most = modules_max(self._case)
        misses = tuple(
            miss
            for day in days
            for miss in named_misses(self._case, self._part, operate_elastic(day, most))
        )
        return InfeasibleError(_WHAT, "Clarabel", misses, "allow more modules, or a larger risk")

    def _others(self, limits: Limits) -> tuple[PartSolved, ...]:
        """Operation [scenario] of the feeders that no plan changes."""
        if self._rest is None:
            return ()
        found = []
        for day in self._days(self._rest, limits):
            solved = operate(day, np.zeros(0))
            if solved is None:
                misses = named_misses(self._case, self._rest, operate_elastic(day, np.zeros(0)))
                remedy = "no port can help there: let one stand on the feeder"
                raise InfeasibleError(_WHAT, "Clarabel", misses, remedy)
            found.append(PartSolved(part=self._rest, solved=solved, ports=np.zeros(0, np.int64)))
        return tuple(found)

    def _planned(
        self, days: Sequence[Day], modules: FloatArray
    ) -> tuple[tuple[Solved, ...], IntArray]:
        plan = plan_of(self._case, modules)
        case = standing(self._part.case, plan)
        ports = np.flatnonzero(plan.converter_modules > 0)
        kept = np.concatenate([plan.converter_modules[ports], plan.battery_modules]).astype(float)
        solved = tuple(operate_elastic(replace(day, case=case), kept) for day in days)
        return solved, ports

    def _gather(
        self, solved: Sequence[Solved], ports: IntArray, others: Sequence[PartSolved]
    ) -> tuple[Operated, ...]:
        own = [PartSolved(part=self._part, solved=one, ports=ports) for one in solved]
        rest = [[one] for one in others] if others else [[] for _ in own]
        return tuple(
            gathered(self._case, [one, *more]) for one, more in zip(own, rest, strict=True)
        )

    def _solution(self, before: _Before, last: _Round, rounds: int) -> DcSolution:
        case, found, money = self._case, last.found, self._money
        sums = _money(case, self._first, found.modules, before.operated, last.operated)
        cost_before = sum(day.cost for day in before.days)
        saved = cost_before - sum(day.cost for day in last.days)
        objective = saved * money - self._first.yearly(found.modules)
        return DcSolution(
            plan=plan_of(case, found.modules),
            money=sums,
            objective=objective,
            bound=max(found.bound * money, objective),
            penalties=sums.profit - objective,
            steps=tuple(self._steps),
            relaxed=frozen(last.relaxation.modules),
            relaxed_profit=(cost_before - last.relaxation.cost) * money,
            operated=last.operated,
            before=before.operated,
            chance=last.chance,
            margin_rounds=rounds,
            return_binding=found.return_binding,
            relaxation_deviation=_deviation([*last.days, *(one.solved for one in before.others)]),
            seconds=0.0,
        )


def _deviation(days: Sequence[Solved]) -> float:
    return max(day.relaxation_deviation for day in days)


def _money_unit(case: DcStorageCase) -> float:
    """So that a year's electricity for all loads costs about ``_YEARLY_COST``."""
    days = case.scenarios
    used = (np.abs(days.price_per_kwh) * days.load_p_kw.sum(axis=2)).sum(axis=1)
    return max(float(case.days_per_year @ used) * case.hours / _YEARLY_COST, 1e-9)


def _money(
    case: DcStorageCase,
    first: FirstStage,
    modules: FloatArray,
    before: Sequence[Operated],
    after: Sequence[Operated],
) -> Money:
    rules, investment = case.rules, first.investments(modules)

    def electricity(days: Sequence[Operated]) -> float:
        paid = [
            price @ day.import_kw
            for price, day in zip(case.scenarios.price_per_kwh, days, strict=True)
        ]
        return float(case.days_per_year @ np.array(paid)) * case.hours

    def carbon(days: Sequence[Operated]) -> float:
        kg = [
            rules.carbon_grid_kg_per_kwh * day.import_kw.sum()
            + rules.carbon_res_kg_per_kwh * day.res_p_kw.sum()
            for day in days
        ]
        return rules.carbon_price_per_kg * float(case.days_per_year @ np.array(kg)) * case.hours

    return Money(
        electricity_before=electricity(before),
        electricity=electricity(after),
        carbon_before=carbon(before),
        carbon=carbon(after),
        investment=float(investment.sum()),
        annuity=float(first.annuity @ investment),
        upkeep=float(first.upkeep @ investment),
    )


def _imports_kept(case: DcStorageCase, days: Sequence[Operated]) -> bool:
    """Whether operations keep the limits of imports."""
    rules = case.rules
    room = 1 + _IMPORT_TOLERANCE
    return all(
        day.import_kw.max() <= rules.import_max_kw * room
        and -day.import_kw.min() <= rules.export_max_kw * room
        and np.abs(day.import_kvar).max() <= rules.import_max_kvar * room
        for day in days
    )
