"""What the tables of a planning case hold: one class for each file, one field for each column.

The first field of a class names its rows, if ``layout`` does not say otherwise. Units are in the
column names; shares and factors have none. Prices are in the case's currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator

from ..casefile.fields import Between, Name, PowerKva, PricePerKwh, Row
from ..networkfile.tables import NETWORK_TABLES

Money = Annotated[float, Between("of money", 0.0, 1e9)]
Growth = Annotated[float, Between("as a share a year", -0.2, 0.5, slip=100)]
Penetration = Annotated[float, Between("as a share", 0.0, 0.95, slip=100)]
FactorValue = Annotated[float, Between("as a factor", -10.0, 10.0)]


#: An empty cell means that there is no bound.
Bound = Annotated[FactorValue | None, BeforeValidator(lambda cell: None if cell == "" else cell)]
Power = Literal["load", "ev", "pv"]


class SiteRow(Row):
    """A bus where charging stations (evcs) or PV may be built."""

    site: Name
    builds: Literal["evcs", "pv"]
    bus: Name
    max_kva: PowerKva


class StageRow(Row):
    """A stage: growth in each of its years, shares at its end, prices."""

    stage: Annotated[int, Between("as a number", 1, 100)]
    load_growth_per_year: Growth
    ev_penetration_share: Penetration
    pv_penetration_share: Penetration
    converter_per_kva: Money
    site_price: Money
    line_per_km: Money
    electricity_per_kwh: PricePerKwh
    battery_per_kwh: Money
    transformer_per_kva: Money


class FactorRow(Row):
    """The random factor on one kind of power: what it is clipped to, how buses move together."""

    factor_set: Name
    power: Power
    correlation: Annotated[float, Between("as a correlation", 0.0, 0.999, slip=100)]
    low: Bound
    high: Bound


class MixtureRow(Row):
    """One component of the Gaussian mixture of a factor."""

    factor_set: Name
    power: Power
    component: Annotated[int, Between("as a number", 1, 20)]
    weight: Annotated[float, Between("as a share", 1e-6, 1.0, slip=100)]
    mean: FactorValue
    sd: Annotated[float, Between("as a factor", 1e-6, 10.0)]


TABLES: Final[Mapping[str, type[Row]]] = MappingProxyType(
    {
        **NETWORK_TABLES,
        "sites": SiteRow,
        "stages": StageRow,
        "factors": FactorRow,
        "mixtures": MixtureRow,
    }
)
