"""Representative days and deviations: what a history tells the models of planning."""

from __future__ import annotations

import numpy as np

from ...core.units import frozen
from .case import Deviations, Scenarios, Year
from .reduction import backward_reduction


def scenarios_of(year: Year, keep: int) -> Scenarios:
    """Days of the year that stand for all others, with their probabilities.

    They are chosen by their PV alone (``backward_reduction``); loads are those of the same days.
    """
    days, weight = backward_reduction(year.pv, keep)
    return Scenarios(
        weight=weight,
        pv=frozen(year.pv[days]),
        load_kw=frozen(year.load_kw[days]),
        days=days,
    )


def deviations_of(
    year: Year, scenarios: Scenarios, low: float = 0.15, high: float = 0.85
) -> Deviations:
    """Means, and how far PV and loads may stray from them.

    PV of an hour has the mean of the year, and strays to the quantiles ``low`` and ``high`` of that
    hour (not at all where the mean is beyond). Load has the plain mean of the scenarios, and
    strays to the least and the greatest of them.
    """
    pv_mean, load = year.pv.mean(axis=0), scenarios.load_kw
    pv_low, pv_high = np.quantile(year.pv, [low, high], axis=0)
    load_mean = load.mean(axis=0)
    return Deviations(
        load_mean_kw=frozen(load_mean),
        load_up_kw=frozen(load.max(axis=0) - load_mean),
        load_down_kw=frozen(load_mean - load.min(axis=0)),
        pv_mean=frozen(pv_mean),
        pv_up=frozen(np.maximum(pv_high - pv_mean, 0)),
        pv_down=frozen(np.maximum(pv_mean - pv_low, 0)),
    )
