"""The operator's day ahead (Table B.II), on the page."""

from __future__ import annotations

from typing import Any

from ..reporting import palette
from ..reporting.layout import axis, domains
from ..reporting.page import Chart, Table
from ..reporting.study_page import money, percent
from . import published
from .cost_charts import cost_axis
from .lines import panels
from .looks import METHODS, PARTS, method_name
from .reading import Reading


def day_ahead_chart(reading: Reading) -> Chart | None:
    """The planned cost by its parts, and what it is above SP, with the paper's beside."""
    table = reading.tables["day_ahead"].set_index("method")
    if table.empty:
        return None
    methods = [method for method in METHODS if method in table.index]
    names = [method_name(method, "dso") for method in methods]
    left, right = domains(2, 0.09)
    found = panels(["planned cost by part", "planned cost above SP"], 380, 0.09, barmode="stack")
    rows = {"type": "category", "categoryorder": "array", "categoryarray": names[::-1]}
    found["xaxis"] = cost_axis(reading, "planned cost") | {"domain": left}
    found["yaxis"] = axis("", showgrid=False, **rows)
    found["xaxis2"] = axis("above SP [%]", domain=right, anchor="y2")
    found["yaxis2"] = axis(
        "", showgrid=False, anchor="x2", matches="y", showticklabels=False, **rows
    )
    data = part_bars(reading, table.loc[methods], names)
    ours = [float(table.at[method, "over_sp_pct"]) for method in methods]
    theirs = [
        published.over_sp_pct(m) if m in published.DAY_AHEAD else float("nan") for m in methods
    ]
    data += [
        _dot("this study", ours, names, "circle", [METHODS[m].colour for m in methods]),
        _dot("the paper", theirs, names, "diamond-open", [palette.INK] * len(methods)),
    ]
    return Chart(
        id="day-ahead",
        title="The operator's day ahead by method",
        caption_html=(
            f"At {reading.samples:,} samples and confidence {reading.confidence:.2f}; means over "
            "seeds. The paper's Table B.II gives totals only, of a network that is not quite this "
            "one: compare what they are above SP. Our RO holds reserve against the worst and pays "
            "for the expected day; the paper's also pays for the worst."
        ),
        data=data,
        layout=found,
    )


def part_bars(reading: Reading, costs: Any, names: list[str], **more: Any) -> list[dict[str, Any]]:
    """Stacked bars, one trace a part of the cost; ``costs`` has the parts as columns."""
    return [
        {
            "type": "bar",
            "orientation": "h",
            "name": look.name,
            "legendgroup": look.name,
            "x": costs[part].to_numpy(dtype=float),
            "y": names,
            "width": 0.6,
            "marker": {"color": look.colour},
            "hovertemplate": (
                f"<b>%{{y}}</b><br>{look.name} %{{x:,.1f}} {reading.case.currency}<extra></extra>"
            ),
            **more,
        }
        for part, look in PARTS.items()
    ]


def _dot(
    name: str, x: list[float], y: list[str], symbol: str, colours: list[str]
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": x,
        "y": y,
        "xaxis": "x2",
        "yaxis": "y2",
        "marker": {"symbol": symbol, "size": 13, "color": colours, "line": {"width": 2}},
        "hovertemplate": f"<b>%{{y}}</b>, {name}<br>%{{x:+.1f}} %<extra></extra>",
    }


def day_ahead_table(reading: Reading) -> Table | None:
    """Table B.II with the paper's beside."""
    table = reading.tables["day_ahead"].set_index("method")
    if table.empty:
        return None
    methods = [method for method in METHODS if method in table.index]
    rows = [
        (
            method_name(method, "dso"),
            *(money(float(table.at[method, part])) for part in ("total_cost", *PARTS)),
            percent(float(table.at[method, "over_sp_pct"]), sign=True),
        )
        for method in methods
    ]
    theirs = [
        (
            f"the paper: {method_name(method, 'dso')}",
            f"{cost:,.1f}",
            *("" for _ in PARTS),
            percent(published.over_sp_pct(method), sign=True),
        )
        for method, cost in published.DAY_AHEAD.items()
    ]
    unit = reading.case.currency
    return Table(
        title="Day-ahead cost of the operator (Table B.II)",
        caption_html=f"For the day, in {unit}; the paper's are in USD.",
        headings=(
            "method",
            f"total [{unit}]",
            *(f"{look.name} [{unit}]" for look in PARTS.values()),
            "above SP",
        ),
        rows=rows + theirs,
        marks=dict.fromkeys(range(len(rows), len(rows) + len(theirs)), "paper"),
        dots={k: METHODS[method].colour for k, method in enumerate(methods)},
    )
