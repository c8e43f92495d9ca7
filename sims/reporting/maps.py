"""The two maps among the paper figures: roads by saturation, feeder by voltage with trades."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from . import palette
from .layout import Tables, clock, rows_of
from .roads import arc_ends, site_places, stands_upright

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..case import Case

#: Trades drawn; more would hide each other on paper.
MOST_ARCS = 25


def draw_roads(figure: Figure, axes: Axes, case: Case, tables: Tables) -> None:
    """Both directions of each road at the busiest hour, charging sites sized by load."""
    roads = rows_of(tables, "roads")
    peak = int(roads.groupby("hour")["flow_veh_per_h"].sum().idxmax())
    for row in roads[roads["hour"] == peak].itertuples():
        start, end = arc_ends(case.roads, row.from_node, row.to_node)
        colour = palette.colour_at(palette.SATURATION, float(row.saturation))
        width = 1 + 1.8 * min(float(row.saturation), 1.0)
        arrow = {"arrowstyle": "-|>", "color": colour, "lw": width, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", end, start, arrowprops={**arrow, "mutation_scale": 9})
    _draw_nodes(axes, case)
    _draw_sites(axes, case, tables, peak)
    _scale(figure, axes, palette.SATURATION, (0, 1), "saturation [-]")
    axes.set(title=f"Road saturation, {clock(peak, case.hours)}", aspect="equal")
    axes.axis("off")


def _draw_nodes(axes: Axes, case: Case) -> None:
    for node in case.roads.nodes:
        axes.plot(node.x_km, node.y_km, "o", ms=13, mfc="white", mec=palette.GREY, zorder=3)
        style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7.5, "zorder": 4}
        axes.text(node.x_km, node.y_km, node.id, color=palette.SLATE, **style)


def _draw_sites(axes: Axes, case: Case, tables: Tables, hour: int) -> None:
    sites = rows_of(tables, "sites")
    load = sites[sites["hour"] == hour].set_index("station")["charging_kw"].astype(float)
    most = max(float(load.max()), 1e-9) if len(load) else 1.0
    upright = stands_upright(case.roads)
    for station, (x, y) in site_places(case.roads).items():
        area = 20 + 230 * float(load.get(station, 0.0)) / most
        style: dict[str, Any] = {"color": palette.BLUE, "lw": 0.8, "edgecolor": "white"}
        axes.scatter(x, y, s=area, zorder=5, alpha=0.85, **style)
        _label(axes, station, (x, y), 4 + math.sqrt(area) / 2, upright[station])


def _label(axes: Axes, text: str, at: tuple[float, float], away_pt: float, right: bool) -> None:
    """A station's name beside a road that runs up or down, above one that runs across."""
    offset, align = (
        ((away_pt, 0), ("left", "center")) if right else ((0, away_pt), ("center", "bottom"))
    )
    words: dict[str, Any] = {"ha": align[0], "va": align[1], "color": palette.BLUE, "zorder": 6}
    axes.annotate(text, at, offset, textcoords="offset points", fontsize=7, **words)


def draw_feeder(figure: Figure, axes: Axes, case: Case, tables: Tables) -> None:
    """Lowest planned or exact median voltage of each bus over the day, and the day's trades."""
    places = dict(zip(case.feeder.buses, case.feeder.bus_xy, strict=True))
    for line in case.feeder.lines:
        ends = np.array([places[line.from_bus], places[line.to_bus]])
        axes.plot(*ends.T, color=palette.GREY, lw=1.4, zorder=1)
    _draw_trades(axes, case, tables, places)
    lowest = _lowest(rows_of(tables, "voltages"))
    swing = math.ceil(100 * float((lowest - 1).abs().max()) + 1e-9) / 100
    for bus, (x, y) in places.items():
        fill = palette.colour_at(palette.VOLTAGE, 0.5 + (lowest.get(bus, 1.0) - 1) / (2 * swing))
        axes.plot(x, y, "o", ms=10, mfc=fill, mec=palette.GREY, mew=0.7, zorder=3)
        style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 5.5, "zorder": 4}
        axes.text(x, y, bus, color=palette.readable_on(fill), **style)
    _scale(figure, axes, palette.VOLTAGE, (1 - swing, 1 + swing), "voltage [pu]")
    axes.set(title="Lowest median voltage of the day, and the largest trades", aspect="equal")
    axes.margins(y=0.15)  # data end at bus centres, and discs would be cut in half
    axes.axis("off")


def _lowest(voltages: pd.DataFrame) -> pd.Series[float]:
    median = voltages["ac_median_pu"].astype(float).fillna(voltages["planned_pu"].astype(float))
    return median.groupby(voltages["bus"]).min()


def _draw_trades(
    axes: Axes, case: Case, tables: Tables, places: dict[str, tuple[float, float]]
) -> None:
    trades = rows_of(tables, "trades")
    energy = trades.groupby(["seller", "buyer"])["energy_kwh"].sum()
    energy = energy[energy > 1e-3].astype(float).nlargest(MOST_ARCS)
    at = {station.id: places[station.bus] for station in case.stations}
    for (seller, buyer), kwh in energy.items():
        share = float(kwh) / float(energy.max())
        arrow = {"arrowstyle": "-|>", "connectionstyle": "arc3,rad=-0.35", "mutation_scale": 7}
        look = {"color": palette.PINK, "lw": 0.5 + 1.8 * share, "alpha": 0.35 + 0.4 * share}
        axes.annotate("", at[buyer], at[seller], arrowprops={**arrow, **look, "shrinkB": 5})


def _scale(
    figure: Figure, axes: Axes, scale: tuple[str, ...], ends: tuple[float, float], title: str
) -> None:
    """A slim colour bar that explains the scale."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    colours = LinearSegmentedColormap.from_list("scale", scale)
    bar = figure.colorbar(
        ScalarMappable(Normalize(*ends), colours), ax=axes, shrink=0.75, aspect=28, pad=0.01
    )
    bar.set_label(title)
    bar.outline.set_visible(False)
