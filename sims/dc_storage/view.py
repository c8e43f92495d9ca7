"""The summary of a study of ports and storage in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .summary import plans_of

_MILLION = 1e6


def dc_storage_view(summary: Mapping[str, Any]) -> RenderableType:
    """One plan in full; of several the case's own, and all in a line each."""
    plans = plans_of(summary)
    own = _one(summary, plans[0]) if plans[0]["status"] != "no plan" else ()
    if len(plans) == 1 and own:
        return Group(*own)
    return Group(*own, _several(summary, plans), *_reasons(plans))


def _one(summary: Mapping[str, Any], plan: Mapping[str, Any]) -> tuple[Text, ...]:
    unit, money, rate = summary.get("currency", ""), plan["money"], plan["worst_violation"]
    binding = "binds" if plan["return_binding"] else "does not bind"
    return (
        _headline(summary, plan),
        Text(_built(plan)),
        Text(
            f"profit {plan['profit'] / _MILLION:.3f} M{unit} a year: income "
            f"{money['income'] / _MILLION:.3f}, annuity {money['annuity'] / _MILLION:.3f}, upkeep "
            f"{money['upkeep'] / _MILLION:.3f}; investment {money['investment'] / _MILLION:.2f}"
        ),
        Text(
            f"return {_share(plan['return_rate'])} a year, at least "
            f"{_share(plan['return_min'])}, which {binding}"
        ),
        Text(
            f"curtailed {_share(_curtailed(plan, 'curtailed_kwh'))} of renewables, "
            f"{_share(_curtailed(plan, 'curtailed_before_kwh'))} before; limits violated at most "
            f"{_share(rate['rate'])} ({_share(rate['low'])} to {_share(rate['high'])}) of fresh "
            "errors"
        ),
    )


def _headline(summary: Mapping[str, Any], plan: Mapping[str, Any]) -> Text:
    good, count = plan["status"] == "ok", plan["iterations"]
    j = f", J {{{', '.join(map(str, plan['j']))}}}" if plan["j"] else ""
    words = (
        f"{plan['status']}: {summary.get('case', '')}, gap {plan['gap']:.3%}, {count} "
        f"iteration{'s' * (count != 1)}{j}, {plan['seconds'].get('solve', 0):.1f} s"
    )
    reason = f"\n{plan['reason']}" if plan["reason"] else ""
    return Text(words + reason, style="bold green" if good else "bold red")


def _built(plan: Mapping[str, Any]) -> str:
    if not plan["ports"]:
        return "nothing is built"
    kva = plan["module_kva"]
    ports = ", ".join(f"{bus}: {n * kva / 1e3:.2f}" for bus, n in plan["modules"].items())
    battery = f"{plan['battery_kw'] / 1e3:.2f} MW, {plan['battery_kwh'] / 1e3:.2f} MWh"
    return f"ports [MVA] {ports}; battery {battery}"


def _curtailed(plan: Mapping[str, Any], name: str) -> float | None:
    available = plan["available_kwh"]
    return plan[name] / available if available else None


def _several(summary: Mapping[str, Any], plans: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(
        title=f"{summary.get('case', '')}: plans; money in M{summary.get('currency', '')}",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    for heading in ("plan", "status"):
        table.add_column(heading, no_wrap=True)
    for heading in (
        *("profit\na year", "return", "binds", "ports\nMVA", "bat.\nMWh"),
        *("cur-\ntailed", "gap", "in\nJ", "s"),
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for plan in plans:
        table.add_row(*_line(plan))
    return table


def _line(plan: Mapping[str, Any]) -> tuple[str, ...]:
    if plan["status"] == "no plan":
        return (str(plan["plan"]), "no plan", *("-",) * 9)
    return (
        str(plan["plan"]),
        plan["status"],
        f"{plan['profit'] / _MILLION:.3f}",
        _share(plan["return_rate"]),
        "yes" if plan["return_binding"] else "no",
        f"{plan['port_kva'] / 1e3:.2f}",
        f"{plan['battery_kwh'] / 1e3:.1f}",
        _share(_curtailed(plan, "curtailed_kwh")),
        f"{plan['gap']:.2%}",
        f"{len(plan['j'])}",
        f"{plan['seconds'].get('solve', 0):.0f}",
    )


def _reasons(plans: Sequence[Mapping[str, Any]]) -> list[Text]:
    return [Text(f"{plan['plan']}: {plan['reason']}") for plan in plans if plan["reason"]]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
