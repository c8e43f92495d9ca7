"""The network by stage on paper: a panel for each stage (the paper's Figs. 3 and 7)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...planning.radial import HEAD
from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.radial_map import place_of, segments
from .network_pictures import (
    Standing,
    connected,
    shade,
    size_of,
    standing,
    star_of,
)
from .reading import SOP_COLOURS, Reading, roman

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def network_figure(reading: Reading) -> Figure | None:
    """The plan that the page opens at, a panel for each stage."""
    plan = reading.first
    if plan is None:
        return None
    stages = reading.stages(plan)
    columns = min(len(stages), 2)
    rows = math.ceil(len(stages) / columns)
    figure = new_figure(3.6 * columns, 3.3 * rows)
    panels = np.ravel(figure.subplots(rows, columns))
    for axes, stage in zip(panels, stages, strict=False):
        _draw(axes, reading, standing(reading, plan, stage))
        axes.set_title(f"stage {roman(stage)}")
    handles, labels = panels[len(stages) - 1].get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside lower center", ncols=len(unique))
    return figure


def _draw(axes: Axes, reading: Reading, found: Standing) -> None:
    network = reading.case.network
    shades = [
        (connected(reading, sop), shade(slot % len(SOP_COLOURS))["line"]["color"], 1.6)
        for slot, sop in enumerate(found.sops)
    ]
    for feeders, colour, width in (
        (network.zones, palette.SILVER, 1.0),
        (found.larger, palette.ORANGE, 2.5),
        *shades,
    ):
        x, y = (np.array(one, dtype=float) for one in segments(network, feeders))
        axes.plot(x, y, color=colour, lw=width, zorder=1)
    for bus in np.flatnonzero(np.asarray(network.parent) == HEAD):
        style: dict[str, Any] = {"fontsize": 6, "color": "white", "ha": "center", "va": "center"}
        box = {"boxstyle": "square,pad=0.25", "fc": palette.SLATE, "ec": "none"}
        axes.text(network.x_km[bus], network.y_km[bus], network.zones[bus], bbox=box, **style)
    for kva, symbol, colour, name in (
        (found.evcs, "s", palette.BLUE, "charging stations"),
        (found.pv, "o", palette.GREEN, "PV"),
        (found.storage, "D", palette.PINK, "storage"),
    ):
        if kva:
            x, y = np.array([place_of(network, bus) for bus in kva]).T
            areas = [size_of(value) ** 2 / 4 for value in kva.values()]
            look: dict[str, Any] = {"marker": symbol, "color": colour, "edgecolor": "white"}
            axes.scatter(x, y, s=areas, lw=0.5, zorder=3, label=name, **look)
    for slot, sop in enumerate(found.sops):
        _draw_star(axes, reading, sop, slot)
    axes.set_aspect("equal")
    axes.axis("off")


def _draw_star(axes: Axes, reading: Reading, sop: dict[str, float], slot: int) -> None:
    colour = SOP_COLOURS[slot % len(SOP_COLOURS)]
    star = star_of(reading, sop)
    axes.plot(star["x"], star["y"], color=colour, lw=1.6, zorder=4, label=f"SOP {slot + 1}")
    for bus, kva in sop.items():
        axes.plot(
            *place_of(reading.case.network, bus), "o", ms=4, mfc="white", mec=colour, zorder=5
        )
        words: dict[str, Any] = {"fontsize": 6, "color": colour, "zorder": 6, "ha": "center"}
        axes.annotate(
            f"{bus}: {kva / 1e3:.2f}",
            place_of(reading.case.network, bus),
            (0, 4),
            textcoords="offset points",
            **words,
        )
