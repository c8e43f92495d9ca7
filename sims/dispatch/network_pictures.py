"""Voltages by the linear and by exact power flow, and how loaded the feeders are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.units import FloatArray
from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, layout, names
from ..reporting.page import Chart
from .reading import Reading, stairs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _grid(reading: Reading, table: str, column: str) -> FloatArray:
    """A column as [time, bus]."""
    return reading.series(table, column).reshape(reading.case.steps, -1)


def voltage_chart(reading: Reading) -> Chart | None:
    """The band of all buses, and how far linear and exact voltages are apart."""
    if not reading.solved:
        return None
    linear, exact = (_grid(reading, "voltages", name) for name in ("linear_pu", "ac_pu"))
    rules = reading.case.rules
    edge: dict[str, Any] = {"line": {"width": 0}}
    dashed: dict[str, Any] = {"line": {"width": 1.6, "dash": "dash"}}
    apart = 1e6 * np.abs(linear - exact).max(axis=1)
    below: dict[str, Any] = {"yaxis": "y2", "fill": "tozeroy", "line": {"width": 1.5}}
    data = [
        stairs(reading, exact.max(axis=1), "", palette.SKY, showlegend=False, **edge),
        stairs(reading, exact.min(axis=1), "exact power flow, all buses", palette.SKY)
        | {"fill": "tonexty", "fillcolor": "#bfe0f2", "line": {"width": 0, "shape": "hv"}},
        stairs(reading, linear.min(axis=1), "linear, lowest and highest", palette.BLUE, **dashed),
        stairs(reading, linear.max(axis=1), "", palette.BLUE, showlegend=False, **dashed),
        *(
            stairs(reading, np.full(reading.case.steps, limit), word, palette.RED, showlegend=shown)
            for limit, word, shown in (
                (rules.v_min_pu, "limits", True),
                (rules.v_max_pu, "limit", False),
            )
        ),
        stairs(reading, apart, "largest difference", palette.ORANGE, **below),
    ]
    return Chart(
        id="voltages",
        title="Voltages, linear and exact",
        caption_html=(
            "<b>Band:</b> lowest to highest bus of the network by exact power flow; dashed: by the "
            "linear one that the dispatch was solved with. <b>Below:</b> the largest difference "
            "between them at any bus, in millionths of the nominal voltage."
        ),
        data=data,
        layout=layout(
            520,
            xaxis=reading.axis(anchor="y2"),
            yaxis=axis("voltage [pu]", domain=[0.36, 1.0]),
            yaxis2=axis("\N{GREEK SMALL LETTER MU}pu", domain=[0.0, 0.25], rangemode="tozero"),
        ),
    )


def loading_chart(reading: Reading) -> Chart | None:
    """The most loaded branch of each feeder in every step."""
    if not reading.solved:
        return None
    loading, network = 100 * _grid(reading, "branches", "loading"), reading.case.network
    rows = [loading[:, buses].max(axis=1) for buses in network.feeders.values()]
    return Chart(
        id="loading",
        title="Where lines are full",
        caption_html=(
            "The most loaded branch of each feeder, by exact power flow; 100 % is the limit of "
            f"{reading.case.rules.i_max_a:g} A. It is stated as a polygon too: between its corners "
            "a line counts as full a little earlier."
        ),
        data=[
            {
                "type": "heatmap",
                "x": reading.hours[:-1] + reading.case.hours / 2,
                "y": names(list(network.feeders)),
                "z": rows,
                "zmin": 0,
                "zmax": 100,
                "colorscale": palette.stops(palette.SATURATION),
                "colorbar": {"title": {"text": "%"}, "thickness": 12},
                "hovertemplate": "feeder %{y}, hour %{x}: %{z:.1f} %<extra></extra>",
            }
        ],
        layout=layout(
            60 + 30 * max(len(rows), 5),
            xaxis=reading.axis(showgrid=False),
            yaxis=axis("feeder", type="category", autorange="reversed", showgrid=False),
        ),
    )


def voltage_figure(reading: Reading) -> Figure | None:
    """The band of all buses."""
    if not reading.solved:
        return None
    linear, exact = (_grid(reading, "voltages", name) for name in ("linear_pu", "ac_pu"))
    figure = new_figure(6.4, 2.6)
    axes = figure.subplots()
    low, high = exact.min(axis=1), exact.max(axis=1)
    axes.stairs(high, reading.hours, baseline=low, fill=True, color="#bfe0f2", label="exact")
    for values, word in ((linear.min(axis=1), "linear"), (linear.max(axis=1), None)):
        axes.stairs(values, reading.hours, baseline=None, color=palette.BLUE, ls="--", label=word)
    for limit, word in (
        (reading.case.rules.v_min_pu, "limits"),
        (reading.case.rules.v_max_pu, None),
    ):
        axes.axhline(limit, color=palette.RED, lw=1, label=word)
    axes.set(
        xlabel="hour of the day",
        ylabel="voltage [pu]",
        xlim=(0, reading.hours[-1]),
        xticks=reading.ticks,
    )
    figure.legend(loc="outside upper center", ncols=3)
    return figure
