"""Where ports and batteries stand: on the page, and on paper."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ...planning.radial import HEAD
from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.geometry import map_layout
from ..reporting.page import Change, Chart, Patches
from ..reporting.radial_map import (
    branch_trace,
    bus_trace,
    feeder_trace,
    place_of,
    places,
    segments,
    star_of,
)
from .reading import Reading, colour_of, opened, plan_control

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Of labels on paper, in points.
_OFFSETS: Final = {
    "middle right": (16, -2),
    "middle left": (-16, -2),
    "top center": (0, 5),
    "bottom center": (0, -11),
}
#: Numbers of the traces before those of links.
_LINKS = 5


def network_chart(reading: Reading) -> Chart | None:
    """Ports and batteries in the map, by choice of the plan."""
    first = reading.first
    if first is None:
        return None
    network = reading.case.network
    data = [
        branch_trace(network),
        bus_trace(network),
        feeder_trace(network),
        _renewables(reading),
        _candidates(reading),
        *(trace for link in range(len(reading.case.links.names)) for trace in _link(reading, link)),
    ]
    changes = {plan: _changes(reading, plan) for plan in reading.plans}
    return Chart(
        id="network",
        title="What stands where",
        caption_html=(
            "<b>Coloured star:</b> a DC link, with the MVA of each port that is built; its middle "
            "is only for drawing. <b>Diamond:</b> the battery on it. <b>Hollow circles:</b> "
            "candidates without a port. <b>Green discs:</b> renewables, by what is installed under "
            "the boundary condition with most."
        ),
        data=opened(data, changes[first]),
        layout=map_layout(places(network), 760, showlegend=True),
        controls=plan_control(reading),
        patches=(Patches(by=("plan",), of=changes),) if len(changes) > 1 else (),
    )


def installed_kw(reading: Reading) -> dict[str, float]:
    """Largest output of renewables by bus, over all scenarios and hours."""
    scenarios, network = reading.case.scenarios, reading.case.network
    most = scenarios.res_kw.max(axis=(0, 1), initial=0.0)
    return {
        network.buses[bus]: float(kw) for bus, kw in zip(scenarios.res_buses, most, strict=True)
    }


def _renewables(reading: Reading) -> dict[str, Any]:
    found = installed_kw(reading)
    spots = [place_of(reading.case.network, bus) for bus in found]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "renewables",
        "x": [x for x, _ in spots],
        "y": [y for _, y in spots],
        "text": [f"bus {bus}: up to {kw / 1e3:.2f} MW" for bus, kw in found.items()],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"size": [_size(kw) for kw in found.values()], "color": palette.GREEN}
        | {"opacity": 0.6, "line": {"color": "#fff", "width": 1}},
    }


def _size(kw: float) -> float:
    return 5 + 8 * math.sqrt(kw / 1e3)


def _candidates(reading: Reading) -> dict[str, Any]:
    network, links = reading.case.network, reading.case.links
    names = [network.buses[bus] for bus in links.port_buses]
    spots = [place_of(network, bus) for bus in names]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "candidates",
        "x": [x for x, _ in spots],
        "y": [y for _, y in spots],
        "text": [f"candidate at bus {bus}" for bus in names],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"size": 12, "color": "#fff", "line": {"color": palette.SLATE, "width": 2}},
    }


def _link(reading: Reading, link: int) -> list[dict[str, Any]]:
    colour, name = colour_of(link), reading.case.links.names[link]
    shared: dict[str, Any] = {"type": "scatter", "x": [], "y": [], "text": [], "hoverinfo": "text"}
    font = {"size": 13, "color": colour}
    return [
        {**shared, "mode": "lines+markers+text", "name": f"DC link {name}", "textfont": font}
        | {"textposition": [], "line": {"color": colour, "width": 3}}
        | {"marker": {"size": 12, "color": "#fff", "line": {"color": colour, "width": 3}}},
        {**shared, "mode": "markers+text", "name": "battery", "textfont": font}
        | {"textposition": "bottom center"}
        | {"marker": {"size": 20, "symbol": "diamond", "color": colour}},
    ]


def _built(reading: Reading, plan: str, link: str) -> dict[str, float]:
    """kVA of the ports of a link, by bus."""
    table = reading.of("ports", plan)
    table = table[(table["link"] == link) & (table["modules"] > 0)]
    return {str(b): float(kva) for b, kva in zip(table["bus"], table["kva"], strict=True)}


def _battery_kwh(reading: Reading, plan: str, link: str) -> float:
    table = reading.of("batteries", plan)
    return float(table.loc[table["link"] == link, "kwh"].sum())


def _changes(reading: Reading, plan: str) -> list[Change]:
    changes: list[Change] = []
    for k, link in enumerate(reading.case.links.names):
        built, kwh = _built(reading, plan, link), _battery_kwh(reading, plan, link)
        x, y, text = _star(reading, built)
        trace, middle = _LINKS + 2 * k, (x[0], y[0]) if built else (0.0, 0.0)
        there = bool(kwh and built)
        changes += [
            (trace, "x", x),
            (trace, "y", y),
            (trace, "text", text),
            (trace, "textposition", _sides(x, y)),
            (trace, "showlegend", bool(built)),
            (trace + 1, "x", [middle[0]] if there else []),
            (trace + 1, "y", [middle[1]] if there else []),
            (trace + 1, "text", [f"{kwh / 1e3:.1f} MWh"] if there else []),
            (trace + 1, "showlegend", there),
        ]
    return changes


def _star(reading: Reading, built: dict[str, float]) -> tuple[list[Any], ...]:
    if not built:
        return [], [], []
    labels = {bus: f"{bus}: {kva / 1e3:.2f}" for bus, kva in built.items()}
    return star_of(reading.case.network, labels)


def _sides(x: list[float], y: list[float]) -> list[str]:
    """Labels stand away from the middle of the star, its first point."""
    found = []
    for across, up in zip(x, y, strict=True):
        right, above = across - x[0], up - y[0]
        if abs(right) > abs(above):
            found.append("middle right" if right > 0 else "middle left")
        else:
            found.append("top center" if above > 0 else "bottom center")
    return found


def network_figure(reading: Reading) -> Figure | None:
    """The plan that the page opens at."""
    plan = reading.first
    if plan is None:
        return None
    figure = new_figure(5.4, 4.6)
    axes = figure.subplots()
    network = reading.case.network
    x, y = (np.array(one, dtype=float) for one in segments(network, network.zones))
    axes.plot(x, y, color=palette.SILVER, lw=1.0, zorder=1)
    for bus in np.flatnonzero(np.asarray(network.parent) == HEAD):
        style: dict[str, Any] = {"fontsize": 6, "color": "white", "ha": "center", "va": "center"}
        box = {"boxstyle": "square,pad=0.25", "fc": palette.SLATE, "ec": "none"}
        axes.text(network.x_km[bus], network.y_km[bus], network.zones[bus], bbox=box, **style)
    found = installed_kw(reading)
    if found:
        x, y = np.array([place_of(network, bus) for bus in found]).T
        areas = [_size(kw) ** 2 / 3 for kw in found.values()]
        look: dict[str, Any] = {"color": palette.GREEN, "edgecolor": "white", "lw": 0.5}
        axes.scatter(x, y, s=areas, zorder=3, label="renewables", alpha=0.75, **look)
    for k, link in enumerate(reading.case.links.names):
        _draw_link(axes, reading, plan, k, link)
    axes.set_aspect("equal")
    axes.axis("off")
    figure.legend(loc="outside lower center", ncols=4)
    return figure


def _draw_link(axes: Axes, reading: Reading, plan: str, number: int, link: str) -> None:
    network, colour = reading.case.network, colour_of(number)
    built, kwh = _built(reading, plan, link), _battery_kwh(reading, plan, link)
    if not built:
        return
    x, y, _ = _star(reading, built)
    axes.plot(x, y, color=colour, lw=1.6, zorder=4, label=f"DC link {link}, MVA of ports")
    words: dict[str, Any] = {"fontsize": 7, "color": colour, "ha": "center", "zorder": 6}
    near: dict[str, Any] = {"textcoords": "offset points", **words}
    for bus, kva in built.items():
        at = place_of(network, bus)
        axes.plot(*at, "o", ms=5, mfc="white", mec=colour, zorder=5)
        (side,) = _sides([x[0], at[0]], [y[0], at[1]])[1:]
        axes.annotate(f"{bus}: {kva / 1e3:.2f}", at, _OFFSETS[side], **near)
    if kwh:
        axes.plot(x[0], y[0], "D", ms=8, color=colour, zorder=5, ls="none", label="battery")
        axes.annotate(f"{kwh / 1e3:.1f} MWh", (x[0], y[0]), (0, -13), **near)
