"""Investment against autonomy: what perfect information can do, where plans stand (Fig. 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, layout
from ..reporting.page import Chart
from .comparison_pictures import label_of
from .reading import COLOURS, Reading

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

#: (aim of the curve, column, name, colour)
_CURVES: Final = (
    ("investment", "investment", "least investment", palette.BLUE),
    ("total", "total", "least total", palette.ORANGE),
)


def autonomy_chart(reading: Reading) -> Chart | None:
    """Curves of perfect information, and triangles for the plans."""
    curve = reading.table("autonomy_curve")
    if curve.empty:
        return None
    rows = _standing(reading)
    curves = [
        _line(points, column, name, colour) for _, column, name, colour, points in _curves(curve)
    ]
    plans = [
        _triangles(rows, column, words, symbol)
        for column, words, symbol in (
            ("investment", "plans: investment", "triangle-up"),
            ("row_cost", "plans: total", "triangle-down"),
        )
    ]
    return Chart(
        id="autonomy",
        title="Autonomy and what it costs",
        caption_html=(
            "<b>Lines:</b> with perfect information of the scenarios, as many sites as it takes, "
            "and no limits of the feeder. <b>Triangles:</b> the plans, operated at least cost over "
            "the same days; upwards their investment, to be compared with blue, downwards the "
            "total, with orange."
        ),
        data=[*curves, *plans],
        layout=layout(
            480,
            xaxis=axis("autonomy: share of the load that is not imported [%]", zeroline=False),
            yaxis=axis(f"{reading.case.currency} a day", rangemode="tozero"),
        ),
    )


def near_chart(reading: Reading) -> Chart | None:
    """The same around the plans: their investment against the least for their autonomy."""
    curve, rows = reading.table("autonomy_curve"), _standing(reading)
    if curve.empty or not rows:
        return None
    aim, column, name, colour = _CURVES[0]
    plans = _triangles(rows, column, "plans: investment", "triangle-up")
    named = {"mode": "markers+text", "textposition": "top center"}
    highest = 1.2 * max(row[column] for row in rows)
    reach = [min(plans["x"]) - 5, max(plans["x"]) + 5]
    return Chart(
        id="autonomy-near",
        title="Where plans stand",
        caption_html=(
            "Above the line a plan spends more than its autonomy takes: on batteries and PV that "
            "save money without saving imports, or on safety."
        ),
        data=[
            _line(curve[curve["aim"] == aim], column, name, colour),
            plans | named | {"textfont": {"size": 11, "color": palette.SLATE}},
        ],
        layout=layout(
            400,
            xaxis=axis("autonomy [%]", range=reach, zeroline=False),
            yaxis=axis(f"investment [{reading.case.currency} a day]", range=[0, highest]),
        ),
    )


def _line(points: pd.DataFrame, column: str, name: str, colour: str) -> dict[str, Any]:
    sizes = zip(points["pv_kw"] / 1e3, points["battery_kwh"] / 1e3, strict=True)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": (100 * points["autonomy"]).tolist(),
        "y": points[column].tolist(),
        "text": [f"PV {mw:.2f} MW, batteries {mwh:.2f} MWh" for mw, mwh in sizes],
        "line": {"color": colour, "width": 2.5},
        "marker": {"size": 6},
        "hovertemplate": "%{x:.1f} %: %{y:,.0f}<br>%{text}<extra>" + name + "</extra>",
    }


def _triangles(rows: list[dict[str, Any]], column: str, words: str, symbol: str) -> dict[str, Any]:
    colours = [COLOURS[row["model"]] for row in rows]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": words,
        "x": [100 * row["row_autonomy"] for row in rows],
        "y": [row[column] for row in rows],
        "text": [label_of(row) for row in rows],
        "marker": {"symbol": symbol, "size": 11, "color": colours},
        "hovertemplate": "%{text}: %{x:.1f} %, %{y:,.0f}<extra>" + words + "</extra>",
    }


def _curves(curve: pd.DataFrame) -> list[tuple[str, str, str, str, pd.DataFrame]]:
    """With the points in which an aim is not met by chance only once."""
    return [
        (aim, column, name, colour, curve[curve["aim"] == aim].drop_duplicates("autonomy"))
        for aim, column, name, colour in _CURVES
    ]


def _standing(reading: Reading) -> list[dict[str, Any]]:
    """Plans with autonomy, investment and total over the scenarios in a row."""
    found = []
    for row in reading.table("out_of_sample").to_dict("records"):
        own = reading.table("plans")
        for key in ("model", "load_budget", "pv_budget", "method"):
            own = own[own[key] == row[key]]
        bought = own["investment"].iloc[0] if len(own) else reading.benchmark["investment"]
        found.append({**row, "investment": float(bought)})
    return found


def autonomy_figure(reading: Reading) -> Figure | None:
    """The paper's Fig. 4 from these data."""
    curve = reading.table("autonomy_curve")
    if curve.empty:
        return None
    figure = new_figure(5.6, 3.4)
    axes = figure.subplots()
    for _, column, name, colour, rows in _curves(curve):
        axes.plot(100 * rows["autonomy"], rows[column], "-", color=colour, lw=1.5, label=name)
    for row in _standing(reading):
        colour = COLOURS[row["model"]]
        place = 100 * row["row_autonomy"]
        axes.plot(place, row["investment"], "^", ms=5, color=colour, label=label_of(row))
        axes.plot(place, row["row_cost"], "v", ms=5, color=colour)
    axes.set(xlabel="autonomy [%]", ylabel=f"{reading.case.currency} a day")
    figure.legend(loc="outside right upper")
    return figure
