"""Drawing a network of radial feeders on a map: its branches, its buses, stars between buses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...planning.radial import HEAD, RadialNetwork
from . import palette
from .layout import names


def places(network: RadialNetwork) -> list[tuple[float, float]]:
    """Positions of all buses [km]."""
    return list(zip(network.x_km.tolist(), network.y_km.tolist(), strict=True))


def place_of(network: RadialNetwork, bus: str) -> tuple[float, float]:
    """Position of a bus [km]."""
    place = network.index(bus)
    return float(network.x_km[place]), float(network.y_km[place])


def segments(network: RadialNetwork, feeders: Iterable[str]) -> tuple[list[Any], list[Any]]:
    """Branches of these feeders as one broken line; those at a head begin at their bus."""
    wanted = set(feeders)
    x: list[Any] = []
    y: list[Any] = []
    for bus, zone in enumerate(network.zones):
        parent = int(network.parent[bus])
        if zone in wanted and parent != HEAD:
            x += [network.x_km[parent], network.x_km[bus], None]
            y += [network.y_km[parent], network.y_km[bus], None]
    return x, y


def star_of(network: RadialNetwork, labels: Mapping[str, str]) -> tuple[list[Any], ...]:
    """From the middle of all buses to each of them and back: x, y, and a label at each bus."""
    at = {bus: place_of(network, bus) for bus in labels}
    middle = np.mean(list(at.values()), axis=0).tolist()
    x, y, text = [middle[0]], [middle[1]], [""]
    for bus, (across, up) in at.items():
        x += [across, middle[0]]
        y += [up, middle[1]]
        text += [labels[bus], ""]
    return x, y, text


def branch_trace(network: RadialNetwork) -> dict[str, Any]:
    """All branches, in grey."""
    x, y = segments(network, network.zones)
    line = {"color": palette.SILVER, "width": 2}
    return {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "x": x, "y": y} | {
        "line": line,
        "showlegend": False,
    }


def bus_trace(network: RadialNetwork) -> dict[str, Any]:
    """All buses, with their feeder and nominal load."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": network.x_km,
        "y": network.y_km,
        "text": [
            f"bus {bus}, feeder {zone}<br>{load:,.0f} kW nominal"
            for bus, zone, load in zip(
                names(network.buses), names(network.zones), network.load_p_kw, strict=True
            )
        ],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"size": 6, "color": palette.SILVER, "line": {"color": "#fff", "width": 1}},
        "showlegend": False,
    }


def feeder_trace(network: RadialNetwork) -> dict[str, Any]:
    """A letter at the first bus of each feeder."""
    starts = np.flatnonzero(np.asarray(network.parent) == HEAD)
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": network.x_km[starts],
        "y": network.y_km[starts],
        "text": names([network.zones[bus] for bus in starts]),
        "textfont": {"size": 11, "color": "#fff"},
        "marker": {"size": 17, "color": palette.SLATE, "symbol": "square"},
        "hovertemplate": "head of feeder %{text}<extra></extra>",
        "showlegend": False,
    }
