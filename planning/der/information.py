"""What it would be worth to know the day, and what robustness costs.

EVPI  = z(TSSO) - sum over scenarios of weight * z(one plan for that day alone)
PoR   = z(budget) / z(0) - 1
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from ...core.units import FloatArray, frozen
from .case import DerCase
from .extensive import solve_extensive
from .first_stage import all_as_one
from .operation import Weather, copperplate

_GAP: Final = 1e-6


def wait_and_see(case: DerCase) -> FloatArray:
    """Cost of the best plan for each scenario alone [scenario], on the copperplate.

    Raises:
        InfeasibleError: a scenario's load cannot be served by any plan.
    """
    first, days = all_as_one(case), case.scenarios
    fate = np.zeros(case.deviations.load_mean_kw.size + case.hours)
    known = (
        Weather(pv=pv, load_kw=load_kw) for pv, load_kw in zip(days.pv, days.load_kw, strict=True)
    )
    plans = [
        solve_extensive(first, [copperplate(case, first, day)], [fate], "wait and see", gap=_GAP)
        for day in known
    ]
    return frozen([plan.objective for plan in plans])


def value_of_information(case: DerCase, stochastic_objective: float) -> float:
    """EVPI: what knowing each day before building would save, at most; money for a day."""
    return float(stochastic_objective - case.scenarios.weight @ wait_and_see(case))


def price_of_robustness(objectives: Mapping[int, float]) -> dict[int, float]:
    """Objective over that of budget 0, less 1, by budget; nothing where budget 0 is missing."""
    if 0 not in objectives:
        return {}
    return {budget: value / objectives[0] - 1 for budget, value in objectives.items()}
