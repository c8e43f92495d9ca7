"""The feeder with all that is built, by plan."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ...planning.radial import HEAD
from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.geometry import map_layout
from ..reporting.layout import names
from ..reporting.page import Change, Chart, Control, Patches
from .reading import PlanKey, Reading

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

#: Numbers of the traces that change with the plan.
_PV, _BATTERIES = 3, 4


def plan_control(reading: Reading) -> tuple[Control, ...]:
    """A choice of the plan."""
    options = tuple((str(plan), plan.label) for plan in reading.plans)
    return (Control(name="plan", label="plan", options=options, start=str(reading.first)),)


def site_chart(reading: Reading) -> Chart | None:
    """What stands where, by choice of the plan."""
    first = reading.first
    if first is None:
        return None
    changes = {str(plan): _changes(reading, plan) for plan in reading.plans}
    traces = _traces(reading)
    for trace, path, value in changes[str(first)]:
        _put(traces[int(trace)], path, value)
    network = reading.case.network
    places = list(zip(network.x_km.tolist(), network.y_km.tolist(), strict=True))
    return Chart(
        id="sites",
        title="What stands where",
        caption_html=(
            "<b>Green discs:</b> PV, <b>pink diamonds:</b> batteries, by capacity; <b>grey "
            "dots:</b> buses; the square is where the feeder begins. Where no limit of the "
            "feeder is near, many choices of sites cost the same."
        ),
        data=traces,
        layout=map_layout([*places, *network.head_xy_km.values()], 520, showlegend=True),
        controls=plan_control(reading),
        patches=(Patches(by=("plan",), of=changes),),
    )


def _put(trace: dict[str, Any], path: str, value: Any) -> None:
    *above, last = path.split(".")
    for name in above:
        trace = trace[name]
    trace[last] = value


def segments(reading: Reading) -> tuple[list[Any], list[Any]]:
    """All branches as one broken line."""
    network = reading.case.network
    x: list[Any] = []
    y: list[Any] = []
    for bus, parent in enumerate(network.parent.tolist()):
        begin = network.head_xy_km.get(network.zones[bus])
        if parent != HEAD:
            begin = float(network.x_km[parent]), float(network.y_km[parent])
        if begin is not None:
            x += [begin[0], float(network.x_km[bus]), None]
            y += [begin[1], float(network.y_km[bus]), None]
    return x, y


def _traces(reading: Reading) -> list[dict[str, Any]]:
    network = reading.case.network
    x, y = segments(reading)
    heads = network.head_xy_km
    buses = {
        "type": "scatter",
        "mode": "markers",
        "x": network.x_km,
        "y": network.y_km,
        "text": [
            f"bus {bus}<br>{load:,.0f} kW nominal"
            for bus, load in zip(names(network.buses), network.load_p_kw, strict=True)
        ],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"size": 7, "color": palette.GREY, "line": {"color": "#fff", "width": 1}},
        "showlegend": False,
    }
    head = {
        "type": "scatter",
        "mode": "markers",
        "x": [place[0] for place in heads.values()],
        "y": [place[1] for place in heads.values()],
        "marker": {"size": 15, "color": palette.SLATE, "symbol": "square"},
        "hovertemplate": "head of the feeder<extra></extra>",
        "showlegend": False,
    }
    line = {"color": palette.SILVER, "width": 3}
    lines = {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "showlegend": False}
    return [
        {**lines, "x": x, "y": y, "line": line},
        buses,
        head,
        _site_trace("PV", "circle", palette.GREEN),
        _site_trace("batteries", "diamond", palette.PINK),
    ]


def _site_trace(name: str, symbol: str, colour: str) -> dict[str, Any]:
    marker = {"size": [], "color": colour, "symbol": symbol, "opacity": 0.9}
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [],
        "y": [],
        "text": [],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": marker | {"line": {"color": "#fff", "width": 1}},
    }


def _changes(reading: Reading, plan: PlanKey) -> list[Change]:
    sites = reading.of("sites", plan)
    changes: list[Change] = []
    for trace, column, unit in ((_PV, "pv_kw", "kW"), (_BATTERIES, "battery_kwh", "kWh")):
        x, y, sizes = _standing(reading, sites, column)
        built = sites[sites[column] > 0]
        changes += [
            (trace, "x", x),
            (trace, "y", y),
            (trace, "marker.size", [_width(size) for size in sizes]),
            (trace, "text", [f"bus {b}: {s:,.0f} {unit}" for b, s in _pairs(built, sizes)]),
            (trace, "showlegend", bool(sizes)),
        ]
    return changes


def _pairs(built: pd.DataFrame, sizes: list[float]) -> list[tuple[str, float]]:
    return list(zip(names(list(built["bus"])), sizes, strict=True))


def _standing(
    reading: Reading, sites: pd.DataFrame, column: str
) -> tuple[list[float], list[float], list[float]]:
    """x and y [km], and size, of what is built."""
    network, built = reading.case.network, sites[sites[column] > 0]
    at = [network.index(str(bus)) for bus in built["bus"]]
    return network.x_km[at].tolist(), network.y_km[at].tolist(), built[column].tolist()


def _width(size: float) -> float:
    """Of a mark."""
    return 5 + 1.2 * math.sqrt(size)


def site_figure(reading: Reading) -> Figure | None:
    """The plan that the page opens at."""
    plan = reading.first
    if plan is None:
        return None
    figure = new_figure(7.2, 2.8)
    axes = figure.subplots()
    x, y = segments(reading)
    nan = [[float("nan") if v is None else v for v in one] for one in (x, y)]
    network, sites = reading.case.network, reading.of("sites", plan)
    axes.plot(*nan, color=palette.SILVER, lw=1.5, zorder=1)
    axes.plot(network.x_km, network.y_km, "o", ms=2.5, color=palette.GREY, zorder=2)
    for place in network.head_xy_km.values():
        axes.plot(*place, "s", ms=7, color=palette.SLATE, zorder=2)
    for column, symbol, colour, word in (
        ("pv_kw", "o", palette.GREEN, "PV"),
        ("battery_kwh", "D", palette.PINK, "batteries"),
    ):
        across, up, sizes = _standing(reading, sites, column)
        areas = [_width(size) ** 2 / 5 for size in sizes]
        if sizes:
            look: dict[str, Any] = {"marker": symbol, "color": colour, "edgecolor": "white"}
            axes.scatter(across, up, s=areas, lw=0.5, zorder=3, label=word, **look)
    for bus, name in enumerate(network.buses):
        style: dict[str, Any] = {"fontsize": 5.5, "color": palette.SLATE, "ha": "center"}
        place = network.x_km[bus], network.y_km[bus]
        axes.annotate(name, place, (0, -11), textcoords="offset points", **style)
    axes.set_title(plan.label)
    axes.axis("off")
    figure.legend(loc="outside lower center", ncols=2)
    return figure
