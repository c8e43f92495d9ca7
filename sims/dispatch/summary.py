"""The key figures of a dispatched day: what scripts read, and what a person asks first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..risk.summary import plain


def build_summary(tables: Mapping[str, pd.DataFrame], answer: Mapping[str, Any]) -> dict[str, Any]:
    """``return_rate`` is None: a dispatch invests nothing."""
    figures = _records(tables["result"])[0]
    polygon = _records(tables["polygon"])
    return {
        "status": figures.pop("status"),
        "reason": figures.pop("reason"),
        "objective": figures.pop("objective"),
        "gap": figures.pop("gap"),
        "return_rate": None,
        "ac_deviation": figures.pop("ac_deviation_pu"),
        "first_ac_deviation": figures.pop("first_deviation_pu"),
        **figures,
        "steps": len(tables["steps"]),
        "costs": _by_item(tables["costs"], "dispatch"),
        "plan_costs": _by_item(tables["costs"], "plan"),
        "requirements": _requirements(tables["requirements"]),
        "deferrable_loads": _loads(tables["loads"]),
        "polygon": polygon[0] if polygon else None,
        "seconds": dict(answer["seconds"]),
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [plain({str(k): v for k, v in row.items()}) for row in table.to_dict("records")]


def _by_item(costs: pd.DataFrame, column: str) -> dict[str, float]:
    return {str(k): float(v) for k, v in zip(costs["item"], costs[column], strict=True)}


def _requirements(table: pd.DataFrame) -> list[dict[str, Any]]:
    names = ["feasible", "asked_kwh", "delivered_kwh", "shortfall_kwh"]
    return [
        {"name": row["requirement"], **{name: row[name] for name in names}}
        for row in _records(table)
    ]


def _loads(table: pd.DataFrame) -> dict[str, Any]:
    """How many there are, how many meet their deadline, and the energy of all."""
    return {
        "count": len(table),
        "met": int(table["met"].sum()),
        "energy_kwh": float(table["consumed_kwh"].sum()),
    }
