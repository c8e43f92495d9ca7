"""Where everything stands that can move."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...core.units import FloatArray, IntArray
from ..reporting import palette
from ..reporting.geometry import map_layout
from ..reporting.layout import names
from ..reporting.page import Chart
from ..reporting.radial_map import branch_trace, bus_trace, feeder_trace, places, star_of
from .reading import Reading, colours


def site_chart(reading: Reading) -> Chart | None:
    """Devices on the map of the network."""
    network = reading.case.network
    devices = [*_sops(reading), *_devices(reading)]
    if not devices:
        return None
    return Chart(
        id="sites",
        title="What can move, and where",
        caption_html=(
            "<b>Stars:</b> soft open points, an arm to each terminal. <b>Marks:</b> generators, "
            "batteries and loads that wait, by power. Hover for what each is."
        ),
        data=[branch_trace(network), bus_trace(network), feeder_trace(network), *devices],
        layout=map_layout(places(network), 620, showlegend=True),
    )


def _sops(reading: Reading) -> Iterator[dict[str, Any]]:
    sops, network = reading.case.sops, reading.case.network
    for k, (name, colour) in enumerate(zip(sops.names, colours(len(sops.names)), strict=True)):
        own = np.flatnonzero(sops.owner == k)
        labels = {
            network.buses[sops.buses[t]]: f"{name}, bus {network.buses[sops.buses[t]]}: "
            f"{sops.kva[t]:,.0f} kVA"
            for t in own
        }
        x, y, text = star_of(network, labels)
        (shown,) = names([f"soft open point {name}"])
        yield {
            "type": "scatter",
            "mode": "lines",
            "name": shown,
            "x": x,
            "y": y,
            "text": names(text),
            "hovertemplate": "%{text}<extra></extra>",
            "line": {"color": colour, "width": 2.5},
        }


def _devices(reading: Reading) -> Iterator[dict[str, Any]]:
    """Marks of each kind; loads that wait stand a little aside, so that no mark hides another."""
    case = reading.case
    dg, battery, load = case.generators, case.batteries, case.deferrable
    load_kw = load.p_max_kw.max(axis=0, initial=0.0)
    kinds = (
        ("generators", "circle", palette.ORANGE, dg.names, dg.buses, dg.kva, "kVA", 0.0),
        ("loads that wait", "square", palette.SKY, load.names, load.buses, load_kw, "kW", 0.16),
        ("batteries", "diamond", palette.PINK, battery.names, battery.buses, battery.kva, "kVA", 0),
    )
    for name, symbol, colour, own, buses, size, unit, aside in kinds:
        if own:
            yield _marks(reading, buses, aside) | {
                "name": name,
                "text": [
                    f"{one}, bus {case.network.buses[bus]}: {kw:,.0f} {unit}"
                    for one, bus, kw in zip(names(own), buses, size, strict=True)
                ],
                "marker": _marker(symbol, colour, size),
            }


def _marks(reading: Reading, buses: IntArray, aside: float) -> dict[str, Any]:
    network = reading.case.network
    return {
        "type": "scatter",
        "mode": "markers",
        "x": network.x_km[buses] + aside,
        "y": network.y_km[buses],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _marker(symbol: str, colour: str, size: FloatArray) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "color": colour,
        "size": [6 + 0.22 * math.sqrt(one) for one in size.tolist()],
        "opacity": 0.9,
        "line": {"color": "#fff", "width": 1},
    }
