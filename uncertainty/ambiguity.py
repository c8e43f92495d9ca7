"""How many standard deviations keep a chance constraint, by what is known of the distribution."""

from __future__ import annotations

import math
from enum import StrEnum

from scipy.special import ndtri


class Shape(StrEnum):
    """What is known of a distribution besides its mean and standard deviation."""

    CANTELLI = "cantelli"  #: nothing
    SYMMETRIC = "symmetric"  #: about its mean
    UNIMODAL = "unimodal"  #: a single mode, anywhere
    SYMMETRIC_UNIMODAL = "symmetric unimodal"
    GAUSSIAN = "gaussian"


def safety_factor(shape: Shape, risk: float) -> float:
    """The smallest k with P(x > mean + k sd) <= risk for every distribution of this shape.

    ==================  ==========================  ================================
    shape               risk <= 1/6                 risk in [1/6, 1/2]
    ==================  ==========================  ================================
    cantelli            sqrt((1 - risk) / risk)     the same
    symmetric           sqrt(1 / (2 risk))          the same, 0 at risk = 1/2
    unimodal            sqrt(4 / (9 risk) - 1)      sqrt(3 (1 - risk) / (1 + 3 risk))
    symmetric unimodal  sqrt(2 / (9 risk))          sqrt(3) (1 - 2 risk)
    gaussian            Phi^-1(1 - risk)            the same
    ==================  ==========================  ================================

    A chance constraint b + a'x <= limit on errors x of zero mean and covariance S then reads
    b + k sqrt(a'Sa) <= limit; for vectors, a shape is meant of a'x.

    Raises:
        ValueError: ``risk`` is not in (0, 1/2].

    References:
        Cantelli 1928; Gauss 1823 (symmetric unimodal); Mercadier and Strobel, A one-sided
        Vysochanskii-Petunin inequality with financial applications, EJOR 295 (2021).
    """
    if not 0 < risk <= 0.5:
        raise ValueError(f"risk must lie in (0, 1/2], got {risk}")
    return _FACTORS[shape](risk)


def _cantelli(risk: float) -> float:
    return math.sqrt((1 - risk) / risk)


def _symmetric(risk: float) -> float:
    return math.sqrt(1 / (2 * risk)) if risk < 0.5 else 0.0


def _unimodal(risk: float) -> float:
    if risk <= 1 / 6:
        return math.sqrt(4 / (9 * risk) - 1)
    return math.sqrt(3 * (1 - risk) / (1 + 3 * risk))


def _symmetric_unimodal(risk: float) -> float:
    return math.sqrt(2 / (9 * risk)) if risk <= 1 / 6 else math.sqrt(3) * (1 - 2 * risk)


def _gaussian(risk: float) -> float:
    return float(-ndtri(risk))


_FACTORS = {
    Shape.CANTELLI: _cantelli,
    Shape.SYMMETRIC: _symmetric,
    Shape.UNIMODAL: _unimodal,
    Shape.SYMMETRIC_UNIMODAL: _symmetric_unimodal,
    Shape.GAUSSIAN: _gaussian,
}
