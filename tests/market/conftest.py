"""Markets of made-up stations: some with much charging, some with little, all with PV."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import settings

from roadvolt.market.station import Station, StationDay, Tariff, TradeLink
from roadvolt.uncertainty.seeds import generator

HOURS = 24

# On a shared machine one example may take long for no reason.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


class Market(NamedTuple):
    """The arguments of a clearing, in their order."""

    stations: list[Station]
    links: list[TradeLink]
    tariff: Tariff
    days: list[StationDay]


def build_market(
    count: int, seed: int = 0, degree: int = 4, limit_kw: float = np.inf, fee: float = 0.002
) -> Market:
    """Stations on a ring, each with its ``degree`` nearest as peers; limits on withdrawal."""
    rng, hour = generator(seed, "market"), np.arange(HOURS)
    sun = np.clip(np.sin((hour - 5.5) / 14 * np.pi), 0, None)
    rush = 0.7 * np.exp(-(((hour - 8.5) / 2.5) ** 2)) + 1.3 * np.exp(-(((hour - 19) / 2.5) ** 2))
    stations = [_station(f"s{index}", rng) for index in range(count)]
    days = [_day(sun, rush, limit_kw, rng) for _ in stations]
    links = [
        TradeLink(
            id=f"s{index}-s{(index + step) % count}",
            station_a=f"s{index}",
            station_b=f"s{(index + step) % count}",
            capacity_kw=float(rng.uniform(40, 150)),
            fee_per_kwh=float(fee * rng.uniform(0.5, 1.5)),
        )
        for step in range(1, min(degree // 2, (count - 1) // 2) + 1)
        for index in range(count)
    ]
    buy = 0.055 + 0.03 * np.exp(-(((hour - 10) / 2.5) ** 2))
    buy += 0.045 * np.exp(-(((hour - 19) / 2.5) ** 2)) - 0.015 * (hour < 6)
    sell = np.full(HOURS, 0.014)
    return Market(
        stations, links, Tariff(buy_per_kwh=buy, sell_per_kwh=sell, unserved_per_kwh=1.0), days
    )


def _station(name: str, rng: np.random.Generator) -> Station:
    full = float(rng.uniform(150, 250))
    return Station(
        id=name,
        bus="1",
        phases="abc",
        pv_kw=250.0,
        e_min_kwh=0.1 * full,
        e_max_kwh=full,
        e_start_kwh=0.5 * full,
        battery_kw=0.35 * full,
        efficiency_charge=float(rng.uniform(0.88, 0.97)),
        efficiency_discharge=float(rng.uniform(0.88, 0.97)),
        degradation_per_kwh=0.004,
        grid_limit_kw=800.0,
        base_kw=np.zeros(HOURS),
    )


def _day(sun, rush, limit_kw: float, rng: np.random.Generator) -> StationDay:
    level = 330 if rng.random() < 0.5 else 25
    demand = level * (rush + 0.1) * rng.uniform(0.5, 1.5, HOURS)
    return StationDay(
        demand_kw=demand,
        margin_kw=0.15 * demand,
        pv_kw=200 * sun * rng.uniform(0.5, 1),
        withdrawal_min_kw=np.full(HOURS, -limit_kw),
        withdrawal_max_kw=np.full(HOURS, limit_kw),
    )


@pytest.fixture(scope="session")
def make_market() -> Callable[..., Market]:
    """The builder of markets: ``make_market(count, seed, degree=, limit_kw=, fee=)``."""
    return build_market
