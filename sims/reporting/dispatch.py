"""The report's pictures of the operator's own decisions: devices, reserves, prices; and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import palette
from .geometry import colour_bar
from .layout import (
    PHASES,
    Tables,
    axis,
    hour_axis,
    layout,
    name_axis,
    names,
    phase_control,
    rows_of,
)
from .page import Change, Chart, Control, Patches, Table

if TYPE_CHECKING:
    import pandas as pd

    from ..case import Case

_SHADES = {
    "upstream": ("#7a8794", "#a6b0ba"),
    "generator": ("#0b4f7d", palette.BLUE, palette.SKY, "#a5d4ee"),
    "battery": ("#00664b", palette.GREEN, palette.MINT),
    "injection": ("#5b3a86", "#8659b5", "#b294d1", "#d6c6e6"),
    "wind": ("#8a5a00", "#c98500", palette.ORANGE, "#f3c766"),
}

_PARTIES = {"stations": "charging stations", "dso": "distribution operator"}

_VIEWS = {
    "p_kw": ("active power", "active power [kW]"),
    "q_kvar": ("reactive power", "reactive power [kvar]"),
    "reserve_up_kw": ("upward reserve", "upward reserve [kW]"),
    "reserve_down_kw": ("downward reserve", "downward reserve [kW]"),
    "participation": ("participation in balancing", "share of every deviation [-]"),
}


def dispatch_chart(tables: Tables) -> Chart | None:
    """Stacked devices by hour; the control chooses power, reserve or participation."""
    table = rows_of(tables, "devices")
    if table.empty:
        return None
    devices = table.drop_duplicates("device")[["device", "kind"]]
    hours = np.sort(table["hour"].unique())
    control = Control(
        name="view",
        label="show",
        options=tuple((column, label) for column, (label, _) in _VIEWS.items()),
        start="p_kw",
    )
    changes = {view: _view(table, list(devices["device"]), hours, view) for view in _VIEWS}
    return Chart(
        id="dispatch",
        title="The operator's devices, hour by hour",
        caption_html=(
            "Greys are purchases from upstream, blues generators, greens batteries (below zero "
            "when they charge), ambers wind, purples what is injected on a fixed schedule. "
            "<b>Participation</b> is the share of every forecast error that a device balances; "
            "the shares of an hour sum to one, and a device needs <b>reserve</b> in proportion."
        ),
        data=_device_bars(devices, hours),
        layout=layout(
            460,
            barmode="relative",
            bargap=0.18,
            hovermode="x unified",
            xaxis=hour_axis(len(hours)),
            yaxis=axis(""),
        ),
        controls=(control,),
        patches=(Patches(by=("view",), of=changes),),
    )


def _device_bars(devices: pd.DataFrame, hours: Any) -> list[dict[str, Any]]:
    seen: dict[str, int] = {}
    bars = []
    for device, kind in devices.itertuples(index=False):
        shades = _SHADES.get(kind, (palette.SLATE,))
        place = seen[kind] = seen.get(kind, -1) + 1
        label = names([device])[0]
        bars.append(
            {
                "type": "bar",
                "name": label,
                "x": hours,
                "y": [],
                "marker": {"color": shades[place % len(shades)]},
                "hovertemplate": f"{label} %{{y:,.4~g}}<extra></extra>",
            }
        )
    return bars


def _view(table: pd.DataFrame, devices: list[str], hours: Any, view: str) -> list[Change]:
    wide = table.pivot_table(index="hour", columns="device", values=view, observed=True)
    wide = wide.reindex(index=hours, columns=devices)
    changes: list[Change] = [("layout", "yaxis.title.text", _VIEWS[view][1])]
    for k, device in enumerate(devices):
        values = wide[device].to_numpy(dtype=float)
        changes.append((k, "y", values))
        changes.append((k, "showlegend", bool(np.nanmax(np.abs(np.append(values, 0))) > 1e-6)))
    return changes


def price_chart(case: Case, tables: Tables) -> Chart | None:
    """Nodal prices, bus by hour; the controls choose phase and active or reactive."""
    table = rows_of(tables, "nodal_prices")
    if table.empty:
        return None
    buses = [bus for bus in case.feeder.buses if bus in set(table["bus"])]
    hours = np.sort(table["hour"].unique())
    power = Control(
        name="power",
        label="price of",
        options=(("active_per_kwh", "active energy"), ("reactive_per_kvarh", "reactive energy")),
        start="active_per_kwh",
    )
    changes = {}
    for column, unit in (("active_per_kwh", "kWh"), ("reactive_per_kvarh", "kvarh")):
        title = f"price [{case.currency}/{unit}]"
        low, high = float(table[column].min()), float(table[column].max())
        for phase in PHASES:
            wide = table[table["phase"] == phase].pivot(index="bus", columns="hour", values=column)
            changes[f"{column}|{phase}"] = [
                (0, "z", wide.reindex(index=buses, columns=hours).to_numpy(dtype=float)),
                (0, "zmin", low),
                (0, "zmax", high),
                (0, "colorbar.title.text", title),
            ]
    return Chart(
        id="prices",
        title="What one more kWh of load would cost the operator",
        caption_html=(
            "Shadow prices of each bus and hour on the chosen phase. Rows that darken along the "
            "feeder show a line limit or a voltage limit at work; if all rows look alike, "
            "no limit of the network binds. The colour scale is that of all phases together."
        ),
        data=[_price_cells(buses, hours)],
        layout=layout(
            int(min(max(150 + 15 * len(buses), 280), 760)),
            xaxis=hour_axis(len(hours)),
            yaxis=name_axis("bus", buses, autorange="reversed", tickangle=0),
        ),
        controls=(power, phase_control()),
        patches=(Patches(by=("power", "phase"), of=changes),),
    )


def _price_cells(buses: list[str], hours: Any) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "x": hours,
        "y": names(buses),
        "z": [],
        "colorscale": palette.stops(palette.PRICE),
        "xgap": 1,
        "hoverongaps": False,
        "colorbar": colour_bar("price"),
        "hovertemplate": "<b>bus %{y}, hour %{x}</b><br>%{z:.5f}<extra></extra>",
    }


def cost_table(case: Case, tables: Tables) -> Table | None:
    """Components of each party's cost, with and without trading between stations."""
    table = rows_of(tables, "costs")
    if table.empty:
        return None
    rows: list[tuple[str, ...]] = []
    marks: dict[int, str] = {}
    for party, items in table.groupby("party", sort=False):
        name = _PARTIES.get(str(party), str(party))
        rows += [
            ("" if k else name, str(row.item), *_money(row.without_trading, row.with_trading))
            for k, row in enumerate(items.itertuples())
        ]
        if "total" in {str(item).lower() for item in items["item"]}:
            marks[len(rows) - 1] = "total"
        else:
            marks[len(rows)] = "total"
            sums = items[["without_trading", "with_trading"]].astype(float).sum()
            rows.append(("", "total", *_money(*sums)))
    return Table(
        title="Costs of the day",
        caption_html=f"In {case.currency}; income is negative.",
        headings=("party", "item", "without trading", "with trading", "change"),
        rows=rows,
        labels=2,
        marks=marks,
    )


def _money(without: float, with_: float) -> tuple[str, str, str]:
    change = round(with_ - without, 2)
    return f"{without:,.2f}", f"{with_:,.2f}", f"{change:+,.2f}" if change else "0.00"
