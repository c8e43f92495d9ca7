"""The operator's level: what a method costs a day ahead, and what it keeps out of sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ...core.errors import InfeasibleError
from ...core.units import FloatArray
from ...grid.dispatch import Dispatch
from .aftermath import Aftermath, after_the_fact
from .approved import ApprovedDay
from .design import Distribution, Method, risk_at
from .dso_plans import fresh_errors, learned_errors, plans_by_method
from .rates import realised_row, violations


@dataclass(frozen=True, slots=True, kw_only=True)
class DsoCell:
    """Where in the study a row of the operator stands."""

    seed: int
    samples: int
    confidence: float


def dso_cells(day: ApprovedDay, cell: DsoCell, largest: int, fresh: int) -> list[dict[str, Any]]:
    """All methods of the operator at one sample size and confidence, as rows."""
    learn_kw = learned_errors(day.case, cell.seed, largest)[: cell.samples]
    fresh_kw = fresh_errors(day.case, cell.seed, fresh)
    plans = plans_by_method(day, learn_kw, risk_at(cell.confidence))
    return [_row(day, cell, method, plan, fresh_kw) for method, plan in plans.items()]


def _row(
    day: ApprovedDay,
    cell: DsoCell,
    method: Method,
    plan: Dispatch | InfeasibleError,
    fresh_kw: dict[Distribution, FloatArray],
) -> dict[str, Any]:
    key = {"method": method.value, "samples": cell.samples, "confidence": cell.confidence}
    row = {"level": "dso", **key, "seed": cell.seed, "radius_scale": math.nan}
    if isinstance(plan, InfeasibleError):
        return row | {"cost": math.nan, "reason": str(plan), "outcomes": {}}
    outcomes = {
        distribution.value: _outcome(after_the_fact(day, plan, errors_kw), risk_at(cell.confidence))
        for distribution, errors_kw in fresh_kw.items()
    }
    return row | {
        "cost": plan.cost.total,
        "reason": "",
        "margin_kwh": _reserve_kwh(plan),
        "parts": _parts(plan),
        "outcomes": outcomes,
    }


def _parts(dispatch: Dispatch) -> dict[str, float]:
    """Planned cost in the four parts of Table B.III."""
    cost = dispatch.cost
    return {
        "upstream_active": cost.upstream_energy,
        "upstream_reactive": cost.upstream_reactive,
        "der": cost.generation + cost.degradation,
        "reserve": cost.reserve,
    }


def _outcome(after: Aftermath, risk: float) -> dict[str, Any]:
    def name(hour: int, limit: int) -> str:
        return f"{after.limit_names[limit]} {hour:02d}:00"

    realised = realised_row(after.total_cost, after.real_time_kwh)
    return violations(after.beyond, name).row(risk) | realised


def _reserve_kwh(dispatch: Dispatch) -> float:
    return float(
        dispatch.generator_reserve_up_kw.sum()
        + dispatch.generator_reserve_down_kw.sum()
        + dispatch.battery_reserve_up_kw.sum()
        + dispatch.battery_reserve_down_kw.sum()
    )
