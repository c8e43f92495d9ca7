"""The result tables of a planning study: their columns, units and meaning, said once.

Tidy: one row an observation, keys first. Stages count from 1, iterations from 0. What stands is
cumulative; what is paid is of the stage. Money in the case's currency.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_KEYS = {
    "variant": "the paper's Case I to VII: what may be built, and what is known when planning",
    "risk": "violation probability allowed for every single limit (gamma)",
    "algorithm": "how bounds follow from risks: modified, general or all_constraints",
}
_LIMIT = {
    "limit": "under_voltage, over_voltage or overload",
    "element": "bus, or bus at the far end of the branch",
    "feeder": "its feeder",
}

FDN_TABLES: Final = MappingProxyType(
    {
        "plans": {
            **_KEYS,
            "status": "ok; not kept: fresh samples exceed the promise; no plan: there is none",
            "reason": "why not ok, in words; empty otherwise",
            "iterations": "rounds of planning and sampling",
            "best": "iteration whose plan is recommended",
            "certifications": "plans that were judged on fresh samples",
            "objective": "cost that the plan minimises: investment and expected losses (7a)",
            "bound": "proven lower bound on it, within this iteration's bounds",
            "gap": "(objective - bound) / objective",
            "relaxation_deviation": "largest abs(l v - P^2 - Q^2) of any branch [pu] (15)",
            "ac_deviation": "largest abs(V planned - V exact) at the expected state [pu]",
            "risk_max": "largest violation rate of any limit on fresh samples",
            "risk_low": "lower end of its 95 % interval (Wilson)",
            "risk_high": "upper end of it",
            "worst_limit": "which limit that is",
            "fresh_samples": "how many fresh samples",
            "cost_total": "present value of investment and operation",
            "cost_investment": "present value of all that is built",
            "cost_operation": "present value of losses and penalties (19)",
            "sop_kva": "converter capacity of all soft open points in the last stage",
            "first_sop_stage": "stage of the first soft open point; 0: there is none",
        },
        "sops": {
            **_KEYS,
            "stage": "stage",
            "slot": "which soft open point; the same number in all stages",
            "bus": "bus of the terminal",
            "feeder": "feeder of the bus",
            "kva": "converter capacity that stands",
            "line_km": "new line of the whole soft open point that stands",
        },
        "sites": {
            **_KEYS,
            "stage": "stage",
            "kind": "evcs, pv, or storage",
            "bus": "bus",
            "feeder": "feeder of the bus",
            "kva": "converter capacity that stands",
            "rated_kw": "rated power: charging demand served, or PV; storage: empty",
            "kwh": "battery; empty for others",
        },
        "larger_lines": {
            **_KEYS,
            "stage": "stage",
            "feeder": "feeder whose lines and transformer are larger from this stage on",
            "length_km": "length of the feeder",
        },
        "costs": {
            **_KEYS,
            "stage": "stage",
            "component": "what the money is spent on",
            "cause": "what makes it necessary",
            "overnight": "paid in the stage, in its own money; operation: all its years added up",
            "annualised": "borne by one year of the stage: capital recovery (7c), or a year's cost",
            "present_value": "discounted to the first day of the first stage (7b)",
        },
        "iterations": {
            **_KEYS,
            "iteration": "round",
            "samples": "samples its plan was judged on",
            "objective": "cost that the plan minimises",
            "bound": "proven lower bound on it",
            "gap": "(objective - bound) / objective",
            "relaxation_deviation": "largest abs(l v - P^2 - Q^2) of any branch [pu] (15)",
            "ac_deviation": "largest abs(V planned - V exact) at the expected state [pu]",
            "under_voltage": "largest risk of an under-voltage",
            "over_voltage": "largest risk of an over-voltage",
            "overload": "largest risk of an overload",
            "broken": "limits whose risk exceeds the promise",
            "terminals": "feeders and buses of all soft open points of the last stage",
        },
        "risks": {
            **_KEYS,
            "iteration": "round",
            "stage": "stage",
            **_LIMIT,
            "risk_found": "violation rate in this round's samples",
            "bound_pu": "bound that the plan of this round was given",
        },
        "certificate": {
            **_KEYS,
            "stage": "stage",
            **_LIMIT,
            "risk_found": "violation rate on fresh samples",
            "risk_low": "lower end of its 95 % interval (Wilson)",
            "risk_high": "upper end of it",
        },
        "sitings": {
            **_KEYS,
            "number": "random siting of charging stations and PV (Case VI)",
            "cost_total": "present value of investment and operation",
            "cost_operation": "present value of losses and penalties",
            "risk_max": "largest violation rate of any limit on fresh samples",
        },
        "densities": {
            **_KEYS,
            "when": "first: samples of iteration 0; last: fresh samples of the plan; surrogate: "
            "the low-rank approximation of the latter (4)",
            "stage": "stage",
            "quantity": "voltage or loading",
            "element": "bus, or bus at the far end of the branch",
            "middle": "middle of the interval: voltage [pu], or current over rating",
            "density": "share of samples in the interval over its width",
        },
    }
)
