"""What is built by formulation, and what it costs (Table 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, domains, heading, layout, name_axis
from ..reporting.page import Chart
from .reading import PlanKey, Reading

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TECHNOLOGIES: Final = (
    ("PV", "pv_kw", "pv_mw", "MW", palette.GREEN),
    ("batteries", "battery_kwh", "bess_mwh", "MWh", palette.PINK),
)
_PARTS: Final = (("investment", palette.BLUE), ("operation", palette.SILVER))


def capacity_chart(reading: Reading) -> Chart | None:
    """PV and batteries of every plan, the benchmark's as a line, the paper's as diamonds."""
    plans = reading.plans
    if not plans:
        return None
    data, shapes, parts = [], [], domains(2, 0.12)
    found = layout(420, showlegend=True, annotations=[], bargap=0.35)
    for k, (name, column, published, unit, colour) in enumerate(_TECHNOLOGIES):
        suffix = "" if k == 0 else "2"
        axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        data.append(_bars(reading, plans, column, name, unit, colour) | axes)
        data += [one | axes | {"showlegend": k == 0} for one in _paper(reading, plans, published)]
        best = reading.benchmark[column] / 1e3
        line = {"color": palette.INK, "dash": "dot", "width": 1.5}
        shapes.append(
            {"type": "line", "xref": f"x{suffix} domain", "yref": f"y{suffix}", "line": line}
            | {"x0": 0, "x1": 1, "y0": best, "y1": best}
        )
        found[f"xaxis{suffix}"] = name_axis("", [p.label for p in plans], domain=parts[k])
        found[f"yaxis{suffix}"] = axis(f"{name} [{unit}]", rangemode="tozero", anchor=f"x{suffix}")
        found["annotations"].append(heading(name, parts[k], 1.02))
    found["legend"]["y"] = 1.12
    return Chart(
        id="capacities",
        title="How much is built",
        caption_html=(
            "<b>Dotted:</b> the plan made with perfect information. <b>Red diamonds:</b> the "
            "paper's Table 2, of other loads, weather and prices."
        ),
        data=data,
        layout={**found, "shapes": shapes},
    )


def _bars(
    reading: Reading, plans: list[PlanKey], column: str, name: str, unit: str, colour: str
) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": name,
        "x": [plan.label for plan in plans],
        "y": [reading.row("plans", plan)[column] / 1e3 for plan in plans],
        "marker": {"color": colour},
        "hovertemplate": "%{x}: %{y:.3f} " + unit + "<extra></extra>",
        "showlegend": False,
    }


def _paper(reading: Reading, plans: list[PlanKey], name: str) -> list[dict[str, Any]]:
    """The paper's, where it has any."""
    known = [(plan.label, reading.published(plan)) for plan in plans]
    pairs = [(label, getattr(one, name)) for label, one in known if one is not None]
    if not pairs:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "paper",
            "x": [label for label, _ in pairs],
            "y": [value for _, value in pairs],
            "marker": {"symbol": "diamond", "size": 10, "color": palette.RED},
            "hovertemplate": "%{x}, paper: %{y:,.2f}<extra></extra>",
        }
    ]


def cost_chart(reading: Reading) -> Chart | None:
    """Investment and operation of every plan in the case that its model looks at."""
    plans = reading.plans
    if not plans:
        return None
    bars = [
        {
            "type": "bar",
            "name": part,
            "x": [plan.label for plan in plans],
            "y": [reading.row("plans", plan)[part] for plan in plans],
            "marker": {"color": colour},
            "hovertemplate": "%{x}, " + part + ": %{y:,.1f}<extra></extra>",
        }
        for part, colour in _PARTS
    ]
    title = f"{reading.case.currency} a day"
    return Chart(
        id="costs",
        title="What plans cost by their own models",
        caption_html=(
            "Each model counts the case it plans for: mean, expected or worst. So bars of "
            "different models are not the same days; the chapter on fresh days compares them on "
            "the same. <b>Red diamonds:</b> the paper's objective."
        ),
        data=[*bars, *_paper(reading, plans, "objective")],
        layout=layout(
            400,
            barmode="stack",
            bargap=0.4,
            xaxis=name_axis("", [plan.label for plan in plans]),
            yaxis=axis(title, rangemode="tozero"),
        ),
    )


def capacity_figure(reading: Reading) -> Figure | None:
    """PV and batteries by formulation."""
    plans = reading.plans
    if not plans:
        return None
    figure = new_figure(7.2, 2.9)
    panels = figure.subplots(1, 2)
    for axes, (name, column, published, unit, colour) in zip(panels, _TECHNOLOGIES, strict=True):
        ours = [reading.row("plans", plan)[column] / 1e3 for plan in plans]
        place = np.arange(len(plans))
        axes.bar(place, ours, 0.6, color=colour)
        axes.axhline(
            reading.benchmark[column] / 1e3, color=palette.INK, ls=":", label="perfect information"
        )
        paper = [getattr(reading.published(plan), published, np.nan) for plan in plans]
        if np.isfinite(paper).any():
            axes.plot(place, paper, "D", ms=4, color=palette.RED, label="paper")
        slanted: dict[str, Any] = {"rotation": 60, "ha": "right", "rotation_mode": "anchor"}
        axes.set_xticks(place, [plan.label for plan in plans], fontsize=7, **slanted)
        axes.set(ylabel=f"{name} [{unit}]", title=name)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def cost_figure(reading: Reading) -> Figure | None:
    """Investment and operation by formulation."""
    plans = reading.plans
    if not plans:
        return None
    figure = new_figure(5.6, 3.0)
    axes = figure.subplots()
    place, floor = np.arange(len(plans)), np.zeros(len(plans))
    for part, colour in _PARTS:
        values = np.array([reading.row("plans", plan)[part] for plan in plans], float)
        axes.bar(place, values, 0.6, bottom=floor, color=colour, label=part)
        floor = floor + values
    paper = [getattr(reading.published(plan), "objective", np.nan) for plan in plans]
    if np.isfinite(paper).any():
        axes.plot(place, paper, "D", ms=4, color=palette.RED, label="paper, objective")
    slanted: dict[str, Any] = {"rotation": 60, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(place, [plan.label for plan in plans], fontsize=7, **slanted)
    axes.set_ylabel(f"{reading.case.currency} a day")
    figure.legend(loc="outside right upper")
    return figure
