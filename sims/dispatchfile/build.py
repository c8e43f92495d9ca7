"""Turns the checked tables of a case into what the dispatch of a day reads."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...core.units import FloatArray, IntArray, frozen
from ...planning.dispatch.case import (
    Batteries,
    DeferrableLoads,
    Direction,
    DispatchRules,
    Generators,
    Requirement,
    SoftOpenPoints,
)
from ...planning.radial import RadialNetwork
from ..casefile.checks import Tables
from .clock import HOUR_MIN
from .series import day_min, held, sloped
from .settings import DispatchSettings
from .tables import ALL_FEEDERS, CHARGING, ChargingRow, DeferrableRow


def build_rules(settings: DispatchSettings) -> DispatchRules:
    """Limits and prices."""
    network = settings.network
    return DispatchRules(
        v_min_pu=network.v_min_pu,
        v_max_pu=network.v_max_pu,
        i_max_a=network.i_max_a,
        polygon_sides=settings.devices.polygon_sides,
        **settings.costs.model_dump(),
    )


def build_loads(
    settings: DispatchSettings, network: RadialNetwork, tables: Tables
) -> tuple[FloatArray, FloatArray]:
    """Tied loads P and Q [time, bus]."""
    factor = settings.loads.scale * sloped(tables["day"], "load_factor", settings.time.step_min)
    return (
        frozen(np.outer(factor, network.load_p_kw)),
        frozen(np.outer(factor, network.load_q_kvar)),
    )


def build_prices(settings: DispatchSettings, tables: Tables) -> FloatArray:
    """Price of energy [time]."""
    return held(tables["day"], "price_per_kwh", settings.time.step_min)


def build_generators(
    settings: DispatchSettings, network: RadialNetwork, tables: Tables
) -> Generators:
    """With their schedules."""
    rows = list(tables["generators"])
    sun = sloped(tables["day"], "pv_factor", settings.time.step_min)
    follows = np.array([row.profile == "pv" for row in rows], dtype=bool)
    shape = np.where(follows, sun[:, None], 1.0)
    return Generators(
        names=tuple(row.generator for row in rows),
        buses=_buses(network, rows),
        kva=_column(rows, "s_kva"),
        p_kw=frozen(shape * _column(rows, "p_kw")),
        curtailable=frozen([row.curtailable for row in rows], np.bool_),
    )


def build_sops(network: RadialNetwork, tables: Tables) -> SoftOpenPoints:
    """Terminals, those of one soft open point next to each other."""
    names = tuple(dict.fromkeys(row.sop for row in tables["sops"]))
    rows = sorted(tables["sops"], key=lambda row: names.index(row.sop))
    return SoftOpenPoints(
        names=names,
        owner=frozen([names.index(row.sop) for row in rows], np.int64),
        buses=_buses(network, rows),
        kva=_column(rows, "s_kva"),
        p_max_kw=_column(rows, "p_max_kw"),
        q_max_kvar=_column(rows, "q_max_kvar"),
        loss=_column(rows, "loss_share"),
    )


def build_batteries(network: RadialNetwork, tables: Tables) -> Batteries:
    """In the order of their rows."""
    rows = list(tables["batteries"])
    return Batteries(
        names=tuple(row.battery for row in rows),
        buses=_buses(network, rows),
        kva=_column(rows, "s_kva"),
        p_max_kw=_column(rows, "p_max_kw"),
        q_max_kvar=_column(rows, "q_max_kvar"),
        kwh=_column(rows, "e_kwh"),
        soc_min=_column(rows, "soc_min"),
        soc_max=_column(rows, "soc_max"),
        soc_start=_column(rows, "soc_start"),
        loss=_column(rows, "loss_share"),
    )


def build_requirements(settings: DispatchSettings, tables: Tables) -> tuple[Requirement, ...]:
    """In the order of their rows."""
    step_min = settings.time.step_min
    return tuple(
        Requirement(
            name=row.requirement,
            feeder=None if row.feeder == ALL_FEEDERS else row.feeder,
            direction=Direction(row.direction),
            kw=row.p_kw,
            first=row.start // step_min,
            last=row.end // step_min - 1,
        )
        for row in tables["requirements"]
    )


def build_deferrable(
    settings: DispatchSettings, network: RadialNetwork, tables: Tables
) -> DeferrableLoads:
    """Loads of ``deferrable.csv``, then the buses of ``charging.csv``."""
    step_min, end_min = settings.time.step_min, day_min(tables["day"])
    ends = np.arange(step_min, end_min + 1, step_min)
    rows, places = list(tables["deferrable"]), _charging_of(tables[CHARGING])
    bounds = [_window(row, ends, step_min) for row in rows]
    bounds += [_waiting(hours, ends, settings.vehicles.delay_h) for hours in places.values()]
    p_max, low, high = (
        frozen(np.reshape([one[k] for one in bounds], (-1, len(ends))).T) for k in range(3)
    )
    charging = [0.0] * len(places)
    return DeferrableLoads(
        names=(*(row.load for row in rows), *map(charging_name, places)),
        buses=frozen(
            [network.index(bus) for bus in (*(row.bus for row in rows), *places)], np.int64
        ),
        p_max_kw=p_max,
        energy_min_kwh=low,
        energy_max_kwh=high,
        q_per_p=frozen([*(_q_per_p(row.power_factor) for row in rows), *charging]),
    )


def charging_name(bus: str) -> str:
    """What the vehicles that charge at a bus are called among the deferrable loads."""
    return f"{CHARGING} at {bus}"


def _window(
    row: DeferrableRow, ends: IntArray, step_min: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Most power, least and most energy [time] of a load with a window (B2.a)-(B2.c)."""
    open_ = (ends > row.start) & (ends - step_min < row.deadline)
    return (
        np.where(open_, row.p_max_kw, 0.0),
        np.where(ends >= row.deadline, row.energy_kwh, 0.0),
        np.where(ends > row.start, row.energy_kwh, 0.0),
    )


def _waiting(
    hours: list[ChargingRow], ends: IntArray, delay_h: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Likewise of vehicles: at most what has arrived, at least what arrived ``delay_h`` ago.

    Within an hour they arrive evenly. By the end of the day all have been served.
    """
    starts = np.array([row.time for row in hours], dtype=np.float64)
    borders = np.append(starts, starts[-1] + HOUR_MIN)
    arrived = np.append(0.0, np.cumsum([row.charging_kw for row in hours]))
    last = (ends - 1) // HOUR_MIN
    due = np.interp(ends - HOUR_MIN * delay_h, borders, arrived)
    due[-1] = arrived[-1]
    return np.array([row.p_max_kw for row in hours])[last], due, np.interp(ends, borders, arrived)


def _charging_of(rows: Iterable[ChargingRow]) -> dict[str, list[ChargingRow]]:
    """The hours of each bus, in their order."""
    places: dict[str, list[ChargingRow]] = {}
    for row in rows:
        places.setdefault(row.bus, []).append(row)
    return {bus: sorted(hours, key=lambda row: row.time) for bus, hours in places.items()}


def _q_per_p(power_factor: float) -> float:
    return math.tan(math.acos(power_factor))


def _buses(network: RadialNetwork, rows: Iterable[Any]) -> IntArray:
    return frozen([network.index(row.bus) for row in rows], np.int64)


def _column(rows: Iterable[Any], name: str) -> FloatArray:
    return frozen([getattr(row, name) for row in rows])
