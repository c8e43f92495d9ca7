"""The report's station schedules: where each hour's energy comes from, and where it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import palette
from .layout import Tables, axis, hour_axis, layout, rows_of
from .page import Change, Chart, Control, Patches

if TYPE_CHECKING:
    import pandas as pd

    from ...core.units import FloatArray
    from ..case import Case

#: Stations offered one by one; a page with thousands would not load.
MOST_STATIONS = 64

#: Bars of the chart: name, colour, and sign. Supply stands above zero, use below.
_BARS = (
    ("PV", palette.ORANGE, 1),
    ("battery discharge", palette.GREEN, 1),
    ("bought from the grid", palette.BLUE, 1),
    ("bought from peers", palette.PINK, 1),
    ("not served", palette.RED, 1),
    ("charging vehicles", palette.SLATE, -1),
    ("local base demand", "#9aa5b1", -1),
    ("safety margin", palette.SILVER, -1),
    ("battery charging", palette.MINT, -1),
    ("sold to the grid", palette.SKY, -1),
    ("sold to peers", palette.ROSE, -1),
)


def schedule_chart(case: Case, tables: Tables) -> Chart | None:
    """Stacked supply and use of one station or all, with the energy in the battery below."""
    table = rows_of(tables, "station_hours")
    if table.empty:
        return None
    hours = np.sort(table["hour"].unique())
    offered = _offered(table)
    limits = {s.id: (s.e_min_kwh, s.e_max_kwh) for s in case.stations}
    everyone = (sum(low for low, _ in limits.values()), sum(high for _, high in limits.values()))
    changes = {"": _changes(table, hours, everyone)}
    for station in offered:
        changes[station] = _changes(table[table["station"] == station], hours, limits[station])
    control = Control(
        name="station",
        label="station",
        options=(("", f"all {table['station'].nunique()} stations"), *((s, s) for s in offered)),
        start="",
    )
    return Chart(
        id="schedules",
        title="Supply and use of energy, hour by hour",
        caption_html=(
            "Above zero: where energy comes from. Below zero: where it goes; both sides are "
            "equally tall. The <b>safety margin</b> is what the adequacy chance constraint keeps "
            "in hand for forecast errors. Look for batteries that charge on midday PV and "
            "discharge in the dear evening hours; the line below is the battery's energy at the "
            f"end of each hour, within its dashed limits.{_left_out(table, offered)}"
        ),
        data=[_bar(name, colour, hours) for name, colour, _ in _BARS] + _battery_lines(hours),
        layout=layout(
            600,
            barmode="relative",
            bargap=0.18,
            hovermode="x unified",
            xaxis=hour_axis(len(hours), anchor="y2"),
            yaxis=axis("power [kW]", domain=[0.34, 1]),
            yaxis2=axis("battery energy [kWh]", domain=[0, 0.24], rangemode="tozero"),
        ),
        controls=(control,),
        patches=(Patches(by=("station",), of=changes),),
    )


def _offered(table: pd.DataFrame) -> list[str]:
    """Every station in its order; of very many, those that trade most."""
    stations = [str(s) for s in table["station"].unique()]
    if len(stations) <= MOST_STATIONS:
        return stations
    traded = table["trade_kw"].abs().groupby(table["station"]).sum()
    largest = set(traded.nlargest(MOST_STATIONS).index)
    return [s for s in stations if s in largest]


def _left_out(table: pd.DataFrame, offered: list[str]) -> str:
    if table["station"].nunique() == len(offered):
        return ""
    return f" The {len(offered)} stations that trade most can be chosen one by one."


def _bar(name: str, colour: str, hours: FloatArray) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": name,
        "x": hours,
        "y": [],
        "marker": {"color": colour},
        "hovertemplate": f"{name} %{{y:.1f}} kW<extra></extra>",
    }


def _battery_lines(hours: FloatArray) -> list[dict[str, Any]]:
    limit = {"color": palette.GREY, "width": 1.2, "dash": "dash"}
    common = {"type": "scatter", "mode": "lines", "x": hours, "y": [], "yaxis": "y2"}
    return [
        {
            **common,
            "mode": "lines+markers",
            "name": "battery energy",
            "line": {"color": palette.GREEN, "width": 2.5},
            "marker": {"size": 5},
            "hovertemplate": "battery %{y:.0f} kWh<extra></extra>",
        },
        {**common, "name": "battery limits", "line": limit, "hoverinfo": "skip"},
        {**common, "name": "", "line": limit, "showlegend": False, "hoverinfo": "skip"},
    ]


def _changes(
    table: pd.DataFrame, hours: FloatArray, battery_kwh: tuple[float, float]
) -> list[Change]:
    bars = _bars(table).groupby("hour").sum().reindex(hours)
    changes: list[Change] = []
    for k, (name, _, sign) in enumerate(_BARS):
        values = sign * bars[name].to_numpy()
        changes.append((k, "y", values))
        # A bar that never appears needs no place in the legend.
        changes.append((k, "showlegend", bool(np.abs(values).max() > 1e-3)))
    soc = table.groupby("hour")["soc_kwh"].sum().reindex(hours).to_numpy()
    for k, line in enumerate((soc, *(np.full(len(hours), limit) for limit in battery_kwh))):
        changes.append((len(_BARS) + k, "y", line))
    return changes


def _bars(table: pd.DataFrame) -> pd.DataFrame:
    """Each bar's power [kW], not yet signed, with its hour."""
    import pandas as pd

    powers = {
        "PV": table["pv_kw"],
        "battery discharge": table["discharge_kw"],
        "bought from the grid": table["buy_kw"],
        "bought from peers": table["trade_kw"].clip(lower=0),
        "not served": table["unserved_kw"],
        "charging vehicles": table["charging_kw"],
        "local base demand": table["demand_kw"] - table["charging_kw"],
        "safety margin": table["margin_kw"],
        "battery charging": table["charge_kw"],
        "sold to the grid": table["sell_kw"],
        "sold to peers": -table["trade_kw"].clip(upper=0),
    }
    return pd.DataFrame({"hour": table["hour"], **powers})
