"""From a plan to a coordination case: a folder on which ``roadvolt run`` works.

What the plan says of a stage is taken over: the network, its loads, charging stations, PV, soft
open points and limits. What it does not say - the course of a day, prices, drivers, vehicles,
forecast errors - comes from a coordination case, the template. Roads are ours (``episode_roads``).

The day is the mean day of the plan: factors on load, charging and PV have the means that planning
expects; load varies over the hours as much as the factors of all buses vary together.

Limits are the wider of plan and template. A plan may let a limit be violated in 5 % of all
instants; an episode keeps it in every hour, evenings without sun included, for distributions
unknown, and that is more than most plans promise within their own limits.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from ...core.units import FloatArray
from ...planning.fdn.case import FdnCase
from ...planning.fdn.draws import expected_factors
from ...planning.fdn.plan import Plan
from ...traffic.fleet_energy import energy_per_charge_kwh
from ..case import Case, load_case
from ..casefile.coordination import COORDINATION
from ..casefile.source import ORIGINS_FILE, SETTINGS_FILE, write_source
from . import episode_grid
from .episode_grid import SOURCE_BUS, Row
from .episode_roads import RoadPlan, plan_roads

TEMPLATE: Final = "utn12-ieee33"

#: Of all vehicles, electric and in need of a charge: an assumption for a network of the future.
_CHARGING_SHARE = 0.05
#: Each road takes this share of all vehicles an hour.
_ROAD_SHARE = 0.5
_CHARGER_KW = 60.0
#: Batteries of stations are not planned; the columns must say something of none.
_NO_BATTERY: Final = {
    "e_min_kwh": 0.0,
    "e_max_kwh": 0.0,
    "e_start_kwh": 0.0,
    "battery_kw": 0.0,
    "efficiency_charge": 0.95,
    "efficiency_discharge": 0.95,
    "degradation_per_kwh": 0.0,
}
#: Of planned storages, which planning gives no running costs; as those of ``utn12-ieee33``.
_STORAGE_COSTS: Final = {
    "efficiency_charge": 0.95,
    "efficiency_discharge": 0.95,
    "q_per_p_max": 0.5,
    "degradation_per_kwh": 0.004,
    "reserve_price_per_kw": 0.006,
    "phase_share_max": 0.5,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Station:
    """A planned charging station or PV plant, as the episode sees it."""

    id: str
    bus: int
    kva: float
    pv_kw: float
    ports: int


def to_coordination_case(
    case: FdnCase, plan: Plan, stage: int, folder: Path, *, template: str | Path = TEMPLATE
) -> Path:
    """Writes what stands at the end of a stage as a coordination case; returns its folder.

    Each planned charging station becomes a station with as many 60 kW ports as its converter
    feeds; each planned PV plant becomes a station without ports, which may sell to the charging
    stations. Neither has a battery. Soft open points inject on the schedule of the plan's recourse
    for the day expected; they do not answer to what stations then do. Traffic is such that charging
    has the mean that planning expects.

    Args:
        case, plan: as planned.
        stage: index from 0.
        folder: of the new case; made if need be.
        template: where day, prices, drivers, vehicles and forecast errors come from.

    Raises:
        CaseError: the template is unusable, or the plan leads to a case that is.
    """
    pattern = load_case(template)
    stations = tuple(_stations(case, plan, stage))
    day = _MeanDay(case, pattern)
    charging = {one.id: _xy(case, one) for one in stations if one.ports}
    roads = plan_roads(case, charging)
    tables: dict[str, Iterable[Row]] = {
        "buses": episode_grid.bus_rows(case),
        "lines": episode_grid.line_rows(case, plan, stage),
        "loads": episode_grid.load_rows(case, stage),
        "generators": (),
        "batteries": episode_grid.battery_rows(case, plan, stage, _STORAGE_COSTS),
        "wind_turbines": (),
        "injections": episode_grid.injection_rows(case, plan, stage, day.factors),
        "day": day.rows(),
        "road_nodes": _node_rows(roads),
        "roads": _road_rows(roads, vehicles := _vehicles_per_h(case, plan, stage, pattern)),
        "trips": _trip_rows(roads, vehicles),
        "stations": _station_rows(case, stations, roads, pattern),
        "links": _link_rows(stations, pattern),
    }
    texts = {f"{name}.csv": _csv(name, rows) for name, rows in tables.items()}
    texts["base_demand.csv"] = pattern.files["base_demand.csv"]
    texts[SETTINGS_FILE] = _settings(case, stage, pattern)
    texts[ORIGINS_FILE] = _origins(case, stage, pattern)
    write_source(texts, folder)
    load_case(folder)
    return folder


class _MeanDay:
    """The course of the template's day, with the means that planning expects."""

    def __init__(self, case: FdnCase, pattern: Case) -> None:
        self._pattern, means = pattern, expected_factors(case)
        load, together = pattern.grid_day.load_factor, case.factors.load
        swing = together.mixture.sd * np.sqrt(together.correlation)
        course = (load - load.mean()) / max(float(load.std()), 1e-9)
        traffic = pattern.roads.traffic_factor
        self.factors: dict[str, FloatArray] = {
            "load": np.maximum(means.load + swing * course, 0.0),
            "ev": means.ev * traffic / traffic.mean(),
            "pv": np.minimum(pattern.pv_factor * means.pv / pattern.pv_factor.mean(), 1.0),
        }

    def rows(self) -> Iterator[Row]:
        """``day.csv`` of the template with load and PV in place of its own."""
        table = csv.DictReader(io.StringIO(self._pattern.files["day.csv"]))
        columns = zip(table, self.factors["load"], self.factors["pv"], strict=True)
        for row, load, pv in columns:
            yield {**row, "load_factor": load, "pv_factor": pv}


def _stations(case: FdnCase, plan: Plan, stage: int) -> Iterator[_Station]:
    buses = case.network.buses
    for site, kva in zip(case.evcs_sites, plan.evcs_kva[stage], strict=True):
        if kva >= _CHARGER_KW:
            yield _Station(
                id=f"EVCS{buses[site.bus]}",
                bus=site.bus,
                kva=float(kva),
                pv_kw=0.0,
                ports=int(kva // _CHARGER_KW),
            )
    rated_kw = plan.pv_rated_kw[stage]
    for site, kva, kw in zip(case.pv_sites, plan.pv_kva[stage], rated_kw, strict=True):
        if kw > 0:
            name = f"PV{buses[site.bus]}"
            yield _Station(id=name, bus=site.bus, kva=float(kva), pv_kw=float(kw), ports=0)


def _xy(case: FdnCase, station: _Station) -> tuple[float, float]:
    return float(case.network.x_km[station.bus]), float(case.network.y_km[station.bus])


def _vehicles_per_h(case: FdnCase, plan: Plan, stage: int, pattern: Case) -> float:
    """All vehicles at traffic factor 1, so that charging has its expected mean over the day."""
    mean_kw = float(plan.evcs_rated_kw[stage].sum()) * expected_factors(case).ev
    per_vehicle_kwh = _CHARGING_SHARE * energy_per_charge_kwh(pattern.roads.fleet)
    return mean_kw / per_vehicle_kwh / float(pattern.roads.traffic_factor.mean())


def _node_rows(roads: RoadPlan) -> Iterator[Row]:
    for name, (x, y) in zip(roads.nodes, roads.xy_km, strict=True):
        yield {"node": name, "x_km": x, "y_km": y}


def _road_rows(roads: RoadPlan, vehicles: float) -> Iterator[Row]:
    for k, (a, b) in enumerate(roads.roads):
        yield {
            "road": _road(k),
            "from_node": roads.nodes[a],
            "to_node": roads.nodes[b],
            "t0_min": roads.minutes(k),
            "capacity_veh_per_h": max(_ROAD_SHARE * vehicles, 1.0),
        }


def _road(place: int) -> str:
    return f"R{place + 1}"


def _trip_rows(roads: RoadPlan, vehicles: float) -> Iterator[Row]:
    for origin, destination, share in roads.trips:
        ends = {"origin": roads.nodes[origin], "destination": roads.nodes[destination]}
        yield {**ends, "veh_per_h": share * vehicles}


def _station_rows(
    case: FdnCase, stations: tuple[_Station, ...], roads: RoadPlan, pattern: Case
) -> Iterator[Row]:
    hosts = roads.hosts({one.id: _xy(case, one) for one in stations if one.ports})
    hosts |= {
        name: road
        for one in stations
        if not one.ports
        for name, road in roads.hosts({one.id: _xy(case, one)}).items()
    }
    profile = pattern.files["base_demand.csv"].partition("\n")[0].split(",")[1].strip()
    price = float(np.median(pattern.charging_price_per_kwh))
    for one in stations:
        yield {
            "station": one.id,
            "bus": case.network.buses[one.bus],
            "phases": "abc",
            "pv_kw": one.pv_kw,
            **_NO_BATTERY,
            "grid_limit_kw": one.kva,
            "base_class": profile.removesuffix("_factor"),
            "base_peak_kw": 0.0,
            "road": _road(hosts[one.id]),
            "serves_traffic": "yes" if one.ports else "no",
            "ports": one.ports,
            "charger_kw": _CHARGER_KW,
            "charging_price_per_kwh": price,
        }


def _link_rows(stations: tuple[_Station, ...], pattern: Case) -> Iterator[Row]:
    """Every PV plant may sell to every charging station, at the template's usual fee."""
    fee = float(np.median([link.fee_per_kwh for link in pattern.links])) if pattern.links else 0.0
    for plant in stations:
        for buyer in stations:
            if buyer.ports and not plant.ports:
                yield {
                    "link": f"{plant.id}-{buyer.id}",
                    "station_a": plant.id,
                    "station_b": buyer.id,
                    "capacity_kw": min(plant.kva, buyer.kva),
                    "fee_per_kwh": fee,
                }


def _settings(case: FdnCase, stage: int, pattern: Case) -> str:
    content: dict[str, Any] = yaml.safe_load(pattern.files[SETTINGS_FILE])
    content["case"] = {
        "name": f"{case.name}-stage{stage + 1}",
        "title": f"{case.name} as planned for stage {stage + 1}",
        "currency": pattern.currency,
        "hours": pattern.hours,
    }
    content["feeder"] = {
        "vn_kv": case.network.vn_kv,
        "source_bus": SOURCE_BUS,
        "vm_source_pu": 1.0,
        "vm_min_pu": min(pattern.feeder.limits.vm_min_pu, case.rules.v_min_pu),
        "vm_max_pu": max(pattern.feeder.limits.vm_max_pu, case.rules.v_max_pu),
        "vur_max": pattern.feeder.limits.vur_max,
        "upstream_share_max": 1.0,
    }
    content["drivers"]["charging_share"] = _CHARGING_SHARE
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _origins(case: FdnCase, stage: int, pattern: Case) -> str:
    return (
        f"# Where the numbers come from\n\nMade from a plan for `{case.name}` "
        f"(digest `{case.digest}`), stage {stage + 1}.\n\n"
        "- Network, loads, stations, PV, soft open points, limits: the plan.\n"
        f"- Course of the day, prices, drivers, vehicles, errors: the case `{pattern.name}`.\n"
        "- Roads, trips, 60 kW chargers, 5 % of vehicles in need of a charge: ours, by rule.\n"
    )


def _csv(table: str, rows: Iterable[Mapping[str, Any]]) -> str:
    columns = list(COORDINATION.tables[table].model_fields)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return buffer.getvalue()


def _cell(value: Any) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)
