"""How loads and wind stray from their forecast: samples, and the moments an OPF needs.

A source is a load of the feeder or, after all loads, a wind turbine. Its error is actual less
expected power in kW: of a load's three phases together, or of a turbine's production.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.units import FloatArray, frozen
from ..uncertainty.copula import normal_copula
from .feeder import ErrorModel, Feeder, GridDay


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ErrorMoments:
    """What is known of the errors: zero mean, a covariance, and bounds. Hours independent."""

    covariance: FloatArray  #: [time, source, source] in kW squared
    support_kw: FloatArray  #: [time, source], |error| <= support


def expected_kw(feeder: Feeder, day: GridDay) -> FloatArray:
    """Expected power [time, source]: consumption of loads, then production of turbines."""
    loads = np.array([np.sum(load.p_kw) for load in feeder.loads])
    rated = np.array([turbine.p_rated_kw for turbine in feeder.wind_turbines])
    return np.hstack(
        [np.outer(day.load_factor, loads), np.outer(day.wind_factor, rated)],
    )


def support_kw(feeder: Feeder, day: GridDay, model: ErrorModel) -> FloatArray:
    """The largest |error| of each source [time, source].

    ``support_sd`` standard deviations, or what is physically left if that is less: a load and a
    turbine stay above 0, a turbine below its rated power. One number for both directions keeps
    the forecast the mean.
    """
    expected = expected_kw(feeder, day)
    headroom = np.full(expected.shape, np.inf)
    for k, turbine in enumerate(feeder.wind_turbines, len(feeder.loads)):
        headroom[:, k] = np.maximum(turbine.p_rated_kw - expected[:, k], 0)
    bound = model.support_sd * _deviations(feeder, model) * np.abs(expected)
    return np.asarray(np.minimum(bound, np.minimum(np.abs(expected), headroom)))


def sample_errors(
    feeder: Feeder, day: GridDay, model: ErrorModel, rng: np.random.Generator, count: int
) -> FloatArray:
    """Draws errors: normal marginals clipped to their support, joined by a Gaussian copula.

    Args:
        feeder: names the sources and their size at factor 1.
        day: the forecast.
        model: standard deviations, support and Spearman correlations between sources of an hour.
        rng: where the draws come from; hours are independent.
        count: number of scenarios.

    Returns:
        errors in kW [scenario, time, source].
    """
    rank = _rank_correlation(feeder, model)
    hours = len(day.load_factor)
    # One draw for all hours, as the correlation is the same in each.
    z = normal_copula(rng, rank, count * hours).reshape(count, hours, len(rank))
    sd_kw = _deviations(feeder, model) * np.abs(expected_kw(feeder, day))
    bound = support_kw(feeder, day, model)
    return np.clip(sd_kw * z, -bound, bound)


def fit_moments(errors_kw: FloatArray, support_kw: FloatArray) -> ErrorMoments:
    """Moments from samples about the mean of 0 that unbiased forecasts have.

    Args:
        errors_kw: samples [scenario, time, source].
        support_kw: bounds [time, source]; widened where a sample lies outside.
    """
    by_hour = np.swapaxes(errors_kw, 0, 1)
    covariance = np.swapaxes(by_hour, 1, 2) @ by_hour / len(errors_kw)
    seen = np.abs(errors_kw).max(axis=0)
    return ErrorMoments(
        covariance=frozen(covariance), support_kw=frozen(np.maximum(support_kw, seen))
    )


def _deviations(feeder: Feeder, model: ErrorModel) -> FloatArray:
    """Relative standard deviation [source]."""
    return np.repeat([model.load_sd, model.wind_sd], [len(feeder.loads), len(feeder.wind_turbines)])


def _rank_correlation(feeder: Feeder, model: ErrorModel) -> FloatArray:
    loads, turbines = len(feeder.loads), len(feeder.wind_turbines)
    rank = np.full((loads + turbines, loads + turbines), model.spearman_load_wind)
    rank[:loads, :loads] = model.spearman_load_load
    rank[loads:, loads:] = model.spearman_wind_wind
    np.fill_diagonal(rank, 1.0)
    return rank
