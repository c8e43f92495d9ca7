"""The summary of a planning study in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .published import CASE, PAPER_RISK, TOTALS
from .summary import plans_of

_COLUMNS = (
    ("SOP site", ("sop_site",)),
    ("conv.", ("sop_converter",)),
    ("line", ("sop_line",)),
    ("EVCS site", ("evcs_site",)),
    ("conv.", ("evcs_converter",)),
    ("PV", ("pv_converter",)),
    ("storage", ("storage_site", "storage_converter", "storage_battery")),
    ("larger lines", ("larger_line", "larger_transformer")),
    ("loss", ("loss",)),
    ("overload", ("overload",)),
    ("voltage", ("voltage",)),
)


def fdn_view(summary: Mapping[str, Any]) -> RenderableType:
    """One plan in full, or several in a line each."""
    plans = plans_of(summary)
    if len(plans) == 1 and plans[0]["status"] != "no plan":
        return _one(summary)
    return _several(summary, plans)


def _one(summary: Mapping[str, Any]) -> Group:
    return Group(
        _headline(summary),
        _reinforcement(summary),
        _costs(summary),
        Text(
            f"gap {summary['gap']:.2%} of {_million(summary['objective'])}; relaxation "
            f"{summary['relaxation_deviation']:.0e}, power flow {summary['ac_deviation']:.0e}"
        ),
    )


def _headline(plan: Mapping[str, Any]) -> Text:
    good = plan["status"] == "ok"
    words = (
        f"{plan['status']}: case {plan['variant']} of {plan.get('case', '')} at risk "
        f"{plan['risk']:.0%}, {plan['iterations']} iterations; worst risk "
        f"{plan['risk_max']:.2%} ({plan['risk_low']:.2%} to {plan['risk_high']:.2%}) of "
        f"{plan['fresh_samples']:,} fresh samples, {plan['worst_limit']}"
    )
    reason = f"\n{plan['reason']}" if plan["reason"] else ""
    return Text(words + reason, style="bold green" if good else "bold red")


def _reinforcement(plan: Mapping[str, Any]) -> Table:
    table = _table("What stands, MVA", ("stage",), ("EVCS", "PV"))
    for heading in ("soft open points", "other"):
        table.add_column(heading)
    for stage, sops in enumerate(plan["sop"]):
        table.add_row(
            str(stage + 1),
            *(f"{sum(plan[kind][stage].values()) / 1e3:.2f}" for kind in ("evcs", "pv")),
            " + ".join(map(_sop, sops)) or "-",
            _other(plan, stage),
        )
    return table


def _sop(sop: Mapping[str, Any]) -> str:
    places = "-".join(
        f"{feeder}:{bus}" for feeder, bus in zip(sop["feeders"], sop["terminals"], strict=True)
    )
    return f"{places} ({', '.join(f'{kva / 1e3:.2f}' for kva in sop['kva'])})"


def _other(plan: Mapping[str, Any], stage: int) -> str:
    lines = plan["larger_lines"][stage]
    storage = plan["storage"][stage]
    parts = [f"larger lines {', '.join(lines)}"] if lines else []
    parts += [f"storage {bus} ({kva / 1e3:.2f})" for bus, kva in storage.items()]
    return "; ".join(parts) or "-"


def _costs(plan: Mapping[str, Any]) -> Table:
    cost = plan["cost"]
    shown = [(name, parts) for name, parts in _COLUMNS if any(any(cost[part]) for part in parts)]
    title = (
        f"Present value, 1e6 {plan.get('currency', '')}: total {_million(cost['total'])}, "
        f"investment {_million(cost['investment'])}, operation {_million(cost['operation'])}"
    )
    table = _table(title, ("stage",), [name for name, _ in shown])
    for stage in range(len(plan["sop"])):
        sums = (sum(cost[part][stage] for part in parts) for _, parts in shown)
        table.add_row(str(stage + 1), *map(_million, sums))
    return table


def _several(summary: Mapping[str, Any], plans: Sequence[Mapping[str, Any]]) -> Group:
    table = _table(
        f"{summary.get('case', '')}: present value, 1e6 {summary.get('currency', '')}",
        ("case", "risk", "status"),
        (
            *("rounds", "worst\nrisk", "total", "paper"),
            *("invest-\nment", "opera-\ntion", "SOP\nMVA", "since\nstage"),
        ),
    )
    algorithms = {plan["algorithm"] for plan in plans}
    for plan in plans:
        cost = plan["cost"]
        name = plan["variant"] + (f" {plan['algorithm']}" if len(algorithms) > 1 else "")
        table.add_row(
            name,
            f"{plan['risk']:.0%}",
            plan["status"],
            str(plan["iterations"]),
            "-" if plan["risk_max"] is None else f"{plan['risk_max']:.2%}",
            _million(cost["total"]),
            _paper(summary, plan),
            _million(cost["investment"]),
            _million(cost["operation"]),
            "-" if plan["sop_kva"] is None else f"{plan['sop_kva'] / 1e3:.2f}",
            str(plan["first_sop_stage"] or "-"),
        )
    reasons = [f"{plan['variant']}: {plan['reason']}" for plan in plans if plan["reason"]]
    return Group(table, *map(Text, reasons))


def _paper(summary: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    """The paper's total, which it has for a risk of 5 % only."""
    total = TOTALS.get(plan["variant"])
    known = total is not None and plan["risk"] == PAPER_RISK and summary.get("case") == CASE
    return f"{total:.2f}" if known else "-"


def _table(title: str, left: Sequence[str], right: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1))
    table.pad_edge, table.collapse_padding = False, True
    for heading in left:
        table.add_column(heading, no_wrap=True)
    for heading in right:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _million(value: float | None) -> str:
    return "-" if value is None else f"{value / 1e6:.2f}"
