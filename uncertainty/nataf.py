"""Nataf's transformation: Pearson correlation of mixtures by correlating normal scores."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from ..core.errors import UnreachableCorrelation
from ..core.units import FloatArray
from .mixture import Mixture

#: The trapezoidal rule for normal expectations. Where the quantile of a mixture crosses from one
#: component to the next it is steep, and Gauss-Hermite rules of 64 nodes are off by 3e-4.
_REACH, _NODES = 8.5, 401

_TOLERANCE = 1e-10


def normal_correlation(first: Mixture, second: Mixture, pearson: float) -> float:
    """The correlation r of standard-normal z1, z2 that gives the mixtures the one asked for.

    With x_k = F_k^-1(Phi(z_k)), solves (2b)::

        pearson = E[(x_1 - mean_1)(x_2 - mean_2)] / (sd_1 sd_2)

    for r in [-1, 1]. The right side increases with r, so the root is unique.

    Args:
        first, second: F_1 and F_2; the order does not matter.
        pearson: of x_1 and x_2.

    Raises:
        UnreachableCorrelation: no r gives it. Says which range can be reached, by r of -1 to 1.

    References:
        Liu and Der Kiureghian, Multivariate distribution models with prescribed marginals and
        covariances, Probabilistic Engineering Mechanics 1 (1986).
    """
    lowest, highest = (_pearson(first, second, r) for r in (-1.0, 1.0))
    # Equal mixtures reach exactly 1, but for rounding.
    if not lowest - _TOLERANCE <= pearson <= highest + _TOLERANCE:
        raise UnreachableCorrelation(pearson, lowest, highest)
    if pearson >= highest or pearson <= lowest:
        return 1.0 if pearson >= highest else -1.0
    root = brentq(lambda r: _pearson(first, second, r) - pearson, -1.0, 1.0, xtol=_TOLERANCE)
    return float(root)


def _pearson(first: Mixture, second: Mixture, r: float) -> float:
    """Correlation of the mixtures when that of the normal scores is r."""
    z = np.linspace(-_REACH, _REACH, _NODES)
    weights = np.exp(-0.5 * z**2)
    weights /= weights.sum()
    mixed = r * z[:, None] + np.sqrt(1 - r**2) * z
    return float(weights @ (_standard(first, z) * (_standard(second, mixed) @ weights)))


def _standard(mixture: Mixture, z: FloatArray) -> FloatArray:
    """(F^-1(Phi(z)) - mean) / sd."""
    return np.asarray((mixture.ppf(ndtr(z)) - mixture.mean) / mixture.sd)
