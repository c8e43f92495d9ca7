"""What it would be worth to know the day, and what robustness costs.

EVPI  = z(TSSO) - sum over scenarios of weight * z(one plan for that day alone)
PoR   = z(budget) / z(0) - 1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ...core.units import FloatArray
from .case import DerCase
from .first_stage import FirstStage, site_by_site
from .models import perfect_information, wait_and_see
from .placement import place
from .solution import Certificate, DerPlan

#: Of the benchmark.
_GAP: Final = 1e-6


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
    certificate: Certificate  #: whether the plan fits the feeder


def benchmark(case: DerCase) -> Benchmark:
    """The paper's perfect information.

    Where the plan fits the feeder nowhere, the objective is a lower bound, and the plan is shared
    evenly among the first sites.
    """
    known = perfect_information(case)
    whole, best = known.solve(case, _GAP)
    plan = place(case, whole, best.x, known.extent)
    return Benchmark(
        plan=_even(case, whole, best.x) if plan is None else plan,
        objective=best.objective / known.days,
        certificate=Certificate.COPPERPLATE if plan is None else Certificate.NETWORK,
    )


def _even(case: DerCase, whole: FirstStage, x: FloatArray) -> DerPlan:
    """As many sites as asked for, in the order of the case, of one size."""
    sites = site_by_site(case)
    found = np.zeros(sites.count)
    for built, size, number, total in (
        (sites.pv_built, sites.pv_kw, whole.pv_built, whole.pv_kw),
        (sites.battery_built, sites.battery_kwh, whole.battery_built, whole.battery_kwh),
    ):
        count = round(x[number].item())
        found[built[:count]] = 1.0
        found[size[:count]] = x[total].item() / max(count, 1)
    return DerPlan.of(case, sites, found)
