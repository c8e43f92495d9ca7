"""Draws: seeds, prefixes, and that Sobol points are what they promise."""

import numpy as np
import pytest

from roadvolt.uncertainty.draws import Sampling, standard_normals

METHODS = pytest.mark.parametrize("method", Sampling)


def draw(*names, seed=1, count=1000, dimension=5, method):
    return standard_normals(seed, *names, count=count, dimension=dimension, method=method)


@METHODS
def test_draws_depend_on_seed_and_names_only(method):
    first = draw("load", method=method)
    assert np.array_equal(first, draw("load", method=method))
    assert not np.array_equal(first, draw("load", seed=2, method=method))
    assert not np.array_equal(first, draw("pv", method=method))


@METHODS
def test_a_longer_draw_begins_with_the_shorter(method):
    assert np.array_equal(
        draw("x", count=300, method=method), draw("x", count=1000, method=method)[:300]
    )


@METHODS
def test_scores_are_standard_normal_and_uncorrelated(method):
    z = draw("x", count=4096, method=method)
    assert z.shape == (4096, 5)
    assert np.isfinite(z).all()
    assert np.abs(z.mean(axis=0)).max() < 0.06
    assert np.abs(np.cov(z.T) - np.eye(5)).max() < 0.09


def test_sobol_means_are_far_closer_than_those_of_independent_draws():
    errors = {
        method: np.abs(draw("x", count=4096, method=method).mean(axis=0)).max()
        for method in Sampling
    }
    assert errors[Sampling.SOBOL] < errors[Sampling.MONTE_CARLO] / 10


def test_many_dimensions_and_odd_counts_are_fine():
    z = draw("x", count=777, dimension=100, method=Sampling.SOBOL)
    assert z.shape == (777, 100)
    assert np.isfinite(z).all()
