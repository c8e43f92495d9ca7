"""Risk margins: what to add to an expected value so that a chance constraint holds.

A constraint P(e <= m) >= 1 - risk on a forecast error e is kept by one number m. Three treatments
differ in which distributions it must hold for, each set inside the next, so that for the same
samples the margins are ordered sp <= dro <= ro, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ..core.units import FloatArray
from .radius import (
    RadiusRule,
    bootstrap_radius,
    concentration_radius,
    scaled_radius,
    tolerance_radius,
)
from .tail import upper_tail

#: A sample may exceed its declared bound by this much, relative, as a sum of floats does.
_SUPPORT_TOLERANCE = 1e-9


class RiskTreatment(StrEnum):
    """Which distributions a chance constraint must hold for."""

    SP = "sp"  #: stochastic: the samples' own
    DRO = "dro"  #: distributionally robust: all within a Wasserstein-1 ball around the samples
    RO = "ro"  #: robust: all on the declared support


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskChoice:
    """How risk is treated: allowed violation probability, and for DRO the radius of the ball.

    ``radius_scale`` belongs to the scaled rule, ``radius_confidence`` to bootstrap, concentration
    and tolerance, ``radius_fixed`` (in the samples' unit) to fixed.
    """

    treatment: RiskTreatment = RiskTreatment.DRO
    risk: float = 0.05
    radius_rule: RadiusRule = RadiusRule.SCALED
    radius_scale: float = 0.3
    radius_confidence: float = 0.95
    radius_fixed: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.risk < 1:
            raise ValueError(f"risk must lie in (0, 1), got {self.risk}")
        if not 0 < self.radius_confidence < 1:
            raise ValueError(f"radius_confidence must lie in (0, 1), got {self.radius_confidence}")
        if not (self.radius_scale >= 0 and self.radius_fixed >= 0):
            raise ValueError("radius_scale and radius_fixed must not be negative")


def margin(
    samples: FloatArray,
    choice: RiskChoice,
    support_max: FloatArray | float,
    *,
    support_min: FloatArray | float | None = None,
) -> FloatArray:
    """The margin of every element, for the treatment of risk chosen.

    Args:
        samples: errors e [scenario, ...], any unit; positive where they need the margin.
        choice: treatment, risk and radius rule.
        support_max: the largest possible error [...]; the margin of RO and the cap of DRO.
        support_min: the smallest possible error [...], for the concentration rule only.

    Returns:
        m [...] with P(e <= m) >= 1 - risk for all distributions of the treatment.

    Raises:
        ValueError: a sample exceeds ``support_max``, or the concentration rule lacks
            ``support_min``.
    """
    samples = np.asarray(samples, dtype=np.float64)
    bound = np.array(np.broadcast_to(support_max, samples.shape[1:]), dtype=np.float64)
    excess = samples.max(axis=0) - bound
    if np.any(excess > _SUPPORT_TOLERANCE * np.maximum(1, np.abs(bound))):
        raise ValueError(f"a sample exceeds the declared support by {excess.max():.4g}")
    if choice.treatment is RiskTreatment.RO:
        return bound
    if choice.treatment is RiskTreatment.SP:
        return np.minimum(empirical_quantile(samples, choice.risk), bound)
    radius = _radius(samples, choice, bound, support_min)
    return worst_case_quantile(samples, choice.risk, radius, bound)


def empirical_quantile(samples: FloatArray, risk: float) -> FloatArray:
    """The left-continuous (1 - risk)-quantile: the ceil((1 - risk) N)-th smallest sample.

    It is the smallest m with at most ``risk`` N of the samples [scenario, ...] above m.
    """
    return upper_tail(samples, risk).quantile


def worst_case_quantile(
    samples: FloatArray, risk: float, radius: FloatArray | float, support_max: FloatArray | float
) -> FloatArray:
    """The smallest m with P(e <= m) >= 1 - risk for all P within W1 distance ``radius``.

    The worst P moves the uppermost ``risk`` of probability to just above m, which costs
    g(m) = sum_i w_i (m - x_i)+ over the tail atoms x_i of weight w_i; so m solves g(m) = radius,
    exactly, by walking the breakpoints of the piecewise linear g. At radius 0 it is the empirical
    quantile, and beyond ``support_max`` no probability can move.

    Args:
        samples: x [scenario, ...].
        risk: allowed violation probability, in (0, 1).
        radius: W1 radius [...] >= 0 in the samples' unit; may be infinite.
        support_max: the largest possible value [...]; may be infinite.

    Returns:
        m [...], between the empirical quantile and ``support_max``.

    References:
        Chen, Kuhn and Wiesemann, Data-driven chance constrained programs over Wasserstein balls,
        Oper. Res. 72 (2024), for one constraint with uncertainty on the right-hand side.
    """
    tail = upper_tail(samples, risk)
    radius = np.broadcast_to(radius, tail.quantile.shape)
    worst = np.where(radius > 0, _inverse_moving_cost(tail.atoms, tail.weights, radius), -np.inf)
    return np.asarray(np.minimum(np.maximum(worst, tail.quantile), support_max))


def _inverse_moving_cost(atoms: FloatArray, weights: FloatArray, radius: FloatArray) -> FloatArray:
    """The m with sum_i w_i (m - x_i)+ = radius, for ascending atoms x [..., atom]."""
    lowest = atoms[..., :1]
    above = atoms - lowest  # differences keep their digits where the atoms are large
    mass = np.cumsum(weights)
    moment = np.cumsum(weights * above, axis=-1)
    following = np.concatenate([above[..., 1:], np.full_like(lowest, np.inf)], axis=-1)
    piece = np.argmax(mass * following - moment >= radius[..., None], axis=-1)[..., None]
    start = np.take_along_axis(above, piece, axis=-1)
    stop = np.take_along_axis(following, piece, axis=-1)
    solution = (radius[..., None] + np.take_along_axis(moment, piece, axis=-1)) / mass[piece]
    # Rounding must not carry a solution out of its piece: a larger radius never gives a smaller m.
    return np.asarray((lowest + np.clip(solution, start, stop))[..., 0])


def _radius(
    samples: FloatArray,
    choice: RiskChoice,
    support_max: FloatArray,
    support_min: FloatArray | float | None,
) -> FloatArray:
    if choice.radius_rule is RadiusRule.SCALED:
        return scaled_radius(samples, choice.radius_scale)
    if choice.radius_rule is RadiusRule.BOOTSTRAP:
        return bootstrap_radius(samples, choice.radius_confidence)
    if choice.radius_rule is RadiusRule.TOLERANCE:
        return tolerance_radius(samples, choice.risk, choice.radius_confidence)
    if choice.radius_rule is RadiusRule.FIXED:
        return np.full(samples.shape[1:], choice.radius_fixed)
    if support_min is None:
        raise ValueError("the concentration rule needs support_min as well")
    return concentration_radius(len(samples), support_max - support_min, choice.radius_confidence)
