"""How far the true distribution may lie from the samples: radii of Wasserstein-1 balls.

Every rule takes samples [scenario, ...] and returns radii [...] in the samples' unit. All but
``tolerance_radius`` shrink with the number of samples N as 1/sqrt(N); they differ in what they
promise. ``scaled_radius`` promises nothing but is moderate; ``concentration_radius`` holds for
every distribution, and at realistic N is so large that the margin is the support bound.
"""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np
from scipy.stats import binom

from ..core.units import FloatArray
from .seeds import generator
from .tail import upper_order, upper_tail

_RESAMPLES = 200


class RadiusRule(StrEnum):
    """Which rule sets the radius."""

    SCALED = "scaled"
    BOOTSTRAP = "bootstrap"
    CONCENTRATION = "concentration"
    TOLERANCE = "tolerance"
    FIXED = "fixed"


def scaled_radius(samples: FloatArray, scale: float) -> FloatArray:
    """scale * sd / sqrt(N), with sd the samples' own (divisor N).

    A scale of 0.3 gives margins between the empirical quantile and the support bound over
    N = 50 to 5000 and risks of 1 % to 20 %; it is a choice, not a confidence statement.
    """
    return np.asarray(scale * np.std(samples, axis=0) / math.sqrt(len(samples)))


def bootstrap_radius(samples: FloatArray, confidence: float) -> FloatArray:
    """The ``confidence``-quantile of the distance from the samples to a resample of them.

    W1 on the line is the area between distribution functions: the sum over gaps between
    neighbouring samples of gap times |difference of cumulated shares|. The 200 resamples are
    drawn from a stream that depends on N only, the same for all elements: the radius is a
    function of the samples, whatever their order.
    """
    gaps = np.diff(upper_order(samples, 0), axis=-1)
    count = len(samples)
    rng = generator(0, "bootstrap radius", count)
    picked = rng.multinomial(count, np.full(count, 1 / count), size=_RESAMPLES)
    shares = np.cumsum(picked, axis=-1)[:, :-1] / count
    expected = np.arange(1, count) / count
    return np.asarray(np.quantile(gaps @ np.abs(shares - expected).T, confidence, axis=-1))


def concentration_radius(count: int, diameter: FloatArray, confidence: float) -> FloatArray:
    """diameter sqrt(2 ln(1 / (1 - confidence)) / N): W1(truth, samples) stays below it with
    at least this confidence, for any distribution on a support of this diameter.

    References:
        Zhao and Guan, Data-driven risk-averse stochastic optimization with Wasserstein metric,
        Oper. Res. Lett. 46 (2018).
    """
    return np.asarray(diameter * math.sqrt(2 * math.log(1 / (1 - confidence)) / count))


def tolerance_rank(count: int, risk: float, confidence: float) -> int | None:
    """The smallest k such that the k-th smallest of N samples is, with this confidence, at or
    above the true (1 - risk)-quantile: BinomCDF(k - 1; N, 1 - risk) >= confidence.

    None if even the largest sample is not (at risk and doubt of 5 %: N < 59).

    References:
        Wilks, Determination of sample sizes for setting tolerance limits, 1941.
    """
    ranks = np.arange(1, count + 1)
    enough = binom.cdf(ranks - 1, count, 1 - risk) >= confidence
    return int(ranks[np.argmax(enough)]) if enough.any() else None


def tolerance_radius(samples: FloatArray, risk: float, confidence: float) -> FloatArray:
    """The radius whose worst-case quantile is the distribution-free tolerance limit.

    With s the ``tolerance_rank``-th smallest sample it is the cost of moving the worst ``risk``
    of probability up to s, the sum of w_i (s - x_i)+ over the tail; infinite if there is no
    such sample, so that the margin is the support bound.
    """
    count = len(samples)
    rank = tolerance_rank(count, risk, confidence)
    if rank is None:
        return np.full(np.shape(samples)[1:], np.inf)
    tail = upper_tail(samples, risk)
    limit = upper_order(samples, rank - 1)[..., :1]
    return np.asarray(np.maximum(limit - tail.atoms, 0) @ tail.weights)
