"""Any of the five models, solved and placed on the feeder."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Final, TypeAlias

import numpy as np

from ..mapper import IN_TURN, Mapper
from .benders import solve_benders
from .bracket import Bracket, Stage
from .budget_set import budget_set
from .case import DerCase
from .choices import DerMethod, DerModel
from .extensive import Master, solve_extensive
from .fast import RobustProblem, solve_fast
from .first_stage import site_by_site
from .models import Stated, stated
from .nodal import solve_nodal
from .operation import Weather, bus_by_bus
from .placement import Extent, place
from .solution import Certificate, DerPlan, DerSolution

#: Models with an adversary, who has a budget.
ADAPTIVE: Final = (DerModel.ADAPTIVE, DerModel.ADAPTIVE_STOCHASTIC)
#: Gap of the models without: small enough not to show.
_CERTAIN_GAP: Final = 1e-6

#: Told of every step of an adaptive model, and what it is a step of.
PlanWatcher: TypeAlias = Callable[[Stage, Bracket], None]


def solve_der(
    case: DerCase,
    model: DerModel,
    *,
    load_budget: int = 0,
    pv_budget: int | None = None,
    method: DerMethod = DerMethod.FAST,
    gap: float = 1e-3,
    seconds: float = np.inf,
    watch: PlanWatcher | None = None,
    begun: Mapping[Stage, Bracket] = MappingProxyType({}),
    mapper: Mapper = IN_TURN,
) -> DerSolution:
    """The plan of least investment and operation, with a proven gap.

    Args:
        case: feeder, history, prices.
        model: how uncertainty is treated.
        load_budget: hours in which the demand of each bus may deviate (aro, arso).
        pv_budget: hours in which PV may (aro); None: as many.
        method: of aro and arso.
        gap: relative, of the objective.
        seconds: after which the bounds reached are returned; those before ``begun`` count.
        watch: told of every step.
        begun: the last that the watcher of an interrupted run was told, to go on from.
        mapper: where subproblems are solved; it changes no bit of the answer.

    Raises:
        InfeasibleError: the load cannot be served.
        SolveError: a program did not reach its gap.
    """
    begin = time.perf_counter() - sum(stage.seconds for stage in begun.values())
    if model not in ADAPTIVE:
        budgets = (0, 0)
        plan, bracket, certificate = _certain(case, stated(case, model), gap, seconds)
    else:
        budgets = (load_budget, load_budget if pv_budget is None else pv_budget)
        run = _Run(gap, seconds, watch or (lambda stage, bracket: None), begun, mapper)
        plan, bracket, certificate = run.plan(adversarial(case, model, *budgets), method)
    return DerSolution(
        model=model,
        method=method,
        load_budget=budgets[0],
        pv_budget=budgets[1],
        plan=plan,
        objective=bracket.upper,
        lower_bound=bracket.lower,
        steps=bracket.steps,
        investment=plan.investment(case),
        worst=bracket.worst if model in ADAPTIVE else None,
        fates=bracket.fates,
        certificate=certificate,
        seconds=time.perf_counter() - begin,
    )


def adversarial(case: DerCase, model: DerModel, load_budget: int, pv_budget: int) -> RobustProblem:
    """aro (demand and PV by budgets) or arso (demand by a budget, PV by scenarios)."""
    if model is DerModel.ADAPTIVE:
        return RobustProblem.of(case, budget_set(case, load_budget, pv_budget), [Weather()])
    scenarios = zip(case.scenarios.pv, case.scenarios.weight, strict=True)
    weathers = [Weather(pv=pv, weight=float(weight)) for pv, weight in scenarios]
    return RobustProblem.of(case, budget_set(case, load_budget, None), weathers)


def _certain(
    case: DerCase, model: Stated, gap: float, seconds: float
) -> tuple[DerPlan, Bracket, Certificate]:
    """Copperplate and placement; bus by bus where there is none."""
    whole, best = model.solve(case, min(gap, _CERTAIN_GAP))
    plan = place(case, whole, best.x, model.extent)
    if plan is not None:
        return plan, _bracket(best), Certificate.NETWORK
    first = site_by_site(case)
    recourses = [bus_by_bus(case, first, weather) for weather in model.weathers]
    nothing = np.zeros(case.deviations.load_mean_kw.size + case.hours)
    best = solve_extensive(first, recourses, [nothing], "plan bus by bus", gap=gap, seconds=seconds)
    return DerPlan.of(case, first, best.x), _bracket(best), Certificate.NODAL


def _bracket(best: Master) -> Bracket:
    """Of a model without an adversary."""
    return Bracket(x=best.x, upper=best.objective, lower=best.bound, worst=np.zeros(0))


@dataclass(frozen=True, slots=True)
class _Run:
    """How an adaptive problem is to be solved."""

    gap: float
    seconds: float
    watch: PlanWatcher
    begun: Mapping[Stage, Bracket]
    mapper: Mapper

    def plan(
        self, problem: RobustProblem, method: DerMethod
    ) -> tuple[DerPlan, Bracket, Certificate]:
        """The copperplate's, if its plan can be placed: its bracket then holds for the feeder."""
        start = time.perf_counter()
        plate = self._on_copperplate(problem, method)
        plan = place(problem.case, problem.first, plate.x, extent_of(problem))
        if plan is not None:
            return plan, plate, Certificate.NETWORK
        spent = max(time.perf_counter() - start, plate.seconds)
        found = solve_nodal(
            problem,
            plate,
            gap=self.gap,
            seconds=max(self.seconds - spent, 1.0),
            watch=partial(self.watch, Stage.FEEDER),
            begun=self.begun.get(Stage.FEEDER),
            mapper=self.mapper,
        )
        plan = DerPlan.of(problem.case, site_by_site(problem.case), found.x)
        return plan, replace(found, steps=(*plate.steps, *found.steps)), Certificate.NODAL

    def _on_copperplate(self, problem: RobustProblem, method: DerMethod) -> Bracket:
        """The optimum between two bounds."""
        watch, begun = partial(self.watch, Stage.COPPERPLATE), self.begun.get(Stage.COPPERPLATE)
        if method is DerMethod.FAST:
            return solve_fast(
                problem,
                gap=self.gap,
                seconds=self.seconds,
                watch=watch,
                begun=begun,
                mapper=self.mapper,
            )
        return solve_benders(
            problem.first,
            problem.recourses,
            problem.uncertainty,
            problem.dearest(),
            gap=self.gap,
            seconds=self.seconds,
            watch=watch,
            known=[problem.guess()],
            begun=begun,
        )


def extent_of(problem: RobustProblem) -> Extent:
    """How far loads and PV go in any fate."""
    case, spread = problem.case, problem.uncertainty
    loads = case.deviations.load_mean_kw.size
    low, high = spread.mean - spread.down, spread.mean + spread.up
    known = [pv for pv in problem.profiles if pv is not None]
    return Extent(
        load_low_kw=low[:loads].reshape(-1, case.hours),
        load_high_kw=high[:loads].reshape(-1, case.hours),
        pv_high=np.max(known, axis=0) if known else high[loads:],
    )
