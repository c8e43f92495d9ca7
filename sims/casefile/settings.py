"""What ``case.yaml`` may say, section by section; the tables beside it are in ``tables``."""

from __future__ import annotations

from typing import Annotated, Literal

from .fields import (
    Between,
    Confidence,
    Efficiency,
    Factor,
    Name,
    PricePerKwh,
    RankCorrelation,
    Section,
    Share,
)

MoneyPerMinute = Annotated[float, Between("per min", 0.0, 100.0)]
MoneyPerVehicle = Annotated[float, Between("per vehicle", 0.0, 1e5)]
VehicleKwh = Annotated[float, Between("kWh", 1.0, 1000.0)]


class About(Section):
    """What the case is called, its currency, and how many hours its day has."""

    kind: Literal["coordination"] = "coordination"
    name: Name
    title: Name
    currency: Name
    hours: Annotated[int, Between("h", 1, 168)]


class FeederSettings(Section):
    """Voltage base, source and limits; ``unbalance`` scales how far phase shares differ.

    ``upstream_share_max``: how much of every forecast error the upstream grid may balance.
    """

    vn_kv: Annotated[float, Between("kV line-to-line", 0.1, 500.0)]
    source_bus: Name
    vm_source_pu: Annotated[float, Between("pu", 0.8, 1.2)]
    vm_min_pu: Annotated[float, Between("pu", 0.5, 1.0)]
    vm_max_pu: Annotated[float, Between("pu", 1.0, 1.5)]
    vur_max: Annotated[float, Between("as a share", 0.0, 0.2, slip=100)]
    unbalance: Annotated[float, Between("as a factor", 0.0, 100.0)] = 1.0
    upstream_share_max: Share = 0.4


class DriverSettings(Section):
    """Who drives, what their time is worth, and what it costs not to be served."""

    charging_share: Share
    time_cost_free_per_min: MoneyPerMinute
    time_cost_delay_per_min: MoneyPerMinute
    demand_sd: Share
    unserved_trip_cost: MoneyPerVehicle
    unserved_charge_cost: MoneyPerVehicle


class FleetSettings(Section):
    """The charging vehicles."""

    battery_min_kwh: VehicleKwh
    battery_max_kwh: VehicleKwh
    soc_mean: Share
    soc_sd: Share
    soc_min: Share
    soc_max: Share
    soc_target: Share
    charge_efficiency: Efficiency


class PriceSettings(Section):
    """Prices that are the same in every hour; the hourly ones are in ``day.csv``."""

    sell_per_kwh: PricePerKwh
    export_per_kwh: PricePerKwh
    reactive_share: Share
    unserved_per_kwh: Annotated[float, Between("per kWh", 0.0, 1000.0)]


class UncertaintySettings(Section):
    """Relative standard deviations of forecasts, their bound, and rank correlations."""

    load_sd: Share
    wind_sd: Share
    pv_sd: Share
    base_sd: Share
    support_sd: Annotated[float, Between("standard deviations", 1.0, 10.0)]
    spearman_load_load: RankCorrelation
    spearman_wind_wind: RankCorrelation
    spearman_load_wind: RankCorrelation
    spearman_pv_pv: RankCorrelation


class RiskSettings(Section):
    """How chance constraints are treated when the user does not choose."""

    treatment: Literal["sp", "dro", "ro"] = "dro"
    confidence: Confidence = 0.95
    samples: Annotated[int, Between("scenarios", 10, 1_000_000)] = 1000
    radius_rule: Literal["scaled", "bootstrap", "concentration", "tolerance", "fixed"] = "scaled"
    radius_scale: Factor = 0.3
    radius_confidence: Confidence = 0.95
    radius_kw: Annotated[float, Between("in kW", 0.0, 10_000.0)] = 0.0


class Settings(Section):
    """The whole of ``case.yaml``."""

    case: About
    feeder: FeederSettings
    drivers: DriverSettings
    fleet: FleetSettings
    prices: PriceSettings
    uncertainty: UncertaintySettings
    risk: RiskSettings = RiskSettings()
