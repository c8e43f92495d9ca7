"""How often limits are violated out of sample, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.units import BoolArray, FloatArray
from ...grid.limit_rates import exact_interval

_CONFIDENCE = 0.95
_NORMAL_QUANTILE = 1.959964  # of a two-sided 95 % interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Violations:
    """Frequencies of violation; columns ``_VIOLATION`` of ``schema`` say what each is."""

    mean: float
    mean_low: float
    mean_high: float
    worst: float
    worst_low: float
    worst_high: float
    worst_limit: str
    joint: float

    def row(self, risk: float) -> dict[str, Any]:
        """As columns, held against the promised ``risk``."""
        return {
            "out_of_sample_violation": self.mean,
            "violation_low": self.mean_low,
            "violation_high": self.mean_high,
            "worst_violation": self.worst,
            "worst_low": self.worst_low,
            "worst_high": self.worst_high,
            "worst_limit": self.worst_limit,
            "joint_violation": self.joint,
            "promised_violation": risk,
            "kept": bool(self.worst_low <= risk),
        }


def violations(beyond: BoolArray, name: Callable[[int, int], str]) -> Violations:
    """Frequencies of a set of limits.

    Limits of one scenario depend on each other, scenarios do not: the interval of the mean comes
    from the spread between scenarios, that of the worst limit is Clopper and Pearson's with the
    level split over all limits (Bonferroni).

    Args:
        beyond: whether a limit is violated [scenario, time, limit].
        name: of the limit at (time, limit).
    """
    count = beyond.sum(axis=0)
    rate = count / len(beyond)
    shares: FloatArray = beyond.mean(axis=(1, 2))
    spread = _NORMAL_QUANTILE * float(shares.std(ddof=1)) / np.sqrt(len(shares))
    low, high = exact_interval(count, len(beyond), 1 - (1 - _CONFIDENCE) / count.size)
    hour, limit = np.unravel_index(np.argmax(count), count.shape)
    mean = float(shares.mean())
    return Violations(
        mean=mean,
        mean_low=max(mean - spread, 0.0),
        mean_high=min(mean + spread, 1.0),
        worst=float(rate[hour, limit]),
        worst_low=float(low[hour, limit]),
        worst_high=float(high[hour, limit]),
        worst_limit=name(int(hour), int(limit)),
        joint=float(beyond.any(axis=2).mean()),
    )


def realised_row(cost: FloatArray, shortage_kwh: FloatArray) -> dict[str, float]:
    """Mean and quantiles of a realised cost [scenario], as columns; failed flows (NaN) left out."""
    quantiles = np.nanquantile(cost, (0.05, 0.50, 0.95, 0.99))
    return {
        "realised_mean": float(np.nanmean(cost)),
        **dict(zip(_QUANTILE_COLUMNS, map(float, quantiles), strict=True)),
        "shortage_kwh": float(np.nanmean(shortage_kwh)),
    }


_QUANTILE_COLUMNS = ("realised_q05", "realised_q50", "realised_q95", "realised_q99")
