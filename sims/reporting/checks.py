"""The report's pictures of the exact check: voltages and loadings of every sample, and limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import palette
from .layout import (
    PHASES,
    Tables,
    axis,
    domains,
    heading,
    hour_axis,
    layout,
    names,
    rows_of,
)
from .page import Chart, Table

if TYPE_CHECKING:
    import pandas as pd

    from ...core.units import FloatArray
    from ..case import Case

#: Small pictures of line loading.
MOST_LINES = 6

_WIDE, _NARROW = "rgba(86,180,233,.22)", "rgba(0,114,178,.28)"


def voltage_chart(case: Case, tables: Tables) -> Chart | None:
    """For each phase the envelope of all buses' voltages by hour, with plan, limits, worst bus."""
    table = rows_of(tables, "voltages")
    if table.empty:
        return None
    parts = domains(len(PHASES), 0.045)
    limits = case.feeder.limits
    found = layout(470, hovermode="x unified", annotations=[], shapes=[])
    found["legend"] |= {"y": -0.2, "yanchor": "top"}
    found["margin"] |= {"t": 42, "b": 60}
    found["yaxis"] = axis("voltage magnitude [pu]", tickformat=".3~f")
    data: list[dict[str, Any]] = []
    for k, (phase, part) in enumerate(zip(PHASES, parts, strict=True)):
        number = "" if k == 0 else str(k + 1)
        rows = table[table["phase"] == phase]
        worst = _worst_bus(rows, limits.vm_min_pu, limits.vm_max_pu)
        data += _voltage_lines(rows, worst, number)
        found[f"xaxis{number}"] = hour_axis(case.hours, domain=part, dtick=4)
        title = f"phase {phase}" + (f" · worst bus {names([worst])[0]}" if worst else "")
        found["annotations"].append(heading(title, part, 1.03))
        found["shapes"] += [_limit(number, v) for v in (limits.vm_min_pu, limits.vm_max_pu)]
    return Chart(
        id="voltages",
        title="Voltages of all buses in the exact power flows, by phase",
        caption_html=(
            "<b>Pale band:</b> lowest to highest voltage of any bus in any sample. <b>Darker band:"
            "</b> from the lowest 5 % quantile to the highest 95 % quantile of a bus. <b>Blue "
            "line:</b> median over samples and buses. <b>Dashed:</b> lowest and highest voltage "
            "that the linear model planned. <b>Orange:</b> the median of the bus that comes "
            "closest to a limit. Look for bands that touch the red limits."
        ),
        data=data,
        layout=found,
    )


def _worst_bus(rows: pd.DataFrame, low: float, high: float) -> str:
    """The bus with the least room to a limit; '' if the exact check did not run."""
    room = np.minimum(rows["ac_min_pu"].astype(float) - low, high - rows["ac_max_pu"].astype(float))
    return "" if room.isna().all() else str(rows.loc[room.idxmin(), "bus"])


def _voltage_lines(rows: pd.DataFrame, worst: str, number: str) -> list[dict[str, Any]]:
    by_hour = rows.groupby("hour")
    hours = np.array(sorted(rows["hour"].unique()))
    worst_rows = rows[rows["bus"].astype(str) == worst].set_index("hour").reindex(hours)
    plan = {"color": palette.INK, "width": 1.4, "dash": "dash"}
    first = number == ""
    lines = [
        *_band("all samples", hours, by_hour["ac_min_pu"].min(), by_hour["ac_max_pu"].max(), _WIDE),
        *_band(
            "5\N{EN DASH}95 %",
            hours,
            by_hour["ac_q05_pu"].min(),
            by_hour["ac_q95_pu"].max(),
            _NARROW,
        ),
        _line("median", hours, by_hour["ac_median_pu"].median(), {"color": palette.BLUE}),
        _line("planned", hours, by_hour["planned_pu"].min(), plan),
        _line("planned", hours, by_hour["planned_pu"].max(), plan, showlegend=False),
        _line("worst bus", hours, worst_rows["ac_median_pu"], {"color": palette.VERMILION}),
    ]
    return [
        {**line, "xaxis": f"x{number}", "showlegend": first and line.get("showlegend", True)}
        for line in lines
    ]


def _band(
    name: str, hours: FloatArray, low: pd.Series[float], high: pd.Series[float], colour: str
) -> list[dict[str, Any]]:
    nothing = {"width": 0, "color": colour}
    return [
        _line(f"{name}, lowest", hours, low, nothing, showlegend=False),
        _line(f"{name}, highest", hours, high, nothing, showlegend=False)
        | {"fill": "tonexty", "fillcolor": colour},
        # A square in the legend, which an area without a line would not have.
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": [None],
            "y": [None],
            "marker": {"symbol": "square", "size": 12, "color": colour},
        },
    ]


def _line(
    name: str, hours: FloatArray, values: Any, line: dict[str, Any], **more: Any
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": hours,
        "y": values.to_numpy(dtype=float),
        "line": {"width": 2, **line},
        "hovertemplate": f"{name} %{{y:.4f}}<extra></extra>",
        **more,
    }


def _limit(number: str, value: float) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": f"x{number} domain",
        "yref": "y",
        "x0": 0,
        "x1": 1,
        "y0": value,
        "y1": value,
        "line": {"color": palette.RED, "width": 1.6},
    }


def loading_chart(case: Case, tables: Tables) -> Chart | None:
    """Small pictures of the most loaded lines' loading by hour."""
    table = rows_of(tables, "lines")
    if table.empty or table["ac_max_loading"].isna().all():
        return None
    worst = table.sort_values("ac_q95_loading", ascending=False, kind="stable")
    worst = worst.drop_duplicates("line").head(MOST_LINES)
    picked = list(zip(worst["line"], worst["phase"], strict=True))
    data: list[dict[str, Any]] = []
    for k, (line, phase) in enumerate(picked):
        rows = table[(table["line"] == line) & (table["phase"] == phase)]
        data += _loading_lines(rows.sort_values("hour"), "" if k == 0 else str(k + 1))
    return Chart(
        id="loading",
        title="The most loaded lines",
        caption_html=(
            "Apparent power over rating in the exact power flows, for the lines with the highest "
            "95 % quantile, each on its most loaded phase: band from the median to the highest "
            "sample, the quantile in orange, the linear model's plan dashed. The red line is the "
            "rating."
        ),
        data=data,
        layout=_loading_layout(case, picked),
    )


def _loading_layout(case: Case, picked: list[tuple[Any, Any]]) -> dict[str, Any]:
    """Three small pictures a row, one scale for all; only the outer ones carry axis titles."""
    rows = -(-len(picked) // 3)
    xs, ys = domains(3, 0.045), domains(rows, 0.2)[::-1]
    found = layout(110 + 205 * rows, hovermode="x unified", annotations=[], shapes=[])
    found["legend"] |= {"y": -0.32 / rows, "yanchor": "top"}
    found["margin"] |= {"t": 42, "b": 60}
    for k, (line, phase) in enumerate(picked):
        number, x, y = "" if k == 0 else str(k + 1), xs[k % 3], ys[k // 3]
        below = "hour of the day" if k + 3 >= len(picked) else ""
        found[f"xaxis{number}"] = hour_axis(
            case.hours, below, domain=x, anchor=f"y{number}", dtick=4
        )
        beside = "loading [% of rating]" if k % 3 == 0 else ""
        same = {"matches": "y"} if k else {}
        found[f"yaxis{number}"] = axis(
            beside, domain=y, anchor=f"x{number}", rangemode="tozero", **same
        )
        name = f"line {names([line])[0]} · phase {phase}"
        found["annotations"].append(heading(name, x, y[1] + 0.012))
        found["shapes"].append(_limit(number, 100.0) | {"yref": f"y{number}"})
    return found


def _loading_lines(rows: pd.DataFrame, number: str) -> list[dict[str, Any]]:
    hours = rows["hour"].to_numpy()
    plan = np.hypot(rows["planned_p_kw"], rows["planned_q_kvar"]) / rows["rating_kva"]
    dashed = {"color": palette.INK, "width": 1.4, "dash": "dash"}
    lines = [
        *_band(
            "median to highest",
            hours,
            100 * rows["ac_median_loading"],
            100 * rows["ac_max_loading"],
            _WIDE,
        ),
        _line("95 % quantile", hours, 100 * rows["ac_q95_loading"], {"color": palette.VERMILION}),
        _line("median", hours, 100 * rows["ac_median_loading"], {"color": palette.BLUE}),
        _line("planned", hours, 100 * plan, dashed),
    ]
    return [
        {
            **line,
            "xaxis": f"x{number}",
            "yaxis": f"y{number}",
            "showlegend": number == "" and line.get("showlegend", True),
            "hovertemplate": f"{line['name']} %{{y:.0f}} %<extra></extra>",
        }
        for line in lines
    ]


def limits_table(tables: Tables) -> Table | None:
    """What was promised for each kind of limit, and what the exact check found."""
    table = rows_of(tables, "limits")
    if table.empty:
        return None
    rows = [
        (
            str(row.family),
            str(row.worst_limit),
            "yes" if row.kept else "NO",
            _percent(row.promised),
            _percent(row.worst_rate),
            f"{_percent(row.rate_low)} \N{EN DASH} {_percent(row.rate_high)}",
            _percent(row.mean_rate),
        )
        for row in table.itertuples()
    ]
    return Table(
        title="Promises and what became of them",
        caption_html=(
            "Each single limit may be violated with at most the promised probability. The worst "
            "limit of each kind is judged by the 95 % confidence interval of its violation rate on "
            "samples that the optimisation never saw: the promise is broken if the whole interval "
            "lies above it."
        ),
        headings=(
            "kind of limit",
            "worst limit",
            "kept",
            "promised",
            "worst rate",
            "95 % interval",
            "mean rate",
        ),
        rows=rows,
        labels=3,
        marks=_broken(table["kept"]),
    )


def _broken(kept: Sequence[bool]) -> dict[int, str]:
    return {k: "bad" for k, fine in enumerate(kept) if not fine}


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %" if share == share else "\N{EN DASH}"
