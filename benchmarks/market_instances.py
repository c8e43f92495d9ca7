"""Made-up markets of any size, on a random graph where every station has the same number of peers.

PV of 200 to 250 kW under a bell-shaped sky, batteries of 150 to 250 kWh, and demand with a morning
and an evening rush: a bit under half of the stations are heavy (about 330 kW at their peak factor),
the others light (about 25 kW), so that there is always somebody to trade with.
"""

from __future__ import annotations

from typing import NamedTuple

import networkx as nx
import numpy as np

from roadvolt.core.units import FloatArray
from roadvolt.market.station import Station, StationDay, Tariff, TradeLink
from roadvolt.uncertainty.seeds import generator

HOUR = np.arange(24)


class Market(NamedTuple):
    """The arguments of a clearing, in their order."""

    stations: list[Station]
    links: list[TradeLink]
    tariff: Tariff
    days: list[StationDay]


def build_market(count: int, seed: int = 0, degree: int = 8, battery_factor: float = 1.0) -> Market:
    """A market of ``count`` stations with ``degree`` peers each."""
    rng = generator(seed, "benchmark market")
    graph = nx.random_regular_graph(min(degree, count - 1), count, seed=seed)
    links = [
        TradeLink(
            id=f"{a}-{b}",
            station_a=f"s{a}",
            station_b=f"s{b}",
            capacity_kw=150.0,
            fee_per_kwh=float(rng.uniform(0.0005, 0.003)),
        )
        for a, b in sorted((min(edge), max(edge)) for edge in graph.edges())
    ]
    installed_kw = rng.uniform(200, 250, count)
    stations = [
        _station(f"s{k}", installed_kw[k], battery_factor * rng.uniform(150, 250))
        for k in range(count)
    ]
    days = [_day(installed_kw[k], rng) for k in range(count)]
    return Market(stations, links, _tariff(), days)


def _tariff() -> Tariff:
    rush = 0.03 * _peak(10, 2.5) + 0.045 * _peak(19, 2.5)
    return Tariff(
        buy_per_kwh=0.055 + rush - 0.015 * (HOUR < 6),
        sell_per_kwh=np.full(24, 0.014),
        unserved_per_kwh=1.0,
    )


def _station(name: str, installed_kw: float, full_kwh: float) -> Station:
    return Station(
        id=name,
        bus="1",
        phases="abc",
        pv_kw=installed_kw,
        e_min_kwh=0.1 * full_kwh,
        e_max_kwh=full_kwh,
        e_start_kwh=0.5 * full_kwh,
        battery_kw=0.35 * full_kwh,
        efficiency_charge=0.9,
        efficiency_discharge=0.9,
        degradation_per_kwh=0.004,
        grid_limit_kw=800.0,
        base_kw=np.zeros(24),
    )


def _day(installed_kw: float, rng: np.random.Generator) -> StationDay:
    sky = np.clip(np.sin((HOUR - 5.5) / 14 * np.pi), 0, None) * ((HOUR >= 6) & (HOUR <= 19))
    cloud = np.clip(1 + 0.15 * rng.standard_normal(24), 0.2, 1.2)
    pv_kw = np.minimum(installed_kw * sky * rng.uniform(0.55, 0.95) * cloud, installed_kw)
    shape = 0.7 * _peak(8.5, 2.5) + 1.3 * _peak(19, 2.5) + 0.12 * ((HOUR >= 6) & (HOUR <= 21))
    heavy = rng.random() < 0.45
    level_kw = rng.lognormal(np.log(330), 0.35) if heavy else rng.lognormal(np.log(25), 0.6)
    jitter = np.clip(1 + 0.1 * rng.standard_normal(24), 0.5, 1.5)
    demand_kw = np.minimum(level_kw * np.roll(shape, rng.integers(-1, 2)) * jitter, 600)
    return StationDay(
        demand_kw=demand_kw,
        margin_kw=0.15 * demand_kw,
        pv_kw=pv_kw,
        withdrawal_min_kw=np.full(24, -np.inf),
        withdrawal_max_kw=np.full(24, np.inf),
    )


def _peak(hour: float, width_h: float) -> FloatArray:
    return np.exp(-(((HOUR - hour) / width_h) ** 2))
