"""The page's pictures of how episodes end: by perturbation, by severity, and after which round."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from ..reporting import palette
from ..reporting.layout import axis, domains, heading, layout, name_axis
from ..reporting.layout import names as names_of
from ..reporting.page import Change, Chart, Control, Patches
from .evidence import (
    AGREED,
    BY_ENVELOPE,
    SEVERITY_EDGES,
    Tables,
    agreement_by_severity,
    boundary_parts,
    by_kind,
    ends_present,
    kinds_in,
    policies_of,
    rounds_count,
    rows_of,
    shares_of_ends,
)
from .looks import AGREEMENT, BOUNDARY_COLOURS, end_colour, end_words, kind_words

_ALL = "all"


def policy_control(tables: Tables, everybody: bool) -> tuple[Control, ...]:
    """A choice of the policy where there are several."""
    policies = policies_of(tables)
    first = (((_ALL, "all policies"),) if everybody else ()) + tuple((p, p) for p in policies)
    if len(policies) < 2:
        return ()
    return (Control(name="policy", label="policy", options=first, start=first[0][0]),)


def outcome_chart(tables: Tables) -> Chart | None:
    """Of the episodes with each kind of perturbation, the share of each outcome."""
    rows = by_kind(tables)
    if rows.empty:
        return None
    kinds, ends = kinds_in(rows), ends_present(tables)
    days = rows.groupby("kind")["day"].nunique()
    names = [f"{kind_words(kind)} ({days[kind]})" for kind in kinds]
    changes = {
        choice: _outcome_changes(_chosen(rows, choice), kinds, ends)
        for choice in (_ALL, *policies_of(tables))
    }
    return _with_patches(
        Chart(
            id="outcomes-chart",
            title="How episodes end, by what went wrong",
            caption_html=(
                "In brackets the number of days with that perturbation. Most days have several, "
                "and count <b>once in each of their rows</b>: a row says what happened in its "
                "company, not what it alone caused; for that see where agreement ends."
            ),
            data=[_outcome_bar(end, names) for end in ends],
            layout=layout(
                max(150 + 31 * len(kinds), 260),
                barmode="stack",
                bargap=0.3,
                xaxis=axis("share of episodes [%]", range=[0, 100.3], ticksuffix=""),
                yaxis=name_axis("", names, autorange="reversed", tickangle=0),
            ),
        ),
        changes,
        tables,
    )


def _chosen(rows: pd.DataFrame, choice: str) -> pd.DataFrame:
    return rows if choice == _ALL else rows[rows["policy"] == choice]


def _with_patches(chart: Chart, changes: dict[str, list[Change]], tables: Tables) -> Chart:
    """The chart under a choice of the policy, opening at all; without choice as it is at all."""
    controls = policy_control(tables, everybody=True)
    if not controls:
        for trace, path, value in changes[_ALL]:
            chart.data[int(trace)][path] = value
        return chart
    return Chart(
        id=chart.id,
        title=chart.title,
        caption_html=chart.caption_html,
        data=chart.data,
        layout=chart.layout,
        controls=controls,
        patches=(Patches(by=("policy",), of=changes),),
    )


def _outcome_bar(end: str, names: list[str]) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": end_words(end),
        "y": names,
        "x": [],
        "customdata": [],
        "marker": {"color": end_colour(end), "line": {"color": "#fff", "width": 1}},
        "hovertemplate": f"%{{y}}<br>{end_words(end)}: %{{x:.1f}} %, %{{customdata}} episodes"
        "<extra></extra>",
    }


def _outcome_changes(rows: pd.DataFrame, kinds: list[str], ends: list[str]) -> list[Change]:
    shares = shares_of_ends(rows, kinds, ends)
    counts = pd.crosstab(rows["kind"], rows["end"]).reindex(index=kinds, columns=ends, fill_value=0)
    return [
        (k, path, table[end].tolist())
        for k, end in enumerate(ends)
        for path, table in (("x", shares), ("customdata", counts))
    ]


def severity_chart(tables: Tables) -> Chart | None:
    """Share of agreements by kind and the severity of that kind."""
    rows = by_kind(tables)
    if rows.empty:
        return None
    kinds = kinds_in(rows)
    changes = {
        choice: _severity_changes(_chosen(rows, choice), kinds)
        for choice in (_ALL, *policies_of(tables))
    }
    chart = Chart(
        id="severity-chart",
        title="Agreement by kind and severity",
        caption_html=(
            "In each cell how many episodes agreed, of how many. <b>Blue: all agreed; orange: "
            "none.</b> Severity is that of the row's own perturbation; others may have come with "
            "it. White cells were not drawn: mild days are rare on purpose."
        ),
        data=[_severity_cells(kinds)],
        layout=layout(
            max(150 + 31 * len(kinds), 300),
            xaxis=name_axis("severity [-]", severity_classes(), tickangle=0),
            yaxis=name_axis("", list(map(kind_words, kinds)), autorange="reversed", tickangle=0),
        ),
    )
    return _with_patches(chart, changes, tables)


def severity_classes() -> list[str]:
    """'0.2-0.4', with a dash."""
    return [f"{low:g}\N{EN DASH}{high:g}" for low, high in pairwise(SEVERITY_EDGES)]


def _severity_cells(kinds: list[str]) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "x": severity_classes(),
        "y": list(map(kind_words, kinds)),
        "z": [],
        "text": [],
        "zmin": 0,
        "zmax": 100,
        "colorscale": palette.stops(AGREEMENT),
        "xgap": 2,
        "ygap": 2,
        "hoverongaps": False,
        "texttemplate": "%{text}",
        "colorbar": {
            "title": {"text": "agreed [%]", "side": "right"},
            "thickness": 12,
            "outlinewidth": 0,
        },
        "hovertemplate": "%{y}, severity %{x}<br>%{text} agreed, %{z:.0f} %<extra></extra>",
    }


def _severity_changes(rows: pd.DataFrame, kinds: list[str]) -> list[Change]:
    held, count = agreement_by_severity(rows, kinds)
    share = np.where(count > 0, 100 * held / np.maximum(count, 1), np.nan)
    text = [
        [f"{a}/{n}" if n else "" for a, n in zip(*pair, strict=True)]
        for pair in zip(held, count, strict=True)
    ]
    return [(0, "z", share), (0, "text", text)]


def boundary_chart(tables: Tables) -> Chart | None:
    """For each perturbation alone, up to which severity the parties agree."""
    table = rows_of(tables, "boundaries")
    if table.empty:
        return None
    policies = [str(policy) for policy in table["policy"].unique()]
    kinds = [str(kind) for kind in table["perturbation"].unique()]
    parts = domains(len(policies), 0.04)
    found = layout(
        max(160 + 31 * len(kinds), 280),
        barmode="stack",
        bargap=0.35,
        annotations=[],
        dragmode=False,
    )
    found["margin"] |= {"t": 66}
    found["legend"] |= {"y": 1.13}
    found["yaxis"] = name_axis("", list(map(kind_words, kinds)), autorange="reversed", tickangle=0)
    data: list[dict[str, Any]] = []
    for k, (policy, part) in enumerate(zip(policies, parts, strict=True)):
        number = "" if k == 0 else str(k + 1)
        found[f"xaxis{number}"] = axis("severity [-]", domain=part, range=[0, 1.005], dtick=0.25)
        found["annotations"].append(heading(policy, part, 1.01))
        data += _boundary_bars(table[table["policy"] == policy], number)
    return Chart(
        id="boundary-chart",
        title="Where agreement ends, one perturbation at a time",
        caption_html=(
            "Bisection on the severity of a single perturbation, by policy. <b>Green:</b> agreed "
            "up to here. <b>Grey:</b> between the last agreement and the first failure. "
            "<b>Orange:</b> no agreement from here on. A full green bar means that even the worst "
            "of it does not end agreement. A diamond marks the smallest severity tried at which "
            "the operator asked for a change. One seed: one line, one station, one hour is hit."
        ),
        data=data,
        layout=found,
    )


def _boundary_bars(rows: pd.DataFrame, number: str) -> list[dict[str, Any]]:
    names = list(map(kind_words, rows["perturbation"]))
    bars = [
        {
            "type": "bar",
            "orientation": "h",
            "name": part.words,
            "y": names,
            "x": part.length,
            "xaxis": f"x{number}",
            "customdata": names_of(part.told),
            "showlegend": number == "",
            "legendgroup": part.words,
            "marker": {"color": BOUNDARY_COLOURS[part.words]},
            "hovertemplate": f"%{{y}}<br>{part.words}: %{{customdata}}<extra></extra>",
        }
        for part in boundary_parts(rows)
    ]
    return [*bars, *_first_adjustments(rows, names, number)]


def _first_adjustments(rows: pd.DataFrame, names: list[str], number: str) -> list[dict[str, Any]]:
    """A mark where the operator first asked for a change, if the study looked for it."""
    if "adjusted_from" not in rows:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "first adjustment",
            "legendgroup": "first adjustment",
            "showlegend": number == "",
            "x": rows["adjusted_from"].to_numpy(dtype=float),
            "y": names,
            "xaxis": f"x{number}",
            "cliponaxis": False,
            "marker": {
                "symbol": "diamond",
                "size": 10,
                "color": "#fff",
                "line": {"color": palette.INK, "width": 1.5},
            },
            "hovertemplate": "%{y}: first adjustment at %{x:.3g}<extra></extra>",
        }
    ]


def rounds_chart(tables: Tables) -> Chart | None:
    """How many trading rounds agreements took, by policy."""
    counts = rounds_count(tables)
    if counts.empty:
        return None
    policies = [p for p in policies_of(tables) if p in counts.index.get_level_values(0)]
    found = layout(340, barmode="stack", bargap=0.15, annotations=[])
    found["margin"] |= {"t": 66}
    found["legend"] |= {"y": 1.12}
    whole = {"dtick": 1} if counts.to_numpy().max() < 5 else {}
    found["yaxis"] = axis("agreed episodes [number]", rangemode="tozero", **whole)
    data: list[dict[str, Any]] = []
    for k, (policy, part) in enumerate(zip(policies, domains(len(policies), 0.04), strict=True)):
        number = "" if k == 0 else str(k + 1)
        found[f"xaxis{number}"] = axis(
            "trading round of the agreement",
            domain=part,
            dtick=1,
            range=[0.4, max(counts.columns) + 0.6],
            showgrid=False,
        )
        found["annotations"].append(heading(policy, part, 1.01))
        data += [_rounds_bar(counts, policy, end, number) for end in (AGREED, BY_ENVELOPE)]
    return Chart(
        id="rounds-chart",
        title="Rounds to agreement",
        caption_html=(
            "Round 1 means that the operator carried the stations' first submission as it was; "
            "each further round is one adjustment and one new trade. <b>Pale:</b> the rounds "
            "allowed were used up, and an operating envelope for everybody ended them."
        ),
        data=data,
        layout=found,
    )


def _rounds_bar(counts: pd.DataFrame, policy: str, end: str, number: str) -> dict[str, Any]:
    there = (policy, end) in counts.index
    return {
        "type": "bar",
        "name": end_words(end),
        "x": list(counts.columns),
        "y": counts.loc[(policy, end)].tolist() if there else [0] * len(counts.columns),
        "xaxis": f"x{number}",
        "legendgroup": end,
        "showlegend": number == "",
        "marker": {"color": end_colour(end), "line": {"color": palette.GREEN, "width": 1}},
        "hovertemplate": f"round %{{x}}: %{{y}} episodes, {end_words(end)}<extra></extra>",
    }
