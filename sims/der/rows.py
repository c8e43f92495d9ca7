"""Plans and their evaluation as plain columns, to be written down as the answer of a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from ...core.units import FloatArray
from ...planning.der.autonomy_curve import CurvePoint
from ...planning.der.case import DerCase
from ...planning.der.choices import DerModel
from ...planning.der.evaluation import Operated, other_days, out_of_sample, scenarios_in_a_row
from ...planning.der.information import benchmark
from ...planning.der.models import wait_and_see
from ...planning.der.solution import Certificate, DerPlan, DerSolution, Step

#: In the column "model": no model at all.
BENCHMARK: Final = "pi"
BENCHMARK_KEYS: Final = {
    "model": BENCHMARK,
    "load_budget": 0,
    "pv_budget": 0,
    "method": "fast",
}
#: Solvers stop when their own tolerance says that the gap is reached.
_SLACK: Final = 1e-9


def plan_frames(case: DerCase, solution: DerSolution, gap: float) -> dict[str, pd.DataFrame]:
    """The tables of one plan, without the keys that tell plans apart."""
    return {
        "plans": pd.DataFrame([_plan_row(solution, gap)]),
        "steps": pd.DataFrame(
            [_step_row(number, step) for number, step in enumerate(solution.steps, start=1)]
        ),
        "sites": _sites(case, solution.plan),
        "worst": _worst(case, solution),
        **_evaluation(case, solution.plan),
    }


def benchmark_frames(case: DerCase) -> dict[str, pd.DataFrame]:
    """The plan with perfect information, evaluated as all others."""
    best = benchmark(case)
    row = {
        "objective": best.objective,
        "investment": best.plan.investment(case),
        "operation": best.objective - best.plan.investment(case),
        "pv_kw": float(best.plan.pv_kw.sum()),
        "battery_kwh": float(best.plan.battery_kwh.sum()),
        "certificate": best.certificate.value,
        "wait_and_see": wait_and_see(case),
        "days": len(case.scenarios.weight),
    }
    return {"benchmark": pd.DataFrame([row]), **_evaluation(case, best.plan)}


def curve_frames(points: Sequence[CurvePoint]) -> pd.DataFrame:
    """A row for every point."""
    return pd.DataFrame(
        [
            {
                "aim": point.aim.value,
                "asked": point.asked,
                "autonomy": point.autonomy,
                "investment": point.investment,
                "operation": point.operation,
                "total": point.total,
                "pv_kw": point.pv_kw,
                "battery_kwh": point.battery_kwh,
            }
            for point in points
        ]
    )


def _plan_row(solution: DerSolution, gap: float) -> dict[str, Any]:
    plan = solution.plan
    reason = _reason(solution, gap)
    return {
        "status": "gap open" if reason else "ok",
        "reason": reason,
        "objective": solution.objective,
        "lower_bound": solution.lower_bound,
        "gap": solution.gap,
        "iterations": max(len(solution.steps), 1),
        "certificate": solution.certificate.value,
        "investment": solution.investment,
        "operation": solution.operation,
        "pv_kw": float(plan.pv_kw.sum()),
        "battery_kwh": float(plan.battery_kwh.sum()),
        "pv_sites": int(plan.pv_built.sum()),
        "battery_sites": int(plan.battery_built.sum()),
    }


def _reason(solution: DerSolution, gap: float) -> str:
    """Why the answer proves less than was asked for; empty if it does not."""
    if solution.certificate is Certificate.COPPERPLATE:
        return "proven without the feeder's limits only"
    if solution.gap > gap + _SLACK:
        return f"a gap of {solution.gap:.2g} is proven, {gap:.2g} was asked for"
    return ""


def _step_row(number: int, step: Step) -> dict[str, Any]:
    """Steps count on where a method begins anew with the limits of the feeder."""
    return {
        "iteration": number,
        "lower_bound": step.lower_bound,
        "upper_bound": step.upper_bound,
        "separation": step.separation.value,
    }


def _sites(case: DerCase, plan: DerPlan) -> pd.DataFrame:
    table = pd.DataFrame(
        {"bus": case.network.buses, "pv_kw": plan.pv_kw, "battery_kwh": plan.battery_kwh}
    )
    return table[plan.pv_built | plan.battery_built]


def _worst(case: DerCase, solution: DerSolution) -> pd.DataFrame:
    """The worst case by hour; no rows where a model has none."""
    if solution.worst is None:
        return pd.DataFrame()
    mean = case.deviations
    count = mean.load_mean_kw.size
    load_kw = solution.worst[:count].reshape(mean.load_mean_kw.shape)
    given = solution.model is DerModel.ADAPTIVE_STOCHASTIC
    scenarios = case.scenarios.weight @ case.scenarios.pv
    return pd.DataFrame(
        {
            "hour": np.arange(case.hours),
            "load_kw": load_kw.sum(axis=0),
            "load_mean_kw": mean.load_mean_kw.sum(axis=0),
            "buses": (np.abs(load_kw - mean.load_mean_kw) > 1e-9).sum(axis=0),
            "pv": scenarios if given else solution.worst[count:],
            "pv_mean": mean.pv_mean,
        }
    )


def _evaluation(case: DerCase, plan: DerPlan) -> dict[str, pd.DataFrame]:
    """Fresh days, and the scenarios in a row."""
    fresh, row = out_of_sample(case, plan), scenarios_in_a_row(case, plan)
    investment, days = plan.investment(case), len(case.scenarios.weight)
    cost = investment + fresh.cost
    return {
        "out_of_sample": pd.DataFrame(
            [
                {
                    **_fresh(fresh, cost),
                    "row_cost": investment + float(row.cost[0]) / days,
                    "row_autonomy": row.autonomy,
                }
            ]
        ),
        "days": pd.DataFrame(
            {
                "day": other_days(case),
                "cost": cost,
                "imported_kwh": fresh.imported_kwh,
                "unserved_kwh": fresh.unserved_kwh,
                "load_kwh": fresh.load_kwh,
            }
        ),
    }


def _fresh(found: Operated, cost: FloatArray) -> dict[str, Any]:
    served = cost[~np.isnan(cost)]
    mean, q95, highest = (
        (float(served.mean()), float(np.quantile(served, 0.95)), float(served.max()))
        if len(served)
        else (float("nan"),) * 3
    )
    return {
        "days": len(cost),
        "infeasible_days": found.infeasible,
        "nodal_days": int(found.nodal.sum()),
        "cost_mean": mean,
        "cost_q95": q95,
        "cost_max": highest,
        "unserved_kwh": float(np.nanmean(found.unserved_kwh)) if len(served) else float("nan"),
        "autonomy": found.autonomy if len(served) else float("nan"),
    }
