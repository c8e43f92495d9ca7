"""Figures for papers: the operator's day ahead, and the schemes after the fact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import PHASES
from . import published
from .looks import METHODS, PARTS, SCHEMES, method_name
from .paper_style import below
from .reading import Reading
from .scheme_charts import after_the_fact, lowest_hour, profile_rows, realisations
from .schemes import WORST

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PAPER: Final = "#b9c2cc"


def day_ahead(reading: Reading) -> Figure | None:
    """What DR-CC and RO cost the operator above SP, ours and the paper's, as Table B.II."""
    table = reading.tables["day_ahead"].set_index("method")
    methods = [method for method in published.DAY_AHEAD if method in table.index]
    if not methods:
        return None
    figure = new_figure(7.2, 2.3)
    left, right = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(methods))[::-1]
    _stack(left, table.loc[methods], places, 0.6)
    left.set_yticks(places, [method_name(method, "dso") for method in methods])
    left.set(title="planned cost", xlabel=f"[{reading.case.currency} a day]")
    left.xaxis.set_major_formatter("{x:,.0f}")
    theirs = [published.over_sp_pct(method) for method in methods]
    ours = table.loc[methods, "over_sp_pct"].to_numpy(dtype=float)
    colours = [METHODS[method].colour for method in methods]
    for shift, values, shade in ((0.17, ours, colours), (-0.17, theirs, _PAPER)):
        bars = right.barh(places + shift, values, 0.32, color=shade)
        right.bar_label(bars, fmt="{:+.1f} %", padding=3, fontsize=8, color=palette.SLATE)
    right.set(title="above SP: this study, and the paper (grey)", xlabel="[%]")
    right.margins(x=0.2)
    below(figure, left, 4)
    return figure


def _stack(axes: Axes, costs: Any, places: Any, height: float, named: bool = True) -> None:
    """Stacked bars of the parts of the cost."""
    left = np.zeros(len(costs))
    for part, look in PARTS.items():
        values = costs[part].to_numpy(dtype=float)
        axes.barh(
            places, values, height, left, color=look.colour, label=look.name if named else None
        )
        left = left + values


def schemes(reading: Reading) -> Figure | None:
    """Costs and voltages of the schemes in the worst realisation, ours and the paper's."""
    if WORST not in realisations(reading):
        return None
    ours = after_the_fact(reading).loc[WORST].reindex(list(SCHEMES))
    theirs = pd.DataFrame.from_dict(
        {k: dict(v) for k, v in published.SCHEMES.items()}, orient="index"
    )
    figure = new_figure(7.2, 2.9)
    cost, voltage, unbalance = figure.subplots(1, 3, sharey=True, width_ratios=(2, 1.3, 1))
    places = np.arange(len(SCHEMES))[::-1] * 2.0
    for shift, table, named in ((0.36, ours, True), (-0.36, theirs, False)):
        _stack(cost, table, places + shift, 0.62, named)
        shades = [look.colour if named else _PAPER for look in SCHEMES.values()]
        for place, shade, low, high, vur in zip(
            places + shift,
            shades,
            table["vm_min_pu"],
            table["vm_max_pu"],
            table["vur_max_pct"],
            strict=True,
        ):
            voltage.plot([low, high], [place, place], "o-", color=shade, lw=2.5, ms=4)
            unbalance.plot(vur, place, "o", color=shade, ms=6)
    ticks = [*(places + 0.36), *(places - 0.36)]
    shown = [look.name for look in SCHEMES.values()] + ["the paper"] * len(SCHEMES)
    cost.set_yticks(ticks, shown)
    cost.xaxis.set_major_formatter("{x:,.0f}")
    cost.set(title="cost, worst realisation", xlabel=f"[{reading.case.currency} a day]")
    limits = reading.case.feeder.limits
    for value in (limits.vm_min_pu, limits.vm_max_pu):
        voltage.axvline(value, color=palette.RED, lw=1)
    unbalance.axvline(100 * limits.vur_max, color=palette.RED, lw=1)
    unbalance.set_xlim(left=0)
    voltage.set(title="voltages", xlabel="[pu]")
    unbalance.set(title="largest VUR", xlabel="[%]")
    below(figure, cost, 4)
    return figure


def scheme_voltages(reading: Reading) -> Figure | None:
    """Voltages by bus and phase of the worst realisation in one hour, as Fig. B5."""
    table = profile_rows(reading)
    if table.empty:
        return None
    hour = lowest_hour(table)
    table = table[table["hour"] == hour]
    buses = list(dict.fromkeys(table["bus"].astype(str)))
    figure = new_figure(7.2, 2.8)
    limits = reading.case.feeder.limits
    for axes, phase in zip(figure.subplots(1, 3, sharey=True), PHASES, strict=True):
        for scheme, look in SCHEMES.items():
            rows = table[(table["phase"] == phase) & (table["scheme"] == scheme)]
            values = rows.set_index(rows["bus"].astype(str))["vm_pu"].reindex(buses)
            axes.plot(
                range(len(buses)),
                values,
                color=look.colour,
                ls=look.line,
                lw=1.2,
                marker=look.marker,
                ms=2.5,
                label=look.name,
            )
        for value in (limits.vm_min_pu, limits.vm_max_pu):
            axes.axhline(value, color=palette.RED, lw=1)
        step = max(1, len(buses) // 8)
        axes.set_xticks(range(0, len(buses), step), buses[::step])
        axes.set(title=f"phase {phase}, hour {hour}", xlabel="bus")
    # A limit far away would take the room from the voltages.
    figure.axes[0].set_ylim(table["vm_pu"].min() - 0.01, table["vm_pu"].max() + 0.01)
    figure.axes[0].set_ylabel("voltage magnitude [pu]")
    below(figure, figure.axes[0])
    return figure
