"""The key figures of a study of ports and storage: what scripts read, and a person asks first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from ..risk.summary import plain

_MONEY: Final = (
    *("income", "electricity_before", "electricity", "carbon_before", "carbon"),
    *("investment", "annuity", "upkeep", "penalties"),
)


def build_summary(
    tables: Mapping[str, pd.DataFrame], answers: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Figures of the case's own plan; with sweeps the list ``plans`` of the same, its own first."""
    seconds = {one["keys"]["plan"]: one["seconds"] for one in answers}
    plans = [_plan(row, tables, seconds[row["plan"]]) for row in tables["plans"].to_dict("records")]
    if len(plans) == 1:
        return plans[0]
    bad = [plan["plan"] for plan in plans if plan["status"] != "ok"]
    own = {name: value for name, value in plans[0].items() if name not in ("status", "reason")}
    return {
        "status": "not ok" if bad else "ok",
        "reason": f"not ok: {', '.join(bad)}" if bad else "",
        **own,
        "plans": plans,
    }


def plans_of(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The plans of a summary, of one or of several."""
    return list(summary["plans"]) if "plans" in summary else [summary]


def _plan(
    row: Mapping[Any, Any], tables: Mapping[str, pd.DataFrame], seconds: Mapping[str, Any]
) -> dict[str, Any]:
    figures = plain({str(name): value for name, value in row.items()})
    j = _own(tables["iterations"], row)
    rate = {end: figures.pop(f"worst_{end}") for end in ("rate", "low", "high")}
    money = {name: figures.pop(name) for name in _MONEY}
    first = ("status", "reason", "plan", "sweep", "objective", "bound", "gap", "profit")
    return {
        **{name: figures.pop(name) for name in first},
        "return_rate": figures.pop("return_rate"),
        "return_binding": bool(figures.pop("return_binding")),
        "modules": _by(_own(tables["ports"], row), "bus"),
        "battery_modules": _by(_own(tables["batteries"], row), "link"),
        "j": j.loc[j["in_j"].astype(bool), "iteration"].tolist(),
        "iterations": figures.pop("iterations"),
        "money": money,
        "worst_violation": rate,
        **figures,
        "seconds": dict(seconds),
    }


def _own(table: pd.DataFrame, row: Mapping[Any, Any]) -> pd.DataFrame:
    return table[table["plan"] == row["plan"]]


def _by(table: pd.DataFrame, key: str) -> dict[str, int]:
    """Modules where there are any."""
    built = table[table["modules"] > 0]
    return {str(k): int(n) for k, n in zip(built[key], built["modules"], strict=True)}
