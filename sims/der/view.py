"""The summary of a study of DER plans in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .summary import plans_of


def der_view(summary: Mapping[str, Any]) -> RenderableType:
    """One plan in full, or several in a line each."""
    plans = plans_of(summary)
    if len(plans) == 1 and plans[0]["status"] != "no plan":
        return _one(summary)
    return _several(summary, plans)


def _one(plan: Mapping[str, Any]) -> Group:
    unit = plan.get("currency", "")
    fresh = plan["out_of_sample"]
    return Group(
        _headline(plan),
        Text(
            f"PV {plan['pv_mw']:.3f} MW at {plan['pv_sites']} sites, batteries "
            f"{plan['bess_mwh']:.3f} MWh at {plan['battery_sites']} sites"
        ),
        Text(
            f"{plan['objective']:,.2f} {unit} a day: investment {plan['investment']:,.2f}, "
            f"operation {plan['operation']:,.2f}"
        ),
        Text(
            f"out of sample, {fresh['days']} days: mean {_money(fresh['cost_mean'])}, 95 % "
            f"{_money(fresh['cost_q95'])}, autonomy {_share(fresh['autonomy'])}, "
            f"{fresh['infeasible_days']} days cannot be served"
        ),
    )


def _headline(plan: Mapping[str, Any]) -> Text:
    good = plan["status"] == "ok"
    count = plan["iterations"]
    words = (
        f"{plan['status']}: {plan_name(plan)} of {plan.get('case', '')}, gap {plan['gap']:.3%} "
        f"({plan['certificate']}), {count} iteration{'s' * (count != 1)}, "
        f"{plan['seconds'].get('solve', 0):.2f} s"
    )
    reason = f"\n{plan['reason']}" if plan["reason"] else ""
    return Text(words + reason, style="bold green" if good else "bold red")


def plan_name(keys: Mapping[str, Any]) -> str:
    """'ARO 10', with what else tells it apart."""
    name = str(keys["model"]).upper()
    if keys["model"] in ("aro", "arso"):
        name += f" {keys['load_budget']}"
        if keys["model"] == "aro" and keys["pv_budget"] != keys["load_budget"]:
            name += f"/{keys['pv_budget']}"
    return name + (" Benders" if keys["method"] == "benders" else "")


def _several(summary: Mapping[str, Any], plans: Sequence[Mapping[str, Any]]) -> Group:
    unit = summary.get("currency", "")
    table = Table(
        title=f"{summary.get('case', '')}: {unit} for a representative day",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    for heading in ("plan", "status"):
        table.add_column(heading, no_wrap=True)
    for heading in (
        *("objec-\ntive", "gap", "steps", "s", "PV\nMW", "BESS\nMWh"),
        *("invest-\nment", "fresh\nmean", "auto-\nnomy"),
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for plan in plans:
        table.add_row(*_line(plan))
    reasons = [f"{plan_name(plan)}: {plan['reason']}" for plan in plans if plan["reason"]]
    return Group(table, *_known(summary), *map(Text, reasons))


def _known(summary: Mapping[str, Any]) -> tuple[Text, ...]:
    """What perfect information would do; nothing where it cannot serve the load either."""
    best = summary["perfect_information"]
    if not best:
        return ()
    words = (
        f"perfect information: {_money(best['objective'])}, PV {best['pv_mw']:.2f} MW, "
        f"batteries {best['bess_mwh']:.2f} MWh"
    )
    if summary.get("evpi") is not None:
        words += f"; knowing the day is worth {_money(summary['evpi'])}"
    return (Text(words),)


def _line(plan: Mapping[str, Any]) -> tuple[str, ...]:
    fresh = plan["out_of_sample"]
    return (
        plan_name(plan),
        plan["status"],
        _money(plan["objective"]),
        "-" if plan["gap"] is None else f"{plan['gap']:.2%}",
        f"{plan['iterations']}",
        "-" if "solve" not in plan["seconds"] else f"{plan['seconds']['solve']:.1f}",
        *("-" if plan[name] is None else f"{plan[name]:.2f}" for name in ("pv_mw", "bess_mwh")),
        _money(plan["investment"]),
        _money(fresh.get("cost_mean")),
        _share(fresh.get("autonomy"), 0),
    )


def _money(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"


def _share(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}%}"
