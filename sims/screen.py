"""What a person sees in the terminal of finished runs: the summary of one, a comparison of two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text


def summary_view(summary: Mapping[str, Any]) -> Group:
    """The answers of one run: did they agree, what does the day cost, what did the check find."""
    if summary["status"] != "agreed":
        return Group(_headline(summary))
    return Group(
        _headline(summary), _cost_table(summary), _facts_table(summary), *_warnings(summary)
    )


def _headline(summary: Mapping[str, Any]) -> Text:
    rounds = summary["rounds"]
    if summary["status"] == "agreed":
        words = f"agreed in {rounds} trading round{'s' * (rounds != 1)}"
        return Text(f"{summary['case']}: {words}", style="bold green")
    return Text(f"{summary['case']}: {summary['status']}: {summary['reason']}", style="bold red")


def _cost_table(summary: Mapping[str, Any]) -> Table:
    stations, dso, unit = summary["stations"], summary["dso"], summary["currency"]
    table = Table(title="The day with and without trading between stations", title_justify="left")
    for heading in ("", "without", "with", "change"):
        table.add_column(heading, justify="left" if not heading else "right")
    rows = [
        (f"stations' cost [{unit}]", stations["cost_without_p2p"], stations["cost_total"]),
        (
            "stations' purchase from the grid [kWh]",
            stations["grid_purchase_without_p2p_kwh"],
            stations["grid_purchase_kwh"],
        ),
        (
            "stations' sales to the grid [kWh]",
            stations["grid_sale_without_p2p_kwh"],
            stations["grid_sale_kwh"],
        ),
        ("traded between stations [kWh]", 0.0, stations["traded_kwh"]),
        (f"distribution operator's cost [{unit}]", dso["cost_without_p2p"], dso["cost_total"]),
    ]
    for name, before, after in rows:
        # As Text: rich would take [kWh] for a style.
        table.add_row(Text(name), _number(before), _number(after), _change(before, after))
    return table


def _facts_table(summary: Mapping[str, Any]) -> Table:
    market, ac, traffic = summary["market"], summary["ac"], summary["traffic"]
    table = Table(show_header=False, title="How it was reached and checked", title_justify="left")
    table.add_column()
    table.add_column()
    facts = {
        "negotiation": (
            f"{market['iterations']} iterations, {market['exchanges']} exchanges of bids, "
            f"certified gap {market['gap_certified']:.1e}"
        ),
        "against the central optimum": f"{100 * market['gap_to_central']:+.4f} % cost",
        "settlement": f"imbalance {summary['settlement']['imbalance']:.1e} {summary['currency']}",
        "traffic": (
            f"relative gap {traffic['relative_gap']:.1e}, "
            f"{traffic['unserved_charging']:.1f} vehicles uncharged, "
            f"{traffic['charging_kwh'] / 1e3:.2f} MWh charged"
        ),
        "exact power flow": (
            f"{ac['vm_min_pu']:.4f} to {ac['vm_max_pu']:.4f} pu, "
            f"unbalance up to {ac['vur_max_pct']:.2f} %, "
            f"lines loaded up to {100 * ac['line_loading_max']:.0f} %"
        ),
        "limits on fresh samples": (
            f"worst of the grid exceeded in {100 * ac['violation_rate']:.2f} % of samples, "
            f"worst margin of a station in {100 * ac['adequacy_violation_rate']:.2f} %, "
            f"{100 * ac['promised']:.0f} % allowed"
        ),
        "linear model": f"off by at most {ac['model_error_max_pu']:.4f} pu",
        "time": f"{summary['seconds']['total']:.1f} s",
        "result": summary["result_hash"][:16],
    }
    for name, fact in facts.items():
        table.add_row(name, fact)
    return table


def _warnings(summary: Mapping[str, Any]) -> list[Text]:
    found = []
    if not summary["ac"]["kept_promise"]:
        breaches = "; ".join(summary["ac"]["breaches"])
        found.append(Text(f"THE EXACT CHECK BROKE ITS PROMISE: {breaches}", style="bold red"))
    if summary["stations"]["worse_off"]:
        names = ", ".join(summary["stations"]["worse_off"])
        most = f"by at most {summary['stations']['largest_loss']:.2g} {summary['currency']}"
        found.append(Text(f"pay more than without trading, {most}: {names}", style="yellow"))
    if summary["stations"]["unserved_kwh"] > 1e-3:
        unserved = summary["stations"]["unserved_kwh"]
        found.append(Text(f"demand not served: {unserved:.2f} kWh", style="yellow"))
    return found


def comparison_view(first: Mapping[str, Any], second: Mapping[str, Any]) -> Table:
    """Every number in which two summaries differ, side by side."""
    table = Table(title=f"{first['case']} (left) and {second['case']} (right)")
    for heading in ("key", "left", "right", "change"):
        table.add_column(heading, justify="left" if heading == "key" else "right", overflow="fold")
    left, right = flatten(first), flatten(second)
    for key in left | right:
        a, b = left.get(key), right.get(key)
        if a != b:
            table.add_row(key, _number(a), _number(b), _change(a, b))
    return table


def flatten(summary: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by dots: {"ac": {"vm_min_pu": 0.95}} -> {"ac.vm_min_pu": 0.95}.

    Rows of a study are left out: they are a table's, not key figures.
    """
    flat: dict[str, Any] = {}
    for key, value in summary.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        elif key != "rows":
            flat[prefix + key] = value
    return flat


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-" if value is None else str(value)
    return f"{value:,.2f}" if abs(value) >= 1 or value == 0 else f"{value:.4g}"


def _change(before: Any, after: Any) -> str:
    usable = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (before, after))
    if not usable or before == 0:
        return ""
    return f"{100 * (after - before) / abs(before):+.2f} %"
