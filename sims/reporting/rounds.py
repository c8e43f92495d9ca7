"""The report's pictures of the agreement: convergence, and what the operator asked to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from . import palette
from .geometry import colour_bar
from .layout import (
    Tables,
    axis,
    clock,
    domains,
    heading,
    hour_axis,
    layout,
    log_axis,
    name_axis,
    names,
    rows_of,
)
from .page import Change, Chart, Control, Patches, Table

if TYPE_CHECKING:
    import pandas as pd

    from ...core.units import FloatArray
    from ..case import Case

#: Rows of the table of adjustments; the largest of very many.
MOST_ADJUSTMENTS = 20


def convergence_chart(case: Case, summary: Mapping[str, Any], tables: Tables) -> Chart | None:
    """Bounds, certified gap and residuals by exchange of bids, trading rounds marked."""
    log = rows_of(tables, "negotiation")
    if log.empty:
        return None
    exchange = np.arange(1.0, len(log) + 1)
    target = summary.get("options", {}).get("gap")
    parts = domains(3, 0.085)
    return Chart(
        id="convergence",
        title="How the stations' negotiation converged",
        caption_html=(
            "One step to the right is one exchange of bids between groups of stations. <b>Left:"
            "</b> the cost of the best feasible schedules falls, the certified lower bound rises. "
            "<b>Middle:</b> their relative gap; the negotiation stops when it falls below the "
            "dashed target, so the answer is proven good, not only steady. <b>Right:</b> how far "
            "the two ends of each trade still disagree, and how much trades still move. Dotted "
            "lines mark the start of a trading round after an answer of the operator."
        ),
        data=_bound_lines(case, exchange, log)
        + _gap_lines(exchange, log, target)
        + _residual_lines(exchange, log),
        layout=_convergence_layout(case, log, parts),
    )


def _convergence_layout(case: Case, log: pd.DataFrame, parts: list[list[float]]) -> dict[str, Any]:
    found = layout(430, hovermode="closest", annotations=[], shapes=_round_marks(log))
    found["legend"] |= {"y": -0.22, "yanchor": "top"}
    found["margin"] = {"l": 64, "r": 20, "t": 40, "b": 60}
    kinds: tuple[dict[str, Any], ...] = (
        axis(f"cost of the day [{case.currency}]", range=_bound_range(log)),
        log_axis("relative gap [-]"),
        log_axis("residual [kW]"),
    )
    titles = ("bounds on the cost", "certified gap", "residuals")
    for k, (kind, part, title) in enumerate(zip(kinds, parts, titles, strict=True)):
        number = "" if k == 0 else str(k + 1)
        found[f"xaxis{number}"] = axis(
            "exchange of bids",
            domain=part,
            anchor=f"y{number}",
            range=[0, len(log) + 1],
            showgrid=False,
            zeroline=False,
        )
        found[f"yaxis{number}"] = {**kind, "anchor": f"x{number}"}
        found["annotations"].append(heading(title, part, 1.03))
    return found


def _round_starts(log: pd.DataFrame) -> list[int]:
    """Positions of the first exchange of every trading round but the first."""
    rounds = log["trading_round"].to_numpy()
    return [k + 1 for k in range(1, len(rounds)) if rounds[k] != rounds[k - 1]]


def _round_marks(log: pd.DataFrame) -> list[dict[str, Any]]:
    line = {"color": palette.GREY, "width": 1.2, "dash": "dot"}
    return [
        {
            "type": "line",
            "xref": f"x{'' if k == 0 else k + 1}",
            "yref": f"y{'' if k == 0 else k + 1} domain",
            "x0": start - 0.5,
            "x1": start - 0.5,
            "y0": 0,
            "y1": 1,
            "line": line,
        }
        for start in _round_starts(log)
        for k in range(3)
    ]


def _bound_range(log: pd.DataFrame) -> list[float] | None:
    """The part of the cost axis in which the bounds meet; the first bounds are far off."""
    upper, lower = (log[c].to_numpy(dtype=float) for c in ("upper_bound", "lower_bound"))
    upper, lower = upper[np.isfinite(upper)], lower[np.isfinite(lower)]
    if not len(upper) or not len(lower):
        return None
    top, bottom = float(np.quantile(upper, 0.9)), float(np.quantile(lower, 0.25))
    air = 0.1 * max(top - bottom, 1e-3 * abs(top), 1e-9)
    return [bottom - air, top + air]


def _curve(
    name: str, x: FloatArray, y: Any, colour: str, place: int, **more: Any
) -> dict[str, Any]:
    number = "" if place == 0 else str(place + 1)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": y,
        "xaxis": f"x{number}",
        "yaxis": f"y{number}",
        "line": {"color": colour, "width": 2.2},
        "hovertemplate": f"exchange %{{x}}: %{{y:.4g}}<extra>{name}</extra>",
        **more,
    }


def _bound_lines(case: Case, exchange: FloatArray, log: pd.DataFrame) -> list[dict[str, Any]]:
    hover = f"exchange %{{x}}: %{{y:,.3f}} {case.currency}"
    return [
        _curve("best feasible cost", exchange, log["upper_bound"].to_numpy(), palette.VERMILION, 0)
        | {"hovertemplate": f"{hover}<extra>best feasible cost</extra>"},
        _curve("lower bound", exchange, log["lower_bound"].to_numpy(), palette.BLUE, 0)
        | {"hovertemplate": f"{hover}<extra>lower bound</extra>"},
    ]


def _gap_lines(
    exchange: FloatArray, log: pd.DataFrame, target: float | None
) -> list[dict[str, Any]]:
    gap = log["gap"].to_numpy(dtype=float)
    lines = [
        _curve("certified gap", exchange, np.where(gap > 0, gap, np.nan), palette.INK, 1)
        | {"mode": "lines+markers", "marker": {"size": 4}}
    ]
    if target:
        ends = np.array([exchange[0], exchange[-1]])
        dashed = {"color": palette.GREEN, "width": 1.6, "dash": "dash"}
        lines.append(_curve("target", ends, [target, target], palette.GREEN, 1, line=dashed))
    return lines


def _residual_lines(exchange: FloatArray, log: pd.DataFrame) -> list[dict[str, Any]]:
    primal, dual = (log[c].to_numpy(dtype=float) for c in ("primal_kw", "dual_kw"))
    return [
        _curve("disagreement", exchange, np.where(primal > 0, primal, np.nan), palette.PINK, 2),
        _curve("movement of trades", exchange, np.where(dual > 0, dual, np.nan), palette.ORANGE, 2),
    ]


def adjustment_chart(case: Case, tables: Tables) -> Chart | None:
    """Station by hour, what the operator asked to change; the control chooses the round."""
    table = rows_of(tables, "adjustments")
    if table.empty:
        return None
    rounds = sorted(int(r) for r in table["trading_round"].unique())
    touched = set(table["station"])
    stations = [s.id for s in case.stations if s.id in touched]
    most = float(
        table.groupby(["trading_round", "hour", "station"])["adjustment_kw"].sum().abs().max()
    )
    changes = {
        str(r): _adjusted(table[table["trading_round"] == r], stations, case) for r in rounds
    }
    control = Control(
        name="round",
        label="trading round",
        options=tuple((str(r), f"after submission {r}") for r in rounds),
        start=str(rounds[0]),
    )
    return Chart(
        id="adjustments",
        title="What the operator asked to change",
        caption_html=(
            "Change of each station's net withdrawal, summed over its phases (point at a cell for "
            "the single phases). <b>Orange: draw more, or feed in less; blue: draw less.</b> White "
            "hours were left alone."
        ),
        data=[_adjustment_cells(stations, case, most)],
        layout=layout(
            int(min(max(150 + 20 * len(stations), 260), 800)),
            xaxis=hour_axis(case.hours, dtick=1 if case.hours <= 24 else 3),
            yaxis=name_axis("station", stations, autorange="reversed", tickangle=0),
        ),
        controls=(control,),
        patches=(Patches(by=("round",), of=changes),),
    )


def _adjustment_cells(stations: list[str], case: Case, most: float) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "x": list(range(case.hours)),
        "y": names(stations),
        "z": [],
        "text": [],
        "zmin": -most,
        "zmax": most,
        "colorscale": palette.stops(palette.CHANGE),
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "colorbar": colour_bar("change [kW]", len=1),
        "hovertemplate": "<b>station %{y}, hour %{x}</b><br>%{z:+.1f} kW%{text}<extra></extra>",
    }


def _adjusted(table: pd.DataFrame, stations: list[str], case: Case) -> list[Change]:
    places = {s: k for k, s in enumerate(stations)}
    z = np.full((len(stations), case.hours), np.nan)
    text = np.full(z.shape, "", dtype=object)
    for (station, hour), cell in table.groupby(["station", "hour"]):
        at = places[station], int(hour)
        z[at] = cell["adjustment_kw"].sum()
        text[at] = "".join(
            f"<br>phase {row.phase}: {row.submitted_kw:.1f} → {row.permitted_kw:.1f} kW"
            for row in cell.itertuples()
        )
    return [(0, "z", np.where(np.abs(z) > 1e-6, z, np.nan)), (0, "text", text)]


def adjustment_table(case: Case, tables: Tables) -> Table | None:
    """The largest single adjustments."""
    table = rows_of(tables, "adjustments")
    if table.empty:
        return None
    order = table["adjustment_kw"].abs().sort_values(ascending=False, kind="stable").index
    rows = [
        (
            str(row.trading_round),
            str(row.station),
            clock(int(row.hour), case.hours),
            str(row.phase),
            f"{row.submitted_kw:,.1f}",
            f"{row.adjustment_kw:+,.1f}",
            f"{row.permitted_kw:,.1f}",
        )
        for row in table.loc[order[:MOST_ADJUSTMENTS]].itertuples()
    ]
    return Table(
        title="The largest adjustments",
        caption_html=f"{len(rows)} of {len(table)}, by station, hour and phase.",
        headings=(
            "round",
            "station",
            "hour",
            "phase",
            "submitted [kW]",
            "change [kW]",
            "permitted [kW]",
        ),
        rows=rows,
        labels=4,
    )


def round_table(case: Case, tables: Tables) -> Table | None:
    """Each submission and the operator's answer, with the limits that bind."""
    table = rows_of(tables, "trading_rounds")
    if table.empty:
        return None
    rows = [
        (
            str(row.trading_round),
            str(row.answer),
            _listed(str(row.binding)),
            f"{row.exchanges:,}",
            f"{row.stations_cost:,.2f}",
            f"{row.stations_adjusted:,}",
            f"{row.adjusted_kwh:,.1f}",
            f"{row.unserved_kwh:,.2f}",
        )
        for row in table.itertuples()
    ]
    return Table(
        title="Submissions and answers",
        caption_html="Each round the stations submit a day; the operator answers.",
        headings=(
            "round",
            "answer",
            "limits that bind",
            "exchanges",
            f"stations' cost [{case.currency}]",
            "stations asked",
            "change asked [kWh]",
            "not served [kWh]",
        ),
        rows=rows,
        labels=3,
    )


def _listed(binding: str) -> str:
    """A list of limits, cut where a reader stops reading."""
    text = "" if binding in ("None", "nan") else binding
    return text or "\N{EN DASH}" if len(text) <= 240 else text[:237] + "..."
