"""The optimal power flow: against other solvers, hand figures, and laws it must obey."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roadvolt.core.errors import CaseError, InfeasibleError
from roadvolt.core.units import frozen
from roadvolt.grid.feeder import ConnectionPoint
from roadvolt.grid.forecast_errors import ErrorMoments, fit_moments, sample_errors, support_kw
from roadvolt.grid.opf import solve_opf
from roadvolt.grid.opf_model import build_opf
from roadvolt.grid.opf_options import OpfOptions
from roadvolt.uncertainty.margins import RiskTreatment
from roadvolt.uncertainty.seeds import generator

TREATMENTS = list(RiskTreatment)


@pytest.fixture(scope="module")
def moments_of(error_model):
    def moments_of(feeder, day, count=1000):
        errors_kw = sample_errors(feeder, day, error_model, generator(1, "errors"), count)
        return fit_moments(errors_kw, support_kw(feeder, day, error_model))

    return moments_of


def certain(feeder, day):
    """No errors at all."""
    sources = len(feeder.loads) + len(feeder.wind_turbines)
    hours = len(day.load_factor)
    return ErrorMoments(
        covariance=np.zeros((hours, sources, sources)), support_kw=np.zeros((hours, sources))
    )


def no_trades(day):
    return (), np.zeros((len(day.load_factor), 0))


def test_the_cost_rises_from_stochastic_to_distributionally_robust_to_robust(
    feeder33, day, moments_of
):
    feeder, hours = feeder33(), day(slice(6, 18))
    feeder = replace(feeder, limits=replace(feeder.limits, vm_min_pu=0.93))
    moments = moments_of(feeder, hours)
    costs = [
        solve_opf(
            build_opf(feeder, hours, moments, OpfOptions(treatment=treatment)), *no_trades(hours)
        ).cost.total
        for treatment in (RiskTreatment.SP, RiskTreatment.DRO, RiskTreatment.RO)
    ]
    assert costs[0] < costs[1] < costs[2]
