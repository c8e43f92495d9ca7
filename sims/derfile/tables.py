"""What the tables of a case for planning PV and batteries hold: a class a file, a field a column.

The first field of a class names its rows, if ``layout`` does not say otherwise. Units are in the
column names; factors have none. Prices are in the case's currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from ..casefile.fields import (
    Between,
    Name,
    Position,
    PowerKva,
    PowerKvar,
    PowerKw,
    PricePerKwh,
    Row,
    SelfOhm,
)
from .settings import Days

Hour = Annotated[int, Between("h", 0, 167)]


class BusRow(Row):
    """A bus, the head included: where to draw it, and its nominal three-phase load."""

    bus: Name
    x: Position
    y: Position
    p_kw: PowerKw
    q_kvar: PowerKvar


class LineRow(Row):
    """A line, either way round: impedance per phase, and its three-phase rating."""

    line: Name
    from_bus: Name
    to_bus: Name
    r_ohm: SelfOhm
    x_ohm: SelfOhm
    s_max_kva: PowerKva


class SiteRow(Row):
    """A bus where PV, a battery or both may be built."""

    bus: Name
    pv: bool
    battery: bool


class PriceRow(Row):
    """What imported energy costs in an hour of every day."""

    hour: Hour
    price_per_kwh: PricePerKwh


class PvRow(Row):
    """An hour of the history of PV: output over installed power."""

    day: Days
    hour: Hour
    pv_factor: Annotated[float, Between("as a share", 0.0, 1.2)]


class LoadRow(Row):
    """An hour of the history of loads; what buses draw in it is read by ``series``."""

    day: Days
    hour: Hour


class ChargingRow(Row):
    """An hour of charging at a bus, on top of its load, the same on every day."""

    bus: Name
    hour: Hour
    charging_kw: PowerKw


TABLES: Final[Mapping[str, type[Row]]] = MappingProxyType(
    {
        "buses": BusRow,
        "lines": LineRow,
        "sites": SiteRow,
        "prices": PriceRow,
        "pv": PvRow,
        "load": LoadRow,
        "charging": ChargingRow,
    }
)
