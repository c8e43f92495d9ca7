"""What it would be worth to know the day, and what robustness costs.

EVPI  = z(TSSO) - sum over scenarios of weight * z(one plan for that day alone)
PoR   = z(budget) / z(0) - 1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ...core.units import frozen
from .case import DerCase
from .extensive import Master, solve_extensive
from .first_stage import FirstStage, site_by_site
from .limits import limits_of, reach_of
from .models import Stated, perfect_information, wait_and_see
from .operation import Limits, copperplate
from .placement import place
from .solution import Certificate, DerPlan

#: Of the benchmark, on the copperplate and site by site.
_GAP: Final = 1e-6
_FEEDER_GAP: Final = 1e-3


def value_of_information(case: DerCase, stochastic_objective: float) -> float:
    """EVPI: what knowing each day before building would save, at most; money for a day."""
    return stochastic_objective - wait_and_see(case)


def price_of_robustness(objectives: Mapping[int, float]) -> dict[int, float]:
    """Objective over that of budget 0, less 1, by budget; nothing where budget 0 is missing."""
    if 0 not in objectives:
        return {}
    return {budget: value / objectives[0] - 1 for budget, value in objectives.items()}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Benchmark:
    """The best plan for the scenarios in a row, all of them known beforehand."""

    plan: DerPlan
    objective: float  #: investment and operation of a day
    certificate: Certificate  #: how far that holds for the feeder


def benchmark(case: DerCase, *, seconds: float = 120.0) -> Benchmark:
    """The paper's perfect information; site by site where the copperplate's plan does not fit.

    Raises:
        InfeasibleError: the load cannot be served.
        SolveError: site by site no small gap was reached in ``seconds``.
    """
    known = perfect_information(case)
    whole, best = known.solve(case, _GAP)
    plan = place(case, whole, best.x, known.extent)
    certificate = Certificate.NETWORK
    if plan is None:
        plan, best = _site_by_site(case, known, seconds)
        certificate = Certificate.NODAL
    return Benchmark(plan=plan, objective=best.objective / known.days, certificate=certificate)


def _site_by_site(case: DerCase, known: Stated, seconds: float) -> tuple[DerPlan, Master]:
    """With those limits of the feeder that some plan can reach."""
    first = site_by_site(case)
    recourse = copperplate(case, first, known.weathers[0], _limits_in_a_row(case, first))
    nothing = np.zeros(case.deviations.load_mean_kw.size + case.hours)
    best = solve_extensive(
        first,
        [recourse],
        [nothing],
        "perfect information",
        gap=_FEEDER_GAP,
        seconds=seconds,
        mult=float(known.days),
    )
    return DerPlan.of(case, first, best.x), best


def _limits_in_a_row(case: DerCase, first: FirstStage) -> Limits:
    """Of every scenario, at its place among the others."""
    days = case.scenarios
    found = [
        limits_of(case, reach_of(case, first, first.upper, (load_kw, load_kw), pv))
        for load_kw, pv in zip(days.load_kw, days.pv, strict=True)
    ]
    hours = [one.hour + case.hours * day for day, one in enumerate(found)]
    return Limits(
        weight=frozen(np.concatenate([one.weight for one in found])),
        bound=frozen(np.concatenate([one.bound for one in found])),
        hour=frozen(np.concatenate(hours), np.int64),
        importing=frozen(np.concatenate([one.importing for one in found]), np.bool_),
    )
