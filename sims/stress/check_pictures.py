"""The page's picture of the exact check: what approved days did with their promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..reporting import palette
from ..reporting.layout import axis, layout, names
from ..reporting.page import Chart
from .evidence import AC_CLASSES, Tables, ac_classes
from .looks import AC_COLOURS, AC_SYMBOLS


def violation_chart(tables: Tables) -> Chart | None:
    """The rate of the worst limit of every approved day with any violation, highest first."""
    rows = ac_classes(tables)
    rows = rows[rows["ac_violation_rate"].astype(float) > 0]
    if rows.empty:
        return None
    rows = rows.assign(place=np.arange(1, len(rows) + 1))
    promised = 100 * float(rows["promised"].iloc[0])
    found = [name for name in AC_CLASSES if name in set(rows["ac_class"])]
    return Chart(
        id="violation-chart",
        title="How often the worst limit is exceeded in exact power flows",
        caption_html=(
            "One mark is one approved episode with any violation in the fresh samples, the worst "
            "first; the dashed line is the promise for each single limit. <b>Diamonds:</b> a "
            "station drew other than it reported, which no plan can foresee. <b>A cross would be "
            "a silent violation</b>, of which there must be none."
        ),
        data=[
            *(_marks(rows[rows["ac_class"] == name], name) for name in found),
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"promised: {promised:.3g} %",
                "x": [0.5, len(rows) + 0.5],
                "y": [promised, promised],
                "line": {"color": palette.INK, "width": 1.4, "dash": "dash"},
                "hoverinfo": "skip",
            },
        ],
        layout=layout(
            380,
            hovermode="closest",
            xaxis=axis(
                "approved episode with a violation, worst first",
                range=[0.4, len(rows) + 0.6],
                showgrid=False,
                tickformat="d",
            ),
            yaxis=axis("rate of the worst limit [% of samples]", range=[0, 104]),
        ),
    )


def _marks(rows: pd.DataFrame, name: str) -> dict[str, Any]:
    rate = rows["ac_violation_rate"].to_numpy(dtype=float)
    told = zip(rows["day"], rows["policy"], names(rows["breach"]), strict=True)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": rows["place"].to_numpy(),
        "y": 100 * rate,
        **_interval(rows, rate),
        "text": [f"day {day}, {policy}<br>{breach}" for day, policy, breach in told],
        "marker": {"color": AC_COLOURS[name], "symbol": AC_SYMBOLS[name], "size": 10},
        "hovertemplate": "%{y:.1f} % of samples<br>%{text}<extra></extra>",
    }


def _interval(rows: pd.DataFrame, rate: np.ndarray[Any, Any]) -> dict[str, Any]:
    """The interval of each rate, if the study holds it."""
    if "ac_violation_low" not in rows:
        return {}
    low, high = (rows[f"ac_violation_{end}"].to_numpy(dtype=float) for end in ("low", "high"))
    return {
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": 100 * (high - rate),
            "arrayminus": 100 * (rate - low),
            "thickness": 1.2,
            "width": 3,
        }
    }
