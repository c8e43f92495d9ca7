"""A DER planning case as data: one feeder, its history, and what PV and batteries cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ...core.units import FloatArray, IntArray, frozen
from ..radial import RadialNetwork


@dataclass(frozen=True, slots=True, kw_only=True)
class DerRules:
    """Prices for a representative day, sizes, and how batteries work."""

    pv_per_kw: float  #: of capacity, for a day
    pv_site: float  #: of a site, for a day
    battery_per_kwh: float
    battery_site: float
    pv_per_kwh_used: float  #: operating cost of PV energy
    battery_per_kwh_out: float  #: operating cost of energy discharged
    size_min: float  #: least PV [kW] and battery [kWh] of a site that is built
    size_max: float
    pv_sites_max: int
    battery_sites_max: int
    battery_kw: float  #: charging and discharging power of a battery, whatever its capacity
    soc_min: float  #: share of capacity
    soc_max: float
    soc_start: float
    efficiency_charge: float
    efficiency_discharge: float
    terminal_soc: bool = True  #: a day ends with at least the charge that it began with
    import_max_kw: float = np.inf
    unserved_per_kwh: float | None = None  #: None: all load must be served
    polygon_sides: int = 12  #: of the apparent-power limit of a line


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Year:
    """A history of days."""

    pv: FloatArray  #: [day, time] kW per kW installed
    load_kw: FloatArray  #: [day, bus, time]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scenarios:
    """Representative days with probabilities."""

    weight: FloatArray  #: [scenario], sums to 1
    pv: FloatArray  #: [scenario, time]
    load_kw: FloatArray  #: [scenario, bus, time]
    days: IntArray  #: [scenario], their places in the year


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Deviations:
    """Means, and how far parameters may stray from them; all deviations are >= 0."""

    load_mean_kw: FloatArray  #: [bus, time]
    load_up_kw: FloatArray  #: [bus, time]
    load_down_kw: FloatArray  #: [bus, time]
    pv_mean: FloatArray  #: [time]
    pv_up: FloatArray  #: [time]
    pv_down: FloatArray  #: [time]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DerCase:
    """Everything that a plan of PV and batteries needs to know."""

    name: str
    title: str
    currency: str
    digest: str
    network: RadialNetwork
    s_max_kva: FloatArray  #: [branch]
    v_min_pu: float
    v_max_pu: float
    load_q_kvar: FloatArray  #: [bus, time], certain
    price_per_kwh: FloatArray  #: [time], of imported energy
    pv_sites: IntArray  #: buses that may have PV
    battery_sites: IntArray
    rules: DerRules
    scenarios: Scenarios
    deviations: Deviations
    year: Year
    files: Mapping[str, str] = field(default_factory=dict)
    learned_from: tuple[str, ...] = ()  #: runs, with result hashes, that demand was added from

    @property
    def hours(self) -> int:
        """Time steps of a day."""
        return len(self.price_per_kwh)

    def with_demand(self, extra_kw: FloatArray) -> DerCase:
        """The same with certain demand [bus, time] on top of all loads."""
        scenarios, deviations, year = self.scenarios, self.deviations, self.year
        return replace(
            self,
            scenarios=replace(scenarios, load_kw=frozen(scenarios.load_kw + extra_kw)),
            deviations=replace(deviations, load_mean_kw=frozen(deviations.load_mean_kw + extra_kw)),
            year=replace(year, load_kw=frozen(year.load_kw + extra_kw)),
        )
