"""Normal copulas: correlated draws with the rank correlation asked for.

Build the copula on the physical quantities (load, wind) and subtract afterwards: a rank
correlation changes sign with the sign of one of its quantities.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import ndtr

from ..core.errors import SolveError
from ..core.units import FloatArray

#: Largest change of an entry at which the alternating projections count as converged.
_PROJECTION_TOLERANCE = 1e-10
_PROJECTION_LIMIT = 10_000


def spearman_to_pearson(rank: FloatArray | float) -> FloatArray:
    """The correlation of normal scores that have this rank correlation: r = 2 sin(pi r_s / 6).

    References:
        Pearson, Mathematical contributions to the theory of evolution XVI, 1907.
    """
    return np.asarray(2 * np.sin(np.pi * np.asarray(rank, dtype=np.float64) / 6))


def nearest_correlation(matrix: FloatArray) -> FloatArray:
    """The correlation matrix (semidefinite, unit diagonal) nearest in Frobenius norm.

    A matrix that already is one comes back as it is. Otherwise it is projected in turn on the
    semidefinite matrices, with Dykstra's correction, and on the unit diagonal.

    Args:
        matrix: symmetric [source, source].

    Raises:
        SolveError: the projections did not settle.

    References:
        Higham, Computing the nearest correlation matrix, IMA J. Numer. Anal. 22 (2002),
        algorithm 3.3.
    """
    given = np.array(matrix, dtype=np.float64)
    if np.all(np.diag(given) == 1) and np.linalg.eigvalsh(given)[0] >= 0:
        return given
    unit, correction = given, np.zeros_like(given)
    for _ in range(_PROJECTION_LIMIT):
        semidefinite = _semidefinite_part(unit - correction)
        correction = semidefinite - (unit - correction)
        before, unit = unit, _with_unit_diagonal(semidefinite)
        if np.max(np.abs(unit - before)) <= _PROJECTION_TOLERANCE:
            # The last projection, on the diagonal, may leave eigenvalues of -1e-10.
            return _rescaled(_semidefinite_part(unit))
    raise SolveError("nearest correlation matrix", "alternating projections", "limit")


def normal_copula(rng: np.random.Generator, rank_correlation: FloatArray, count: int) -> FloatArray:
    """Standard-normal scores whose Spearman rank correlations are those asked for.

    z = g R^(1/2), with g independent standard normals, R = ``nearest_correlation`` of
    2 sin(pi r_s / 6), and R^(1/2) its symmetric root, which unlike a triangular or an
    eigenvector factor is unique also where R is singular.

    Args:
        rng: where the draws come from.
        rank_correlation: r_s [source, source], symmetric with unit diagonal.
        count: number of scenarios.

    Returns:
        z [scenario, source]. If 2 sin(pi r_s / 6) is not semidefinite, no normal copula has
        exactly these rank correlations, and z has the nearest.
    """
    correlation = nearest_correlation(spearman_to_pearson(rank_correlation))
    values, vectors = np.linalg.eigh(correlation)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return np.asarray(rng.standard_normal((count, len(root))) @ root)


def to_marginals(
    scores: FloatArray, quantiles: Sequence[Callable[[FloatArray], FloatArray]]
) -> FloatArray:
    """Gives normal scores the marginal distributions asked for: x_k = F_k^-1(Phi(z_k)).

    Args:
        scores: z [scenario, source].
        quantiles: F_k^-1 of each source, from probabilities in (0, 1) to values; where it
            increases, the rank correlations of the scores are kept.

    Returns:
        x [scenario, source] in the units of the quantile functions.
    """
    # Phi rounds to 0 below -38 and to 1 above 8.3, where unbounded quantiles are infinite.
    uniform = np.clip(ndtr(scores), np.finfo(np.float64).tiny, 1 - np.finfo(np.float64).epsneg)
    columns = zip(uniform.T, quantiles, strict=True)
    return np.stack([quantile(column) for column, quantile in columns], axis=1)


def _semidefinite_part(matrix: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.maximum(values, 0)) @ vectors.T)


def _with_unit_diagonal(matrix: FloatArray) -> FloatArray:
    changed = matrix.copy()
    np.fill_diagonal(changed, 1.0)
    return changed


def _rescaled(matrix: FloatArray) -> FloatArray:
    scale = 1 / np.sqrt(np.diag(matrix))
    return _with_unit_diagonal(matrix * np.outer(scale, scale))
