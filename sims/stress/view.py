"""The summary of a stress study in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text


def stress_view(summary: Mapping[str, Any]) -> Group:
    """Counts, then outcomes and policies side by side, then where agreement ends."""
    held = summary["status"] == "ok"
    head = (
        f"{summary['case']}: {summary['episodes']} episodes, {summary['agreed']} agreed, "
        f"{summary['named_failures']} named failures, {summary['unnamed_failures']} unnamed, "
        f"{summary['silent_violations']} silent violations"
    )
    return Group(
        Text(head, style="bold green" if held else "bold red"),
        _table("Outcomes", summary["outcomes"], ("policy", "outcome", "episodes", "share")),
        _table(
            "Policies, means over adjusted days on which all agreed",
            summary["policies"],
            (
                *("policy", "agreed_share", "adjusted_days", "rounds", "envelope_share"),
                *("adjusted_kwh", "curtailed_kwh", "adjustment_cost", "fairness"),
                *("unserved_kwh", "ac_violation_rate"),
            ),
        ),
        _table(
            "Where agreement ends",
            summary["boundaries"],
            (
                *("perturbation", "policy", "adjusted_from", "agreed_up_to", "fails_from"),
                *("outcome", "binding"),
            ),
        ),
    )


def _table(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(*(_word(row[name]) for name in columns))
    return table


def _word(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
