"""Gaussian mixtures of one variable."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicHermiteSpline
from scipy.special import ndtr

from ..core.units import FloatArray

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

#: Most components that ``fit_mixture`` tries when it chooses their number itself.
MOST_COMPONENTS = 5

#: Quantiles are tabulated every hundredth of a standard deviation, up to nine from each mean:
#: cubic pieces are then right to 1e-9 in probability, and less than 1e-18 lies outside.
_STEP_SD, _REACH_SD = 0.01, 9.0

_FIT_STARTS = 2  #: of the iterations; the likeliest ending is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Density sum_m weights_m N(x; means_m, sds_m^2), weights adding up to one (1a)-(1c)."""

    weights: tuple[float, ...]
    means: tuple[float, ...]
    sds: tuple[float, ...]

    @property
    def mean(self) -> float:
        """sum_m w_m mu_m."""
        return math.fsum(w * mean for w, mean in zip(self.weights, self.means, strict=True))

    @property
    def sd(self) -> float:
        """Square root of sum_m w_m (sd_m^2 + (mu_m - mean)^2)."""
        parts = zip(self.weights, self.means, self.sds, strict=True)
        return math.sqrt(math.fsum(w * (sd**2 + (m - self.mean) ** 2) for w, m, sd in parts))

    def pdf(self, x: npt.ArrayLike) -> FloatArray:
        """Density at x, of any shape."""
        z = self._scores(x)
        heights = np.array(self.weights) / np.array(self.sds) / math.sqrt(2 * math.pi)
        return np.asarray(np.exp(-0.5 * z**2) @ heights)

    def cdf(self, x: npt.ArrayLike) -> FloatArray:
        """F(x) = sum_m w_m Phi((x - mu_m) / sd_m), for x of any shape."""
        return np.asarray(ndtr(self._scores(x)) @ np.array(self.weights))

    def ppf(self, u: npt.ArrayLike) -> FloatArray:
        """The quantile F^-1(u) for probabilities u of any shape: |F(F^-1(u)) - u| <= 1e-9.

        Never decreasing in u. 0 and 1 give the finite ends of the tabulated range, nine standard
        deviations beyond the outermost components.
        """
        quantile = _quantile(self)
        return np.asarray(quantile(np.clip(u, quantile.x[0], quantile.x[-1])))

    def clipped_mean(self, low: float, high: float) -> float:
        """E[min(max(X, low), high)]; either bound may be infinite.

        sum_m w_m (mu_m (Phi(b_m) - Phi(a_m)) - sd_m (phi(b_m) - phi(a_m))), a and b the scores of
        the bounds, plus what is clipped: low F(low) + high (1 - F(high)).
        """
        a, b = self._scores(low), self._scores(high)
        inside = np.array(self.means) * (ndtr(b) - ndtr(a))
        inside -= (
            np.array(self.sds)
            * (np.exp(-0.5 * b**2) - np.exp(-0.5 * a**2))
            / math.sqrt(2 * math.pi)
        )
        below = low * float(self.cdf(low)) if math.isfinite(low) else 0.0
        above = high * (1 - float(self.cdf(high))) if math.isfinite(high) else 0.0
        return float(inside @ np.array(self.weights)) + below + above

    def _scores(self, x: npt.ArrayLike) -> FloatArray:
        """(x - mu_m) / sd_m [..., component]."""
        values = np.asarray(x, dtype=np.float64)[..., None]
        return np.asarray((values - np.array(self.means)) / np.array(self.sds))


@lru_cache(maxsize=64)
def _quantile(mixture: Mixture) -> CubicHermiteSpline:
    """F^-1 as monotone cubic pieces between tabulated values, with its true slope 1 / F'.

    Slopes are held below three times those of the chords, which keeps every piece monotone
    (Fritsch and Carlson 1980); this matters only where F is flat, between distant components.
    """
    scores = np.arange(-_REACH_SD, _REACH_SD + _STEP_SD / 2, _STEP_SD)
    grids = np.array(mixture.means)[:, None] + np.outer(mixture.sds, scores)
    x = _apart(np.sort(grids, axis=None), _STEP_SD * min(mixture.sds) / 10)
    u = np.maximum.accumulate(mixture.cdf(x))
    rising = np.diff(u, prepend=-1.0) > 0
    u, x = u[rising], x[rising]
    chords = np.diff(x) / np.diff(u)
    steepest = 3 * np.minimum(np.append(chords, np.inf), np.append(np.inf, chords))
    with np.errstate(divide="ignore"):
        slopes = np.minimum(1 / mixture.pdf(x), steepest)
    return CubicHermiteSpline(u, x, slopes)


def _apart(x: FloatArray, least: float) -> FloatArray:
    """Leaves out points that nearly coincide: their chords would be rounding errors."""
    return x[np.diff(x, prepend=-np.inf) >= least]


def fit_mixture(values: npt.ArrayLike, components: int | None = None, *, seed: int = 0) -> Mixture:
    """The likeliest mixture behind samples, by expectation maximisation, components by mean.

    Args:
        values: samples, any shape; at least two different ones.
        components: how many; None tries 1 to 5 and keeps the lowest Bayesian information
            criterion, -2 log L + (3 m - 1) log n.
        seed: of the starts of the iterations.

    Raises:
        ValueError: all samples are the same: a mixture has a density, they have none.
    """
    samples = np.asarray(values, dtype=np.float64).ravel()
    centre, scale = float(samples.mean()), float(samples.std())
    if not scale > 0:
        raise ValueError(f"all {samples.size} samples are {centre:g}; a mixture needs spread")
    scores = ((samples - centre) / scale)[:, None]
    counts = range(1, MOST_COMPONENTS + 1) if components is None else (components,)
    fits = [_fitted(scores, count, seed) for count in counts]
    best = min(fits, key=lambda fit: fit.bic(scores)) if len(fits) > 1 else fits[0]
    order = np.argsort(best.means_[:, 0])
    return Mixture(
        weights=_floats(best.weights_[order] / best.weights_.sum()),
        means=_floats(centre + scale * best.means_[order, 0]),
        sds=_floats(scale * np.sqrt(best.covariances_[order, 0, 0])),
    )


def _fitted(scores: FloatArray, count: int, seed: int) -> GaussianMixture:
    from sklearn.mixture import GaussianMixture  # a second to import, and few fit anything

    return GaussianMixture(count, n_init=_FIT_STARTS, random_state=seed).fit(scores)


def _floats(values: FloatArray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
