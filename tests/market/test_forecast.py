"""A station's forecast errors and the day it plans with."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import spearmanr

from roadvolt.market.forecast import (
    ChargingForecast,
    StationErrorModel,
    station_day,
    station_errors,
)
from roadvolt.market.station import Station
from roadvolt.uncertainty.margins import RiskChoice, RiskTreatment

MODEL = StationErrorModel(pv_sd=0.2, base_sd=0.05, support_sd=3.5, spearman_pv_pv=0.5)
PV_FACTOR = np.array([0.0, 0.4, 0.8])


def station(name: str = "s1") -> Station:
    return Station(
        id=name, bus="2", phases="abc", pv_kw=200.0, e_min_kwh=20.0, e_max_kwh=200.0,
        e_start_kwh=100.0, battery_kw=70.0, efficiency_charge=0.9, efficiency_discharge=0.9,
        degradation_per_kwh=0.004, grid_limit_kw=500.0, base_kw=np.array([40.0, 50.0, 60.0]),
    )  # fmt: skip


def draw(
    name: str = "s1", charging: ChargingForecast | None = None, count: int = 4000
) -> np.ndarray:
    return station_errors(
        station(name), PV_FACTOR, charging, MODEL, seed=7, stream="learn", count=count
    )


def test_errors_have_the_size_that_the_model_states() -> None:
    # hour 1: sd = sqrt((0.2 * 80)^2 + (0.05 * 50)^2) = 16.19 kW
    assert draw().std(axis=0)[1] == pytest.approx(16.19, rel=0.04)
    assert draw().std(axis=0)[0] == pytest.approx(2.0, rel=0.04)  # night: base only
    # hour 2 is biased: PV cannot rise above the installed power
    assert draw().mean(axis=0)[:2] == pytest.approx(np.zeros(2), abs=0.8)


def test_missing_pv_is_a_positive_error() -> None:
    """With PV at zero the net demand is above forecast by the whole PV forecast."""
    doomed = dataclasses.replace(MODEL, pv_sd=1e6, base_sd=0.0)
    errors = station_errors(station(), PV_FACTOR, None, doomed, seed=7, stream="learn", count=500)
    # PV is either 0 (error + 80 kW) or the installed 200 kW (error - 120 kW)
    assert set(np.round(errors[:, 1], 6)) == {80.0, -120.0}


def test_pv_errors_of_two_stations_share_the_clouds() -> None:
    quiet = dataclasses.replace(MODEL, base_sd=0.0)
    first, second = (
        station_errors(station(n), PV_FACTOR, None, quiet, seed=7, stream="learn", count=4000)[:, 1]
        for n in ("s1", "s2")
    )
    assert spearmanr(first, second).statistic == pytest.approx(0.5, abs=0.04)


def test_charging_scenarios_enter_as_deviations_from_their_expectation() -> None:
    scenarios = np.arange(12000.0).reshape(4000, 3) / 1000
    charging = ChargingForecast(expected_kw=scenarios.mean(axis=0), scenarios_kw=scenarios)
    added = draw(charging=charging) - draw()
    assert added == pytest.approx(scenarios - scenarios.mean(axis=0))


def test_more_scenarios_extend_the_draw_and_streams_differ() -> None:
    assert np.array_equal(draw(count=100), draw(count=4000)[:100])
    fresh = station_errors(station(), PV_FACTOR, None, MODEL, seed=7, stream="fresh", count=100)
    assert not np.allclose(fresh, draw(count=100))


def test_margins_grow_from_sp_over_dro_to_ro_and_keep_their_promise() -> None:
    learnt = draw(count=1000)
    margins = {
        treatment: station_day(
            station(), PV_FACTOR, None, learnt, RiskChoice(treatment=treatment), MODEL
        ).margin_kw
        for treatment in RiskTreatment
    }
    assert (margins[RiskTreatment.SP] <= margins[RiskTreatment.DRO]).all()
    assert (margins[RiskTreatment.DRO] <= margins[RiskTreatment.RO]).all()
    fresh = station_errors(station(), PV_FACTOR, None, MODEL, seed=7, stream="fresh", count=20000)
    violated = (fresh > margins[RiskTreatment.DRO]).mean(axis=0)
    assert (violated <= 0.05).all()
    assert (violated > 0.001).all()  # and not by being absurdly wide
