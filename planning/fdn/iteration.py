"""Plans with tightened bounds, round after round, until every risk is as small as promised.

A round solves the deterministic plan (25), lets samples flow through it and reads every limit's
risk. Where all are small enough, the plan is certified on samples that it has never seen; if these
say otherwise they take the place of the first ones, and the rounds go on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import numpy as np

from ...core.errors import InfeasibleError
from ...core.units import BoolArray
from .bounds import Bounds, nominal_bounds
from .case import FdnCase
from .choices import MAX_ROUNDS, Algorithm
from .draws import ExpectedFactors, FactorDraws, draw_factors, expected_factors
from .margins import Breaches, Outcome, count_breaches, next_bounds, tighter
from .operating_cost import OperatingCost, operating_cost
from .options import PlanOptions
from .plan import Plan
from .propagation import StageState, propagate
from .recourse import Recourse
from .risks import Risks, risks_of
from .solution import PlanSolution, solve_plan

logger = logging.getLogger("roadvolt")

#: Plans that failed on fresh samples before the study gives up.
_MAX_CERTIFICATIONS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What decides every number of a run, besides the case."""

    risk: float = 0.05  #: gamma: how often a single limit may be violated
    algorithm: Algorithm = Algorithm.MODIFIED
    samples: int = 20_000
    fresh_samples: int = 20_000  #: of the certification
    max_rounds: int = MAX_ROUNDS
    gap: float = 2e-3  #: relative, of every plan
    seed: int = 1
    recourse: Recourse = Recourse.VIOLATION_AWARE
    solver: str = "outer-approximation"
    plan: PlanOptions = field(default_factory=PlanOptions)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Iteration:
    """One round: the bounds it was given, its plan, and the risks of that."""

    number: int  #: kappa, from 0
    bounds: Bounds
    solution: PlanSolution
    risks: Risks
    samples: int
    plan_seconds: float
    propagation_seconds: float

    @property
    def worst(self) -> float:
        """The largest risk of any limit."""
        return self.risks.worst


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """What becomes of a plan on samples of its own."""

    draws: FactorDraws
    states: tuple[StageState, ...]
    risks: Risks
    operation: OperatingCost


@dataclass(frozen=True, slots=True, kw_only=True)
class SitingFound:
    """What one random siting of charging stations and PV leads to (Case VI)."""

    number: int
    cost_total: float
    cost_operation: float
    risk_max: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FdnRun:
    """A finished run: all rounds, the plan that is recommended, and its certificate."""

    case: FdnCase
    options: RunOptions
    iterations: tuple[Iteration, ...]
    best: int  #: index of the round whose plan is recommended
    plan: Plan  #: that round's, with whatever a variant puts in place of it
    certificate: Evaluation  #: of ``plan``, on fresh samples
    certifications: int  #: how many plans met fresh samples
    reason: str  #: why risks exceed the promise, or ""
    sitings: tuple[SitingFound, ...] = ()  #: the random ones that were tried, if any

    @property
    def kept(self) -> bool:
        """Whether every risk on fresh samples is at most what is promised."""
        return self.certificate.risks.worst <= self.options.risk

    @property
    def solution(self) -> PlanSolution:
        """The recommended round's solution."""
        return self.iterations[self.best].solution


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoundDone:
    """Told after every round."""

    case: FdnCase
    iteration: Iteration
    states: tuple[StageState, ...]


Watcher: TypeAlias = Callable[[RoundDone], None]


def run_iterations(case: FdnCase, options: RunOptions, watch: Watcher | None = None) -> FdnRun:
    """Runs rounds until a plan keeps every promise on fresh samples, or none is left to try.

    Args:
        case: demand, prices, candidates, rules.
        options: promise, algorithm, samples, tolerances.
        watch: told of every round.

    Returns:
        all rounds; where no plan keeps the promise, the one of least worst risk is recommended,
        with ``reason``.

    Raises:
        InfeasibleError: there is no plan even without margins.
        SolveError: a plan did not reach its gap.
    """
    rounds = _Rounds(case, options, watch or (lambda event: None))
    return rounds.run()


def evaluate(case: FdnCase, plan: Plan, options: RunOptions, stream: str) -> Evaluation:
    """Lets fresh samples, told from others by ``stream``, flow through a plan."""
    draws = draw_factors(case, options.seed, options.fresh_samples, stream=f"fresh, {stream}")
    return evaluate_on(case, plan, draws, options.recourse)


def evaluate_on(case: FdnCase, plan: Plan, draws: FactorDraws, recourse: Recourse) -> Evaluation:
    """Lets the given samples flow through a plan."""
    states = propagate(case, plan, draws, recourse)
    return Evaluation(
        draws=draws,
        states=states,
        risks=risks_of(case, states),
        operation=operating_cost(case, states, draws),
    )


class _Rounds:
    """The rounds of one run."""

    def __init__(self, case: FdnCase, options: RunOptions, watch: Watcher) -> None:
        self._case, self._options, self._watch = case, options, watch
        self._expected: ExpectedFactors = expected_factors(case)
        self._draws = draw_factors(case, options.seed, options.samples, stream="planning")
        self._bounds = nominal_bounds(case)
        self._breaches: Breaches | None = None
        self._done: list[Iteration] = []
        self._certified: list[tuple[int, Evaluation]] = []

    def run(self) -> FdnRun:
        reason = f"risks exceed the promise after {self._options.max_rounds} rounds"
        while len(self._done) < self._options.max_rounds:
            try:
                outcome = self._round()
            except InfeasibleError as error:
                if not self._done:
                    raise
                reason = f"no plan meets the margins of round {len(self._done)}: {error}"
                break
            if self._done[-1].worst <= self._options.risk:
                outcome = self._certify(outcome)
                if self._certified[-1][1].risks.worst <= self._options.risk:
                    return self._finished("")
                if len(self._certified) == _MAX_CERTIFICATIONS:
                    reason = f"{_MAX_CERTIFICATIONS} plans failed on fresh samples"
                    break
            self._tighten(outcome)
        return self._finished(reason)

    def _round(self) -> Outcome:
        """Plans, propagates, keeps both."""
        start = time.perf_counter()
        options = self._options
        solution = solve_plan(
            self._case,
            self._expected,
            self._bounds,
            options.plan,
            options.gap,
            solver=options.solver,
        )
        planned = time.perf_counter()
        states = propagate(self._case, solution.plan, self._draws, options.recourse)
        risks = risks_of(self._case, states)
        iteration = Iteration(
            number=len(self._done),
            bounds=self._bounds,
            solution=solution,
            risks=risks,
            samples=len(self._draws),
            plan_seconds=planned - start,
            propagation_seconds=time.perf_counter() - planned,
        )
        self._done.append(iteration)
        _log(iteration)
        self._watch(RoundDone(case=self._case, iteration=iteration, states=states))
        return _outcome(solution, states, risks)

    def _certify(self, outcome: Outcome) -> Outcome:
        """Judges the last plan on fresh samples; these are the planning samples from now on."""
        options, attempt = self._options, len(self._certified)
        draws = draw_factors(
            self._case, options.seed, options.fresh_samples, stream=f"fresh, {attempt}"
        )
        found = evaluate_on(self._case, outcome.plan, draws, options.recourse)
        self._certified.append((len(self._done) - 1, found))
        self._draws = draws
        logger.info("certification %d: worst risk %.4f", attempt + 1, found.risks.worst)
        return replace(outcome, states=found.states, risks=found.risks)

    def _tighten(self, outcome: Outcome) -> None:
        options, before = self._options, self._bounds
        self._breaches = count_breaches(self._breaches, outcome.risks, options.risk)
        after = next_bounds(
            self._case, before, outcome, self._breaches, options.algorithm, options.risk
        )
        flipped = _flipped([iteration.solution.plan for iteration in self._done])
        after = tighter(after, before, flipped)
        self._bounds = replace(after, v_excess=self._done[-1].solution.v_excess)

    def _finished(self, reason: str) -> FdnRun:
        if not reason:
            best, certificate = self._certified[-1]
        else:
            best = min(range(len(self._done)), key=lambda k: self._done[k].worst)
            certificate = evaluate(
                self._case, self._done[best].solution.plan, self._options, "last"
            )
        return FdnRun(
            case=self._case,
            options=self._options,
            iterations=tuple(self._done),
            best=best,
            plan=self._done[best].solution.plan,
            certificate=certificate,
            certifications=len(self._certified),
            reason=reason,
        )


def _outcome(solution: PlanSolution, states: Sequence[StageState], risks: Risks) -> Outcome:
    return Outcome(
        plan=solution.plan, v_pu=solution.v_pu, i_pu=solution.i_pu, states=states, risks=risks
    )


def _flipped(plans: Sequence[Plan]) -> BoolArray:
    """Stages [stage] whose terminals are those of the plan before the last, but not of the last."""
    stages = len(plans[-1].sops)
    if len(plans) < 3:
        return np.zeros(stages, dtype=bool)
    older, old, new = plans[-3:]
    return np.array(
        [terminals(older, u) == terminals(new, u) != terminals(old, u) for u in range(stages)]
    )


def terminals(plan: Plan, stage: int) -> tuple[tuple[int, ...], ...]:
    """The terminals of every soft open point of a stage."""
    return tuple(sorted(sop.buses for sop in plan.sops[stage]))


def _log(iteration: Iteration) -> None:
    solution, risks = iteration.solution, iteration.risks
    logger.info(
        "round %d: objective %.6g, gap %.1e, worst risks %.3f under-voltage, %.3f over-voltage, "
        "%.3f overload; plan %.1f s, samples %.1f s",
        iteration.number,
        solution.objective,
        solution.gap,
        risks.under_voltage.max(),
        risks.over_voltage.max(),
        risks.overload.max(),
        iteration.plan_seconds,
        iteration.propagation_seconds,
    )
