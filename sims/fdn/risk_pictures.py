"""Risks of every limit over iterations (the paper's Fig. 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, layout
from ..reporting.page import Change, Chart, Control, Patches
from .cost_pictures import plan_control
from .reading import LIMIT_WORDS, PlanKey, Reading, roman

if TYPE_CHECKING:
    import pandas as pd
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
