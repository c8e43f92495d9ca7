"""The paper's Cases I to VII: what may be built, and what is known when it is planned."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import numpy as np

from ...core.errors import SolveError
from ...core.units import FloatArray, frozen
from ...uncertainty.seeds import generator
from .case import FdnCase, Site
from .choices import Variant
from .costs import costs_of
from .iteration import (
    FdnRun,
    Iteration,
    RunOptions,
    SitingFound,
    Watcher,
    evaluate,
    run_iterations,
)
from .plan import Plan
from .risks import Risks

logger = logging.getLogger("roadvolt")


def run_variant(
    case: FdnCase, variant: Variant, options: RunOptions, watch: Watcher | None = None
) -> FdnRun:
    """Plans a case in one of the seven ways."""
    return _RUNS[variant](case, options, watch)


def coordinated(case: FdnCase, options: RunOptions, watch: Watcher | None = None) -> FdnRun:
    """Case I: soft open points, charging stations and PV together, stage by stage."""
    return run_iterations(case, options, watch)


def one_stage(case: FdnCase, options: RunOptions, watch: Watcher | None = None) -> FdnRun:
    """Case II: everything at once, for the demand of the last stage at the prices of the first."""
    return run_iterations(in_one_stage(case), options, watch)


def storage(case: FdnCase, options: RunOptions, watch: Watcher | None = None) -> FdnRun:
    """Case III: batteries instead of soft open points."""
    plan = replace(options.plan, sops=False, storage=True)
    return run_iterations(case, replace(options, plan=plan), watch)


def larger_lines(case: FdnCase, options: RunOptions, watch: Watcher | None = None) -> FdnRun:
    """Case IV: a feeder that breaks a promise gets larger lines from that stage on.

    Feeders that break a promise although they have larger lines cannot be helped: then the run
    ends with a reason.
    """
    chosen: tuple[tuple[str, ...], ...] = ((),) * len(case.stages)
    rounds: list[Iteration] = []
    while True:
        plan = replace(options.plan, sops=False, reinforced=chosen)
        run = run_iterations(case, replace(options, plan=plan, max_rounds=1), watch)
        rounds.append(replace(run.iterations[0], number=len(rounds)))
        wider = _with_violators(case, chosen, run.certificate.risks, options.risk)
        if wider == chosen:
            all_rounds = replace(run, iterations=tuple(rounds), best=len(rounds) - 1)
            return _without_rounds(all_rounds)
        chosen = wider


def unreinforced(case: FdnCase, options: RunOptions, watch: Watcher | None = None) -> FdnRun:
    """Case V: charging stations and PV are built, the grid stays as it is."""
    plan = replace(options.plan, sops=False)
    return _without_rounds(run_iterations(case, replace(options, plan=plan, max_rounds=1), watch))


def uncoordinated(case: FdnCase, options: RunOptions, watch: Watcher | None = None) -> FdnRun:
    """Case VI: soft open points planned as if charging and PV stayed at the first stage's level.

    Users then build charging stations and PV wherever they like. What that leads to depends on
    where; the run shows the one of median cost among ``SITINGS`` random sitings.
    """
    planned = run_iterations(without_growth(case), options, watch)
    tried = [_siting(case, planned.plan, options, number) for number in range(SITINGS)]
    median = sorted(tried, key=lambda one: one.cost_total)[SITINGS // 2]
    built, plan = _built(case, planned.plan, options, median.number)
    return replace(
        planned,
        case=built,
        plan=plan,
        certificate=evaluate(built, plan, options, _UNCOORDINATED),
        reason="",
        sitings=tuple(tried),
    )


#: Random sitings of Case VI; odd, so that one of them is the median.
SITINGS: Final = 9
_UNCOORDINATED: Final = "uncoordinated"


def _siting(case: FdnCase, planned: Plan, options: RunOptions, number: int) -> SitingFound:
    built, plan = _built(case, planned, options, number)
    found = evaluate(built, plan, options, _UNCOORDINATED)
    costs = costs_of(built, plan, found.operation)
    return SitingFound(
        number=number,
        cost_total=costs.total,
        cost_operation=costs.operation,
        risk_max=found.risks.worst,
    )


def _built(case: FdnCase, planned: Plan, options: RunOptions, number: int) -> tuple[FdnCase, Plan]:
    built = with_random_sites(case, options.seed, number)
    return built, _sited(built, planned)


def sops_and_lines(case: FdnCase, options: RunOptions, watch: Watcher | None = None) -> FdnRun:
    """Case VII: soft open points, and larger lines where these are the cheaper remedy.

    The plan's objective does not see what unsafe load costs (19), so its own choice is not the
    last word: larger lines are also given to each overloaded feeder in turn, from the first stage
    in which it is overloaded, and the run of least total cost among those that keep the promise
    is the answer.
    """
    free = replace(options, plan=replace(options.plan, reinforcement=True))
    runs = [run_iterations(case, free, watch)]
    for larger in _overloaded(case, runs[0].iterations[0].risks, options.risk):
        given = replace(options, plan=replace(options.plan, reinforced=larger))
        try:
            runs.append(run_iterations(case, given, watch))
        except SolveError as error:
            logger.info("larger lines %s: %s", larger, error)
    return min(runs, key=lambda run: (not run.kept, _total(run)))


def _total(run: FdnRun) -> float:
    return costs_of(run.case, run.plan, run.certificate.operation).total


def _overloaded(case: FdnCase, risks: Risks, risk: float) -> list[tuple[tuple[str, ...], ...]]:
    """[stage] one feeder with larger lines, for each feeder that breaks the promise."""
    zones = np.array(case.network.zones)
    found: list[tuple[tuple[str, ...], ...]] = []
    for feeder in case.network.heads:
        worst = risks.overload[:, zones == feeder].max(axis=1)
        if (worst > risk).any():
            first = int(np.argmax(worst > risk))
            later = len(case.stages) - first
            found.append(((),) * first + ((feeder,),) * later)
    return found


_RUNS: Final = MappingProxyType[Variant, Callable[..., FdnRun]](
    {
        Variant.COORDINATED: coordinated,
        Variant.ONE_STAGE: one_stage,
        Variant.STORAGE: storage,
        Variant.LARGER_LINES: larger_lines,
        Variant.UNREINFORCED: unreinforced,
        Variant.UNCOORDINATED: uncoordinated,
        Variant.SOPS_AND_LINES: sops_and_lines,
    }
)


def in_one_stage(case: FdnCase) -> FdnCase:
    """One stage as long as all, of the last one's demand, at the first one's prices."""
    rules, last = case.rules, case.stages[-1]
    years = rules.years_per_stage * len(case.stages)
    stage = replace(
        case.stages[0],
        load_growth_per_year=float(case.growth[-1]) ** (1 / years) - 1,
        pv_penetration=last.pv_penetration,
        ev_penetration=last.ev_penetration,
    )
    return replace(case, stages=(stage,), rules=replace(rules, years_per_stage=years))


def without_growth(case: FdnCase) -> FdnCase:
    """Charging and PV stay at the first stage's share of the load, which grows."""
    first = case.stages[0]
    stages = tuple(
        replace(stage, pv_penetration=first.pv_penetration, ev_penetration=first.ev_penetration)
        for stage in case.stages
    )
    return replace(case, stages=stages)


def with_random_sites(case: FdnCase, seed: int, number: int) -> FdnCase:
    """As many sites as before, of the same sizes, at buses drawn from the whole network."""
    rng = generator(seed, _UNCOORDINATED, "sites", number)
    buses = len(case.network.buses)

    def drawn(sites: tuple[Site, ...]) -> tuple[Site, ...]:
        places = rng.choice(buses, size=len(sites), replace=False)
        return tuple(replace(site, bus=int(bus)) for site, bus in zip(sites, places, strict=True))

    return replace(case, evcs_sites=drawn(case.evcs_sites), pv_sites=drawn(case.pv_sites))


def filled(demand_kw: FloatArray, most_kw: FloatArray) -> FloatArray:
    """Demand [stage] served by sites one after the other, each to its most: [stage, site]."""
    before = np.cumsum(most_kw) - most_kw
    return np.clip(demand_kw[:, None] - before, 0.0, most_kw)


def _sited(case: FdnCase, plan: Plan) -> Plan:
    """The plan with charging stations and PV at the case's sites, filled in their order."""
    rules = case.rules
    ev = filled(case.ev_kw, np.array([site.max_kva for site in case.evcs_sites]))
    most_kva = np.array([site.max_kva for site in case.pv_sites])
    pv = filled(case.pv_kw, most_kva * rules.pv_power_factor)
    return replace(
        plan,
        evcs_rated_kw=frozen(ev),
        evcs_kva=frozen(_modules(ev, rules.module_kva)),
        pv_rated_kw=frozen(pv),
        pv_kva=frozen(_modules(pv / rules.pv_power_factor, rules.module_kva)),
    )


def _modules(kva: FloatArray, module_kva: float) -> FloatArray:
    return np.ceil(kva / module_kva - 1e-9) * module_kva


def _with_violators(
    case: FdnCase, chosen: tuple[tuple[str, ...], ...], risks: Risks, risk: float
) -> tuple[tuple[str, ...], ...]:
    """Feeders [stage] of ``chosen`` and those that break a promise, which stay from then on."""
    network = case.network
    wider: list[tuple[str, ...]] = []
    for stage, feeders in enumerate(chosen):
        found = (risks.under_voltage, risks.over_voltage, risks.overload)
        broken = np.max([one[stage] for one in found], axis=0) > risk
        bad = {zone for zone, breach in zip(network.zones, broken, strict=True) if breach}
        here = bad | set(feeders) | set(wider[-1] if wider else ())
        wider.append(tuple(zone for zone in network.heads if zone in here))
    return tuple(wider)


def _without_rounds(run: FdnRun) -> FdnRun:
    """The reason of a run that was meant to have one round."""
    return replace(run, reason="" if run.kept else "risks exceed the promise, as planned")
