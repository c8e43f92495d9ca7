"""Bounds of what an uncertain parameter can be worth: they make products of a program sharp.

On the copperplate power is bought at the tariff whenever something is bought, and what is not
bought is never worth more: import is >= 0 and unlimited, so 0 <= price_t <= tariff_t (dual
feasibility of the import). It is the tariff for certain in hours in which load must be bought
whatever PV and batteries do. The published bound (17), the largest load or profile, has the wrong
unit: it bounds the parameter, not its price.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.units import FloatArray
from .budget_set import BudgetSet
from .case import DerCase
from .first_stage import FirstStage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PriceBounds:
    """Of d cost / d u [parameter]: >= 0 for loads, <= 0 for PV."""

    lower: FloatArray
    upper: FloatArray


def tariff_bounds(
    case: DerCase,
    first: FirstStage,
    uncertainty: BudgetSet,
    x: FloatArray,
    pv: FloatArray | None,
    weight: float,
) -> PriceBounds:
    """On the copperplate at a plan x; ``pv`` [time] of the scenario, None where it is uncertain."""
    rules, buses = case.rules, len(case.network.buses)
    loads = buses * case.hours
    least = (uncertainty.mean - uncertainty.down)[:loads].reshape(buses, -1).sum(axis=0)
    most_pv = (uncertainty.mean + uncertainty.up)[loads:] if pv is None else pv
    kw = x[first.pv_kw].sum()
    swing = rules.efficiency_discharge * (rules.soc_max - rules.soc_min)
    discharged = min(rules.battery_kw * x[first.battery_built].sum(),
                     swing * x[first.battery_kwh].sum())  # fmt: skip
    bought = least > most_pv * kw + discharged + 1e-6
    tariff = weight * case.price_per_kwh
    used = np.maximum(tariff - weight * rules.pv_per_kwh_used, 0.0) * kw
    if pv is not None:
        used = np.zeros_like(used)
    worth = np.concatenate([np.tile(tariff, buses), -used])
    certain = worth * np.tile(bought, buses + 1)
    return PriceBounds(lower=np.minimum(worth, certain), upper=np.maximum(worth, certain))
