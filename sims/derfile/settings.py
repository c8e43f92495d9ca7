"""What ``case.yaml`` of a case for planning PV and batteries may say, section by section."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..casefile.fields import Between, Count, Efficiency, Factor, Name, PricePerKwh, Section, Share

Capacity = Annotated[float, Between("kW or kWh", 0.0, 50_000.0)]
MoneyPerDay = Annotated[float, Between("per day", 0.0, 1e6)]
PerDayAndUnit = Annotated[float, Between("per kW or kWh and day", 0.0, 100.0)]
Days = Annotated[int, Between("days", 1, 3660)]
Origin = Literal["synthetic", "table"]


class About(Section):
    """What the case is, what it is called, and its currency."""

    kind: Literal["der planning"]
    name: Name
    title: Name
    currency: Name


class NetworkSettings(Section):
    """Voltage base and limits, where the feeder starts, and how much it may import."""

    vn_kv: Annotated[float, Between("kV line-to-line", 0.1, 500.0)]
    head_bus: Name
    v_min_pu: Annotated[float, Between("pu", 0.5, 1.0)]
    v_max_pu: Annotated[float, Between("pu", 1.0, 1.5)]
    import_max_kw: Annotated[float, Between("kW", 0.0, 1e6)] | None = None
    polygon_sides: Annotated[int, Between("sides", 4, 360)] = 12


class CostSettings(Section):
    """Investment for a representative day, and what energy costs besides its import."""

    pv_per_kw: PerDayAndUnit
    pv_site: MoneyPerDay
    battery_per_kwh: PerDayAndUnit
    battery_site: MoneyPerDay
    pv_per_kwh_used: PricePerKwh
    battery_per_kwh_out: PricePerKwh
    unserved_per_kwh: Annotated[float, Between("per kWh", 0.0, 1000.0)] | None = None


class SizeSettings(Section):
    """How much a site that is built may hold, and how many there may be."""

    size_min: Capacity
    size_max: Capacity
    pv_sites_max: Count
    battery_sites_max: Count


class BatterySettings(Section):
    """How every battery works; states of charge are shares of its capacity."""

    power_kw: Annotated[float, Between("kW", 0.0, 20_000.0)]
    soc_min: Share
    soc_max: Share
    soc_start: Share
    efficiency_charge: Efficiency
    efficiency_discharge: Efficiency
    terminal_soc: bool = True


class HistorySettings(Section):
    """Where PV and loads of past days come from; the last keys are for what is synthetic."""

    pv: Origin
    load: Origin
    reactive_scale: Factor
    load_scale: Factor = 1.0
    seed: Annotated[int, Between("as a seed", 0, 2**32 - 1)] = 1
    days: Days = 365
    learned_from: list[Name] = Field(default_factory=list)


class UncertaintySettings(Section):
    """How many days stand for all, and how far PV strays."""

    scenarios: Days = 9
    quantile_low: Share = 0.15
    quantile_high: Share = 0.85


class DerSettings(Section):
    """The whole of ``case.yaml``."""

    case: About
    network: NetworkSettings
    costs: CostSettings
    sizes: SizeSettings
    batteries: BatterySettings
    history: HistorySettings
    uncertainty: UncertaintySettings = UncertaintySettings()
