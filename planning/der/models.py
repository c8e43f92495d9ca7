"""The models without an adversary, each one extensive program.

    det    min  cost'x + Q(x; mean load, mean PV)
    tsso   min  cost'x + sum_s rho_s Q(x; load_s, PV_s)
    sro    min  cost'x + Q(x; mean load + up, mean PV - down)

In the single-stage robust model the dispatch is fixed before u is known, so that every row must
hold for the worst value of the one parameter in it: the box, whatever the budget is.

``perfect information`` is the paper's benchmark: one design for the scenarios' days one after the
other, which investment is paid for day by day and whose batteries pass on what they hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.units import FloatArray
from .case import DerCase
from .choices import DerModel
from .extensive import Master, solve_extensive
from .first_stage import FirstStage, all_as_one
from .operation import Weather, copperplate
from .placement import Extent


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stated:
    """A model as the weathers it must meet."""

    weathers: tuple[Weather, ...]
    extent: Extent
    days: int = 1  #: that operation lasts

    def solve(self, case: DerCase, gap: float) -> tuple[FirstStage, Master]:
        """The optimum of the copperplate; objective and bound are for all days.

        Raises:
            InfeasibleError: the load cannot be served.
            SolveError: the gap was not reached.
        """
        first = all_as_one(case)
        recourses = [copperplate(case, first, weather) for weather in self.weathers]
        nothing = np.zeros(case.deviations.load_mean_kw.size + case.hours)
        what = "plan of distributed resources"
        return first, solve_extensive(
            first, recourses, [nothing], what, gap=gap, mult=float(self.days)
        )


def stated(case: DerCase, model: DerModel) -> Stated:
    """The weathers of det, tsso or sro."""
    spread = case.deviations
    if model is DerModel.STOCHASTIC:
        return of_days(case.scenarios.pv, case.scenarios.load_kw, case.scenarios.weight)
    pv, load_kw = spread.pv_mean, spread.load_mean_kw
    if model is DerModel.SINGLE_STAGE:
        pv, load_kw = pv - spread.pv_down, load_kw + spread.load_up_kw
    return of_days(pv[None], load_kw[None], np.ones(1))


def of_days(pv: FloatArray, load_kw: FloatArray, weight: Sequence[float] | FloatArray) -> Stated:
    """Days [day, time], [day, bus, time] with probabilities."""
    return Stated(
        weathers=tuple(
            Weather(pv=sun, load_kw=load, weight=float(part))
            for sun, load, part in zip(pv, load_kw, weight, strict=True)
        ),
        extent=Extent(
            load_low_kw=load_kw.min(axis=0),
            load_high_kw=load_kw.max(axis=0),
            pv_high=pv.max(axis=0),
        ),
    )


def perfect_information(case: DerCase) -> Stated:
    """All scenarios' days in a row, known in advance."""
    days = case.scenarios
    extent = of_days(days.pv, days.load_kw, days.weight).extent
    in_a_row = Weather(
        pv=days.pv.ravel(), load_kw=np.concatenate(list(days.load_kw), axis=1), weight=1.0
    )
    return Stated(weathers=(in_a_row,), extent=extent, days=len(days.weight))


def wait_and_see(case: DerCase, gap: float = 1e-6) -> float:
    """sum_s rho_s of the optimum for day s alone: the cost if days were known before building."""
    days = case.scenarios
    total = 0.0
    for pv, load_kw, weight in zip(days.pv, days.load_kw, days.weight, strict=True):
        _, best = of_days(pv[None], load_kw[None], np.ones(1)).solve(case, gap)
        total += float(weight) * best.objective
    return total
