"""The report's pictures of peer trades: who sells to whom, when, at what price, and who gains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import palette
from .geometry import colour_bar
from .layout import Tables, axis, hour_axis, layout, name_axis, names, rows_of
from .page import Chart, Table

if TYPE_CHECKING:
    import pandas as pd

    from ..case import Case

#: Rows and columns of the heat map, and bars of the gains; the largest of very many.
MOST_STATIONS = 60


def trade_matrix(case: Case, tables: Tables) -> Chart | None:
    """Energy of the day from each seller to each buyer."""
    trades = _real(rows_of(tables, "trades"))
    if trades.empty:
        return None
    kept = _largest(trades, [s.id for s in case.stations])
    energy = trades.pivot_table(
        index="seller", columns="buyer", values="energy_kwh", aggfunc="sum", observed=True
    ).reindex(index=kept, columns=kept)
    shown = names(kept)
    less = "" if len(kept) == len(case.stations) else f" The {len(kept)} largest traders are shown."
    return Chart(
        id="trade-matrix",
        title="Who sells to whom",
        caption_html=(
            "Energy of the whole day from each seller (row) to each buyer (column); white means "
            "no trade. A dark row is a station that lives on its PV and sells; a dark column one "
            f"that charges many vehicles and buys.{less}"
        ),
        data=[
            {
                "type": "heatmap",
                "x": shown,
                "y": shown,
                "z": np.where(energy.to_numpy(dtype=float) > 1e-3, energy, np.nan),
                "colorscale": palette.stops(palette.ENERGY),
                "xgap": 1,
                "ygap": 1,
                "hoverongaps": False,
                "colorbar": colour_bar("energy [kWh in the day]"),
                "hovertemplate": "<b>%{y} → %{x}</b><br>%{z:,.1f} kWh<extra></extra>",
            }
        ],
        layout=layout(
            int(min(max(150 + 17 * len(kept), 340), 820)),
            xaxis=name_axis("buying station", kept),
            yaxis=name_axis("selling station", kept, autorange="reversed", tickangle=0),
        ),
    )


def _real(trades: pd.DataFrame) -> pd.DataFrame:
    """Without the crumbs that a numerical method leaves on unused links."""
    return trades[trades["energy_kwh"].astype(float) > 1e-3]


def _largest(trades: pd.DataFrame, stations: list[str]) -> list[str]:
    """Stations that trade, in the order of the case; of very many the largest."""
    sold = trades.groupby("seller")["energy_kwh"].sum()
    turnover = sold.add(trades.groupby("buyer")["energy_kwh"].sum(), fill_value=0.0)
    kept = set(turnover.nlargest(MOST_STATIONS).index)
    return [s for s in stations if s in kept]


def trade_hours(case: Case, tables: Tables) -> Chart | None:
    """Traded energy by hour, and the peers' price between the two prices of the grid."""
    trades = _real(rows_of(tables, "trades"))
    if trades.empty:
        return None
    unit = case.currency
    return Chart(
        id="trade-hours",
        title="When peers trade, and at what price",
        caption_html=(
            "Top: energy traded in each hour. Bottom: the mean price that sellers receive (line, "
            "with the range of single trades) between what the grid pays and what it asks. Trade "
            "pays as long as the price lies <b>between the two grey lines</b>."
        ),
        data=_energy_and_price(case, trades),
        layout=layout(
            470,
            bargap=0.25,
            hovermode="x unified",
            xaxis=hour_axis(case.hours, anchor="y2"),
            yaxis=axis("traded energy [kWh]", domain=[0.56, 1]),
            yaxis2=axis(f"price [{unit}/kWh]", domain=[0, 0.44], rangemode="tozero"),
        ),
    )


def _energy_and_price(case: Case, trades: pd.DataFrame) -> list[dict[str, Any]]:
    hours = np.arange(case.hours)
    by_hour = trades.assign(value=trades["energy_kwh"] * trades["price_per_kwh"]).groupby("hour")
    energy = by_hour["energy_kwh"].sum().reindex(hours)
    mean = by_hour["value"].sum().reindex(hours) / energy
    low, high = (by_hour["price_per_kwh"].agg(which).reindex(hours) for which in ("min", "max"))
    bars = {
        "type": "bar",
        "name": "energy traded",
        "x": hours,
        "y": energy.to_numpy(),
        "marker": {"color": palette.PINK},
        "hovertemplate": "%{y:,.1f} kWh<extra></extra>",
    }
    prices = {
        **_price_line("mean peer price", hours, mean.to_numpy(), palette.PINK, 2.5),
        "mode": "lines+markers",
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": (high - mean).to_numpy(),
            "arrayminus": (mean - low).to_numpy(),
            "color": palette.ROSE,
            "thickness": 2,
            "width": 3,
        },
    }
    ask = _price_line("the grid asks", hours, case.tariff.buy_per_kwh, palette.SLATE, 1.6, "hv")
    pay = _price_line("the grid pays", hours, case.tariff.sell_per_kwh, palette.GREY, 1.6, "hv")
    return [bars, ask, pay, prices]


def _price_line(
    name: str, hours: Any, values: Any, colour: str, width: float, shape: str = "linear"
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": hours,
        "y": values,
        "yaxis": "y2",
        "line": {"color": colour, "width": width, "shape": shape.replace("hv", "hvh")},
        "hovertemplate": f"{name} %{{y:.4f}}<extra></extra>",
    }


def gains_chart(case: Case, tables: Tables) -> Chart | None:
    """What each station gains by trading, under both ways of paying."""
    settlement = rows_of(tables, "settlement")
    if settlement.empty:
        return None
    if len(settlement) > MOST_STATIONS:
        order = settlement["gain"].abs().nlargest(MOST_STATIONS).index
        settlement = settlement.loc[sorted(order)]
    stations = [str(s) for s in settlement["station"]]
    unit = case.currency

    def bars(name: str, column: str, colour: str) -> dict[str, Any]:
        return {
            "type": "bar",
            "name": name,
            "x": names(stations),
            "y": settlement[column].to_numpy(dtype=float),
            "marker": {"color": colour},
            "hovertemplate": f"station %{{x}}: %{{y:,.2f}} {unit}<extra>{name}</extra>",
        }

    return Chart(
        id="gains",
        title="What each station gains by trading with its peers",
        caption_html=(
            "Cost when trading with the grid only, less cost with peer trades and their payments. "
            "<b>Shadow prices</b> pay every kWh its marginal worth, so gains differ; <b>Nash "
            "bargaining</b> shares the common saving evenly. A bar below zero would be a station "
            "that should have stayed away."
        ),
        data=[
            bars("shadow prices", "gain", palette.BLUE),
            bars("Nash bargaining", "gain_nash", palette.ORANGE),
        ],
        layout=layout(
            380,
            barmode="group",
            bargap=0.25,
            xaxis=name_axis("station", stations),
            yaxis=axis(f"gain [{unit} in the day]"),
        ),
    )


def settlement_table(case: Case, tables: Tables) -> Table | None:
    """What each station pays, with the totals; the stations that trade most of very many."""
    table = rows_of(tables, "settlement")
    if table.empty:
        return None
    columns = [c for c in table.columns if c != "station"]
    order = table["gain"].astype(float).sort_values(ascending=False, kind="stable").index
    rows = [
        (str(row["station"]), *(f"{row[c]:,.2f}" for c in columns))
        for _, row in table.loc[order[:MOST_STATIONS]].iterrows()
    ]
    rows.append(("total", *(f"{table[c].astype(float).sum():,.2f}" for c in columns)))
    losers = {k: "bad" for k, i in enumerate(order[:MOST_STATIONS]) if table.loc[i, "gain"] < -1e-6}
    return Table(
        title="Payments and gains by station",
        caption_html=(
            f"In {case.currency}, the largest gain first. A negative payment is received. Payments "
            "of all stations add up to the network fees."
        ),
        headings=(
            "station",
            "cost trading alone",
            "cost of own schedule",
            "payment",
            "cost with payment",
            "gain",
            "payment (Nash)",
            "gain (Nash)",
        ),
        rows=rows,
        marks={**losers, len(rows) - 1: "total"},
    )
