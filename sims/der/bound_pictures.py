"""Bounds by iteration, and the worst case that was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, hour_axis, layout
from ..reporting.page import Change, Chart, Control, Patches
from .reading import PlanKey, Reading

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def _control(plans: list[PlanKey], start: PlanKey) -> tuple[Control, ...]:
    options = tuple((str(plan), plan.label) for plan in plans)
    return (Control(name="plan", label="plan", options=options, start=str(start)),)


def iterating(reading: Reading) -> list[PlanKey]:
    """Plans that have a worst case, and so more than one program."""
    return [plan for plan in reading.plans if len(reading.of("worst", plan))]


def _opening(reading: Reading) -> PlanKey | None:
    """The plan with most iterations: it has most to show."""
    plans = iterating(reading)
    return max(plans, key=lambda plan: len(reading.of("steps", plan)), default=None)


def bound_chart(reading: Reading) -> Chart | None:
    """Lower and upper bound by iteration, by choice of the plan."""
    first = _opening(reading)
    if first is None:
        return None
    changes = {str(plan): _bounds(reading, plan) for plan in iterating(reading)}
    data = [
        _line("upper bound", palette.VERMILION, "lines+markers"),
        _line("lower bound", palette.BLUE, "lines+markers"),
    ]
    for trace, path, value in changes[str(first)]:
        data[int(trace)][path] = value
    return Chart(
        id="bounds",
        title="Bounds by iteration",
        caption_html=(
            "<b>Upper:</b> what the best plan so far costs in its worst case, proven. "
            "<b>Lower:</b> what no plan can beat. They meet at the gap that was asked for."
        ),
        data=data,
        layout=layout(
            400,
            xaxis=axis("iteration", dtick=1 if len(reading.of("steps", first)) < 25 else 5),
            yaxis=axis(f"{reading.case.currency} a day"),
        ),
        controls=_control(iterating(reading), first),
        patches=(Patches(by=("plan",), of=changes),),
    )


def _line(name: str, colour: str, mode: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": [],
        "y": [],
        "line": {"color": colour, "width": 2.5},
        "marker": {"size": 8, "color": colour},
    }


def _bounds(reading: Reading, plan: PlanKey) -> list[Change]:
    steps = reading.of("steps", plan)
    hover = "iteration %{x}: %{y:,.2f} (%{text})<extra></extra>"
    changes: list[Change] = []
    for trace, name in enumerate(("upper_bound", "lower_bound")):
        changes += [
            (trace, "x", steps["iteration"].tolist()),
            (trace, "y", steps[name].tolist()),
            (trace, "text", steps["separation"].tolist()),
            (trace, "hovertemplate", hover),
        ]
    return changes


def worst_chart(reading: Reading) -> Chart | None:
    """The worst demand and sun of a plan against their means, by choice of the plan."""
    first = _opening(reading)
    if first is None:
        return None
    changes = {str(plan): _worst(reading, plan) for plan in iterating(reading)}
    data = [
        _line("demand, worst case", palette.VERMILION, "lines"),
        _line("demand, mean", palette.GREY, "lines"),
        _line("PV, worst case", palette.ORANGE, "lines") | {"yaxis": "y2"},
        _line("PV, mean", palette.SILVER, "lines") | {"yaxis": "y2"},
        {"type": "bar", "name": "buses that deviate", "x": [], "y": [], "yaxis": "y3"}
        | {"marker": {"color": palette.SKY}},
    ]
    for trace, path, value in changes[str(first)]:
        data[int(trace)][path] = value
    return Chart(
        id="worst",
        title="The worst case of a plan",
        caption_html=(
            "Each bus may exceed its mean demand in as many hours as the budget says; which hours "
            "hurt most depends on the plan. In ARSO PV is given by scenarios, whose mean is shown."
        ),
        data=data,
        layout=layout(
            560,
            xaxis=hour_axis(reading.case.hours, anchor="y3"),
            yaxis=axis("demand [kW]", domain=[0.58, 1.0], rangemode="tozero"),
            yaxis2=axis("PV [kW/kW]", domain=[0.27, 0.52], rangemode="tozero"),
            yaxis3=axis("buses", domain=[0.0, 0.2], rangemode="tozero"),
        ),
        controls=_control(iterating(reading), first),
        patches=(Patches(by=("plan",), of=changes),),
    )


def _worst(reading: Reading, plan: PlanKey) -> list[Change]:
    found = reading.of("worst", plan)
    columns = ("load_kw", "load_mean_kw", "pv", "pv_mean", "buses")
    changes: list[Change] = []
    for trace, column in enumerate(columns):
        changes += [(trace, "x", found["hour"].tolist()), (trace, "y", found[column].tolist())]
    return changes


def bound_figure(reading: Reading) -> Figure | None:
    """Gap by iteration of all plans that iterate."""
    plans = [plan for plan in iterating(reading) if len(reading.of("steps", plan)) > 1]
    if not plans:
        return None
    figure = new_figure(5.6, 3.0)
    axes = figure.subplots()
    colours = (palette.BLUE, palette.VERMILION, palette.GREEN, palette.ORANGE, palette.PINK)
    for k, plan in enumerate(plans):
        steps = reading.of("steps", plan)
        style: dict[str, Any] = {"ls": "-" if k < len(colours) else "--", "lw": 1.3}
        colour = colours[k % len(colours)]
        axes.semilogy(
            steps["iteration"], _gap(steps), "o", ms=3, color=colour, label=plan.label, **style
        )
    asked = reading.summary.get("settings", {}).get("gap")
    if asked:
        axes.axhline(asked, color=palette.GREY, ls=":", lw=1)
    axes.set(xlabel="iteration", ylabel="relative gap")
    figure.legend(loc="outside right upper")
    return figure


def _gap(steps: pd.DataFrame) -> Any:
    """Relative; NaN where there is no upper bound yet."""
    upper, lower = (steps[name].to_numpy(float) for name in ("upper_bound", "lower_bound"))
    upper = np.where(np.isfinite(upper), upper, np.nan)
    return np.maximum((upper - lower) / np.abs(upper), 1e-8)
