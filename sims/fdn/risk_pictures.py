"""Risks of every limit over iterations (Fig. 6), and how states are spread (Fig. 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, layout
from ..reporting.page import Change, Chart, Control, Patches
from .cost_pictures import plan_control
from .reading import LIMIT_WORDS, STAGE_SCALE, PlanKey, Reading, roman

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: The first round, those after it, the last.
_FIRST, _BETWEEN, _LAST = palette.BLUE, palette.ORANGE, palette.RED


def iteration_chart(reading: Reading) -> Chart | None:
    """Risk of every bus or branch, stage after stage, a line for each round."""
    first = reading.first
    if first is None:
        return None
    most = max(len(_rounds(reading, plan)) for plan in reading.plans)
    changes = {
        f"{plan}|{limit}": _risk_changes(reading, plan, limit, most)
        for plan in reading.plans
        for limit in LIMIT_WORDS
    }
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [],
            "y": [],
            "text": [],
            "line": {"width": 1.6},
            "hovertemplate": "%{text}: %{y:.2f} %<extra>%{fullData.name}</extra>",
        }
        for _ in range(most + 1)
    ]
    start = f"{first}|under_voltage"
    found = layout(440, xaxis=_place_axis(reading, first), yaxis=axis("risk [%]"))
    found["shapes"], found["annotations"] = _dividers(reading, first)
    for trace, path, value in changes[start]:
        traces[int(trace)] |= {path: value}
    limits = Control(
        name="limit",
        label="limit",
        options=tuple(LIMIT_WORDS.items()),
        start="under_voltage",
    )
    return Chart(
        id="risk-iterations",
        title="Risk of every limit, round by round",
        caption_html=(
            "Each place is a bus (or the branch that ends there), feeder by feeder, stage after "
            "stage. <b>Blue:</b> the plan without margins; <b>orange:</b> rounds between; "
            "<b>red:</b> the last. The dashed line is what is promised (the paper's Fig. 6)."
        ),
        data=traces,
        layout=found,
        controls=(*plan_control(reading), limits),
        patches=(Patches(by=("plan", "limit"), of=changes),),
    )


def _rounds(reading: Reading, plan: PlanKey) -> list[int]:
    return sorted(int(k) for k in reading.of("risks", plan)["iteration"].unique())


def _risk_changes(reading: Reading, plan: PlanKey, limit: str, most: int) -> list[Change]:
    rounds = _rounds(reading, plan)
    changes: list[Change] = []
    for trace in range(most):
        there = trace < len(rounds)
        line = _line(reading, plan, limit, rounds[trace]) if there else None
        changes += [
            (trace, "x", [] if line is None else list(range(len(line)))),
            (trace, "y", [] if line is None else (100 * line["risk_found"]).tolist()),
            (trace, "text", [] if line is None else _words(line)),
            (trace, "name", f"round {trace}"),
            (trace, "line", {"width": 1.6, "color": _colour(trace, len(rounds))}),
            (trace, "showlegend", there),
        ]
    last = len(_line(reading, plan, limit, rounds[-1])) - 1
    promise = {"color": palette.INK, "dash": "dash", "width": 1}
    return [
        *changes,
        (most, "x", [0, last]),
        (most, "y", [100 * plan.risk] * 2),
        (most, "text", ["promised"] * 2),
        (most, "name", "promised"),
        (most, "line", promise),
    ]


def _line(reading: Reading, plan: PlanKey, limit: str, iteration: int) -> pd.DataFrame:
    """One round's risks of a limit, ordered by stage, feeder and bus."""
    risks = reading.of("risks", plan)
    found = risks[(risks["limit"] == limit) & (risks["iteration"] == iteration)]
    order = {bus: place for place, bus in enumerate(reading.case.network.buses)}
    return found.sort_values(
        ["stage", "feeder", "element"],
        kind="stable",
        key=lambda column: column.map(order) if column.name == "element" else column,
    )


def _words(line: pd.DataFrame) -> list[str]:
    columns = zip(line["stage"], line["feeder"], line["element"], strict=True)
    return [f"stage {roman(int(stage))}, feeder {feeder}, {bus}" for stage, feeder, bus in columns]


def _colour(place: int, rounds: int) -> str:
    if place == 0:
        return _FIRST
    if place == rounds - 1:
        return _LAST
    return palette.colour_at((_BETWEEN, "#f5cf7e"), (place - 1) / max(rounds - 3, 1))


def _place_axis(reading: Reading, plan: PlanKey) -> dict[str, Any]:
    buses, stages = len(reading.case.network.buses), reading.stages(plan)
    middles = [(k + 0.5) * buses for k in range(len(stages))]
    return axis("", showgrid=False, zeroline=False) | {
        "tickmode": "array",
        "tickvals": middles,
        "ticktext": [f"stage {roman(stage)}" for stage in stages],
        "ticks": "",
    }


def _dividers(reading: Reading, plan: PlanKey) -> tuple[list[Any], list[Any]]:
    """Lines between stages, and the letter of every feeder above its buses."""
    buses = len(reading.case.network.buses)
    shapes = [
        {
            "type": "line",
            "x0": k * buses,
            "x1": k * buses,
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "line": {"color": palette.SILVER, "width": 1, "dash": "dot"},
        }
        for k in range(1, len(reading.stages(plan)))
    ]
    annotations = [
        {
            "x": place,
            "y": 1.0,
            "yref": "paper",
            "yanchor": "bottom",
            "text": feeder,
            "showarrow": False,
            "font": {"size": 9, "color": palette.GREY},
        }
        for place, feeder in _feeder_places(reading, plan)
    ]
    return shapes, annotations


def _feeder_places(reading: Reading, plan: PlanKey) -> list[tuple[float, str]]:
    line = _line(reading, plan, "overload", _rounds(reading, plan)[-1]).reset_index(drop=True)
    groups = line.groupby(["stage", "feeder"], sort=False)
    return [(float(np.mean(rows.index)), str(feeder)) for (_, feeder), rows in groups]


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


def iteration_figure(reading: Reading) -> Figure | None:
    """Risks over rounds of the plan that the page opens at, a panel for each limit."""
    plan = reading.first
    if plan is None:
        return None
    figure = new_figure(7.2, 6.0)
    rounds, buses = _rounds(reading, plan), len(reading.case.network.buses)
    stages = reading.stages(plan)
    for axes, (limit, words) in zip(
        figure.subplots(3, 1, sharex=True), LIMIT_WORDS.items(), strict=True
    ):
        for k, number in enumerate(rounds):
            line = _line(reading, plan, limit, number)
            colour = _colour(k, len(rounds))
            values = 100 * line["risk_found"].to_numpy()
            axes.plot(values, color=colour, lw=1, label=f"round {number}")
        axes.axhline(100 * plan.risk, color=palette.INK, ls="--", lw=0.8, label="promised")
        for k in range(1, len(stages)):
            axes.axvline(k * buses - 0.5, color=palette.SILVER, ls=":", lw=0.8)
        axes.set(title=words, ylabel="risk [%]")
    last = figure.axes[-1]
    middles = [(k + 0.5) * buses for k in range(len(stages))]
    last.set_xticks(middles, [f"stage {roman(stage)}" for stage in stages])
    handles, labels = last.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


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
