"""What ``case.yaml`` of a case for planning ports and storage on DC links may say."""

from __future__ import annotations

from typing import Annotated, Literal

from ..casefile.fields import Between, Confidence, Name, PowerKva, Section, Share

Price = Annotated[float, Between("of money", 0.0, 1e9)]
PricePerUnit = Annotated[float, Between("per kVA, kW or kWh", 0.0, 1e5)]
LossShare = Annotated[float, Between("as a share", 1e-6, 0.2, slip=100)]
Upkeep = Annotated[float, Between("as a share a year", 0.0, 0.5, slip=100)]
Years = Annotated[float, Between("years", 1.0, 100.0)]
AnyPowerKw = Annotated[float, Between("kW", 0.0, 1e6)]
CarbonKgPerKwh = Annotated[float, Between("kg per kWh", 0.0, 2.0)]
Error = Annotated[float, Between("as a share", 0.0, 1.0, slip=100)]


class About(Section):
    """What the case is, what it is called, its currency, and whose network it borrows."""

    kind: Literal["dc storage planning"]
    name: Name
    title: Name
    currency: Name
    network_of: Name | None = None


class NetworkSettings(Section):
    """Voltage base and limits; import and export are those of all feeders together."""

    vn_kv: Annotated[float, Between("kV line-to-line", 0.1, 500.0)]
    v_min_pu: Annotated[float, Between("pu", 0.5, 1.0)]
    v_max_pu: Annotated[float, Between("pu", 1.0, 1.5)]
    i_max_a: Annotated[float, Between("A", 1.0, 10_000.0)]
    import_max_kw: AnyPowerKw
    export_max_kw: AnyPowerKw
    import_max_kvar: Annotated[float, Between("kvar", 0.0, 1e6)]


class ConverterSettings(Section):
    """Modules of a port; a port costs something whatever its size."""

    module_kva: PowerKva
    loss_share: LossShare
    per_kva: PricePerUnit
    per_port: Price
    upkeep_share: Upkeep
    years: Years


class BatterySettings(Section):
    """Modules of a battery; states of charge are shares of its energy."""

    module_kw: PowerKva
    module_kwh: Annotated[float, Between("kWh", 0.1, 50_000.0)]
    loss_share: LossShare
    soc_min: Share
    soc_max: Share
    soc_start: Share | None = None
    per_kw: PricePerUnit
    per_kwh: PricePerUnit
    per_site: Price
    upkeep_share: Upkeep
    years: Years


class MoneySettings(Section):
    """Interest, the least that investments must return, and prices that steer operation."""

    discount_rate: Annotated[float, Between("as a share", 0.0, 0.5, slip=100)]
    return_min: Annotated[float, Between("as a share a year", 0.0, 2.0, slip=100)]
    loss_penalty_per_kwh: Annotated[float, Between("per kWh", 0.0, 10.0)] = 0.0
    evenness_price: Price = 0.0


class CarbonSettings(Section):
    """What a kilogram costs, and how much of it comes with a kilowatt hour."""

    price_per_kg: Annotated[float, Between("per kg", 0.0, 10.0)]
    grid_kg_per_kwh: CarbonKgPerKwh
    res_kg_per_kwh: CarbonKgPerKwh


class RiskSettings(Section):
    """How often limits must hold, and how far forecasts of loads and renewables err."""

    confidence: Confidence
    load_error: Error
    res_error: Error
    error_correlation: Annotated[float, Between("as a correlation", 0.0, 0.999, slip=100)]


class DcStorageSettings(Section):
    """The whole of ``case.yaml``."""

    case: About
    network: NetworkSettings
    converters: ConverterSettings
    batteries: BatterySettings
    money: MoneySettings
    carbon: CarbonSettings
    risk: RiskSettings
