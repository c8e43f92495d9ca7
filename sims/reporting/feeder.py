"""The report's map of the feeder: voltages by phase, line loading, and trades as arcs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from . import palette
from .geometry import XY, bearing, between, bow, colour_bar, map_layout
from .layout import (
    PHASES,
    Tables,
    clock,
    hour_control,
    names,
    phase_control,
    rows_of,
)
from .page import Change, Chart, Control, Patches

if TYPE_CHECKING:
    import pandas as pd

    from ...grid.feeder import Feeder
    from ..case import Case

#: Trades drawn at once; more would hide each other.
MOST_ARCS = 60

_VOLTAGES = ["planned_pu", "ac_min_pu", "ac_q05_pu", "ac_median_pu", "ac_q95_pu", "ac_max_pu"]


def feeder_map(case: Case, tables: Tables) -> Chart | None:
    """Buses at their drawing positions; the controls choose phase, hour and trades."""
    voltages = rows_of(tables, "voltages")
    if voltages.empty:
        return None
    shown = voltages.assign(shown_pu=_median_or_plan(voltages))
    lowest = voltages.loc[_lowest(voltages).idxmin()]
    swing = math.ceil(100 * float((shown["shown_pu"] - 1).abs().max()) + 1e-9) / 100
    hours = sorted(int(h) for h in voltages["hour"].unique())
    feeder = case.feeder
    trades = Control(
        name="trades",
        label="trades",
        options=(("hour", "in this hour"), ("day", "over the whole day"), ("none", "hidden")),
        start="day",
    )
    return Chart(
        id="feeder-map",
        title="Voltages, line loading and trades on the feeder",
        caption_html=(
            "A disc is a bus: <b>orange below 1 pu, purple above</b>, by the median of the exact "
            f"power flows (scale ±{swing:.2f} pu). Lines widen with loading (95 % quantile) and "
            "turn red above 90 %; dotted lines lack the chosen phase. Buses with a blue rim host "
            "stations. Pink arcs are peer trades: their triangle points to the buyer, their width "
            f"is the energy. The map opens at the lowest voltage: bus {names([lowest['bus']])[0]}, "
            f"phase {lowest['phase']}, {clock(int(lowest['hour']), case.hours)}."
            f"{_arcs_left_out(tables)}"
        ),
        data=[_line(feeder, k) for k in range(len(feeder.lines))]
        + [_line_hovers(feeder), _arc_heads(), _buses(case), _scale(swing)],
        layout=map_layout(feeder.bus_xy, 620, shapes=[]),
        controls=(
            phase_control(str(lowest["phase"])),
            trades,
            hour_control(hours, int(lowest["hour"])),
        ),
        patches=(
            Patches(by=("phase", "hour"), of=_state_changes(case, tables, shown, swing, hours)),
            Patches(by=("trades", "hour"), of=_trade_changes(case, tables, hours)),
        ),
    )


def _median_or_plan(voltages: pd.DataFrame) -> pd.Series[float]:
    return voltages["ac_median_pu"].astype(float).fillna(voltages["planned_pu"].astype(float))


def _lowest(voltages: pd.DataFrame) -> pd.Series[float]:
    return voltages["ac_min_pu"].astype(float).fillna(voltages["planned_pu"].astype(float))


def _places(feeder: Feeder) -> dict[str, XY]:
    return dict(zip(feeder.buses, feeder.bus_xy, strict=True))


def _line(feeder: Feeder, k: int) -> dict[str, Any]:
    places, line = _places(feeder), feeder.lines[k]
    (x0, y0), (x1, y1) = places[line.from_bus], places[line.to_bus]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [x0, x1],
        "y": [y0, y1],
        "line": {"color": palette.GREY, "width": 2},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _line_hovers(feeder: Feeder) -> dict[str, Any]:
    """Invisible points in the middle of the lines that tell their flows."""
    places = _places(feeder)
    middles = [between(places[line.from_bus], places[line.to_bus], 0.5) for line in feeder.lines]
    ends = [f"line {line.id}: {line.from_bus} → {line.to_bus}" for line in feeder.lines]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [x for x, _ in middles],
        "y": [y for _, y in middles],
        "text": names(ends),
        "customdata": [],
        "marker": {"size": 16, "opacity": 0},
        "hovertemplate": (
            "<b>%{text}</b><br>planned %{customdata[0]:.0f} kW, %{customdata[1]:.0f} kvar<br>"
            "loading: median %{customdata[2]:.0%}, 95 % %{customdata[3]:.0%}, highest "
            "%{customdata[4]:.0%} of %{customdata[5]:.0f} kVA<extra></extra>"
        ),
        "showlegend": False,
    }


def _arc_heads() -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [],
        "y": [],
        "text": [],
        "marker": {
            "symbol": "triangle-up",
            "size": 10,
            "angle": [],
            "color": palette.PINK,
            "line": {"width": 1, "color": "#fff"},
        },
        "hovertemplate": "%{text}<extra></extra>",
        "showlegend": False,
    }


def _buses(case: Case) -> dict[str, Any]:
    feeder = case.feeder
    hosted: dict[str, list[str]] = {}
    for station in case.stations:
        hosted.setdefault(station.bus, []).append(station.id)
    rings = [palette.BLUE if bus in hosted else palette.GREY for bus in feeder.buses]
    told = {bus: f" · station {', '.join(stations)}" for bus, stations in hosted.items()}
    within = [f"bus {bus}{told.get(bus, '')}" for bus in feeder.buses]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [x for x, _ in feeder.bus_xy],
        "y": [y for _, y in feeder.bus_xy],
        "text": names(feeder.buses),
        "textfont": {"size": 11, "color": palette.INK},
        "textposition": "middle center" if _short(feeder.buses) else "top center",
        "hovertext": names(within),
        "customdata": [],
        "marker": {"size": 25, "color": "#fff", "line": {"width": 2, "color": rings}},
        "hovertemplate": (
            "<b>%{hovertext}</b><br>exact: median %{customdata[3]:.4f} pu, 5\N{EN DASH}95 % "
            "%{customdata[2]:.4f}\N{EN DASH}%{customdata[4]:.4f}, range %{customdata[1]:.4f}"
            "\N{EN DASH}%{customdata[5]:.4f}<br>planned %{customdata[0]:.4f} pu<extra></extra>"
        ),
        "showlegend": False,
    }


def _short(buses: tuple[str, ...]) -> bool:
    return max(map(len, buses)) <= 3


def _scale(swing: float) -> dict[str, Any]:
    """A trace without points that carries the colour bar of the voltages."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [None],
        "y": [None],
        "marker": {
            "color": [1.0],
            "cmin": 1 - swing,
            "cmax": 1 + swing,
            "colorscale": palette.stops(palette.VOLTAGE),
            "showscale": True,
            "colorbar": colour_bar("voltage magnitude [pu]", tickformat=".3~f"),
        },
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _state_changes(
    case: Case, tables: Tables, shown: pd.DataFrame, swing: float, hours: list[int]
) -> dict[str, list[Change]]:
    lines = rows_of(tables, "lines")
    found: dict[str, list[Change]] = {}
    for phase in PHASES:
        of_phase, lines_of_phase = shown[shown["phase"] == phase], lines[lines["phase"] == phase]
        for hour in hours:
            buses = of_phase[of_phase["hour"] == hour].set_index("bus")
            flows = lines_of_phase[lines_of_phase["hour"] == hour].set_index("line")
            found[f"{phase}|{hour}"] = [
                *_bus_changes(case.feeder, buses.reindex(case.feeder.buses), swing),
                *_line_changes(flows.reindex([line.id for line in case.feeder.lines])),
            ]
    return found


def _bus_changes(feeder: Feeder, now: pd.DataFrame, swing: float) -> list[Change]:
    trace = len(feeder.lines) + 2
    fills = [
        palette.colour_at(palette.VOLTAGE, 0.5 + (v - 1) / (2 * swing)) if v == v else "#ffffff"
        for v in now["shown_pu"].astype(float)
    ]
    changes: list[Change] = [
        (trace, "marker.color", fills),
        (trace, "customdata", now[_VOLTAGES].astype(float).to_numpy()),
    ]
    if _short(feeder.buses):
        changes.append((trace, "textfont.color", [palette.readable_on(fill) for fill in fills]))
    return changes


def _line_changes(now: pd.DataFrame) -> list[Change]:
    loading = now["ac_q95_loading"].astype(float)
    plan = np.hypot(now["planned_p_kw"].astype(float), now["planned_q_kvar"].astype(float))
    loading = loading.fillna(plan / now["rating_kva"].astype(float))
    changes: list[Change] = []
    for k, load in enumerate(loading):
        absent = load != load
        width = 1.5 if absent else round(1.5 + 8 * min(float(load), 1.2), 1)
        changes += [
            (k, "line.width", width),
            (k, "line.color", palette.RED if load > 0.9 else palette.GREY),
            (k, "line.dash", "dot" if absent else "solid"),
        ]
    columns = ["planned_p_kw", "planned_q_kvar", "ac_median_loading", "ac_q95_loading"]
    told = now[[*columns, "ac_max_loading", "rating_kva"]].astype(float).to_numpy()
    return [*changes, (len(loading), "customdata", told)]


def _arcs_left_out(tables: Tables) -> str:
    pairs = _by_pair(rows_of(tables, "trades"))
    if len(pairs) <= MOST_ARCS:
        return ""
    return f" Of {len(pairs)} trading pairs, the {MOST_ARCS} largest are drawn."


def _by_pair(trades: pd.DataFrame) -> pd.DataFrame:
    """Energy of each (seller, buyer), the largest first."""
    energy = trades.groupby(["seller", "buyer"], as_index=False)["energy_kwh"].sum()
    return energy[energy["energy_kwh"] > 1e-3].sort_values(
        ["energy_kwh", "seller", "buyer"], ascending=[False, True, True]
    )


def _trade_changes(case: Case, tables: Tables, hours: list[int]) -> dict[str, list[Change]]:
    trades = rows_of(tables, "trades")
    day = _by_pair(trades)
    most_of_an_hour = float(trades["energy_kwh"].max()) if len(trades) else 1.0
    most_of_the_day = float(day["energy_kwh"].max()) if len(day) else 1.0
    found = {
        f"hour|{hour}": _arc_changes(
            case, _by_pair(trades[trades["hour"] == hour]), most_of_an_hour
        )
        for hour in hours
    }
    found["day|*"] = _arc_changes(case, day, most_of_the_day)
    found["none|*"] = _arc_changes(case, day.head(0), 1.0)
    return found


def _arc_changes(case: Case, pairs: pd.DataFrame, most: float) -> list[Change]:
    places = _places(case.feeder)
    at = {station.id: places[station.bus] for station in case.stations}
    shapes, heads = [], []
    for seller, buyer, energy in pairs.head(MOST_ARCS).itertuples(index=False):
        a, b, share = at[seller], at[buyer], float(energy) / most
        path, middle = bow(a, b)
        shapes.append(_arc_shape(path, share))
        told = f"<b>{names([seller])[0]} → {names([buyer])[0]}</b><br>{energy:,.1f} kWh"
        heads.append((middle, bearing(a, b), told, round(6 + 9 * share, 1)))
    trace = len(case.feeder.lines) + 1
    return [
        ("layout", "shapes", shapes),
        (trace, "x", [x for (x, _), *_ in heads]),
        (trace, "y", [y for (_, y), *_ in heads]),
        (trace, "marker.angle", [angle for _, angle, _, _ in heads]),
        (trace, "marker.size", [size for *_, size in heads]),
        (trace, "text", [told for _, _, told, _ in heads]),
    ]


def _arc_shape(path: str, share: float) -> dict[str, Any]:
    return {
        "type": "path",
        "path": path,
        "layer": "below",
        "opacity": round(0.5 + 0.25 * share, 2),
        "line": {"color": palette.PINK, "width": round(1.3 + 6.7 * share, 1)},
    }
