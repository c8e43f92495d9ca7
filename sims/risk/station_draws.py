"""The draws that all cells of one seed share: what stations learn from, and what comes after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...agents.messages import ChargingDemand, ChargingPrices
from ...agents.station import charging_at
from ...agents.transport import TransportOperator
from ...core.units import FloatArray, frozen
from ...market.forecast import station_errors
from ...market.station import StationDay
from ..case import Case
from .design import Distribution
from .distributions import disturbed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StationDraws:
    """Errors of the net demand [scenario, time, station] in kW, positive where energy is missing.

    The first n scenarios of ``learn_kw`` are the sample of size n: larger samples extend smaller.
    ``highest_kw`` [time, station] is the declared support, the same for all sample sizes.
    """

    expected_kw: FloatArray  #: expected demand [time, station]
    learn_kw: FloatArray
    highest_kw: FloatArray
    lowest_kw: FloatArray
    fresh_kw: dict[Distribution, FloatArray]


def draw_stations(case: Case, seed: int, largest: int, fresh: int) -> StationDraws:
    """Traffic at the stations' prices, its charging load, and errors of demand and PV.

    The forecast is that of the largest sample, for all sizes: cells differ by margins alone.

    Args:
        case: the case.
        seed: of every draw.
        largest: number of scenarios to learn from.
        fresh: number of scenarios never learned from.
    """
    transport = TransportOperator(case.roads, seed)
    prices = ChargingPrices(price_per_kwh=case.charging_price_per_kwh)
    forecast = transport.assign(prices, largest)
    learn = _errors(case, forecast.demand, seed, "learn", largest)
    after = _errors(case, transport.foresee(forecast, fresh), seed, "fresh", fresh)
    spread = case.station_errors.support_sd * learn.std(axis=0)
    return StationDraws(
        expected_kw=frozen(_expected(case, forecast.demand)),
        learn_kw=learn,
        highest_kw=frozen(np.maximum(learn.max(axis=0), spread)),
        lowest_kw=frozen(np.minimum(learn.min(axis=0), -spread)),
        fresh_kw=disturbed(after, _haze_kw(case), seed, "stations", lambda errors: errors),
    )


def days_with(case: Case, expected_kw: FloatArray, margin_kw: FloatArray) -> tuple[StationDay, ...]:
    """Every station's day with these margins [time, station], without limits of the operator."""
    none = np.full(case.hours, np.inf)
    return tuple(
        StationDay(
            demand_kw=frozen(expected_kw[:, k]),
            margin_kw=frozen(margin_kw[:, k]),
            pv_kw=frozen(station.pv_kw * case.pv_factor),
            withdrawal_min_kw=frozen(-none),
            withdrawal_max_kw=frozen(none),
        )
        for k, station in enumerate(case.stations)
    )


def _errors(case: Case, demand: ChargingDemand, seed: int, stream: str, count: int) -> FloatArray:
    columns = [
        station_errors(
            station,
            case.pv_factor,
            charging_at(demand, station.id),
            case.station_errors,
            seed=seed,
            stream=stream,
            count=count,
        )
        for station in case.stations
    ]
    return np.stack(columns, axis=-1)


def _expected(case: Case, demand: ChargingDemand) -> FloatArray:
    expected = np.column_stack([station.base_kw for station in case.stations])
    for k, station in enumerate(case.stations):
        charging = charging_at(demand, station.id)
        if charging is not None:
            expected[:, k] += charging.expected_kw
    return expected


def _haze_kw(case: Case) -> FloatArray:
    """PV one standard deviation below forecast everywhere [time, station]."""
    installed = np.array([station.pv_kw for station in case.stations])
    return np.asarray(case.station_errors.pv_sd * np.outer(case.pv_factor, installed))
