"""Judges: scipy's Wasserstein distance, repeated experiments, published sample sizes."""

import numpy as np
import pytest
from scipy import stats

from roadvolt.uncertainty.margins import RiskChoice, empirical_quantile, margin
from roadvolt.uncertainty.radius import (
    RadiusRule,
    bootstrap_radius,
    concentration_radius,
    scaled_radius,
    tolerance_radius,
    tolerance_rank,
)
from roadvolt.uncertainty.seeds import generator


def test_the_scaled_radius_of_a_known_sample():
    # Of -1, 1, -1, 1 the standard deviation is 1 and the root of the count is 2.
    assert scaled_radius(np.array([-1.0, 1, -1, 1]), 0.3) == pytest.approx(0.15)


def test_the_bootstrap_radius_is_the_quantile_of_scipys_distances():
    samples = generator(3, "sample").normal(0, 10, 80)
    rng = generator(4, "another stream")
    distances = [stats.wasserstein_distance(rng.choice(samples, 80), samples) for _ in range(1000)]
    # 200 against 1000 resamples: the 95 % quantile of a distance is known to some 10 %.
    assert bootstrap_radius(samples, 0.95) == pytest.approx(np.quantile(distances, 0.95), rel=0.12)
    assert bootstrap_radius(samples, 0.5) == pytest.approx(np.median(distances), rel=0.08)


def test_the_concentration_radius_covers_the_truth():
    # Uniform on [0, 1], represented by its midpoints; W1 of 50 samples to it, 400 times.
    truth = (np.arange(2000) + 0.5) / 2000
    samples = generator(5, "experiments").random((400, 50))
    distances = [stats.wasserstein_distance(each, truth) for each in samples]
    radius = concentration_radius(50, np.array(1.0), 0.95)
    assert radius == pytest.approx(np.sqrt(2 * np.log(20) / 50))
    assert np.mean(distances <= radius) >= 0.95


@pytest.mark.parametrize("rule", [RadiusRule.SCALED, RadiusRule.BOOTSTRAP])
def test_four_times_the_samples_halve_the_radius(rule):
    rng = generator(6, "shrink")
    means = []
    for count in (100, 400):
        samples = rng.normal(0, 10, (count, 200))
        radius = (
            scaled_radius(samples, 0.3)
            if rule is RadiusRule.SCALED
            else bootstrap_radius(samples, 0.9)
        )
        means.append(radius.mean())
    assert means[0] / means[1] == pytest.approx(2, rel=0.07)


def test_tolerance_needs_the_published_sample_sizes():
    # Wilks' well-known first-order sizes: 59 for 95 %/95 %, 22 for 90 %/90 %, 459 for 99 %/99 %.
    for size, level in ((59, 0.05), (22, 0.1), (459, 0.01)):
        assert tolerance_rank(size - 1, level, 1 - level) is None
        assert tolerance_rank(size, level, 1 - level) == size
    # Second order at 95 %/95 %: the second largest of 93 suffices, of 92 it does not.
    assert tolerance_rank(93, 0.05, 0.95) == 92
    assert tolerance_rank(92, 0.05, 0.95) == 92


def test_the_tolerance_radius_makes_the_margin_the_order_statistic():
    samples = generator(7, "tolerance").gamma(2, 5, (120, 4))
    rank = tolerance_rank(120, 0.05, 0.95)
    choice = RiskChoice(risk=0.05, radius_rule=RadiusRule.TOLERANCE)
    expected = np.sort(samples, axis=0)[rank - 1]
    np.testing.assert_allclose(margin(samples, choice, 1e3), expected, rtol=1e-12)
    assert np.all(expected > empirical_quantile(samples, 0.05))


def test_too_few_samples_for_a_tolerance_limit_leave_the_support_bound():
    samples = generator(8, "few").normal(0, 5, (30, 2))
    assert np.all(np.isinf(tolerance_radius(samples, 0.05, 0.95)))
    choice = RiskChoice(risk=0.05, radius_rule=RadiusRule.TOLERANCE)
    np.testing.assert_array_equal(margin(samples, choice, 40.0), [40, 40])


def test_the_tolerance_limit_holds_with_its_confidence():
    samples = generator(9, "trials").normal(size=(100, 2000))
    choice = RiskChoice(risk=0.1, radius_rule=RadiusRule.TOLERANCE, radius_confidence=0.9)
    kept = np.mean(margin(samples, choice, 50.0) >= stats.norm.ppf(0.9))
    assert 0.9 - 3 * np.sqrt(0.09 / 2000) <= kept < 0.97
