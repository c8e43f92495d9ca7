"""How voltages and loadings are spread, before margins and in the end (the paper's Fig. 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, layout
from ..reporting.page import Change, Chart, Control, Patches
from .cost_pictures import plan_control
from .reading import STAGE_SCALE, PlanKey, Reading, roman

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def density_chart(reading: Reading) -> Chart | None:
    """Densities of a voltage or loading by stage, without margins and in the end."""
    first = reading.first
    if first is None or reading.of("densities", first).empty:
        return None
    changes = {
        f"{plan}|{look}": _density_changes(reading, plan, look)
        for plan in reading.plans
        for look in _looks(reading)
    }
    looks = _looks(reading)
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": [],
            "y": [],
            "line": {"color": colour, "width": 2, "dash": dash},
            "hovertemplate": "%{x:.3f}: %{y:.2f}<extra>" + name + "</extra>",
        }
        for name, colour, dash in _curves(reading)
    ]
    traces += [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "limits",
            "x": [],
            "y": [],
            "line": {"color": palette.RED, "width": 1.5},
            "hoverinfo": "skip",
        }
    ]
    for trace, path, value in changes[f"{first}|{looks[0]}"]:
        traces[int(trace)][path] = value
    choice = Control(
        name="look",
        label="quantity",
        options=tuple((look, _look_words(reading, look)) for look in looks),
        start=looks[0],
    )
    return Chart(
        id="densities",
        title="How voltages and loadings are spread",
        caption_html=(
            "<b>Dotted:</b> the plan without margins, <b>solid:</b> the plan in the end, on fresh "
            "samples, <b>dashed:</b> the low-rank approximation of the latter; from light to dark "
            "the stages. <b>Red:</b> limits (the paper's Fig. 5). A solid line that piles up at a "
            "limit is a soft open point at work, which no low rank can follow."
        ),
        data=traces,
        layout=layout(
            420,
            xaxis=axis("voltage [pu], or current over rating [-]"),
            yaxis=axis("density", rangemode="tozero"),
        ),
        controls=(*plan_control(reading), choice),
        patches=(Patches(by=("plan", "look"), of=changes),),
    )


def _looks(reading: Reading) -> list[str]:
    """'voltage 83', and so on: all that any plan has looked at."""
    table = reading.table("densities")
    pairs = table[["quantity", "element"]].drop_duplicates()
    return [f"{q} {e}" for q, e in zip(pairs["quantity"], pairs["element"], strict=True)]


def _look_words(reading: Reading, look: str) -> str:
    quantity, element = look.split(" ", 1)
    network = reading.case.network
    feeder = network.zones[network.index(element)]
    what = "voltage at bus" if quantity == "voltage" else "loading of the branch to bus"
    return f"{what} {element}, feeder {feeder}"


_WHEN: Final = (
    ("first", "without margins", "dot"),
    ("last", "in the end", "solid"),
    ("surrogate", "low-rank", "dash"),
)


def _curves(reading: Reading) -> list[tuple[str, str, str]]:
    """Name, colour and dash of every line."""
    stages = len(reading.case.stages)
    return [
        (
            f"stage {roman(k + 1)}, {words}",
            palette.colour_at(STAGE_SCALE, k / max(stages - 1, 1)),
            dash,
        )
        for _, words, dash in _WHEN
        for k in range(stages)
    ]


def _density_changes(reading: Reading, plan: PlanKey, look: str) -> list[Change]:
    stages, changes, highest = len(reading.case.stages), [], 0.0
    for place, (when, _, _) in enumerate(_WHEN):
        for stage in range(1, stages + 1):
            rows = _density(reading, plan, look, when, stage)
            trace = place * stages + stage - 1
            highest = max(highest, float(rows["density"].max()) if len(rows) else 0.0)
            changes += [
                (trace, "x", rows["middle"].tolist()),
                (trace, "y", rows["density"].tolist()),
                (trace, "showlegend", bool(len(rows))),
            ]
    x = [v for limit in _limits(reading, look) for v in (limit, limit, None)]
    y = [v for _ in _limits(reading, look) for v in (0.0, highest, None)]
    return [*changes, (len(_WHEN) * stages, "x", x), (len(_WHEN) * stages, "y", y)]


def _density(reading: Reading, plan: PlanKey, look: str, when: str, stage: int) -> pd.DataFrame:
    quantity, element = look.split(" ", 1)
    rows = reading.of("densities", plan)
    return rows[
        (rows["quantity"] == quantity)
        & (rows["element"] == element)
        & (rows["when"] == when)
        & (rows["stage"] == stage)
    ]


def _limits(reading: Reading, look: str) -> tuple[float, ...]:
    rules = reading.case.rules
    return (rules.v_min_pu, rules.v_max_pu) if look.startswith("voltage") else (1.0,)


def density_figure(reading: Reading) -> Figure | None:
    """The first three looks of the plan that the page opens at."""
    plan = reading.first
    if plan is None or reading.of("densities", plan).empty:
        return None
    looks = _looks(reading)[:3]
    figure = new_figure(7.2, 2.7)
    panels = np.ravel(figure.subplots(1, len(looks), squeeze=False))
    for axes, look in zip(panels, looks, strict=True):
        _draw_densities(axes, reading, plan, look)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _draw_densities(axes: Axes, reading: Reading, plan: PlanKey, look: str) -> None:
    stages = len(reading.case.stages)
    for number, (name, colour, dash) in enumerate(_curves(reading)):
        when = _WHEN[number // stages][0]
        rows = _density(reading, plan, look, when, number % stages + 1)
        if rows.empty:
            continue
        style = {"dot": ":", "dash": "--"}.get(dash, "-")
        axes.plot(rows["middle"], rows["density"], style, color=colour, lw=1.2, label=name)
    shown = reading.of("densities", plan)
    quantity, element = look.split(" ", 1)
    middles = shown.loc[(shown["quantity"] == quantity) & (shown["element"] == element), "middle"]
    for limit in _limits(reading, look):
        if middles.min() - 0.02 <= limit <= middles.max() + 0.02:
            axes.axvline(limit, color=palette.RED, lw=0.9)
    words = _look_words(reading, look)
    axes.set_title(words, fontsize=7.5)
    axes.set_xlabel("voltage [pu]" if look.startswith("voltage") else "loading [-]")
    axes.set_yticks([])
