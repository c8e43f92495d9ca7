"""How often each limit is violated in samples (18), (21), and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from ...core.units import FloatArray
from .case import FdnCase
from .propagation import StageState


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Risks:
    """Share of samples beyond each limit."""

    under_voltage: FloatArray  #: [stage, bus]
    over_voltage: FloatArray  #: [stage, bus]
    overload: FloatArray  #: [stage, branch]
    scenarios: int

    @property
    def by_stage(self) -> FloatArray:
        """The largest risk of any limit [stage]."""
        every = np.hstack([self.under_voltage, self.over_voltage, self.overload])
        return np.asarray(every.max(axis=1))

    @property
    def worst(self) -> float:
        """The largest risk of all."""
        return float(self.by_stage.max())


def risks_of(case: FdnCase, states: Sequence[StageState]) -> Risks:
    """Frequencies of violation, by stage."""
    rules = case.rules
    return Risks(
        under_voltage=np.array([(s.v_pu < rules.v_min_pu).mean(axis=0) for s in states]),
        over_voltage=np.array([(s.v_pu > rules.v_max_pu).mean(axis=0) for s in states]),
        overload=np.array([(s.i_pu > s.i_max_pu).mean(axis=0) for s in states]),
        scenarios=len(states[0].v_pu),
    )


def wilson(
    risk: FloatArray | float, scenarios: int, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Interval of a probability that was exceeded in a share ``risk`` of independent samples.

    The probabilities p with |risk - p| <= z sqrt(p (1 - p) / n), z the two-sided normal quantile.

    Args:
        risk: frequencies [...].
        scenarios: n.
        confidence: coverage.

    Returns:
        (lower, upper) [...].

    References:
        Wilson, Probable inference, the law of succession, and statistical inference, Journal of
        the American Statistical Association 22, 1927.
    """
    share, z = np.asarray(risk, dtype=np.float64), ndtri(0.5 + confidence / 2)
    spread = z**2 / scenarios
    centre = (share + spread / 2) / (1 + spread)
    reach = np.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    return np.maximum(centre - reach, 0.0), np.minimum(centre + reach, 1.0)
