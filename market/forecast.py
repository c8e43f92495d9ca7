"""What a station expects of its day, how far it may be wrong, and the margin that covers it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.units import FloatArray, frozen
from ..uncertainty.copula import spearman_to_pearson
from ..uncertainty.margins import RiskChoice, margin
from ..uncertainty.seeds import generator
from .station import Station, StationDay


@dataclass(frozen=True, slots=True, kw_only=True)
class StationErrorModel:
    """How far PV and base demand stray from their forecast.

    Standard deviations are relative to the expected value of the hour. PV errors of any two
    stations have Spearman rank correlation ``spearman_pv_pv``: clouds are shared.
    ``support_sd`` standard deviations bound an error in the robust treatment, or the largest
    scenario where that lies further out.
    """

    pv_sd: float
    base_sd: float
    support_sd: float
    spearman_pv_pv: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChargingForecast:
    """The charging load of one station: expected [time] and simulated [scenario, time], kW."""

    expected_kw: FloatArray
    scenarios_kw: FloatArray


def station_errors(
    station: Station,
    pv_factor: FloatArray,
    charging: ChargingForecast | None,
    model: StationErrorModel,
    *,
    seed: int,
    stream: str,
    count: int,
) -> FloatArray:
    """Errors xi of the net demand [scenario, time] in kW: demand above and PV below forecast.

    xi = (charging - expected charging) + base (b - 1) - pv (p - 1), with b, p the realised
    fractions of base demand and PV, normal and clipped to what is physical: b >= 0, and PV between
    0 and the installed power. The PV score of station h is sqrt(r) z_clouds + sqrt(1 - r) z_h, so
    that each station draws its own and all share the clouds without seeing each other.

    Args:
        station: whose errors.
        pv_factor: expected PV per installed kW [time].
        charging: its charging load, None if no traffic reaches it.
        model: sizes of the errors.
        seed: the episode's seed.
        stream: "learn" or "fresh": what is decided on, and what it is checked with.
        count: number of scenarios.
    """
    hours = len(pv_factor)
    shared = float(spearman_to_pearson(np.float64(model.spearman_pv_pv)))
    clouds = generator(seed, "clouds", stream).standard_normal((count, hours))
    own = generator(seed, "station pv", stream, station.id).standard_normal((count, hours))
    base_score = generator(seed, "station base", stream, station.id).standard_normal((count, hours))
    pv_score = np.sqrt(shared) * clouds + np.sqrt(1 - shared) * own
    pv_kw = station.pv_kw * pv_factor
    pv_error = np.clip(pv_kw * (1 + model.pv_sd * pv_score), 0, station.pv_kw) - pv_kw
    base_error = station.base_kw * np.maximum(model.base_sd * base_score, -1)
    errors = base_error - pv_error
    if charging is not None:
        errors = errors + charging.scenarios_kw[:count] - charging.expected_kw
    return np.asarray(errors)


def station_day(
    station: Station,
    pv_factor: FloatArray,
    charging: ChargingForecast | None,
    errors_kw: FloatArray,
    choice: RiskChoice,
    model: StationErrorModel,
) -> StationDay:
    """The day a station plans with: P(supply >= demand + xi) >= 1 - risk in every hour.

    The chance constraint becomes demand + margin (market model, energy adequacy); the margin is
    the worst-case (1 - risk)-quantile of ``errors_kw`` [scenario, time]. No limits are set yet.
    """
    expected = np.zeros(len(pv_factor)) if charging is None else charging.expected_kw
    spread = model.support_sd * errors_kw.std(axis=0)
    highest = np.maximum(errors_kw.max(axis=0), spread)
    lowest = np.minimum(errors_kw.min(axis=0), -spread)
    # Against a surplus no margin is needed: PV is curtailed.
    margin_kw = np.maximum(margin(errors_kw, choice, highest, support_min=lowest), 0.0)
    return StationDay(
        demand_kw=frozen(station.base_kw + expected),
        margin_kw=frozen(margin_kw),
        pv_kw=frozen(station.pv_kw * pv_factor),
        withdrawal_min_kw=frozen(np.full(len(pv_factor), -np.inf)),
        withdrawal_max_kw=frozen(np.full(len(pv_factor), np.inf)),
    )
