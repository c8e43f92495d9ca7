"""What the tables of a case hold: one class for each file, one field for each column.

The first field of a class names its rows. Units are in the column names; factors have none.
"""

from __future__ import annotations

from typing import Annotated

from .fields import (
    Between,
    Count,
    Efficiency,
    EnergyKwh,
    Factor,
    MutualOhm,
    Name,
    Phases,
    Position,
    PowerKva,
    PowerKvar,
    PowerKw,
    PricePerKw,
    PricePerKwh,
    RatioQP,
    Row,
    SelfOhm,
    Share,
    StationPhases,
)


class BusRow(Row):
    """A bus and where to draw it."""

    bus: Name
    x: Position
    y: Position


class LineRow(Row):
    """A line: the upper triangle of its symmetric 3x3 series impedance, and its rating."""

    line: Name
    from_bus: Name
    to_bus: Name
    phases: Phases
    r_aa_ohm: SelfOhm
    r_ab_ohm: MutualOhm
    r_ac_ohm: MutualOhm
    r_bb_ohm: SelfOhm
    r_bc_ohm: MutualOhm
    r_cc_ohm: SelfOhm
    x_aa_ohm: SelfOhm
    x_ab_ohm: MutualOhm
    x_ac_ohm: MutualOhm
    x_bb_ohm: SelfOhm
    x_bc_ohm: MutualOhm
    x_cc_ohm: SelfOhm
    s_max_kva_per_phase: PowerKva


class LoadRow(Row):
    """A load: total of its phases at load factor 1, and how it divides among them."""

    bus: Name
    p_kw: PowerKw
    q_kvar: PowerKvar
    share_a: Share
    share_b: Share
    share_c: Share


class GeneratorRow(Row):
    """A dispatchable generator."""

    generator: Name
    bus: Name
    p_min_kw: PowerKw
    p_max_kw: PowerKw
    ramp_up_kw_per_h: PowerKw
    ramp_down_kw_per_h: PowerKw
    q_per_p_min: RatioQP
    q_per_p_max: RatioQP
    cost_quadratic_per_kw2h: Annotated[float, Between("per kW2h", 0.0, 0.01)]
    cost_linear_per_kwh: PricePerKwh
    reserve_price_per_kw: PricePerKw
    phase_share_max: Annotated[float, Between("as a share", 1 / 3, 1.0)]


class BatteryRow(Row):
    """A battery of the operator."""

    battery: Name
    bus: Name
    e_min_kwh: EnergyKwh
    e_max_kwh: EnergyKwh
    e_start_kwh: EnergyKwh
    p_charge_max_kw: PowerKw
    p_discharge_max_kw: PowerKw
    efficiency_charge: Efficiency
    efficiency_discharge: Efficiency
    q_per_p_max: RatioQP
    degradation_per_kwh: PricePerKwh
    reserve_price_per_kw: PricePerKw
    phase_share_max: Annotated[float, Between("as a share", 1 / 3, 1.0)]


class WindTurbineRow(Row):
    """A wind turbine."""

    wind_turbine: Name
    bus: Name
    p_rated_kw: PowerKw


class InjectionRow(Row):
    """An hour of what a converter injects on a fixed schedule; positive for production."""

    injection: Name
    bus: Name
    hour: Annotated[int, Between("h", 0, 167)]
    p_kw: Annotated[float, Between("kW", -20_000.0, 20_000.0)]
    q_kvar: PowerKvar


class DayRow(Row):
    """An hour: what is expected of load, wind, sun and traffic, and what energy costs."""

    hour: Annotated[int, Between("h", 0, 167)]
    load_factor: Factor
    wind_factor: Share
    pv_factor: Annotated[float, Between("as a share", 0.0, 1.2)]
    traffic_factor: Factor
    buy_price_per_kwh: PricePerKwh
    charging_price_factor: Factor


class RoadNodeRow(Row):
    """A junction."""

    node: Name
    x_km: Position
    y_km: Position


class RoadRow(Row):
    """A two-way road; time and capacity hold for each direction."""

    road: Name
    from_node: Name
    to_node: Name
    t0_min: Annotated[float, Between("min", 0.01, 600.0)]
    capacity_veh_per_h: Annotated[float, Between("veh/h", 1.0, 20_000.0)]


class TripRow(Row):
    """Vehicles an hour between two nodes at traffic factor 1."""

    origin: Name
    destination: Name
    veh_per_h: Annotated[float, Between("veh/h", 0.0, 20_000.0)]


class StationRow(Row):
    """A charging station: on the feeder, on the roads, and what it owns."""

    station: Name
    bus: Name
    phases: StationPhases
    pv_kw: PowerKw
    e_min_kwh: EnergyKwh
    e_max_kwh: EnergyKwh
    e_start_kwh: EnergyKwh
    battery_kw: PowerKw
    efficiency_charge: Efficiency
    efficiency_discharge: Efficiency
    degradation_per_kwh: PricePerKwh
    grid_limit_kw: PowerKw
    base_class: Name
    base_peak_kw: PowerKw
    road: Name
    serves_traffic: bool
    ports: Count
    charger_kw: Annotated[float, Between("kW", 1.0, 1000.0)]
    charging_price_per_kwh: PricePerKwh


class LinkRow(Row):
    """A pair of stations that may trade."""

    link: Name
    station_a: Name
    station_b: Name
    capacity_kw: PowerKw
    fee_per_kwh: PricePerKwh


TABLES: dict[str, type[Row]] = {
    "buses": BusRow,
    "lines": LineRow,
    "loads": LoadRow,
    "generators": GeneratorRow,
    "batteries": BatteryRow,
    "wind_turbines": WindTurbineRow,
    "injections": InjectionRow,
    "day": DayRow,
    "road_nodes": RoadNodeRow,
    "roads": RoadRow,
    "trips": TripRow,
    "stations": StationRow,
    "links": LinkRow,
}
