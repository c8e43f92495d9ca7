"""The summary of a dispatched day in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text


def dispatch_view(summary: Mapping[str, Any]) -> RenderableType:
    """What came out, what it costs, what is met, and how far it can be trusted."""
    return Group(*_lines(summary))


def _lines(summary: Mapping[str, Any]) -> Iterator[Text]:
    yield _headline(summary)
    if summary["status"] == "failed":
        return
    yield _costs(summary)
    for one in summary["requirements"]:
        yield _requirement(one)
    loads = summary["deferrable_loads"]
    yield Text(
        f"deferrable loads: {loads['met']} of {loads['count']} meet their deadlines, "
        f"{loads['energy_kwh']:,.0f} kWh"
    )
    yield Text(
        f"exact power flow: {summary['v_min_pu']:.4f} to {summary['v_max_pu']:.4f} pu, highest "
        f"loading {summary['loading']:.1%}; linear voltages differ by at most "
        f"{summary['ac_deviation']:.1e} pu ({summary['first_ac_deviation']:.1e} before any pass)"
    )
    yield _polygon(summary["polygon"])


def _headline(summary: Mapping[str, Any]) -> Text:
    style = {"ok": "bold green", "short": "bold yellow"}.get(summary["status"], "bold red")
    if summary["status"] == "failed":
        return Text(f"failed: {summary.get('case', '')}\n{summary['reason']}", style=style)
    passes = summary["passes"]
    words = (
        f"{summary['status']}: {summary.get('case', '')}, {summary['steps']} steps, gap "
        f"{summary['gap']:.1e}, {passes} pass{'es' * (passes != 1)}, "
        f"{summary['seconds'].get('solve', 0):.2f} s"
    )
    return Text(words + (f"\n{summary['reason']}" if summary["reason"] else ""), style=style)


def _costs(summary: Mapping[str, Any]) -> Text:
    parts = [
        f"{item} {value:,.2f}"
        for item, value in summary["costs"].items()
        if item != "total" and round(value, 2)
    ]
    return Text(
        f"{summary['objective']:,.2f} {summary.get('currency', '')}: {', '.join(parts)}; "
        f"without requirements {summary['plan_objective']:,.2f}"
    )


def _requirement(one: Mapping[str, Any]) -> Text:
    share = one["delivered_kwh"] / one["asked_kwh"] if one["asked_kwh"] else 1.0
    said = "met" if one["feasible"] else f"short of {one['shortfall_kwh']:,.0f} kWh"
    return Text(
        f"requirement {one['name']}: {said}, {one['delivered_kwh']:,.0f} of "
        f"{one['asked_kwh']:,.0f} kWh ({share:.0%})"
    )


def _polygon(polygon: Mapping[str, Any]) -> Text:
    words = (
        f"polygon of {polygon['sides']} sides: losses of converters "
        f"{polygon['losses_error']:+.2%} against circles"
    )
    if polygon["objective_error"] is not None:
        words += f", cost {polygon['objective_error']:+.4%}"
    return Text(words)
