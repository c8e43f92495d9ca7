"""The summary of a risk study in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
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
    currency = summary["currency"]
    return Group(
        Text(headline, style="bold green"),
        _methods(
            at["methods"]["station"],
            f"All stations together [{currency}]; violations: mean over stations and hours [%]",
            "out_of_sample_violation",
        ),
        _methods(
            at["methods"]["dso"],
            f"Distribution operator [{currency}]; violations: the worst single limit [%]",
            "worst_violation",
        ),
        _schemes(summary),
        Text("! a promise broken in some seed; costs realised and gains: normal distribution"),
    )


def _methods(methods: Mapping[str, Any], title: str, rate: str) -> Table:
    """``gain``: realised mean of deterministic less that of the method."""
    table = _table(
        title,
        "method",
        ("planned", "+sp %", "realised", "gain", "normal", "heavy", "shifted"),
    )
    for method, found in methods.items():
        normal = found.get("normal", {})
        table.add_row(
            method,
            _money(found["cost"]),
            _number(found["price_of_robustness_pct"], "+.1f"),
            _money(normal.get("realised_mean")),
            _money(normal.get("value_of_stochastic_solution")),
            *(_rate(found.get(word), rate) for word in ("normal", "heavy", "shifted")),
        )
    return table


def _schemes(summary: Mapping[str, Any]) -> Table:
    title = f"After the worst realisation [{summary['currency']}]"
    headings = ("total", "upstream", "reactive", "DER", "reserve", "V min", "V max", "VUR %")
    table = _table(title, "scheme", headings)
    for name, found in summary["schemes"].items():
        costs = ("total_cost", "upstream_active", "upstream_reactive", "der", "reserve")
        table.add_row(
            name,
            *(_money(found[key]) for key in costs),
            *(f"{found[key]:.4f}" for key in ("vm_min_pu", "vm_max_pu")),
            f"{found['vur_max_pct']:.2f}",
        )
    return table


def _table(title: str, first: str, headings: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1))
    table.pad_edge, table.collapse_padding = False, True
    table.add_column(first, no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _money(value: float | None) -> str:
    return _number(value, ",.0f")


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"


def _rate(found: Mapping[str, Any] | None, rate: str) -> str:
    if not found:
        return "-"
    mark = "" if found["kept"] == 1 else "!"
    return f"{100 * found[rate]:.1f}{mark}"
