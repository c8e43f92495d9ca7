"""The report's map of the roads by saturation, with the charging sites upon them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from . import palette
from .geometry import XY, bearing, between, colour_bar, extent, map_layout
from .layout import Tables, clock, hour_control, names, rows_of
from .page import Change, Chart, Patches

if TYPE_CHECKING:
    import pandas as pd

    from ...traffic.network import RoadNetwork
    from ..case import Case


def road_map(case: Case, tables: Tables) -> Chart | None:
    """Every direction of every road, coloured by saturation, with the charging sites upon them."""
    roads = rows_of(tables, "roads")
    if roads.empty:
        return None
    arcs = roads.drop_duplicates(["road", "from_node", "to_node"])
    keys = list(zip(arcs["road"], arcs["from_node"], arcs["to_node"], strict=True))
    hours = sorted(int(h) for h in roads["hour"].unique())
    peak = int(roads.groupby("hour")["flow_veh_per_h"].sum().idxmax())
    lines = [arc_ends(case.roads, tail, head) for _, tail, head in keys]
    sites = site_places(case.roads)
    by_hour = {str(h): _road_changes(roads, tables, keys, sites, h) for h in hours}
    return Chart(
        id="road-map",
        title="Road saturation and charging load",
        caption_html=(
            "Each road is two lines, one for each direction, driving on the right; the triangles "
            "point the way. Colour and width grow with <b>saturation</b> (flow / capacity): look "
            "for dark red lines, full roads where drivers queue. Blue discs are charging stations; "
            "their area is the expected charging load. The map opens at the busiest hour, "
            f"{clock(peak, case.hours)}. Positions are schematic."
        ),
        data=[_arc_line(line) for line in lines]
        + [_arc_heads(lines, keys), _site_discs(case.roads, sites), _node_discs(case.roads)],
        layout=map_layout([(n.x_km, n.y_km) for n in case.roads.nodes], 640),
        controls=(hour_control(hours, peak),),
        patches=(Patches(by=("hour",), of=by_hour),),
    )


def arc_ends(network: RoadNetwork, tail: str, head: str) -> tuple[XY, XY]:
    """The ends of an arc, shifted to the right of its direction and kept off the nodes."""
    places = {node.id: (node.x_km, node.y_km) for node in network.nodes}
    (x0, y0), (x1, y1) = places[tail], places[head]
    length = math.hypot(x1 - x0, y1 - y0) or 1.0
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    size = extent(list(places.values()))
    side, off = 0.018 * size, min(0.1 * length, 0.04 * size)
    sx, sy = side * uy, -side * ux
    return (x0 + off * ux + sx, y0 + off * uy + sy), (x1 - off * ux + sx, y1 - off * uy + sy)


def _arc_line(ends: tuple[XY, XY]) -> dict[str, Any]:
    (x0, y0), (x1, y1) = ends
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [x0, x1],
        "y": [y0, y1],
        "line": {"color": palette.SILVER, "width": 3},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _arc_heads(lines: list[tuple[XY, XY]], keys: list[tuple[Any, Any, Any]]) -> dict[str, Any]:
    """Triangles that point along the arcs, and carry their figures and the colour scale."""
    points = [between(a, b, 0.62) for a, b in lines]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [x for x, _ in points],
        "y": [y for _, y in points],
        "text": names([f"road {road}: {tail} → {head}" for road, tail, head in keys]),
        "customdata": [],
        "marker": {
            "symbol": "triangle-up",
            "size": 13,
            "angle": [bearing(a, b) for a, b in lines],
            "color": [],
            "cmin": 0,
            "cmax": 1,
            "colorscale": palette.stops(palette.SATURATION),
            "showscale": True,
            "colorbar": colour_bar("saturation [-]"),
            "line": {"width": 1, "color": "#fff"},
        },
        "hovertemplate": (
            "<b>%{text}</b><br>saturation %{customdata[2]:.2f}<br>%{customdata[0]:.0f} veh/h, "
            "of which %{customdata[1]:.0f} charge on their trip<br>delay %{customdata[3]:.1f} min"
            "<extra></extra>"
        ),
        "showlegend": False,
    }


def site_places(network: RoadNetwork) -> dict[str, XY]:
    """Charging sites in the middle of their hosting roads, side by side where several share one."""
    places = {node.id: (node.x_km, node.y_km) for node in network.nodes}
    ends = {road.id: (places[road.from_node], places[road.to_node]) for road in network.roads}
    mates: dict[str, list[str]] = {}
    for site in network.sites:
        mates.setdefault(site.road, []).append(site.station)
    return {
        site.station: between(
            *ends[site.road],
            (mates[site.road].index(site.station) + 1) / (len(mates[site.road]) + 1),
        )
        for site in network.sites
    }


def stands_upright(network: RoadNetwork) -> dict[str, bool]:
    """Of each charging site, whether its road runs rather up and down than across."""
    ends = {road.id: arc_ends(network, road.from_node, road.to_node) for road in network.roads}
    turn = {site.station: math.radians(bearing(*ends[site.road])) for site in network.sites}
    return {station: abs(math.cos(angle)) > 0.4 for station, angle in turn.items()}


def _site_discs(network: RoadNetwork, sites: dict[str, XY]) -> dict[str, Any]:
    upright = stands_upright(network)
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [x for x, _ in sites.values()],
        "y": [y for _, y in sites.values()],
        "text": [f"\u00a0<b>{name}</b>\u00a0" for name in names(list(sites))],
        # Beside a road, not on its lines.
        "textposition": ["middle right" if upright[s] else "top center" for s in sites],
        "textfont": {"size": 12, "color": palette.BLUE},
        "customdata": [],
        "marker": {
            "size": [],
            "color": palette.BLUE,
            "opacity": 0.85,
            "line": {"width": 1.5, "color": "#fff"},
        },
        "hovertemplate": (
            "<b>station %{text}</b><br>%{customdata[0]:.1f} vehicles/h<br>expected load "
            "%{customdata[1]:.0f} kW (5\N{EN DASH}95 %: %{customdata[2]:.0f}\N{EN DASH}"
            "%{customdata[3]:.0f} kW)<br>price of the port limit %{customdata[4]:.2f} per vehicle"
            "<extra></extra>"
        ),
        "showlegend": False,
    }


def _node_discs(network: RoadNetwork) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [n.x_km for n in network.nodes],
        "y": [n.y_km for n in network.nodes],
        "text": names([n.id for n in network.nodes]),
        "textfont": {"size": 12, "color": palette.SLATE},
        "marker": {"size": 26, "color": "#fff", "line": {"width": 1.5, "color": palette.GREY}},
        "hovertemplate": "junction %{text}<extra></extra>",
        "showlegend": False,
    }


def _road_changes(
    roads: pd.DataFrame,
    tables: Tables,
    keys: list[tuple[Any, Any, Any]],
    sites: dict[str, XY],
    hour: int,
) -> list[Change]:
    now = roads[roads["hour"] == hour].set_index(["road", "from_node", "to_node"]).loc[keys]
    heads = len(keys)
    changes: list[Change] = []
    for k, saturation in enumerate(now["saturation"]):
        changes.append((k, "line.color", palette.colour_at(palette.SATURATION, saturation)))
        changes.append((k, "line.width", round(2.5 + 4.5 * min(float(saturation), 1.0), 1)))
    columns = ["flow_veh_per_h", "charging_veh_per_h", "saturation", "delay_min"]
    changes.append((heads, "marker.color", now["saturation"].to_numpy()))
    changes.append((heads, "customdata", now[columns].to_numpy()))
    return changes + _site_changes(tables, sites, hour, heads + 1)


def _site_changes(tables: Tables, sites: dict[str, XY], hour: int, trace: int) -> list[Change]:
    table = rows_of(tables, "sites")
    columns = ["ev_per_h", "charging_kw", "charging_q05_kw", "charging_q95_kw", "queue_price"]
    most = max(float(table["charging_kw"].max()), 1e-9) if len(table) else 1.0
    now = table[table["hour"] == hour].set_index("station")[columns].reindex(list(sites))
    load = now["charging_kw"].astype(float).fillna(0.0).to_numpy()
    # Area, not diameter, is proportional to the load; a small disc marks a station without any.
    size = np.sqrt(196 + (38**2 - 196) * np.clip(load / most, 0, 1))
    return [
        (trace, "marker.size", size.round(1)),
        (trace, "customdata", now.astype(float).to_numpy()),
    ]
