"""Plans beside each other: price of robustness, nearness to perfect information, fresh days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, domains, heading, layout, name_axis
from ..reporting.page import Chart
from .reading import COLOURS, PlanKey, Reading
from .rows import BENCHMARK

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_TECHNOLOGIES: Final = (("PV [MW]", "pv_kw"), ("batteries [MWh]", "battery_kwh"))


def _lines(reading: Reading) -> list[tuple[str, str, pd.DataFrame]]:
    """(name, model, rows by budget) of each model and method with more than one budget."""
    table = reading.table("robustness")
    several = table["method"].nunique() > 1
    return [
        (model.upper() + f" by {method}" * several, model, rows.sort_values("load_budget"))
        for (model, method), rows in table.groupby(["model", "method"], sort=False)
        if len(rows) > 1
    ]


def robustness_chart(reading: Reading) -> Chart | None:
    """Price of robustness by budget: promised, and on fresh days."""
    lines = _lines(reading)
    if not lines:
        return None
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": f"{name}, {words}",
            "x": rows["load_budget"].tolist(),
            "y": (100 * rows[column]).tolist(),
            "line": {"color": COLOURS[model], "width": 2.5, "dash": dash},
            "marker": {"size": 8, "color": COLOURS[model]},
            "hovertemplate": name + ", budget %{x}: %{y:.2f} %<extra></extra>",
        }
        for name, model, rows in lines
        for column, words, dash in (
            ("price", "worst case", "solid"),
            ("out_of_sample", "mean of fresh days", "dot"),
        )
    ]
    return Chart(
        id="robustness",
        title="Price of robustness",
        caption_html=(
            "<b>Solid:</b> how much more the plan and its worst case cost than those of budget 0. "
            "<b>Dotted:</b> how much more the same plan costs on days that no model has seen: what "
            "the insurance really costs."
        ),
        data=data,
        layout=layout(
            400,
            xaxis=axis("budget: hours that may deviate at each bus", zeroline=False),
            yaxis=axis("more than budget 0 [%]", rangemode="tozero"),
        ),
    )


def deviation_chart(reading: Reading) -> Chart | None:
    """Capacities less those with perfect information (Fig. 3)."""
    plans = reading.plans
    if reading.table("deviation").empty:
        return None
    data, parts = [], domains(2, 0.12)
    found = layout(420, showlegend=False, annotations=[], bargap=0.35)
    for k, (title, column) in enumerate(_TECHNOLOGIES):
        suffix = "" if k == 0 else "2"
        values = [reading.row("deviation", plan)[column] / 1e3 for plan in plans]
        data.append(
            {
                "type": "bar",
                "x": [plan.label for plan in plans],
                "y": values,
                "marker": {"color": [_side(value) for value in values]},
                "hovertemplate": "%{x}: %{y:+.3f}<extra></extra>",
                "xaxis": f"x{suffix}",
                "yaxis": f"y{suffix}",
            }
        )
        found[f"xaxis{suffix}"] = name_axis("", [p.label for p in plans], domain=parts[k])
        found[f"yaxis{suffix}"] = axis(f"deviation, {title}", anchor=f"x{suffix}", zerolinewidth=2)
        best = reading.benchmark[column] / 1e3
        words = f"{title.split(' ')[0]}: {best:.2f} with perfect information"
        found["annotations"].append(heading(words, parts[k], 1.02))
    return Chart(
        id="deviation",
        title="How far from perfect information",
        caption_html=(
            "Capacity less that of the plan that knows all scenarios, one after another, "
            "beforehand (the paper's Fig. 3). <b>Orange:</b> more, <b>blue:</b> less."
        ),
        data=data,
        layout=found,
    )


def _side(value: float) -> str:
    return palette.ORANGE if value >= 0 else palette.SKY


def fresh_chart(reading: Reading) -> Chart | None:
    """Mean cost of fresh days against that of the dear ones."""
    rows = _fresh(reading)
    if not rows:
        return None
    models = {row["model"]: [one for one in rows if one["model"] == row["model"]] for row in rows}
    unit = reading.case.currency
    data = [
        {
            "type": "scatter",
            "mode": "markers+text",
            "name": model.upper() if model != BENCHMARK else "perfect information",
            "x": [row["cost_mean"] for row in of],
            "y": [row["cost_q95"] for row in of],
            "text": [row["label"] for row in of],
            "textposition": "top center",
            "textfont": {"size": 11, "color": palette.SLATE},
            "marker": {"size": 11, "color": COLOURS[model]},
            "hovertemplate": "%{text}: mean %{x:,.1f}, 95 % %{y:,.1f}<extra></extra>",
            "cliponaxis": False,
        }
        for model, of in models.items()
    ]
    return Chart(
        id="fresh",
        title="Mean and dear days that no model has seen",
        caption_html=(
            "Investment and the cheapest operation of every day of the year that is no scenario. "
            "Lower left is better; robust plans pay a higher mean for cheaper dear days."
        ),
        data=data,
        layout=layout(
            440,
            showlegend=False,
            xaxis=axis(f"mean day [{unit}]"),
            yaxis=axis(f"95 % quantile of days [{unit}]"),
        ),
    )


def _fresh(reading: Reading) -> list[dict[str, Any]]:
    """A row for every point; plans that stand at the same one share it."""
    found: dict[tuple[float, float], dict[str, Any]] = {}
    for row in reading.table("out_of_sample").to_dict("records"):
        if np.isfinite(row["cost_mean"]):
            place = round(row["cost_mean"], 1), round(row["cost_q95"], 1)
            before = f"{found[place]['label']}, " if place in found else ""
            found[place] = {**row, "label": before + label_of(row)}
    return list(found.values())


def label_of(row: Any) -> str:
    """A plan's name, or the benchmark's."""
    if row["model"] == BENCHMARK:
        return "perfect information"
    names = ("model", "load_budget", "pv_budget", "method")
    return PlanKey(**{name: row[name] for name in names}).label


def robustness_figure(reading: Reading) -> Figure | None:
    """Price of robustness by budget."""
    lines = _lines(reading)
    if not lines:
        return None
    figure = new_figure(5.2, 2.9)
    axes = figure.subplots()
    for name, model, rows in lines:
        style: dict[str, Any] = {"color": COLOURS[model], "ms": 4}
        budgets = rows["load_budget"]
        axes.plot(budgets, 100 * rows["price"], "o-", label=f"{name}, worst case", **style)
        axes.plot(budgets, 100 * rows["out_of_sample"], "o:", label=f"{name}, fresh", **style)
    axes.set(xlabel="budget [h]", ylabel="more than budget 0 [%]")
    figure.legend(loc="outside right upper")
    return figure


def deviation_figure(reading: Reading) -> Figure | None:
    """The paper's Fig. 3 from these data."""
    plans = reading.plans
    if reading.table("deviation").empty:
        return None
    figure = new_figure(5.6, 4.0)
    panels = figure.subplots(2, 1, sharex=True)
    place = np.arange(len(plans))
    for axes, (title, column) in zip(panels, _TECHNOLOGIES, strict=True):
        best = reading.benchmark[column] / 1e3
        values = np.array([reading.row("deviation", plan)[column] / 1e3 for plan in plans])
        axes.bar(-1, best, 0.6, color=palette.PINK)
        axes.bar(place, values, 0.6, bottom=best, color=[_side(v) for v in values])
        axes.axhline(best, color=palette.INK, ls=":", lw=1)
        axes.set_ylabel(title)
    ticks = ["perfect inf.", *(plan.label for plan in plans)]
    slanted: dict[str, Any] = {"rotation": 60, "ha": "right", "rotation_mode": "anchor"}
    panels[-1].set_xticks([-1, *place], ticks, fontsize=7, **slanted)
    return figure


def fresh_figure(reading: Reading) -> Figure | None:
    """Mean against 95 % quantile of fresh days."""
    rows = _fresh(reading)
    if not rows:
        return None
    figure = new_figure(4.8, 3.2)
    axes = figure.subplots()
    for row in rows:
        axes.plot(row["cost_mean"], row["cost_q95"], "o", ms=5, color=COLOURS[row["model"]])
        style: dict[str, Any] = {"fontsize": 6.5, "textcoords": "offset points"}
        axes.annotate(row["label"], (row["cost_mean"], row["cost_q95"]), (4, 3), **style)
    unit = reading.case.currency
    axes.set(xlabel=f"mean day [{unit}]", ylabel=f"95 % quantile of days [{unit}]")
    axes.margins(0.15)
    return figure
