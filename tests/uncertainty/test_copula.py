"""Judges: scipy's rank correlation, a published matrix, a semidefinite program."""

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from roadvolt.uncertainty.copula import (
    nearest_correlation,
    normal_copula,
    spearman_to_pearson,
    to_marginals,
)
from roadvolt.uncertainty.seeds import generator

# Loads hang together, turbines hang together, and windy hours have less load.
RANKS = np.array(
    [
        [1.0, 0.6, 0.6, -0.3, -0.3],
        [0.6, 1.0, 0.6, -0.3, -0.3],
        [0.6, 0.6, 1.0, -0.3, -0.3],
        [-0.3, -0.3, -0.3, 1.0, 0.8],
        [-0.3, -0.3, -0.3, 0.8, 1.0],
    ]
)


def test_sampled_rank_correlations_are_those_asked_for():
    scores = normal_copula(generator(1, "copula"), RANKS, 40_000)
    sampled = stats.spearmanr(scores).statistic
    np.testing.assert_allclose(sampled, RANKS, atol=4.5 / np.sqrt(40_000))


def test_scores_are_standard_normal():
    scores = normal_copula(generator(2, "copula"), RANKS, 20_000)
    for column in scores.T:
        assert stats.kstest(column, "norm").pvalue > 1e-3


def test_rank_correlations_survive_skewed_marginals():
    scores = normal_copula(generator(3, "copula"), RANKS, 5_000)
    quantiles = [stats.beta(2, 8).ppf, stats.lognorm(0.8).ppf, stats.norm(5, 2).ppf] + [
        stats.weibull_min(2).ppf
    ] * 2
    values = to_marginals(scores, quantiles)
    np.testing.assert_allclose(
        stats.spearmanr(values).statistic, stats.spearmanr(scores).statistic, atol=1e-12
    )
    assert stats.kstest(values[:, 0], stats.beta(2, 8).cdf).pvalue > 1e-3
    assert stats.kstest(values[:, 4], stats.weibull_min(2).cdf).pvalue > 1e-3


def test_extreme_scores_have_finite_values():
    values = to_marginals(np.array([[-40.0], [0.0], [40.0]]), [stats.norm.ppf])
    assert np.all(np.isfinite(values))
    assert values[1, 0] == pytest.approx(0, abs=1e-12)


def test_equal_ranks_make_equal_scores_and_opposite_ranks_opposite_ones():
    same = normal_copula(generator(4, "copula"), np.ones((2, 2)), 50)
    # The root of an eigenvalue of 1e-16 instead of 0 is 1e-8.
    np.testing.assert_allclose(same[:, 0], same[:, 1], atol=1e-6)
    mirrored = normal_copula(generator(4, "copula"), np.array([[1.0, -1.0], [-1.0, 1.0]]), 50)
    np.testing.assert_allclose(mirrored[:, 0], -mirrored[:, 1], atol=1e-6)


def test_the_nearest_correlation_of_highams_example_is_the_published_one():
    # Higham 2002, p. 334.
    given_matrix = np.array([[1.0, 1, 0], [1, 1, 1], [0, 1, 1]])
    published = [[1, 0.7607, 0.1573], [0.7607, 1, 0.7607], [0.1573, 0.7607, 1]]
    np.testing.assert_allclose(nearest_correlation(given_matrix), published, atol=5e-5)


def test_the_nearest_correlation_agrees_with_a_semidefinite_program():
    rng = generator(5, "matrix")
    noise = rng.uniform(-1, 1, (7, 7))
    wanted = np.triu(noise, 1) + np.triu(noise, 1).T + np.eye(7)
    found = cp.Variable((7, 7), PSD=True)
    problem = cp.Problem(cp.Minimize(cp.sum_squares(found - wanted)), [cp.diag(found) == 1])
    problem.solve(solver=cp.CLARABEL)
    np.testing.assert_allclose(nearest_correlation(wanted), found.value, atol=1e-5)


@settings(max_examples=40)
@given(st.integers(2, 12), st.integers(0, 10_000))
def test_a_nearest_correlation_is_a_correlation_and_stays_itself(size: int, seed: int):
    noise = generator(seed, "matrix").uniform(-1, 1, (size, size))
    nearest = nearest_correlation(np.triu(noise, 1) + np.triu(noise, 1).T + np.eye(size))
    assert np.all(np.diag(nearest) == 1)
    assert np.linalg.eigvalsh(nearest)[0] >= -1e-12
    np.testing.assert_allclose(nearest_correlation(nearest), nearest, atol=1e-9)


def test_pearson_of_spearman_agrees_with_the_known_values():
    np.testing.assert_allclose(
        spearman_to_pearson(np.array([-1, 0, 0.5, 1])),
        [-1, 0, (np.sqrt(6) - np.sqrt(2)) / 2, 1],
        atol=1e-15,
    )
