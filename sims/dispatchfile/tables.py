"""What the tables of a case for dispatching a day hold: a class a file, a field a column.

The first field of a class names its rows, if ``layout`` does not say otherwise. Units are in the
column names; factors and shares have none. Times are ``HH:MM``; prices are in the case's currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from ..casefile.fields import (
    Between,
    EnergyKwh,
    Factor,
    Name,
    PowerKva,
    PowerKw,
    PricePerKwh,
    Row,
    Share,
)
from ..networkfile.tables import NETWORK_TABLES
from .clock import Clock

LossShare = Annotated[float, Between("as a share", 0.0, 0.2, slip=100)]
ReactiveKvar = Annotated[float, Between("kvar", 0.0, 20_000.0)]


class DayRow(Row):
    """What is expected from this time on, until the next row: loads, sun, and what energy costs."""

    time: Clock
    load_factor: Factor
    pv_factor: Annotated[float, Between("as a share", 0.0, 1.2)]
    price_per_kwh: PricePerKwh


class GeneratorRow(Row):
    """A generator behind a converter: its schedule is p_kw, times pv_factor if it follows it."""

    generator: Name
    bus: Name
    profile: Literal["pv", "flat"]
    p_kw: PowerKw
    s_kva: PowerKva
    curtailable: bool


class TerminalRow(Row):
    """A terminal of a soft open point: rows of one name share their DC side."""

    sop: Name
    bus: Name
    s_kva: PowerKva
    p_max_kw: PowerKw
    q_max_kvar: ReactiveKvar
    loss_share: LossShare


class BatteryRow(Row):
    """A battery behind a converter; states of charge are shares of its energy."""

    battery: Name
    bus: Name
    s_kva: PowerKva
    p_max_kw: PowerKw
    q_max_kvar: ReactiveKvar
    e_kwh: EnergyKwh
    soc_min: Share
    soc_max: Share
    soc_start: Share
    loss_share: LossShare


class DeferrableRow(Row):
    """A load that needs its energy between two times, whenever between them."""

    load: Name
    bus: Name
    p_max_kw: PowerKw
    energy_kwh: EnergyKwh
    start: Clock
    deadline: Clock
    power_factor: Annotated[float, Between("as a power factor", 0.1, 1.0, slip=100)]


class RequirementRow(Row):
    """By how much the import of a feeder, or of ``all``, must be less or more than planned."""

    requirement: Name
    feeder: Name
    direction: Literal["less", "more"]
    p_kw: PowerKw
    start: Clock
    end: Clock


class ChargingRow(Row):
    """An hour of vehicles that come to charge at a bus: their mean power if none had to wait."""

    bus: Name
    time: Clock
    charging_kw: PowerKw
    p_max_kw: PowerKw


CHARGING: Final = "charging"
#: In the column ``feeder`` of requirements: the import of all feeders together.
ALL_FEEDERS: Final = "all"

TABLES: Final[Mapping[str, type[Row]]] = MappingProxyType(
    {
        **NETWORK_TABLES,
        "day": DayRow,
        "generators": GeneratorRow,
        "sops": TerminalRow,
        "batteries": BatteryRow,
        "deferrable": DeferrableRow,
        "requirements": RequirementRow,
        CHARGING: ChargingRow,
    }
)
