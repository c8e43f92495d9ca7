"""What ``case.yaml`` of a case for dispatching a day may say, section by section."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..casefile.fields import Between, Factor, Name, PricePerKwh, Section


class About(Section):
    """What the case is, what it is called, its currency, and whose network it has."""

    kind: Literal["dispatch"]
    name: Name
    title: Name
    currency: Name
    network_of: Name | None = None


class NetworkSettings(Section):
    """Voltage base, and limits."""

    vn_kv: Annotated[float, Between("kV line-to-line", 0.1, 500.0)]
    v_min_pu: Annotated[float, Between("pu", 0.5, 1.0)]
    v_max_pu: Annotated[float, Between("pu", 1.0, 1.5)]
    i_max_a: Annotated[float, Between("A", 1.0, 10_000.0)]


class TimeSettings(Section):
    """How long a step is."""

    step_min: Literal[15, 60] = 60


class LoadSettings(Section):
    """What tied loads are in a step of load factor 1."""

    scale: Factor = 1.0


class DeviceSettings(Section):
    """How the circle of a converter's capacity and losses becomes linear."""

    polygon_sides: Annotated[int, Between("sides", 4, 360)] = 12


class CostSettings(Section):
    """What counts besides energy at its price."""

    shortfall_per_kwh: Annotated[float, Between("per kWh", 0.0, 1000.0)]
    curtailment_per_kwh: PricePerKwh = 0.0
    reactive_per_kvarh: Annotated[float, Between("per kvarh", 0.0, 10.0)] = 0.0


class VehicleSettings(Section):
    """How long vehicles of ``charging.csv`` may wait, and the runs that it comes from."""

    delay_h: Annotated[float, Between("h", 0.0, 168.0)] = 4.0
    learned_from: list[Name] = Field(default_factory=list)


class DispatchSettings(Section):
    """The whole of ``case.yaml``."""

    case: About
    network: NetworkSettings
    time: TimeSettings = TimeSettings()
    loads: LoadSettings = LoadSettings()
    devices: DeviceSettings = DeviceSettings()
    costs: CostSettings
    vehicles: VehicleSettings = VehicleSettings()
