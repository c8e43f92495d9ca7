"""What the tables of a case for planning DC links hold: a class a file, a field a column.

The first field of a class names its rows, if ``layout`` does not say otherwise. Units are in the
column names; factors and probabilities have none. Prices are in the case's currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from ..casefile.fields import Between, EnergyKwh, Factor, Name, PowerKva, PowerKw, PricePerKwh, Row
from ..networkfile.tables import NETWORK_TABLES

Probability = Annotated[float, Between("as a probability", 1e-6, 1.0, slip=100)]
OutputShare = Annotated[float, Between("as a share", 0.0, 1.2)]


class LinkRow(Row):
    """A DC link, and how much battery may stand on it; 0: none."""

    link: Name
    vn_dc_kv: Annotated[float, Between("kV", 0.1, 500.0)]
    battery_max_kwh: EnergyKwh


class PortRow(Row):
    """A bus where a converter may connect a DC link."""

    bus: Name
    link: Name
    max_kva: PowerKva


class BoundaryRow(Row):
    """A boundary condition: how the years of operation may turn out."""

    boundary: Name
    probability: Probability
    load_growth_factor: Factor


class DayRow(Row):
    """A typical day of a boundary condition; its hours are those of this name in ``hours.csv``."""

    boundary: Name
    day: Name
    probability: Probability


class HourRow(Row):
    """An hour of a typical day: loads over nominal, output over what is installed, the price."""

    day: Name
    hour: Annotated[int, Between("h", 0, 23)]
    load_factor: Factor
    pv_factor: OutputShare
    wind_factor: OutputShare
    price_per_kwh: PricePerKwh


class RenewableRow(Row):
    """What is installed at a bus under a boundary condition: what stands, and what is to come."""

    boundary: Name
    bus: Name
    kind: Literal["pv", "wind"]
    existing_kw: PowerKw
    future_kw: PowerKw


TABLES: Final[Mapping[str, type[Row]]] = MappingProxyType(
    {
        **NETWORK_TABLES,
        "links": LinkRow,
        "ports": PortRow,
        "boundaries": BoundaryRow,
        "days": DayRow,
        "hours": HourRow,
        "renewables": RenewableRow,
    }
)
