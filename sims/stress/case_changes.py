"""Cases as perturbations leave them: frozen in, frozen out, no file touched.

Every function takes a severity in (0, 1] and tells in words what it did.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...core.units import BoolArray, frozen
from ...market.station import Station, TradeLink
from ..case import Case

#: What is left of a line, a road or a limit's room at severity 1.
_LEFT_OF_LINE = 0.02
_LEFT_OF_ROAD = 0.01
_LEFT_OF_LIMITS = 0.1
#: What is added at severity 1, relative to what was there.
_MORE_PV = 9.0
_MORE_DEMAND = 3.0
#: PV on the roofs of all loads at severity 1, installed kW per kW of load at factor 1.
_ROOF_PV = 3.0
_MORE_PRICE = 4.0
_CROWD = 150
_CROWD_LINK_KW = 100.0

Changed = tuple[Case, str]


def derate_line(case: Case, severity: float, rng: np.random.Generator) -> Changed:
    """One line carries less all day."""
    k = int(rng.integers(len(case.feeder.lines)))
    left = 1 - (1 - _LEFT_OF_LINE) * severity
    line = case.feeder.lines[k]
    lines = list(case.feeder.lines)
    lines[k] = replace(line, s_max_kva=left * line.s_max_kva)
    feeder = replace(case.feeder, lines=tuple(lines))
    return replace(case, feeder=feeder), f"line {line.id} derated to {left:.0%}"


def surge_pv(case: Case, severity: float, rng: np.random.Generator) -> Changed:
    """Every station has more PV, and a connection for it; roofs feed in, and nobody may stop them.

    What stations feed in they can also forgo. What comes from the roofs of the feeder's loads the
    operator has to take: net loads fall, below 0 where the sun outdoes them.
    """
    more = 1 + _MORE_PV * severity
    stations = tuple(
        replace(s, pv_kw=more * s.pv_kw, grid_limit_kw=s.grid_limit_kw + (more - 1) * s.pv_kw)
        for s in case.stations
    )
    roofs = _ROOF_PV * severity
    load_factor = frozen(case.grid_day.load_factor - roofs * case.pv_factor)
    grid_day = replace(case.grid_day, load_factor=load_factor)
    words = f"{more:.2f} x the PV of all stations, {roofs:.0%} of all loads on their roofs"
    return replace(case, stations=stations, grid_day=grid_day), words


def spike_demand(case: Case, severity: float, rng: np.random.Generator) -> Changed:
    """For a quarter of the day all loads, and the base demand of stations, are higher."""
    hot, words = _window(case.hours, rng)
    factor = 1 + _MORE_DEMAND * severity * hot
    stations = tuple(replace(s, base_kw=frozen(s.base_kw * factor)) for s in case.stations)
    grid_day = replace(case.grid_day, load_factor=frozen(case.grid_day.load_factor * factor))
    spiked = replace(case, stations=stations, grid_day=grid_day)
    return spiked, f"{1 + _MORE_DEMAND * severity:.2f} x the demand {words}"


def close_road(case: Case, severity: float, rng: np.random.Generator) -> Changed:
    """One road loses capacity; next to nothing is left at severity 1."""
    k = int(rng.integers(len(case.roads.roads)))
    left = 1 - (1 - _LEFT_OF_ROAD) * severity
    road = case.roads.roads[k]
    roads = list(case.roads.roads)
    roads[k] = replace(road, capacity_veh_per_h=left * road.capacity_veh_per_h)
    closed = replace(case, roads=replace(case.roads, roads=tuple(roads)))
    return closed, f"road {road.id} at {left:.0%} of its capacity"


def shock_prices(case: Case, severity: float, rng: np.random.Generator) -> Changed:
    """For a quarter of the day energy costs more, at most what leaving it unserved costs."""
    hot, words = _window(case.hours, rng)
    factor = 1 + _MORE_PRICE * severity * hot
    tariff, day = case.tariff, case.grid_day
    buy = np.minimum(tariff.buy_per_kwh * factor, tariff.unserved_per_kwh)
    upstream = frozen(day.upstream_price_per_kwh * factor)
    shocked = replace(
        case,
        tariff=replace(tariff, buy_per_kwh=frozen(buy)),
        grid_day=replace(day, upstream_price_per_kwh=upstream),
    )
    return shocked, f"{1 + _MORE_PRICE * severity:.2f} x the price {words}"


def tighten_limits(case: Case, severity: float) -> Changed:
    """The room of voltages around the source's, the unbalance allowed, and all ratings shrink."""
    left = 1 - (1 - _LEFT_OF_LIMITS) * severity
    feeder = case.feeder
    source, limits = feeder.vm_source_pu, feeder.limits
    tighter = replace(
        limits,
        vm_min_pu=source - left * (source - limits.vm_min_pu),
        vm_max_pu=source + left * (limits.vm_max_pu - source),
        vur_max=left * limits.vur_max,
    )
    lines = tuple(replace(line, s_max_kva=left * line.s_max_kva) for line in feeder.lines)
    tight = replace(case, feeder=replace(feeder, limits=tighter, lines=lines))
    return tight, f"operator's limits tightened to {left:.0%}"


def without_stations(case: Case, gone: Sequence[str]) -> Case:
    """Those who left draw nothing and have no links; they keep their places in all arrays."""
    stations = tuple(_idle(s) if s.id in gone else s for s in case.stations)
    links = tuple(
        replace(link, capacity_kw=0.0) if {link.station_a, link.station_b} & {*gone} else link
        for link in case.links
    )
    return replace(case, stations=stations, links=links)


def crowd_lateral(case: Case, severity: float, rng: np.random.Generator) -> Changed:
    """Copies of one station at its bus, linked in a chain: hundreds at severity 1."""
    model = case.stations[int(rng.integers(len(case.stations)))]
    count = round(severity * _CROWD)
    copies = tuple(replace(model, id=f"{model.id}-{k}") for k in range(1, count + 1))
    chain = (model, *copies)
    links = tuple(
        TradeLink(
            id=f"{a.id}-{b.id}",
            station_a=a.id,
            station_b=b.id,
            capacity_kw=_CROWD_LINK_KW,
            fee_per_kwh=0.001,
        )
        for a, b in itertools.pairwise(chain)
    )
    crowded = replace(
        case,
        stations=(*case.stations, *copies),
        links=(*case.links, *links),
        hosting_road={**case.hosting_road, **{c.id: case.hosting_road[model.id] for c in copies}},
    )
    return crowded, f"{count} more stations like {model.id} at bus {model.bus}"


def _idle(station: Station) -> Station:
    """A station that has left: nothing to use, nothing to store, no connection."""
    return replace(
        station,
        pv_kw=0.0,
        battery_kw=0.0,
        grid_limit_kw=0.0,
        base_kw=frozen(np.zeros_like(station.base_kw)),
    )


def _window(hours: int, rng: np.random.Generator) -> tuple[BoolArray, str]:
    """A quarter of the day in one piece."""
    length = max(1, hours // 4)
    first = int(rng.integers(hours - length + 1))
    inside = (np.arange(hours) >= first) & (np.arange(hours) < first + length)
    return inside, f"from {first:02d}:00 to {first + length:02d}:00"
