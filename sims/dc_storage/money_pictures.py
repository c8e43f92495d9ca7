"""What a plan earns and costs in a year."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, layout, name_axis
from ..reporting.page import Change, Chart, Patches
from .reading import MILLION, Reading, opened, plan_control

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def parts(reading: Reading, plan: str) -> dict[str, float]:
    """From what is saved to the profit, in millions a year."""
    row = reading.row(plan)
    found = {
        "electricity saved": row["electricity_before"] - row["electricity"],
        "carbon saved": row["carbon_before"] - row["carbon"],
        "upkeep": -row["upkeep"],
        "annuity of the investment": -row["annuity"],
    }
    return {name: float(value) / MILLION for name, value in found.items()}


def money_chart(reading: Reading) -> Chart | None:
    """A waterfall from savings to profit, by choice of the plan."""
    first = reading.first
    if first is None:
        return None
    changes = {plan: _changes(reading, plan) for plan in reading.plans}
    names = [*parts(reading, first), "profit"]
    trace: dict[str, Any] = {
        "type": "waterfall",
        "measure": [*["relative"] * (len(names) - 1), "total"],
        "x": names,
        "connector": {"line": {"color": palette.SILVER}},
        "increasing": {"marker": {"color": palette.GREEN}},
        "decreasing": {"marker": {"color": palette.VERMILION}},
        "totals": {"marker": {"color": palette.BLUE}},
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": "%{x}: %{y:,.3f}<extra></extra>",
    }
    return Chart(
        id="money",
        title="From savings to profit",
        caption_html=(
            "What the network need not pay for any more once ports and batteries stand, less what "
            "they cost in a year. The table below has the amounts before and after."
        ),
        data=opened([trace], changes[first]),
        layout=layout(
            400,
            showlegend=False,
            xaxis=name_axis("", names),
            yaxis=axis(f"M{reading.case.currency} a year", zerolinewidth=2),
        ),
        controls=plan_control(reading),
        patches=(Patches(by=("plan",), of=changes),) if len(changes) > 1 else (),
    )


def _changes(reading: Reading, plan: str) -> list[Change]:
    values = list(parts(reading, plan).values())
    shown = [*values, sum(values)]
    text = [f"{value:+.3f}".replace("-", "\N{MINUS SIGN}") for value in values]
    return [(0, "y", shown), (0, "text", [*text, f"{shown[-1]:.3f}"])]


def money_figure(reading: Reading) -> Figure | None:
    """The same on paper, of the plan that the page opens at."""
    plan = reading.first
    if plan is None:
        return None
    found = parts(reading, plan)
    values = np.array(list(found.values()))
    ends = np.cumsum(values)
    figure = new_figure(5.6, 2.8)
    axes = figure.subplots()
    colours = [palette.GREEN if value >= 0 else palette.VERMILION for value in values]
    axes.bar(range(len(values)), values, 0.6, bottom=ends - values, color=colours)
    axes.bar(len(values), ends[-1], 0.6, color=palette.BLUE)
    for k, value in enumerate([*values, ends[-1]]):
        top = max(ends[k], ends[k] - value) if k < len(values) else max(value, 0.0)
        text = f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
        axes.annotate(text, (k, top), (0, 3), textcoords="offset points", ha="center", fontsize=8)
    words = [*(name.replace(" of the ", "\nof the ") for name in found), "profit"]
    axes.set_xticks(range(len(words)), words, fontsize=8)
    axes.axhline(0, color=palette.GREY, lw=0.8)
    axes.margins(y=0.15)
    axes.set_ylabel(f"M{reading.case.currency} a year")
    return figure
