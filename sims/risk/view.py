"""The summary of a risk study in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text


def risk_view(summary: Mapping[str, Any]) -> Group:
    """The reference cell by level, then the three schemes after the worst realisation."""
    at = summary["reference"]
    headline = (
        f"{summary['case']}: {len(summary['rows'])} cells; below at {at['samples']} samples and "
        f"confidence {at['confidence']}, means over seeds"
    )
    return Group(
        Text(headline, style="bold green"),
        _methods(at["methods"]["station"], "All stations together", summary["currency"]),
        _methods(at["methods"]["dso"], "Distribution operator", summary["currency"]),
        _schemes(summary),
    )


def _methods(methods: Mapping[str, Any], title: str, currency: str) -> Table:
    table = Table(title=f"{title} [{currency}]", title_justify="left")
    table.add_column("method")
    for heading in (
        "planned cost",
        "above sp",
        "realised mean",
        "value over deterministic",
        "violated: normal",
        "heavy",
        "shifted",
    ):
        table.add_column(heading, justify="right")
    for method, found in methods.items():
        normal = found.get("normal", {})
        table.add_row(
            method,
            _money(found["cost"]),
            _percent(found["price_of_robustness_pct"], "+.1f"),
            _money(normal.get("realised_mean")),
            _money(normal.get("value_of_stochastic_solution")),
            *(_rate(found.get(word)) for word in ("normal", "heavy", "shifted")),
        )
    return table


def _schemes(summary: Mapping[str, Any]) -> Table:
    table = Table(title="After the worst realisation", title_justify="left")
    table.add_column("scheme")
    for heading in ("total", "upstream", "reactive", "DER", "reserve", "V min", "V max", "VUR"):
        table.add_column(heading, justify="right")
    for name, found in summary["schemes"].items():
        costs = ("total_cost", "upstream_active", "upstream_reactive", "der", "reserve")
        table.add_row(
            name,
            *(_money(found[key]) for key in costs),
            *(f"{found[key]:.4f}" for key in ("vm_min_pu", "vm_max_pu")),
            f"{found['vur_max_pct']:.2f} %",
        )
    return table


def _money(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"


def _percent(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}} %"


def _rate(found: Mapping[str, Any] | None) -> str:
    """Mean rate; and in brackets that of the worst limit, with a mark where promises broke."""
    if not found:
        return "-"
    mark = "" if found["kept"] == 1 else " !"
    worst = 100 * found["worst_violation"]
    return f"{100 * found['out_of_sample_violation']:.2f} % (worst {worst:.1f}){mark}"
