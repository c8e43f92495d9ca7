"""How a plan operates on a typical day: import, renewables, ports and batteries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, hour_axis, layout
from ..reporting.page import Change, Chart, Patches
from .reading import (
    AFTER,
    BEFORE,
    Reading,
    busiest,
    colour_of,
    opened,
    plan_control,
    scenario_control,
)
from .rows import port_names

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

#: Columns of the table ``hours`` as lines: name, column, colour, dash, axis.
_LINES: Final = (
    ("load", "load_kw", palette.INK, "dot", "y"),
    ("import before", "import_before_kw", BEFORE, "solid", "y"),
    ("import", "import_kw", AFTER, "solid", "y"),
    ("renewables available", "available_kw", palette.MINT, "dash", "y2"),
    ("renewables before", "renewables_before_kw", BEFORE, "dash", "y2"),
    ("renewables used", "renewables_kw", palette.GREEN, "solid", "y2"),
)
_MEGA: Final = 1e3


def day_chart(reading: Reading) -> Chart | None:
    """A day by choice of plan and scenario: four panels over its hours."""
    first = reading.first
    if first is None:
        return None
    start = busiest(reading, first)
    changes = {
        f"{plan}|{k}": _changes(reading, plan, scenario)
        for plan in reading.plans
        for k, scenario in enumerate(reading.scenarios)
    }
    by: tuple[str, ...] = ("plan", "scenario")
    if len(reading.plans) == 1:
        by, changes = ("scenario",), {key.rpartition("|")[2]: v for key, v in changes.items()}
    last = str(reading.scenarios.index(start))
    opening = changes[last if len(by) == 1 else f"{first}|{last}"]
    hours = len(reading.case.scenarios.price_per_kwh[0])
    return Chart(
        id="day",
        title="A day of operation",
        caption_html=(
            "<b>Import</b> is that of all feeders together; export is negative. What renewables "
            "could give and do not is curtailed. <b>Ports:</b> power given to the network, stacked "
            "(negative: taken from it). <b>Battery:</b> power given to the link as bars, energy "
            "held at the end of the hour as a line."
        ),
        data=opened(_traces(reading), opening),
        layout=layout(
            980,
            barmode="relative",
            bargap=0.15,
            xaxis=hour_axis(round(hours * reading.case.hours), anchor="y5"),
            yaxis=axis("import [MW]", domain=[0.78, 1.0]),
            yaxis2=axis("renewables [MW]", domain=[0.53, 0.74], rangemode="tozero"),
            yaxis3=axis("ports [MW]", domain=[0.27, 0.49], zerolinewidth=2),
            yaxis4=axis(
                "energy [MWh]",
                overlaying="y5",
                side="right",
                showgrid=False,
                rangemode="tozero",
                tickmode="auto",
            ),
            yaxis5=axis("battery [MW]", domain=[0.0, 0.23], zerolinewidth=2),
        ),
        controls=(*plan_control(reading), scenario_control(reading, start)),
        patches=(Patches(by=by, of=changes),),
    )


def _traces(reading: Reading) -> list[dict[str, Any]]:
    lines = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "line": {"color": colour, "width": 2.5, "dash": dash, "shape": "hvh"},
            "yaxis": place,
            "hovertemplate": f"{name}: %{{y:.2f}} MW<extra></extra>",
        }
        for name, _, colour, dash, place in _LINES
    ]
    ports = [
        {
            "type": "bar",
            "name": f"port {bus}",
            "marker": {"color": colour_of(k)},
            "yaxis": "y3",
            "hovertemplate": f"port {bus}: %{{y:.2f}} MW, %{{text}}<extra></extra>",
            "textposition": "none",
        }
        for k, bus in enumerate(port_names(reading.case))
    ]
    batteries: list[dict[str, Any]] = []
    for k, link in enumerate(reading.case.links.names):
        colour = colour_of(k)
        batteries += [
            {"type": "bar", "name": f"battery {link}", "yaxis": "y5"}
            | {"marker": {"color": palette.PINK if k == 0 else colour, "opacity": 0.6}}
            | {"hovertemplate": "battery: %{y:.2f} MW<extra></extra>"},
            {"type": "scatter", "mode": "lines+markers", "name": f"energy {link}", "yaxis": "y4"}
            | {"line": {"color": palette.INK if k == 0 else colour, "width": 2}}
            | {"hovertemplate": "energy: %{y:.2f} MWh<extra></extra>"},
        ]
    return [*lines, *ports, *batteries]


def _changes(reading: Reading, plan: str, scenario: str) -> list[Change]:
    hours = reading.of("hours", plan, scenario)
    changes: list[Change] = []
    for trace, (_, column, *_) in enumerate(_LINES):
        y = (hours[column] / _MEGA).tolist()
        changes += [(trace, "x", hours["hour"].tolist()), (trace, "y", y)]
    trace = len(_LINES)
    table = reading.of("port_hours", plan, scenario)
    for bus in port_names(reading.case):
        own = table[table["bus"] == bus]
        text = [
            f"{q / _MEGA:.2f} Mvar, loss {loss:.0f} kW, {amperes:.0f} A"
            for q, loss, amperes in zip(
                own["q_kvar"], own["loss_kw"], own["dc_current_a"], strict=True
            )
        ]
        changes += [*_series(trace, own, "p_kw"), (trace, "text", text)]
        changes.append((trace, "showlegend", bool(len(own))))
        trace += 1
    table = reading.of("battery_hours", plan, scenario)
    for link in reading.case.links.names:
        own = table[table["link"] == link]
        for column in ("p_kw", "energy_kwh"):
            changes += _series(trace, own, column)
            changes.append((trace, "showlegend", bool(len(own))))
            trace += 1
    return changes


def _series(trace: int, own: pd.DataFrame, column: str) -> list[Change]:
    return [(trace, "x", own["hour"].tolist()), (trace, "y", (own[column] / _MEGA).tolist())]


def day_figure(reading: Reading) -> Figure | None:
    """The day with most energy curtailed before, of the plan that the page opens at."""
    plan = reading.first
    if plan is None:
        return None
    scenario = busiest(reading, plan)
    hours = reading.of("hours", plan, scenario)
    figure = new_figure(7.2, 4.6)
    panels = figure.subplots(2, 2, sharex=True).ravel()
    for name, column, colour, dash, place in _LINES:
        style = {"solid": "-", "dash": "--", "dot": ":"}[dash]
        axes = panels[0 if place == "y" else 1]
        values = hours[column] / _MEGA
        axes.step(hours["hour"], values, style, where="mid", color=colour, label=name, lw=1.4)
    _draw_ports(panels[2], reading, reading.of("port_hours", plan, scenario))
    _draw_batteries(panels[3], reading, reading.of("battery_hours", plan, scenario))
    for axes, unit in zip(panels, ("import", "renewables", "ports", "battery"), strict=True):
        axes.set_ylabel(f"{unit} [MW]")
        handles, labels = axes.get_legend_handles_labels()
        if handles:
            above: dict[str, Any] = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0)}
            axes.legend(handles, labels, ncols=3, fontsize=7, **above)
    for axes in panels[2:]:
        axes.set_xlabel(f"hour, {scenario}")
    return figure


def _draw_ports(axes: Any, reading: Reading, table: pd.DataFrame) -> None:
    floors, width = {1: np.zeros(24), -1: np.zeros(24)}, 0.85 * reading.case.hours
    for k, bus in enumerate(port_names(reading.case)):
        own = table[table["bus"] == bus]
        if own.empty:
            continue
        hour, values = own["hour"].to_numpy(int), own["p_kw"].to_numpy() / _MEGA
        for sign, floor in floors.items():
            part = np.where(np.sign(values) == sign, values, 0.0)
            label = bus if sign == 1 else None
            axes.bar(hour, part, width, bottom=floor[hour], color=colour_of(k), label=label)
            floor[hour] += part
    axes.axhline(0, color=palette.GREY, lw=0.8)


def _draw_batteries(axes: Any, reading: Reading, table: pd.DataFrame) -> None:
    energy = axes.twinx()
    energy.spines["right"].set_visible(True)
    energy.set_ylabel("energy [MWh]")
    for k, link in enumerate(reading.case.links.names):
        own = table[table["link"] == link]
        colour = palette.PINK if k == 0 else colour_of(k)
        axes.bar(
            own["hour"], own["p_kw"] / _MEGA, 0.85 * reading.case.hours, color=colour, alpha=0.6
        )
        energy.plot(own["hour"], own["energy_kwh"] / _MEGA, color=palette.INK, lw=1.3)
    energy.set_ylim(bottom=0)
    axes.axhline(0, color=palette.GREY, lw=0.8)
