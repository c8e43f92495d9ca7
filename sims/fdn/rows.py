"""A finished run as plain columns, to be written down as the answer of a task."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from ...planning.fdn.case import FdnCase
from ...planning.fdn.choices import Variant
from ...planning.fdn.costs import Component, Costs, costs_of
from ...planning.fdn.iteration import FdnRun, Iteration
from ...planning.fdn.risks import Risks, wilson
from ..long_table import long_table

LIMITS = ("under_voltage", "over_voltage", "overload")


def run_frames(run: FdnRun, variant: Variant) -> dict[str, pd.DataFrame]:
    """The tables of one plan, without the keys that tell plans apart."""
    costs = costs_of(run.case, run.plan, run.certificate.operation)
    certificate = _certificate(run)
    return {
        "plans": pd.DataFrame([_plan_row(run, variant, costs, certificate)]),
        "sops": pd.DataFrame(_sop_rows(run)),
        "sites": pd.DataFrame(_site_rows(run)),
        "larger_lines": pd.DataFrame(_larger_rows(run)),
        "costs": _costs(costs),
        "iterations": pd.DataFrame([_iteration_row(run, one) for one in run.iterations]),
        "risks": pd.concat([_risks(run, one) for one in run.iterations], ignore_index=True),
        "certificate": certificate,
        "sitings": pd.DataFrame(map(asdict, run.sitings)),
    }


def status_of(run: FdnRun, variant: Variant) -> str:
    """Whether the plan does what it promises; some variants promise nothing."""
    return "ok" if run.kept or not variant.promises else "not kept"


def _plan_row(
    run: FdnRun, variant: Variant, costs: Costs, certificate: pd.DataFrame
) -> dict[str, Any]:
    solution = run.solution
    worst = certificate.loc[certificate["risk_found"].idxmax()]
    sops = [stage for stage, here in enumerate(run.plan.sops, start=1) if here]
    return {
        "status": status_of(run, variant),
        "reason": run.reason,
        "iterations": len(run.iterations),
        "best": run.iterations[run.best].number,
        "certifications": run.certifications,
        "objective": solution.objective,
        "bound": solution.bound,
        "gap": solution.gap,
        "relaxation_deviation": solution.relaxation_deviation,
        "ac_deviation": solution.ac_deviation,
        "risk_max": worst["risk_found"],
        "risk_low": worst["risk_low"],
        "risk_high": worst["risk_high"],
        "worst_limit": f"{worst['limit']} at {worst['element']}, stage {worst['stage']}",
        "fresh_samples": run.certificate.risks.scenarios,
        "cost_total": costs.total,
        "cost_investment": costs.investment,
        "cost_operation": costs.operation,
        "sop_kva": sum((sum(sop.kva) for sop in run.plan.sops[-1]), 0.0),
        "first_sop_stage": min(sops, default=0),
    }


def _sop_rows(run: FdnRun) -> list[dict[str, Any]]:
    network = run.case.network
    return [
        {
            "stage": stage,
            "slot": sop.slot,
            "bus": network.buses[bus],
            "feeder": network.zones[bus],
            "kva": kva,
            "line_km": sop.line_km,
        }
        for stage, sops in enumerate(run.plan.sops, start=1)
        for sop in sops
        for bus, kva in zip(sop.buses, sop.kva, strict=True)
    ]


def _site_rows(run: FdnRun) -> list[dict[str, Any]]:
    case, plan = run.case, run.plan
    kinds = (
        ("evcs", case.evcs_sites, plan.evcs_kva, plan.evcs_rated_kw),
        ("pv", case.pv_sites, plan.pv_kva, plan.pv_rated_kw),
    )
    rows = [
        {**_place(case, stage, kind, site.bus), "kva": kva[stage, k], "rated_kw": rated[stage, k]}
        for stage in range(len(case.stages))
        for kind, sites, kva, rated in kinds
        for k, site in enumerate(sites)
        if kva[stage, k] > 0
    ]
    for stage, storages in enumerate(plan.storages):
        for one in storages:
            place = _place(case, stage, "storage", one.bus)
            rows.append({**place, "kva": one.kva, "kwh": one.kwh})
    return rows


def _place(case: FdnCase, stage: int, kind: str, bus: int) -> dict[str, Any]:
    network = case.network
    return {
        "stage": stage + 1,
        "kind": kind,
        "bus": network.buses[bus],
        "feeder": network.zones[bus],
        "rated_kw": np.nan,
        "kwh": np.nan,
    }


def _larger_rows(run: FdnRun) -> list[dict[str, Any]]:
    network = run.case.network
    return [
        {
            "stage": stage,
            "feeder": feeder,
            "length_km": float(network.length_km[network.feeders[feeder]].sum()),
        }
        for stage, feeders in enumerate(run.plan.reinforced, start=1)
        for feeder in feeders
    ]


def _costs(costs: Costs) -> pd.DataFrame:
    rows = [
        {
            "stage": stage + 1,
            "component": component.value,
            "cause": component.cause,
            "overnight": costs.overnight[component][stage],
            "annualised": costs.annualised[component][stage],
            "present_value": costs.present_value[component][stage],
        }
        for stage in range(len(costs.overnight[Component.LOSS]))
        for component in Component
    ]
    return pd.DataFrame(rows)


def _iteration_row(run: FdnRun, iteration: Iteration) -> dict[str, Any]:
    solution, risks, network = iteration.solution, iteration.risks, run.case.network
    found = {limit: getattr(risks, limit) for limit in LIMITS}
    terminals = [
        "-".join(f"{network.zones[bus]}{network.buses[bus]}" for bus in sop.buses)
        for sop in solution.plan.sops[-1]
    ]
    return {
        "iteration": iteration.number,
        "samples": iteration.samples,
        "objective": solution.objective,
        "bound": solution.bound,
        "gap": solution.gap,
        "relaxation_deviation": solution.relaxation_deviation,
        "ac_deviation": solution.ac_deviation,
        **{limit: float(rates.max()) for limit, rates in found.items()},
        "broken": sum(int((rates > run.options.risk).sum()) for rates in found.values()),
        "terminals": " + ".join(terminals),
    }


def _risks(run: FdnRun, iteration: Iteration) -> pd.DataFrame:
    """One row for every limit of a round."""
    bounds = iteration.bounds
    given = {
        "under_voltage": bounds.v_min_pu,
        "over_voltage": bounds.v_max_pu,
        "overload": bounds.i_max_pu,
    }
    table = _by_limit(
        run.case,
        {
            limit: {"risk_found": getattr(iteration.risks, limit), "bound_pu": given[limit]}
            for limit in LIMITS
        },
    )
    table.insert(0, "iteration", iteration.number)
    return table


def _certificate(run: FdnRun) -> pd.DataFrame:
    """One row for every limit, judged on fresh samples."""
    return _by_limit(
        run.case, {limit: _with_interval(run.certificate.risks, limit) for limit in LIMITS}
    )


def _with_interval(risks: Risks, limit: str) -> dict[str, Any]:
    rate = getattr(risks, limit)
    low, high = wilson(rate, risks.scenarios)
    return {"risk_found": rate, "risk_low": low, "risk_high": high}


def _by_limit(case: FdnCase, values: dict[str, dict[str, Any]]) -> pd.DataFrame:
    network = case.network
    feeder = dict(zip(network.buses, network.zones, strict=True))
    axes = {"stage": range(1, len(case.stages) + 1), "element": network.buses}
    parts = [long_table(axes, found).assign(limit=limit) for limit, found in values.items()]
    table = pd.concat(parts, ignore_index=True)
    table["feeder"] = table["element"].map(feeder)
    keys = ["stage", "limit", "element", "feeder"]
    return table[[*keys, *(name for name in table if name not in keys)]]
