"""The result tables of a risk study: their columns, units and meaning, said once.

Tidy: one row an observation, keys first. Money in the case's currency, for the day. A level is
``station`` (all stations together) or ``dso`` (the operator). Methods: ``deterministic``, ``sp``,
``dro-wasserstein``, ``dro-cross-validated``, ``dro-moment`` (at the operator: DR-CC), ``ro``.
Distributions out of sample: ``normal`` (what was learned from), ``heavy`` (Student's t with three
degrees of freedom and the same standard deviations), ``shifted`` (one source is one standard
deviation worse than forecast, always).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_CELL = {
    "level": "station or dso",
    "method": "how uncertainty is treated",
    "samples": "scenarios learned from",
    "confidence": "asked of every single chance constraint",
    "seed": "which set of draws; the same draws for all methods, larger sets extend smaller ones",
}
_VIOLATION = {
    "out_of_sample_violation": "violation frequency of a single limit, mean over limits and hours",
    "violation_low": "lower end of its 95 % interval, scenarios being independent",
    "violation_high": "upper end of its 95 % interval",
    "worst_violation": "violation frequency of the limit violated most often",
    "worst_low": "lower end of its exact 95 % interval, which holds for all limits together",
    "worst_high": "upper end of the same interval",
    "worst_limit": "which limit that is: element and hour",
    "joint_violation": "share of (scenario, hour) in which any limit is violated",
    "promised_violation": "1 - confidence",
    "kept": "whether no limit is violated significantly more often than promised",
}
_REALISED = {
    "realised_mean": "cost of plan and recourse, mean over fresh scenarios",
    "realised_q05": "5 % quantile of it",
    "realised_q50": "median of it",
    "realised_q95": "95 % quantile of it",
    "realised_q99": "99 % quantile of it",
    "shortage_kwh": "energy bought at the emergency price, mean over scenarios",
}
_COSTS = {
    "total_cost": "sum of the four parts",
    "upstream_active": "active energy of the upstream grid: as scheduled, and in real time",
    "upstream_reactive": "reactive energy of the upstream grid",
    "der": "generation and wear of batteries, in real time",
    "reserve": "reserve procured a day ahead",
}

TABLES: Final = MappingProxyType(
    {
        "cells": {
            **_CELL,
            "cost": "planned cost, a day ahead",
            **_VIOLATION,
            **_REALISED,
            "reason": "why there is no plan, and all other numbers are NaN; empty if there is one",
            "margin_kwh": "margins over all stations and hours (dso: reserve, up and down)",
            "radius_scale": "C of the ambiguity radius C sd / sqrt(N); NaN where there is none",
        },
        "out_of_sample": {
            **_CELL,
            "distribution": "what the fresh scenarios are drawn from",
            **_VIOLATION,
            **_REALISED,
        },
        "values": {
            **_CELL,
            "distribution": "what the fresh scenarios are drawn from",
            "value_of_stochastic_solution": "realised mean of deterministic less the method's",
            "price_of_robustness": "planned cost of the method less that of sp",
            "price_of_robustness_pct": "the same in percent of sp",
        },
        "schemes": {
            "scheme": "I: sp, upstream balances; II: robust, no correlation; III: DR-CC",
            "realisation": "worst: most load and least wind; normal, heavy, shifted: fresh means",
            "seed": "which set of draws",
            "upstream_share": "the most of an error that the upstream grid was planned to balance",
            **_COSTS,
            "day_ahead_cost": "planned cost, a day ahead",
            "real_time_kwh": "energy bought upstream in real time, beyond schedule",
            "vm_min_pu": "lowest voltage, exact three-phase power flow",
            "vm_max_pu": "highest voltage",
            "vur_max_pct": "largest phase-voltage unbalance rate",
        },
        "day_ahead": {
            "method": "sp, dro-moment (DR-CC) or ro",
            "total_cost": "of the day ahead, mean over seeds, at the reference cell",
            "upstream_active": "active energy of the upstream grid",
            "upstream_reactive": "reactive energy of the upstream grid",
            "der": "generation and wear of batteries",
            "reserve": "reserve",
            "over_sp_pct": "total_cost above sp",
        },
        "scheme_voltages": {
            "scheme": "I, II or III",
            "seed": "which set of draws",
            "hour": "hour of the day",
            "bus": "bus",
            "phase": "phase",
            "vm_pu": "voltage of the worst realisation, exact power flow",
        },
    }
)
