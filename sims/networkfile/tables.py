"""What the tables of a radial network hold: one class for each file, one field for each column.

Units are in the column names. The first field of a class names its rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from ..casefile.fields import Between, Name, Position, PowerKvar, PowerKw, Row, SelfOhm

LineOhm = Annotated[float, Between("ohm", 1e-5, 100.0)]
LengthKm = Annotated[float, Between("km", 0.0, 1000.0)]


class BusRow(Row):
    """A bus: where it is, and its nominal three-phase load."""

    bus: Name
    x_km: Position
    y_km: Position
    p_kw: PowerKw
    q_kvar: PowerKvar


class FeederRow(Row):
    """A feeder, the bus it starts from, which is held at 1 pu, and where that is."""

    feeder: Name
    head_bus: Name
    x_km: Position
    y_km: Position


class LineRow(Row):
    """A line, away from the head of its feeder; impedance of its whole length, per phase."""

    line: Name
    from_bus: Name
    to_bus: Name
    length_km: LengthKm
    r_ohm: LineOhm
    x_ohm: SelfOhm


class TieRow(Row):
    """A normally open line; soft open points connect at its ends."""

    tie: Name
    from_bus: Name
    to_bus: Name
    r_ohm: LineOhm
    x_ohm: SelfOhm


NETWORK_TABLES: Final[Mapping[str, type[Row]]] = MappingProxyType(
    {"buses": BusRow, "feeders": FeederRow, "lines": LineRow, "ties": TieRow}
)
