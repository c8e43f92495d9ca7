"""The result tables of a study of DER plans: their columns, units and meaning, said once.

Tidy: one row an observation, keys first. Iterations count from 1, hours from 0. Money is in the
case's currency for a representative day. How long anything took stands in the summary: tables of
equal studies are equal.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_KEYS = {
    "model": "det, tsso, sro, aro or arso",
    "load_budget": "hours in which demand may deviate, at each bus; 0 where a model has no budget",
    "pv_budget": "hours in which PV may deviate; 0 where a model has no budget for it",
    "method": "fast or benders",
}
_PLAN_OR_BENCHMARK = {**_KEYS, "model": "likewise; pi: the plan made with perfect information"}
_BUILT = {"pv_kw": "PV that is built", "battery_kwh": "batteries that are built"}

DER_TABLES: Final = MappingProxyType(
    {
        "plans": {
            **_KEYS,
            "status": "ok: the gap asked for is proven; gap open: it is not; no plan: none found",
            "reason": "why not ok, in words; empty otherwise",
            "objective": "investment and operation in the model's worst or mean case, proven",
            "lower_bound": "what no plan can beat, proven",
            "gap": "(objective - lower_bound) / objective",
            "iterations": "of the method; 1 where one program is enough",
            "certificate": "network-exact, copperplate-bound or nodal-gap: what the bounds hold of",
            "investment": "of the plan",
            "operation": "objective - investment",
            **_BUILT,
            "pv_sites": "how many sites have PV",
            "battery_sites": "how many sites have a battery",
        },
        "steps": {
            **_KEYS,
            "iteration": "of the method",
            "lower_bound": "best one so far",
            "upper_bound": "best one so far, infinite while there is none; begins anew where the "
            "limits of the feeder come in",
            "separation": "how the worst case was looked for: none, climb, relaxed or exact",
        },
        "sites": {
            **_KEYS,
            "bus": "bus at which something is built",
            **_BUILT,
        },
        "worst": {
            **_KEYS,
            "hour": "hour of the day",
            "load_kw": "demand of all buses in the worst case that was found for the plan",
            "load_mean_kw": "mean demand of all buses",
            "buses": "how many buses deviate from their mean",
            "pv": "PV in the worst case, kW per kW built; arso: the mean of its scenarios",
            "pv_mean": "mean PV, kW per kW built",
        },
        "benchmark": {
            "objective": "the best plan for the scenarios in a row, all known beforehand",
            "investment": "of that plan",
            "operation": "objective - investment",
            **_BUILT,
            "certificate": "network-exact, or nodal-gap: found site by site, to a gap of 0.1 %",
            "wait_and_see": "mean cost of the best plan for each scenario alone",
            "days": "scenarios",
        },
        "deviation": {
            **_KEYS,
            "pv_kw": "PV that is built, less that with perfect information",
            "battery_kwh": "batteries, likewise",
            "pv_share": "pv_kw over PV with perfect information",
            "battery_share": "battery_kwh likewise",
            "cost_share": "cost over the scenarios in a row over that of the benchmark, less 1",
        },
        "out_of_sample": {
            **_PLAN_OR_BENCHMARK,
            "days": "days of the year that are no scenario",
            "infeasible_days": "of these, days on which the load cannot be served",
            "nodal_days": "of these, days operated bus by bus: the copperplate's operation, "
            "shared in proportion to sizes, would break a limit",
            "cost_mean": "investment and operation, mean over days that can be served",
            "cost_q95": "their 95 % quantile",
            "cost_max": "the dearest day",
            "unserved_kwh": "mean energy that is not served in a day",
            "autonomy": "1 - (imported + unserved energy) / load, over all days",
            "row_cost": "investment and operation a day over the scenarios in a row",
            "row_autonomy": "autonomy there, at least cost",
        },
        "days": {
            **_PLAN_OR_BENCHMARK,
            "day": "day of the year, from 0",
            "cost": "investment and operation; empty if the load cannot be served",
            "imported_kwh": "energy bought from the grid",
            "unserved_kwh": "energy not served",
            "load_kwh": "demand",
        },
        "autonomy_curve": {
            "aim": "investment or total: what the plan minimises",
            "asked": "least share of the load that is not imported",
            "autonomy": "share that is not imported",
            "investment": "of the plan",
            "operation": "of the scenarios in a row, a day",
            "total": "investment + operation",
            **_BUILT,
        },
        "robustness": {
            **_KEYS,
            "objective": "as in plans",
            "price": "objective over that of budget 0 of the same model and method, less 1",
            "out_of_sample": "mean cost out of sample over that of budget 0, less 1",
        },
    }
)
