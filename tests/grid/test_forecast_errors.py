"""Forecast errors: rank correlations, bounds, and the moments of clipped normals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, spearmanr

from roadvolt.grid.forecast_errors import expected_kw, fit_moments, sample_errors, support_kw
from roadvolt.uncertainty.seeds import generator


@pytest.fixture(scope="module")
def samples(feeder33, day, error_model):
    feeder, hours = feeder33(), day(slice(7, 9))
    errors_kw = sample_errors(feeder, hours, error_model, generator(1, "errors"), 6000)
    return feeder, hours, errors_kw


def test_sources_are_the_loads_of_the_buses_and_then_the_turbines(feeder33, day):
    expected = expected_kw(feeder33(), day(slice(7, 9)))
    assert expected.shape == (2, 36)
    assert expected[0, :32].sum() == pytest.approx(0.78 * 3715)  # Baran and Wu's total
    np.testing.assert_allclose(expected[:, 32:], [[92.0] * 4, [82.352762] * 4])


def test_rank_correlations_are_those_asked_for(samples, error_model):
    _, _, errors_kw = samples
    rank = spearmanr(errors_kw[:, 0]).statistic
    off = ~np.eye(32, dtype=bool)
    assert rank[:32, :32][off].mean() == pytest.approx(0.3, abs=0.02)
    assert rank[32:, 32:][~np.eye(4, dtype=bool)].mean() == pytest.approx(0.5, abs=0.02)
    assert rank[:32, 32:].mean() == pytest.approx(-0.1, abs=0.02)
    across = spearmanr(errors_kw[:, 0, 0], errors_kw[:, 1, 0]).statistic
    assert across == pytest.approx(0, abs=0.05)  # hours are independent


def test_actual_power_stays_physical_and_errors_within_their_support(samples, error_model):
    feeder, hours, errors_kw = samples
    actual = expected_kw(feeder, hours) + errors_kw
    assert actual.min() >= 0
    assert actual[..., 32:].max() <= 160
    assert np.all(np.abs(errors_kw) <= support_kw(feeder, hours, error_model))


def test_a_turbine_near_rated_power_is_bounded_by_it_and_still_has_the_forecast_as_mean(
    feeder33, day, error_model
):
    windy = day(slice(3, 4))  # factor 0.7: 48 kW below rated, less than 3 sd of 28 kW
    bound = support_kw(feeder33(), windy, error_model)
    assert bound[0, 32] == pytest.approx(160 * 0.3)
    errors_kw = sample_errors(feeder33(), windy, error_model, generator(2, "errors"), 6000)
    assert errors_kw[:, 0, 32].mean() == pytest.approx(0, abs=4 * 28 / np.sqrt(6000))


def test_the_variance_is_that_of_a_clipped_normal(samples, error_model):
    _, hours, errors_kw = samples
    moments = fit_moments(errors_kw, np.zeros((2, 36)))
    sd = 0.25 * 160 * hours.wind_factor[0]
    edge = (160 - 160 * hours.wind_factor[0]) / sd
    edge = min(edge, 3.0)
    inner = quad(lambda z: z * z * norm.pdf(z), -edge, edge)[0]
    expected = sd**2 * (inner + 2 * edge**2 * norm.sf(edge))
    assert moments.covariance[0, 32, 32] == pytest.approx(expected, rel=0.06)
    np.testing.assert_allclose(
        moments.covariance[1], errors_kw[:, 1].T @ errors_kw[:, 1] / 6000, rtol=1e-10
    )


def test_a_sample_outside_the_given_support_widens_it():
    errors_kw = np.array([[[1.0, -4.0]], [[-2.0, 3.0]]])
    moments = fit_moments(errors_kw, np.array([[3.0, 3.0]]))
    np.testing.assert_array_equal(moments.support_kw, [[3.0, 4.0]])


def test_the_same_seed_and_names_draw_the_same_errors(feeder33, day, error_model):
    draws = [
        sample_errors(feeder33(), day(slice(0, 2)), error_model, generator(5, "errors"), 3)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*draws)
