"""The key figures of a planning study: what scripts read, and what a person asks first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..risk.summary import plain
from .tables import KEYS


def build_summary(
    tables: Mapping[str, pd.DataFrame], answers: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Of one plan its figures; of several the list ``plans`` of the same, in the tables' order."""
    seconds = {_key(answer["keys"]): answer["seconds"] for answer in answers}
    plans = [_plan(row, tables, seconds[_key(row)]) for row in tables["plans"].to_dict("records")]
    if len(plans) == 1:
        return dict(plans[0])
    kept = all(plan["status"] == "ok" for plan in plans)
    return {"status": "ok" if kept else "not ok", "plans": plans}


def plans_of(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The plans of a summary, of one or of several."""
    return list(summary["plans"]) if "plans" in summary else [summary]


def _key(keys: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(keys[name] for name in KEYS)


def _plan(
    row: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], seconds: Mapping[str, Any]
) -> dict[str, Any]:
    own = {name: _own(table, row) for name, table in tables.items()}
    figures = plain({str(name): value for name, value in row.items()})
    costs = {name: figures.pop(f"cost_{name}") for name in ("total", "investment", "operation")}
    money = own["costs"]
    return {
        "status": figures.pop("status"),
        "reason": figures.pop("reason"),
        **figures,
        "cost": costs | _by_component(money, "present_value"),
        "cost_overnight": _by_component(money, "overnight"),
        "cost_annualised": _by_component(money, "annualised"),
        "cost_by_cause": plain(money.groupby("cause")["present_value"].sum().to_dict()),
        "sop": _sops(own["sops"], money),
        "evcs": _sites(own["sites"], money, "evcs"),
        "pv": _sites(own["sites"], money, "pv"),
        "storage": _sites(own["sites"], money, "storage"),
        "larger_lines": _stages(money, own["larger_lines"], lambda t: list(t["feeder"])),
        "seconds": dict(seconds),
    }


def _own(table: pd.DataFrame, row: Mapping[str, Any]) -> pd.DataFrame:
    same = [table[name] == row[name] for name in KEYS]
    return table[same[0] & same[1] & same[2]]


def _by_component(costs: pd.DataFrame, column: str) -> dict[str, list[float]]:
    """[component] of [stage]."""
    return {
        str(component): [float(value) for value in rows[column]]
        for component, rows in costs.groupby("component", sort=False)
    }


def _stages(costs: pd.DataFrame, table: pd.DataFrame, words: Any) -> list[Any]:
    """``words`` of each stage's rows; [] where a stage has none."""
    return [words(table[table["stage"] == stage]) for stage in sorted(costs["stage"].unique())]


def _sops(sops: pd.DataFrame, costs: pd.DataFrame) -> list[Any]:
    def of_stage(table: pd.DataFrame) -> list[dict[str, Any]]:
        return [
            {
                "terminals": list(rows["bus"]),
                "feeders": list(rows["feeder"]),
                "kva": [float(kva) for kva in rows["kva"]],
                "line_km": float(rows["line_km"].iloc[0]),
            }
            for _, rows in table.groupby("slot", sort=True)
        ]

    return _stages(costs, sops, of_stage)


def _sites(sites: pd.DataFrame, costs: pd.DataFrame, kind: str) -> list[Any]:
    """[stage] of kVA by bus."""
    chosen = sites[sites["kind"] == kind]
    return _stages(
        costs, chosen, lambda t: {str(b): float(k) for b, k in zip(t["bus"], t["kva"], strict=True)}
    )
