"""The road network as data: nodes, roads, trips, charging sites, drivers, vehicles."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.units import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadNode:
    """A junction; the position is for drawing only."""

    id: str
    x_km: float
    y_km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """A two-way road: two directed arcs, each with this free-flow time and this capacity."""

    id: str
    from_node: str
    to_node: str
    t0_min: float
    capacity_veh_per_h: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TripDemand:
    """Vehicles an hour from origin to destination at traffic factor 1."""

    origin: str
    destination: str
    veh_per_h: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingSite:
    """A station as the roads see it: charged from either direction of its hosting road."""

    station: str
    road: str
    ports: int
    charger_kw: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drivers:
    """Who drives: shares, values of time, and the price of not being served.

    ``charging_share`` is gamma_1 gamma_2 of Chen et al. (C7): the share of all vehicles that are
    electric and need a charge on this trip.
    """

    charging_share: float
    time_cost_free_per_min: float
    time_cost_delay_per_min: float
    demand_sd: float  #: relative standard deviation of an hour's traffic
    unserved_trip_cost: float  #: per vehicle, above the dearest route
    unserved_charge_cost: float  #: per vehicle that completes its trip uncharged


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The charging vehicles: battery size uniform, arrival state of charge clipped normal."""

    battery_min_kwh: float
    battery_max_kwh: float
    soc_mean: float
    soc_sd: float
    soc_min: float
    soc_max: float
    soc_target: float
    charge_efficiency: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoadNetwork:
    """Roads, trips and their daily course; ``traffic_factor`` [time] scales every trip."""

    nodes: tuple[RoadNode, ...]
    roads: tuple[Road, ...]
    trips: tuple[TripDemand, ...]
    traffic_factor: FloatArray
    sites: tuple[ChargingSite, ...]
    drivers: Drivers
    fleet: Fleet
