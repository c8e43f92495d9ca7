"""Builds the data of feeder, roads and stations from checked rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...core.units import FloatArray, frozen
from ...grid.feeder import (
    Battery,
    ErrorModel,
    Feeder,
    Generator,
    GridDay,
    Injection,
    Limits,
    Line,
    Load,
    WindTurbine,
)
from ...market.station import Station, Tariff, TradeLink
from ...traffic.network import (
    ChargingSite,
    Drivers,
    Fleet,
    Road,
    RoadNetwork,
    RoadNode,
    TripDemand,
)
from .checks import Tables
from .settings import Settings
from .tables import InjectionRow, StationRow
from .wires import line_impedance_ohm, scaled_shares


def build_feeder(settings: Settings, tables: Tables) -> Feeder:
    """The feeder; loads divide among phases with ``unbalance`` applied."""
    grid = settings.feeder
    return Feeder(
        vn_kv=grid.vn_kv,
        source_bus=grid.source_bus,
        vm_source_pu=grid.vm_source_pu,
        buses=tuple(row.bus for row in tables["buses"]),
        bus_xy=tuple((row.x, row.y) for row in tables["buses"]),
        lines=_lines(tables),
        loads=_loads(tables, grid.unbalance),
        generators=tuple(
            Generator(id=row.generator, **row.model_dump(exclude={"generator"}))
            for row in tables["generators"]
        ),
        batteries=tuple(
            Battery(id=row.battery, **row.model_dump(exclude={"battery"}))
            for row in tables["batteries"]
        ),
        wind_turbines=tuple(
            WindTurbine(id=row.wind_turbine, bus=row.bus, p_rated_kw=row.p_rated_kw)
            for row in tables["wind_turbines"]
        ),
        limits=Limits(vm_min_pu=grid.vm_min_pu, vm_max_pu=grid.vm_max_pu, vur_max=grid.vur_max),
    )


def _lines(tables: Tables) -> tuple[Line, ...]:
    return tuple(
        Line(
            id=row.line,
            from_bus=row.from_bus,
            to_bus=row.to_bus,
            phases=row.phases,
            z_ohm=frozen(line_impedance_ohm(row), np.complex128),
            s_max_kva=row.s_max_kva_per_phase,
        )
        for row in tables["lines"]
    )


def _loads(tables: Tables, unbalance: float) -> tuple[Load, ...]:
    return tuple(
        Load(
            bus=row.bus,
            p_kw=frozen(row.p_kw * scaled_shares(row, unbalance)),
            q_kvar=frozen(row.q_kvar * scaled_shares(row, unbalance)),
        )
        for row in tables["loads"]
    )


def build_grid_day(settings: Settings, tables: Tables) -> GridDay:
    """The operator's day; it buys upstream at the price at which stations buy from it."""
    price = day_column(tables, "buy_price_per_kwh")
    return GridDay(
        load_factor=day_column(tables, "load_factor"),
        wind_factor=day_column(tables, "wind_factor"),
        upstream_price_per_kwh=price,
        export_price_per_kwh=frozen(np.full(price.shape, settings.prices.export_per_kwh)),
        reactive_price_per_kvarh=frozen(settings.prices.reactive_share * price),
        injections=_injections(tables),
    )


def _injections(tables: Tables) -> tuple[Injection, ...]:
    """Rows put together by their name; the checks have seen to it that hours are in order."""
    hours: dict[tuple[str, str], list[InjectionRow]] = {}
    for row in tables["injections"]:
        hours.setdefault((row.injection, row.bus), []).append(row)
    return tuple(
        Injection(
            id=name,
            bus=bus,
            p_kw=frozen([row.p_kw for row in rows]),
            q_kvar=frozen([row.q_kvar for row in rows]),
        )
        for (name, bus), rows in hours.items()
    )


def build_error_model(settings: Settings) -> ErrorModel:
    """How loads and wind stray from their forecast."""
    wanted = set(ErrorModel.__dataclass_fields__)
    return ErrorModel(**settings.uncertainty.model_dump(include=wanted))


def build_roads(settings: Settings, tables: Tables) -> RoadNetwork:
    """The roads; charging sites are the stations that serve traffic, in their order."""
    return RoadNetwork(
        nodes=tuple(RoadNode(id=r.node, x_km=r.x_km, y_km=r.y_km) for r in tables["road_nodes"]),
        roads=tuple(
            Road(id=row.road, **row.model_dump(exclude={"road"})) for row in tables["roads"]
        ),
        trips=tuple(TripDemand(**row.model_dump()) for row in tables["trips"]),
        traffic_factor=day_column(tables, "traffic_factor"),
        sites=tuple(
            ChargingSite(
                station=row.station, road=row.road, ports=row.ports, charger_kw=row.charger_kw
            )
            for row in _serving(tables)
        ),
        drivers=Drivers(**settings.drivers.model_dump()),
        fleet=Fleet(**settings.fleet.model_dump()),
    )


def build_charging_prices(tables: Tables) -> FloatArray:
    """What drivers pay [time, site]: the station's price times the factor of the hour."""
    factor = day_column(tables, "charging_price_factor")
    price = np.array([row.charging_price_per_kwh for row in _serving(tables)])
    return frozen(np.outer(factor, price))


def build_stations(tables: Tables, profiles: Mapping[str, FloatArray]) -> tuple[Station, ...]:
    """The stations; base demand is the peak times the profile of its class."""
    return tuple(_station(row, profiles[row.base_class]) for row in tables["stations"])


def _station(row: StationRow, profile: FloatArray) -> Station:
    same = set(Station.__dataclass_fields__) & set(StationRow.model_fields)
    return Station(
        id=row.station, base_kw=frozen(row.base_peak_kw * profile), **row.model_dump(include=same)
    )


def build_links(tables: Tables) -> tuple[TradeLink, ...]:
    """The trading graph."""
    return tuple(
        TradeLink(id=row.link, **row.model_dump(exclude={"link"})) for row in tables["links"]
    )


def build_tariff(settings: Settings, tables: Tables) -> Tariff:
    """What stations pay and get for grid energy."""
    price = day_column(tables, "buy_price_per_kwh")
    return Tariff(
        buy_per_kwh=price,
        sell_per_kwh=frozen(np.full(price.shape, settings.prices.sell_per_kwh)),
        unserved_per_kwh=settings.prices.unserved_per_kwh,
    )


def day_column(tables: Tables, column: str) -> FloatArray:
    """A column of ``day.csv`` [time]."""
    return frozen([getattr(row, column) for row in tables["day"]])


def _serving(tables: Tables) -> list[StationRow]:
    return [row for row in tables["stations"] if row.serves_traffic]
