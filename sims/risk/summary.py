"""The key figures of a risk study: what scripts read, and what a person asks first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from .design import EMERGENCY_MULTIPLE, Design, Method
from .schemes import WORST

_SCHEME_KEYS = (
    "total_cost",
    "upstream_active",
    "upstream_reactive",
    "der",
    "reserve",
    "day_ahead_cost",
    "vm_min_pu",
    "vm_max_pu",
    "vur_max_pct",
)
_EXTREMES = {"vm_min_pu": "min", "vm_max_pu": "max", "vur_max_pct": "max"}


def build_summary(tables: Mapping[str, pd.DataFrame], design: Design) -> dict[str, Any]:
    """Nested key figures; ``rows`` is the whole table ``cells``."""
    return {
        "status": "ok",
        "rows": plain(tables["cells"].to_dict("records")),
        "schemes": plain(_schemes(tables["schemes"])),
        "scheme_savings_pct": plain(_savings(tables["schemes"])),
        "day_ahead": plain(tables["day_ahead"].set_index("method").to_dict("index")),
        "reference": {
            "samples": design.reference_size,
            "confidence": design.reference_confidence,
            "methods": plain(_methods(tables, design)),
        },
        "breaks_at_confidence": plain(_breaks(tables["out_of_sample"], design)),
        "emergency_multiple": EMERGENCY_MULTIPLE,
    }


def plain(value: Any) -> Any:
    """The same with None for what is not a finite number: JSON knows no NaN."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _schemes(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """The worst realisation by scheme: mean costs over seeds, extreme voltages."""
    worst = table[table["realisation"] == WORST]
    how = {key: _EXTREMES.get(key, "mean") for key in _SCHEME_KEYS}
    return {str(k): v for k, v in worst.groupby("scheme").agg(how).to_dict("index").items()}


def _savings(table: pd.DataFrame) -> dict[str, float]:
    """By how much scheme III is cheaper after the worst realisation."""
    cost = {name: figures["total_cost"] for name, figures in _schemes(table).items()}
    return {f"III_below_{name}": 100 * (1 - cost["III"] / cost[name]) for name in ("I", "II")}


def _methods(tables: Mapping[str, pd.DataFrame], design: Design) -> dict[str, Any]:
    """At the reference cell, by level, method and distribution; means over seeds."""
    keys = ["level", "method", "distribution"]
    cells, outside, values = (
        _at_reference(tables[name], design) for name in ("cells", "out_of_sample", "values")
    )
    rates = outside.groupby(keys)[
        ["out_of_sample_violation", "worst_violation", "kept", "realised_mean", "realised_q95"]
    ].mean()
    rates = rates.join(values.groupby(keys)["value_of_stochastic_solution"].mean())
    planned = cells.groupby(keys[:2])[["cost"]].mean()
    price = values.groupby(keys[:2])["price_of_robustness_pct"].mean()
    found: dict[str, Any] = {}
    for level in ("station", "dso"):
        found[level] = {}
        for method in (m.value for m in Method if (level, m.value) in planned.index):
            found[level][method] = {
                "cost": float(planned.loc[(level, method), "cost"]),
                "price_of_robustness_pct": float(price.get((level, method), math.nan)),
                **_by_distribution(rates, level, method),
            }
    return found


def _by_distribution(rates: pd.DataFrame, level: str, method: str) -> dict[str, Any]:
    if (level, method) not in rates.index:
        return {}
    rows: dict[str, Any] = rates.loc[(level, method)].to_dict("index")
    return rows


def _breaks(outside: pd.DataFrame, design: Design) -> dict[str, Any]:
    """[level][method][distribution]: the lowest confidence at which promises break; NaN: at none.

    At the reference sample size; broken if so in at least half of the seeds.
    """
    table = outside[outside["samples"] == design.reference_size]
    keys = ["level", "method", "distribution"]
    kept = table.astype({"kept": float}).groupby([*keys, "confidence"])["kept"].mean().reset_index()
    kept["broken"] = kept["confidence"].where(kept["kept"] <= 0.5)
    found: dict[str, Any] = {}
    for (level, method, distribution), lowest in kept.groupby(keys)["broken"].min().items():
        found.setdefault(level, {}).setdefault(method, {})[distribution] = float(lowest)
    return found


def _at_reference(table: pd.DataFrame, design: Design) -> pd.DataFrame:
    same = (table["samples"] == design.reference_size) & (
        table["confidence"] == design.reference_confidence
    )
    return table[same].astype({"kept": float}) if "kept" in table else table[same]
