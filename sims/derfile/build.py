"""Turns the checked tables of a case into what planning PV and batteries reads."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core.units import FloatArray, IntArray, frozen
from ...planning.der.case import DerRules, Year
from ...planning.der.profiles import synthetic_year
from ...planning.radial import HEAD, RadialNetwork
from ..casefile.checks import Tables
from ..casefile.rows import Rows
from .checks import days_of
from .layout import CHARGING
from .settings import DerSettings

#: Power base of the per-unit system inside planning models.
S_BASE_KVA = 1000.0
#: There is but one feeder.
_FEEDER = "A"


def build_network(settings: DerSettings, tables: Tables) -> tuple[RadialNetwork, FloatArray]:
    """The feeder, and the ratings [branch] of its lines.

    Buses stand in the order of ``buses.csv`` without the head, each with the line that ends there.
    """
    head = settings.network.head_bus
    buses = [row for row in tables["buses"] if row.bus != head]
    position = {row.bus: k for k, row in enumerate(buses)}
    feeding = _feeding(head, tables["lines"])
    lines = [feeding[row.bus][1] for row in buses]
    upstream = [position.get(feeding[row.bus][0], HEAD) for row in buses]
    at_head = next(row for row in tables["buses"] if row.bus == head)
    network = RadialNetwork(
        vn_kv=settings.network.vn_kv,
        s_base_kva=S_BASE_KVA,
        buses=tuple(position),
        zones=(_FEEDER,) * len(buses),
        heads={_FEEDER: head},
        head_xy_km={_FEEDER: (at_head.x, at_head.y)},
        parent=frozen(upstream, "int64"),
        r_ohm=frozen([line.r_ohm for line in lines]),
        x_ohm=frozen([line.x_ohm for line in lines]),
        length_km=frozen(np.zeros(len(lines))),
        load_p_kw=frozen([row.p_kw for row in buses]),
        load_q_kvar=frozen([row.q_kvar for row in buses]),
        x_km=frozen([row.x for row in buses]),
        y_km=frozen([row.y for row in buses]),
        ties=(),
    )
    return network, frozen([line.s_max_kva for line in lines])


def _feeding(head: str, lines: Rows[Any]) -> dict[str, tuple[str, Any]]:
    """Of every bus, the bus upstream and the line from there."""
    ends = defaultdict(list)
    for line in lines:
        ends[line.from_bus].append((line.to_bus, line))
        ends[line.to_bus].append((line.from_bus, line))
    found: dict[str, tuple[str, Any]] = {}
    waiting = deque([head])
    while waiting:
        bus = waiting.popleft()
        for other, line in ends[bus]:
            if other not in found:
                found[other] = (bus, line)
                waiting.append(other)
    return found


def build_rules(settings: DerSettings) -> DerRules:
    """Prices, sizes and how batteries work."""
    costs, network = settings.costs, settings.network
    batteries = settings.batteries.model_dump()
    return DerRules(
        **costs.model_dump(),
        **settings.sizes.model_dump(),
        battery_kw=batteries.pop("power_kw"),
        **batteries,
        import_max_kw=math.inf if network.import_max_kw is None else network.import_max_kw,
        polygon_sides=network.polygon_sides,
    )


def build_sites(network: RadialNetwork, tables: Tables, kind: str) -> IntArray:
    """Buses that may have ``pv`` or a ``battery``, ascending."""
    chosen = (row.bus for row in tables["sites"] if getattr(row, kind))
    return frozen(sorted(network.index(bus) for bus in chosen), np.int64)


def build_year(
    settings: DerSettings,
    network: RadialNetwork,
    tables: Tables,
    loads_kw: Mapping[str, FloatArray],
) -> Year:
    """The history: tables where the case has them, made days elsewhere.

    ``loads_kw`` has the load of buses in the order of the rows of ``load.csv``.
    """
    history, days = settings.history, days_of(settings, tables)
    made = synthetic_year(history.load_scale * network.load_p_kw, history.seed, days)
    shape = (days, len(tables["prices"].good))
    return Year(
        pv=made.pv if history.pv == "synthetic" else _pv(tables["pv"], shape),
        load_kw=(
            made.load_kw
            if history.load == "synthetic"
            else _load_kw(tables["load"], loads_kw, network, shape)
        ),
    )


def _pv(rows: Rows[Any], shape: tuple[int, int]) -> FloatArray:
    pv = np.zeros(shape)
    for row in rows:
        pv[row.day - 1, row.hour] = row.pv_factor
    return frozen(pv)


def _load_kw(
    rows: Rows[Any],
    loads_kw: Mapping[str, FloatArray],
    network: RadialNetwork,
    shape: tuple[int, int],
) -> FloatArray:
    load_kw = np.zeros((shape[0], len(network.buses), shape[1]))
    day, hour = [row.day - 1 for row in rows], [row.hour for row in rows]
    for bus, kw in loads_kw.items():
        load_kw[day, network.index(bus), hour] = kw
    return frozen(load_kw)


def build_charging(network: RadialNetwork, tables: Tables) -> FloatArray:
    """Charging on top of all loads [bus, time]; none where no row says so."""
    charging_kw = np.zeros((len(network.buses), len(tables["prices"].good)))
    for row in tables[CHARGING]:
        charging_kw[network.index(row.bus), row.hour] = row.charging_kw
    return frozen(charging_kw)
