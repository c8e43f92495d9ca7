"""How the decomposition proves a plan: bounds by iteration, and the set J."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, layout
from ..reporting.page import Change, Chart, Patches
from .reading import MILLION, Reading, opened, plan_control

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

#: Bounds further above the best plan than so many times its distance at the end say nothing.
_VIEW = 0.25


def bound_chart(reading: Reading) -> Chart | None:
    """Upper bound and best profit by iteration, with the iterations in J."""
    first = reading.first
    if first is None:
        return None
    changes = {plan: _changes(reading, plan) for plan in reading.plans}
    data = [
        _line("upper bound", palette.VERMILION),
        _line("best plan so far", palette.BLUE),
        {
            "type": "scatter",
            "mode": "markers",
            "name": "in J: its plan cannot be operated",
            "marker": {"symbol": "x", "size": 12, "color": palette.RED},
        },
    ]
    unit = f"M{reading.case.currency} a year"
    return Chart(
        id="bounds",
        title="Bounds by iteration",
        caption_html=(
            "<b>Upper bound:</b> what no plan can exceed, after all cuts so far. <b>Best plan:</b> "
            "profit less penalties of a plan that was operated. <b>Crosses:</b> the set J, "
            "iterations whose plan cannot be operated within the limits in some scenario; they "
            "gave the master a feasibility cut. Bounds far above the others are cut off."
        ),
        data=opened(data, changes[first]),
        layout=layout(
            400,
            xaxis=axis("iteration", zeroline=False, rangemode="tozero"),
            yaxis=axis(unit, zeroline=False, range=_range(reading, first)),
        ),
        controls=plan_control(reading),
        patches=(Patches(by=("plan",), of=changes),) if len(changes) > 1 else (),
    )


def _line(name: str, colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "line": {"color": colour, "width": 2.5, "shape": "hv"},
        "marker": {"size": 7, "color": colour},
    }


def _changes(reading: Reading, plan: str) -> list[Change]:
    steps = reading.of("iterations", plan)
    low, high = _range(reading, plan)
    upper = steps["upper_bound"].to_numpy(float) / MILLION
    profit = steps["profit"].to_numpy(float) / MILLION
    in_j = steps["in_j"].to_numpy(bool)
    words = _words(steps)
    hover = "iteration %{x}: %{y:,.4f}<br>%{text}<extra></extra>"
    changes: list[Change] = [("layout", "yaxis.range", [low, high])]
    for trace, values, shown in (
        (0, upper, np.ones(len(steps), bool)),
        (1, profit, np.ones(len(steps), bool)),
        (2, np.clip(upper, low, high - 0.02 * (high - low)), in_j),
    ):
        changes += [
            (trace, "x", steps["iteration"].to_numpy()[shown].tolist()),
            (trace, "y", values[shown].tolist()),
            (trace, "text", [word for word, there in zip(words, shown, strict=True) if there]),
            (trace, "hovertemplate", hover),
        ]
    changes.append((2, "showlegend", bool(in_j.any())))
    return changes


def _words(steps: pd.DataFrame) -> list[str]:
    return [
        f"{row['cut']} cut: ports {row['port_kva'] / 1e3:.2f} MVA, battery "
        f"{row['battery_kwh'] / 1e3:.1f} MWh"
        for row in steps.to_dict("records")
    ]


def _range(reading: Reading, plan: str) -> list[float]:
    """Around the last bounds, so much that what closes the gap can be seen."""
    steps = reading.of("iterations", plan)
    profit = steps["profit"].to_numpy(float) / MILLION
    profit = profit[np.isfinite(profit)]
    last = float(steps["upper_bound"].iloc[-1]) / MILLION
    best = profit[-1] if len(profit) else last
    reach = max(_VIEW * abs(best), 2 * abs(last - best), 1e-3)
    lowest = max(float(profit.min(initial=best)), best - reach)
    return [lowest - 0.1 * reach, best + reach]


def bound_figure(reading: Reading) -> Figure | None:
    """Bounds of the plan that the page opens at."""
    plan = reading.first
    if plan is None or len(reading.of("iterations", plan)) < 2:
        return None
    steps = reading.of("iterations", plan)
    low, high = _range(reading, plan)
    figure = new_figure(5.6, 3.0)
    axes = figure.subplots()
    number = steps["iteration"].to_numpy()
    for name, label, colour in (
        ("upper_bound", "upper bound", palette.VERMILION),
        ("profit", "best plan", palette.BLUE),
    ):
        values = steps[name].to_numpy(float) / MILLION
        axes.step(number, values, "o-", where="post", ms=3, color=colour, label=label)
    in_j = steps["in_j"].to_numpy(bool)
    if in_j.any():
        height = np.clip(steps["upper_bound"].to_numpy(float) / MILLION, low, high)[in_j]
        axes.plot(number[in_j], height, "x", color=palette.RED, label="in J", ls="none")
    axes.set_ylim(low, high)
    axes.set(xlabel="iteration", ylabel=f"M{reading.case.currency} a year")
    figure.legend(loc="outside upper right", ncols=3)
    return figure
