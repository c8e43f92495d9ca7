"""What planning a DC link with ports and storage starts from.

Source: only a nomenclature is public; the model is our reconstruction of what it names (see
docs/planning-dc-storage.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...core.units import FloatArray, IntArray, frozen
from ..radial import RadialNetwork

DAYS_PER_YEAR = 365


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Links:
    """DC links: where ports may stand, and how many battery modules."""

    names: tuple[str, ...]  #: [link]
    vn_dc_kv: FloatArray  #: [link]
    battery_modules_max: IntArray  #: [link] 0: no battery
    port_buses: IntArray  #: [port] candidates I_dc
    port_link: IntArray  #: [port] which link it is on
    port_modules_max: IntArray  #: [port]


@dataclass(frozen=True, slots=True, kw_only=True)
class Modules:
    """What one module is, loses, costs and lasts; money in the case's currency."""

    converter_kva: float  #: S_Mu
    battery_kw: float  #: P_Eu
    battery_kwh: float  #: E_Eu
    converter_loss: float  #: A_MT, over apparent power
    battery_loss: float  #: A_ES, over power
    soc_min: float
    soc_max: float
    soc_start: float | None  #: None: chosen; at the end of the day as at its start
    converter_price: float  #: c_inv of a module
    battery_price: float  #: c_inv of a module
    port_price: float  #: of a port, whatever its size
    battery_site_price: float  #: of a battery, whatever its size
    converter_upkeep: float  #: c_use, a year, as a share of the investment (port included)
    battery_upkeep: float
    converter_years: float  #: rho
    battery_years: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scenarios:
    """Typical days s of boundary conditions f, one after the other."""

    names: tuple[str, ...]  #: [scenario] "<boundary>, <day>"
    boundaries: tuple[str, ...]  #: [scenario] f
    weight: FloatArray  #: [scenario] phi_f phi_s, sum 1
    price_per_kwh: FloatArray  #: [scenario, time] G
    load_p_kw: FloatArray  #: [scenario, time, bus]
    load_q_kvar: FloatArray  #: [scenario, time, bus]
    res_buses: IntArray  #: [res] buses with renewables at any boundary
    res_kw: FloatArray  #: [scenario, time, res] available: profile times installed


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageRules:
    """Limits, money and risk."""

    discount_rate: float  #: gamma
    return_min: float  #: xi, a year
    carbon_price_per_kg: float  #: theta_c
    carbon_grid_kg_per_kwh: float  #: w_g
    carbon_res_kg_per_kwh: float  #: w_res
    confidence: float  #: o
    load_error: float  #: standard deviation of forecast errors, over the forecast
    res_error: float
    error_correlation: float  #: of errors of one kind, between any two buses
    v_min_pu: float
    v_max_pu: float
    i_max_a: float  #: of every branch, three-phase
    import_max_kw: float  #: of all feeders together; export is bounded by ``export_max_kw``
    export_max_kw: float
    import_max_kvar: float  #: either way
    loss_penalty_per_kwh: float  #: mu: makes converters' losses exact where power is worth nothing
    evenness_price: float  #: a year, for sum_l H_l: lines loaded evenly


@dataclass(frozen=True, kw_only=True, eq=False)
class DcStorageCase:
    """Everything that planning reads. Hours are steps of ``hours`` each."""

    name: str
    title: str
    currency: str
    digest: str
    files: Mapping[str, str]
    network: RadialNetwork
    hours: float  #: dt
    links: Links
    modules: Modules
    scenarios: Scenarios
    rules: StorageRules

    @cached_property
    def days_per_year(self) -> FloatArray:
        """Days of a year that each scenario stands for [scenario]."""
        return frozen(DAYS_PER_YEAR * self.scenarios.weight)

    def annuity(self, years: float) -> float:
        """gamma (1 + gamma)^rho / ((1 + gamma)^rho - 1); 1 / rho without interest."""
        rate = self.rules.discount_rate
        return float(rate / -np.expm1(-years * np.log1p(rate))) if rate else 1 / years
