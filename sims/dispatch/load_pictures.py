"""Deferrable loads between the least and the most they may have consumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, layout, names
from ..reporting.page import Change, Chart, Control, Patches
from .reading import Reading, at_ends, stairs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...core.units import FloatArray

_COLUMNS = ("energy_min_kwh", "energy_max_kwh", "energy_kwh")
_FIGURE_COLUMNS = 3


def _bounded(reading: Reading) -> dict[str, tuple[FloatArray, ...]]:
    """Least, most, and consumed energy in MWh from the beginning of the day, by load."""
    found = [reading.wide("deferrable", "load", column) for column in _COLUMNS]
    return {
        name: tuple(at_ends(reading, 0.0, 1e-3 * one[name]) for one in found) for name in found[0]
    }


def load_chart(reading: Reading) -> Chart | None:
    """Energy between its bounds, and power, by choice of the load."""
    loads = reading.case.deferrable.names
    if not reading.solved or not loads:
        return None
    energies, powers = _bounded(reading), reading.wide("deferrable", "load", "p_kw")
    least, most, consumed = energies[loads[0]]
    edge: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "x": reading.hours,
        "line": {"width": 0},
    }
    more: dict[str, Any] = {"yaxis": "y2", "fill": "tozeroy", "showlegend": False}
    price = {"yaxis": "y3", "line": {"width": 1.5, "dash": "dot"}}
    data: list[dict[str, Any]] = [
        {**edge, "y": most, "showlegend": False, "hoverinfo": "skip"},
        {**edge, "y": least, "fill": "tonexty", "fillcolor": palette.FAINT, "name": "allowed"},
        {
            **edge,
            "y": consumed,
            "name": "consumed",
            "line": {"color": palette.BLUE, "width": 2.5},
        },
        stairs(reading, powers[loads[0]], "power", palette.BLUE, **more),
        stairs(reading, reading.case.price_per_kwh, "price", palette.VERMILION, **price),
    ]
    changes = {name: _changes(energies[name], powers[name]) for name in loads}
    options = tuple(zip(loads, names(loads), strict=True))
    return Chart(
        id="loads",
        title="Loads that wait",
        caption_html=(
            "<b>Grey:</b> between what must have been consumed and what can have been: the line "
            "has to stay within. <b>Below:</b> the load's power, and the price it waits for."
        ),
        data=data,
        layout=layout(
            520,
            xaxis=reading.axis(anchor="y2"),
            yaxis=axis("energy [MWh]", domain=[0.46, 1.0], rangemode="tozero"),
            yaxis2=axis("power [kW]", domain=[0.0, 0.36], rangemode="tozero"),
            yaxis3=axis(
                f"{reading.case.currency}/kWh",
                overlaying="y2",
                side="right",
                anchor="x",
                showgrid=False,
                rangemode="tozero",
            ),
        ),
        controls=(Control(name="load", label="load", options=options, start=loads[0]),),
        patches=(Patches(by=("load",), of=changes),),
    )


def _changes(energies: tuple[FloatArray, ...], power: FloatArray) -> list[Change]:
    least, most, consumed = energies
    return [
        (0, "y", most),
        (1, "y", least),
        (2, "y", consumed),
        (3, "y", np.append(power, power[-1])),
    ]


def load_figure(reading: Reading) -> Figure | None:
    """All loads, a small panel each."""
    loads = reading.case.deferrable.names
    if not reading.solved or not loads:
        return None
    rows = -(-len(loads) // _FIGURE_COLUMNS)
    figure = new_figure(7.2, 0.6 + 1.5 * rows)
    panels = figure.subplots(rows, _FIGURE_COLUMNS, sharex=True, squeeze=False).ravel()
    for axes, (name, energies) in zip(panels, _bounded(reading).items(), strict=False):
        _panel(axes, reading, name, energies)
    for axes in panels[len(loads) :]:
        axes.axis("off")
    figure.supxlabel("hour of the day", fontsize=9)
    figure.supylabel("energy [MWh]", fontsize=9)
    return figure


def _panel(axes: Axes, reading: Reading, name: str, energies: tuple[FloatArray, ...]) -> None:
    least, most, consumed = energies
    axes.fill_between(reading.hours, least, most, color=palette.SILVER, lw=0)
    axes.plot(reading.hours, consumed, color=palette.BLUE, lw=1.5)
    axes.set(title=name, xlim=(0, reading.hours[-1]), xticks=reading.ticks)
