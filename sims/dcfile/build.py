"""Turns the checked tables of a case into what planning ports and storage reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.units import FloatArray, IntArray, frozen
from ...planning.dc_storage.case import Links, Modules, Scenarios, StorageRules
from ...planning.radial import RadialNetwork
from ..casefile.checks import Tables
from .checks import DAY_HOURS
from .settings import DcStorageSettings

#: Of a module: 2000 kVA hold 20 modules of 100 kVA, whatever floating point makes of it.
_ALMOST = 1e-9


def build_links(settings: DcStorageSettings, network: RadialNetwork, tables: Tables) -> Links:
    """Links in the order of ``links.csv``, ports in that of ``ports.csv``."""
    links, ports = list(tables["links"]), list(tables["ports"])
    position = {row.link: k for k, row in enumerate(links)}
    return Links(
        names=tuple(position),
        vn_dc_kv=frozen([row.vn_dc_kv for row in links]),
        battery_modules_max=_modules(
            [row.battery_max_kwh for row in links], settings.batteries.module_kwh
        ),
        port_buses=frozen([network.index(row.bus) for row in ports], np.int64),
        port_link=frozen([position[row.link] for row in ports], np.int64),
        port_modules_max=_modules([row.max_kva for row in ports], settings.converters.module_kva),
    )


def _modules(room: Sequence[float], module: float) -> IntArray:
    return frozen(np.floor(np.array(room) / module + _ALMOST), np.int64)


def build_modules(settings: DcStorageSettings) -> Modules:
    """What one module is, loses, costs and lasts."""
    converter, battery = settings.converters, settings.batteries
    return Modules(
        converter_kva=converter.module_kva,
        battery_kw=battery.module_kw,
        battery_kwh=battery.module_kwh,
        converter_loss=converter.loss_share,
        battery_loss=battery.loss_share,
        soc_min=battery.soc_min,
        soc_max=battery.soc_max,
        soc_start=battery.soc_start,
        converter_price=converter.per_kva * converter.module_kva,
        battery_price=battery.per_kw * battery.module_kw + battery.per_kwh * battery.module_kwh,
        port_price=converter.per_port,
        battery_site_price=battery.per_site,
        converter_upkeep=converter.upkeep_share,
        battery_upkeep=battery.upkeep_share,
        converter_years=converter.years,
        battery_years=battery.years,
    )


def build_rules(settings: DcStorageSettings) -> StorageRules:
    """Limits, money and risk."""
    network, money, carbon = settings.network, settings.money, settings.carbon
    return StorageRules(
        **money.model_dump(),
        **settings.risk.model_dump(),
        **network.model_dump(exclude={"vn_kv"}),
        carbon_price_per_kg=carbon.price_per_kg,
        carbon_grid_kg_per_kwh=carbon.grid_kg_per_kwh,
        carbon_res_kg_per_kwh=carbon.res_kg_per_kwh,
    )


def step_hours(tables: Tables) -> float:
    """dt: 24 hours over the steps of a day."""
    return DAY_HOURS / len({row.hour for row in tables["hours"]})


def build_scenarios(network: RadialNetwork, tables: Tables) -> Scenarios:
    """Typical days of all boundary conditions, in the order of ``days.csv``."""
    boundaries = {row.boundary: row for row in tables["boundaries"]}
    days = list(tables["days"])
    load_factor = _series(days, tables, "load_factor")
    growth = np.array([boundaries[row.boundary].load_growth_factor for row in days])
    load = (load_factor * growth[:, None])[..., None]
    buses = sorted({network.index(row.bus) for row in tables["renewables"]})
    return Scenarios(
        names=tuple(f"{row.boundary}, {row.day}" for row in days),
        boundaries=tuple(row.boundary for row in days),
        weight=frozen([boundaries[row.boundary].probability * row.probability for row in days]),
        price_per_kwh=frozen(_series(days, tables, "price_per_kwh")),
        load_p_kw=frozen(load * network.load_p_kw),
        load_q_kvar=frozen(load * network.load_q_kvar),
        res_buses=frozen(buses, np.int64),
        res_kw=frozen(
            sum(
                (
                    _installed_kw(days, network, tables, kind, buses)[:, None, :]
                    * _series(days, tables, f"{kind}_factor")[..., None]
                    for kind in ("pv", "wind")
                ),
                start=np.zeros((*load_factor.shape, len(buses))),
            )
        ),
    )


def _series(days: Sequence[Any], tables: Tables, column: str) -> FloatArray:
    """A column of ``hours.csv`` [scenario, time]."""
    value = {(row.day, row.hour): getattr(row, column) for row in tables["hours"]}
    hours = sorted({row.hour for row in tables["hours"]})
    return np.array([[value[row.day, hour] for hour in hours] for row in days])


def _installed_kw(
    days: Sequence[Any], network: RadialNetwork, tables: Tables, kind: str, buses: Sequence[int]
) -> FloatArray:
    """Installed renewables of a kind [scenario, res]."""
    place = {bus: k for k, bus in enumerate(buses)}
    installed = np.zeros((len(days), len(buses)))
    for row in tables["renewables"]:
        if row.kind == kind:
            there = [day.boundary == row.boundary for day in days]
            installed[there, place[network.index(row.bus)]] += row.existing_kw + row.future_kw
    return installed
