"""The random factors of all rated powers (16), drawn once for all stages and plans.

Common random numbers: plans and stages are compared on the same samples, so a difference between
them is not one between draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr

from ...core.units import FloatArray, frozen
from ...uncertainty.draws import Sampling, standard_normals
from ...uncertainty.mixture import Mixture
from ...uncertainty.nataf import normal_correlation
from .case import Factor, FdnCase


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FactorDraws:
    """Clipped factors on rated powers."""

    load: FloatArray  #: [scenario, bus]
    ev: FloatArray  #: [scenario, evcs site]
    pv: FloatArray  #: [scenario, pv site]
    normals: FloatArray  #: independent standard normals behind them [scenario, load | ev | pv]

    def __len__(self) -> int:
        """How many scenarios."""
        return len(self.load)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedFactors:
    """Mean of each kind of factor, after clipping."""

    load: float
    ev: float
    pv: float


def expected_factors(case: FdnCase) -> ExpectedFactors:
    """The means that the deterministic planning model uses."""
    factors = case.factors
    return ExpectedFactors(load=_mean(factors.load), ev=_mean(factors.ev), pv=_mean(factors.pv))


def draw_factors(
    case: FdnCase,
    seed: int,
    count: int,
    sampling: Sampling = Sampling.MONTE_CARLO,
    stream: str = "planning",
) -> FactorDraws:
    """Factors by the inverse Nataf transformation (2)-(3).

    Within a kind, normal scores have one correlation rho, so that factors have Pearson's
    correlation of the case: with independent normals n, C = (1 - rho) I + rho 11' = LL',
    z = L n, factor = clip(F^-1(Phi(z))).

    Args:
        case: the distributions and how many buses and sites there are.
        seed, stream: equal ones give equal draws.
        count: scenarios.
        sampling: plain or quasi-random.

    Raises:
        UnreachableCorrelation: a factor's correlation cannot be had with its distribution.
    """
    sizes = (len(case.network.buses), len(case.evcs_sites), len(case.pv_sites))
    normals = standard_normals(
        seed, "fdn factors", stream, count=count, dimension=sum(sizes), method=sampling
    )
    load, ev, pv = np.split(normals, np.cumsum(sizes)[:-1], axis=1)
    return FactorDraws(
        load=frozen(_factor(case.factors.load, load)),
        ev=frozen(_factor(case.factors.ev, ev)),
        pv=frozen(_factor(case.factors.pv, pv)),
        normals=frozen(normals),
    )


def _mean(factor: Factor) -> float:
    return factor.mixture.clipped_mean(factor.low, factor.high)


@lru_cache(maxsize=64)
def _normal_correlation(mixture: Mixture, pearson: float) -> float:
    """Found anew it would cost more than a draw of some thousands."""
    return normal_correlation(mixture, mixture, pearson)


def _factor(factor: Factor, normals: FloatArray) -> FloatArray:
    """[scenario, place] of independent normals -> clipped correlated factors."""
    places = normals.shape[1]
    if not places:
        return normals
    rho = _normal_correlation(factor.mixture, factor.correlation)
    correlation = (1 - rho) * np.eye(places) + rho
    scores = normals @ np.linalg.cholesky(correlation).T
    return np.asarray(np.clip(factor.mixture.ppf(ndtr(scores)), factor.low, factor.high))
