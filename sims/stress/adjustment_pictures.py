"""The page's pictures of adjustments: how much, whose, at whose cost, how fair, where and when."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..case import Case
from ..reporting import palette
from ..reporting.geometry import colour_bar
from ..reporting.layout import (
    axis,
    domains,
    heading,
    hour_axis,
    layout,
    log_axis,
    name_axis,
    names,
)
from ..reporting.page import Change, Chart, Patches
from .evidence import (
    NOTHING,
    Tables,
    adjusted,
    by_station,
    largest_stations,
    policies_of,
    rows_of,
)
from .looks import POLICY_SYMBOLS, policy_colour
from .outcome_pictures import policy_control

#: Stations and limits in a picture; the largest of very many.
MOST_STATIONS = 24
MOST_LIMITS = 16
#: A box needs so many dots.
_ENOUGH = 5


def policy_dots(policy: str, x: Any, y: Any, **more: Any) -> dict[str, Any]:
    """Marks of one policy; where policies agree, those of one stand inside another's."""
    symbol, size = POLICY_SYMBOLS.get(policy, ("circle", 7))
    return {
        "type": "scatter",
        "mode": "markers",
        "name": policy,
        "legendgroup": policy,
        "x": x,
        "y": y,
        "marker": {
            "color": policy_colour(policy),
            "symbol": symbol,
            "size": size,
            "line": {"width": 1.8 * symbol.endswith("open")},
        },
        **more,
    }


def day_words(rows: pd.DataFrame) -> list[str]:
    """'day 7: pv surge 0.80' of each episode."""
    words = zip(rows["day"], rows["perturbations"], strict=True)
    return [f"day {day}: {what.replace('_', ' ')}" for day, what in words]


def energy_chart(tables: Tables) -> Chart | None:
    """The energy asked to change on each adjusted day, by policy, one dot an episode."""
    rows = adjusted(tables)
    if rows.empty:
        return None
    policies = policies_of(tables)
    data = [_box(rows[rows["policy"] == p], p, "adjusted_kwh", "kWh") for p in policies]
    return Chart(
        id="energy-chart",
        title="Energy that the operator asked to change",
        caption_html=(
            "One dot is one agreed episode with an adjustment, summed over its rounds; the box "
            "holds the middle half, its line is the median. The scale is logarithmic. Asked for is "
            "not given up: a policy that <b>asks again and again</b> lies further right."
        ),
        data=data,
        layout=layout(
            120 + 74 * len(policies),
            showlegend=False,
            xaxis=log_axis("energy asked to change [kWh]"),
            yaxis=name_axis("", policies, autorange="reversed", tickangle=0),
        ),
    )


def _box(rows: pd.DataFrame, policy: str, column: str, unit: str) -> dict[str, Any]:
    """A box over the dots of all values, if there are enough; ``rows`` are one policy's."""
    width = 1.6 if len(rows) >= _ENOUGH else 0
    return {
        "type": "box",
        "orientation": "h",
        "name": policy,
        "x": rows[column].to_numpy(dtype=float),
        "y": [policy] * len(rows),
        "text": day_words(rows),
        "boxpoints": "all",
        "jitter": 0.5,
        "pointpos": 0,
        "line": {"color": policy_colour(policy), "width": width},
        "fillcolor": "rgba(255,255,255,0)",
        "marker": {
            "size": 5 if width else 9,
            "opacity": 0.4 if width else 0.8,
            "color": policy_colour(policy),
        },
        "hoveron": "points",
        "hovertemplate": f"{policy}: %{{x:,.4g}} {unit}<br>%{{text}}<extra></extra>",
    }


def station_chart(case: Case, tables: Tables) -> Chart | None:
    """By station what it gave up, what it bears, and on how many days it bears most."""
    table = by_station(tables)
    if table.empty or table["curtailed_kwh"].max() < NOTHING:
        return None
    kept = largest_stations(table, MOST_STATIONS)
    unit = case.currency
    panels = (
        ("curtailed_kwh", "given up [kWh in a mean day]", "%{x:,.1f} kWh"),
        ("borne", f"cost borne [{unit} in a mean day]", f"%{{x:,.2f}} {unit}"),
        ("bears_most", "bears most [days]", "%{x} days"),
    )
    found = layout(150 + 21 * max(len(kept), 6), annotations=[], hovermode="closest")
    found["yaxis"] = name_axis("station", kept, autorange="reversed", tickangle=0) | {
        "showgrid": True
    }
    data: list[dict[str, Any]] = []
    for k, ((column, title, hover), part) in enumerate(
        zip(panels, domains(len(panels), 0.04), strict=True)
    ):
        number = "" if k == 0 else str(k + 1)
        found[f"xaxis{number}"] = axis(title, domain=part, nticks=6, rangemode="tozero")
        data += _station_dots(table, kept, column, hover, number, policies_of(tables))
    return Chart(
        id="station-chart",
        title="Whose energy, and at whose cost",
        caption_html=(
            "By station and policy, over the days on which every policy agreed and some policy "
            "adjusted (days of a crowd apart: its stations exist on no other day). "
            "<b>Left:</b> by how much a station's exchange falls short of that without limits. "
            "<b>Middle:</b> its cost above that without limits, payments to peers at shadow prices "
            "included; left of zero it gains from the others' scarcity. <b>Right:</b> days on "
            f"which it bears the largest part.{_left_out(table, kept)}"
        ),
        data=data,
        layout=found,
    )


def _left_out(table: pd.DataFrame, kept: list[str]) -> str:
    count = table["station"].nunique()
    return "" if count <= len(kept) else f" The {len(kept)} most concerned of {count} are shown."


def _station_dots(
    table: pd.DataFrame,
    kept: list[str],
    column: str,
    hover: str,
    number: str,
    policies: list[str],
) -> list[dict[str, Any]]:
    by_policy = table.pivot(index="station", columns="policy", values=column).reindex(kept)
    return [
        policy_dots(
            policy,
            by_policy[policy].to_numpy(dtype=float),
            names(kept),
            xaxis=f"x{number}",
            cliponaxis=False,
            showlegend=number == "",
            hovertemplate=f"%{{y}}, {policy}: {hover}<extra></extra>",
        )
        for policy in policies
        if policy in by_policy
    ]


def fairness_chart(tables: Tables) -> Chart | None:
    """Jain's index of each curtailed day: by policy, and against the energy."""
    rows = adjusted(tables)
    rows = rows[rows["fairness"].notna()]
    if rows.empty:
        return None
    policies = policies_of(tables)
    left, right = [0.0, 0.42], [0.5, 1.0]
    found = layout(190 + 74 * len(policies), annotations=[], hovermode="closest")
    found["margin"] |= {"t": 62}
    found["legend"] |= {"y": 1.1, "x": 0.5}
    found["annotations"] = [
        heading("by policy", left, 1.01),
        heading("against the energy asked to change", right, 1.01),
    ]
    found["xaxis"] = axis("Jain's index [-]", domain=left, range=[0, 1.03])
    found["yaxis"] = name_axis("", policies, autorange="reversed", tickangle=0)
    found["xaxis2"] = log_axis("energy asked to change [kWh]", domain=right, anchor="y2")
    found["yaxis2"] = axis("Jain's index [-]", anchor="x2", range=[0, 1.03])
    data = [_box(rows[rows["policy"] == p], p, "fairness", "") | {"showlegend": False}
            for p in policies]  # fmt: skip
    data += [_fairness_dots(rows[rows["policy"] == policy], policy) for policy in policies]
    return Chart(
        id="fairness-chart",
        title="How evenly stations are curtailed",
        caption_html=(
            "Jain's index of the share of its exchange that each station gave up: <b>1 means all "
            "gave up the same share</b>, 1/n that one of n stations gave up everything. A cut that "
            "a single bus can give is rarely even; that is physics, not malice."
        ),
        data=data,
        layout=found,
    )


def _fairness_dots(rows: pd.DataFrame, policy: str) -> dict[str, Any]:
    return policy_dots(
        policy,
        rows["adjusted_kwh"].to_numpy(dtype=float),
        rows["fairness"].to_numpy(dtype=float),
        xaxis="x2",
        yaxis="y2",
        text=day_words(rows),
        hovertemplate=f"{policy}: %{{y:.3f}}, %{{x:,.0f}} kWh<br>%{{text}}<extra></extra>",
    )


def limit_chart(case: Case, tables: Tables) -> Chart | None:
    """Where and when: the energy cut behind each limit, by hour; the control chooses the policy."""
    cuts = rows_of(tables, "cuts")
    policies = policies_of(tables)
    if cuts.empty or not policies:
        return None
    cuts = cuts.assign(size=cuts["cut_kwh"].astype(float).abs())
    limits = cuts.groupby("limit")["size"].sum().nlargest(MOST_LIMITS).index.tolist()
    cells = {p: _limit_cells(cuts[cuts["policy"] == p], limits, case.hours) for p in policies}
    controls = policy_control(tables, everybody=False)
    most = max(float(z.max()) for z in cells.values()) or 1.0
    changes: dict[str, list[Change]] = {
        p: [(0, "z", np.where(z > 0, z, np.nan))] for p, z in cells.items()
    }
    trace = _limit_map(limits, case.hours, most)
    if not controls:
        trace["z"] = changes[policies[0]][0][2]
    return Chart(
        id="limit-chart",
        title="Which limit, on which phase, at which hour",
        caption_html=(
            "Energy that the operator asked to change because of each limit, summed over the "
            "campaign (the ten largest cuts of every episode). One dark row is a bottleneck: "
            "<b>that element and phase decide</b> whether days with such perturbations agree."
        ),
        data=[trace],
        layout=layout(
            max(150 + 29 * len(limits), 300),
            xaxis=hour_axis(case.hours),
            yaxis=name_axis("", names(limits), autorange="reversed", tickangle=0),
        ),
        controls=controls,
        patches=(Patches(by=("policy",), of=changes),) if controls else (),
    )


def _limit_cells(cuts: pd.DataFrame, limits: list[str], hours: int) -> np.ndarray[Any, Any]:
    table = cuts.pivot_table(index="limit", columns="hour", values="size", aggfunc="sum")
    found = table.reindex(index=limits, columns=range(hours)).fillna(0.0)
    return np.asarray(found.to_numpy(dtype=float))


def _limit_map(limits: list[str], hours: int, most: float) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "x": list(range(hours)),
        "y": names(limits),
        "z": [],
        "zmin": 0,
        "zmax": most,
        "colorscale": palette.stops(palette.ENERGY),
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "colorbar": colour_bar("asked to change [kWh]", len=1),
        "hovertemplate": "<b>%{y}</b>, hour %{x}<br>%{z:,.0f} kWh<extra></extra>",
    }
