"""The key figures of a study of DER plans: what scripts read, and what a person asks first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ...planning.der.choices import DerModel
from ..risk.summary import plain
from .rows import BENCHMARK
from .tables import KEYS


def build_summary(
    tables: Mapping[str, pd.DataFrame], answers: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Of one plan its figures; of several the list ``plans`` of the same, in the tables' order."""
    seconds = {_key(one["keys"]): one["seconds"] for one in answers if one["what"] == "plan"}
    plans = [_plan(row, tables, seconds[_key(row)]) for row in tables["plans"].to_dict("records")]
    benchmark = plain(_benchmark(tables))
    if len(plans) == 1:
        return {**plans[0], "perfect_information": benchmark}
    proven = all(plan["status"] == "ok" for plan in plans)
    return {
        "status": "ok" if proven else "not ok",
        "plans": plans,
        "perfect_information": benchmark,
        "evpi": _evpi(tables),
    }


def plans_of(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The plans of a summary, of one or of several."""
    return list(summary["plans"]) if "plans" in summary else [summary]


def _key(keys: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(keys[name] for name in KEYS)


def _plan(
    row: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], seconds: Mapping[str, Any]
) -> dict[str, Any]:
    figures = plain({str(name): value for name, value in row.items()})
    own = {name: _own(tables[name], row) for name in ("out_of_sample", "sites")}
    sites = own["sites"]
    return {
        "status": figures.pop("status"),
        "reason": figures.pop("reason"),
        **{name: figures.pop(name) for name in KEYS},
        "budget": row["load_budget"],
        "pv_mw": _mega(figures.pop("pv_kw")),
        "bess_mwh": _mega(figures.pop("battery_kwh")),
        **figures,
        "pv_kw_by_bus": _by_bus(sites, "pv_kw"),
        "battery_kwh_by_bus": _by_bus(sites, "battery_kwh"),
        "out_of_sample": _record(own["out_of_sample"]),
        "seconds": dict(seconds),
    }


def _own(table: pd.DataFrame, row: Mapping[str, Any]) -> pd.DataFrame:
    for name in KEYS:
        table = table[table[name] == row[name]]
    return table


def _record(table: pd.DataFrame) -> dict[str, Any]:
    """The only row, without its keys; nothing where there is none."""
    records = table.drop(columns=KEYS, errors="ignore").to_dict("records")
    return plain(dict(records[0])) if records else {}


def _by_bus(sites: pd.DataFrame, column: str) -> dict[str, float]:
    built = sites[sites[column] > 0]
    return {str(b): float(k) for b, k in zip(built["bus"], built[column], strict=True)}


def _mega(value: float | None) -> float | None:
    return None if value is None else value / 1e3


def _benchmark(tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    fresh = tables["out_of_sample"]
    figures = _record(tables["benchmark"])
    if not figures:
        return {}
    return {
        "pv_mw": figures.pop("pv_kw") / 1e3,
        "bess_mwh": figures.pop("battery_kwh") / 1e3,
        **figures,
        "out_of_sample": _record(fresh[fresh["model"] == BENCHMARK]),
    }


def _evpi(tables: Mapping[str, pd.DataFrame]) -> float | None:
    """What it is worth to know the day; where the stochastic plan is among those made."""
    plans = tables["plans"]
    found = plans.loc[plans["model"] == DerModel.STOCHASTIC, "objective"].dropna()
    if found.empty or tables["benchmark"].empty:
        return None
    return float(found.iloc[0] - tables["benchmark"]["wait_and_see"].iloc[0])
