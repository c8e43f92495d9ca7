"""Price, and what batteries make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.units import FloatArray
from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, layout, names
from ..reporting.page import Chart
from .reading import Reading, at_ends, colours, stairs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _energies(reading: Reading) -> dict[str, FloatArray]:
    """MWh at the beginning of the day, and at the end of each step, by battery."""
    batteries = reading.case.batteries
    start = 1e-3 * batteries.soc_start * batteries.kwh
    held = reading.wide("batteries", "battery", "energy_kwh")
    return {
        name: at_ends(reading, first, 1e-3 * held[name])
        for name, first in zip(batteries.names, start, strict=True)
    }


def battery_chart(reading: Reading) -> Chart | None:
    """Price, power and energy, one above the other."""
    batteries = reading.case.batteries
    if not reading.solved or not batteries.names:
        return None
    chosen = dict(zip(batteries.names, colours(len(batteries.names)), strict=True))
    shown = dict(zip(batteries.names, names(batteries.names), strict=True))
    power = reading.wide("batteries", "battery", "p_kw")
    price = reading.case.price_per_kwh
    data = [stairs(reading, price, "price", palette.INK, yaxis="y", showlegend=False)]
    for name, values in power.items():
        more: dict[str, Any] = {"yaxis": "y2", "showlegend": False, "legendgroup": name}
        data.append(stairs(reading, values, shown[name], chosen[name], **more))
    data += [
        {
            "type": "scatter",
            "mode": "lines",
            "name": shown[name],
            "legendgroup": name,
            "x": reading.hours,
            "y": values,
            "yaxis": "y3",
            "line": {"color": chosen[name], "width": 2.2},
        }
        for name, values in _energies(reading).items()
    ]
    unit = reading.case.currency
    return Chart(
        id="batteries",
        title="Price and batteries",
        caption_html=(
            "<b>Above:</b> the price of imported energy. <b>Middle:</b> what each battery gives, "
            "negative while it charges. <b>Below:</b> what it holds; the day ends as it began."
        ),
        data=data,
        layout=layout(
            560,
            xaxis=reading.axis(anchor="y3"),
            yaxis=axis(f"{unit}/kWh", domain=[0.78, 1.0], rangemode="tozero"),
            yaxis2=axis("power [kW]", domain=[0.4, 0.72]),
            yaxis3=axis("energy [MWh]", domain=[0.0, 0.34], rangemode="tozero"),
        ),
    )


def battery_figure(reading: Reading) -> Figure | None:
    """Price and energy."""
    batteries = reading.case.batteries
    if not reading.solved or not batteries.names:
        return None
    figure = new_figure(6.4, 3.4)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2))
    above.stairs(reading.case.price_per_kwh, reading.hours, color=palette.INK, baseline=None)
    above.set(ylabel=f"{reading.case.currency}/kWh", ylim=(0, None))
    total = np.zeros_like(reading.hours)
    chosen = colours(len(batteries.names))
    for colour, (name, values) in zip(chosen, _energies(reading).items(), strict=True):
        below.fill_between(reading.hours, total, total + values, color=colour, lw=0, label=name)
        total = total + values
    below.set(
        xlabel="hour of the day",
        ylabel="energy [MWh]",
        xlim=(0, reading.hours[-1]),
        xticks=reading.ticks,
    )
    figure.legend(loc="outside upper center", ncols=len(batteries.names))
    return figure
