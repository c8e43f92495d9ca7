"""Lines by method with their spread, and small pictures side by side: plotly as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ..reporting import palette
from ..reporting.layout import domains, heading, layout
from ..reporting.page import Change
from .looks import Look


def banded(look: Look, spread: pd.DataFrame, hover: str, **more: Any) -> list[dict[str, Any]]:
    """A band from the least to the largest seed and the mean above it.

    Args:
        look: name, colour and shape.
        spread: ``mean``, ``low``, ``high`` by x.
        hover: text of a point, in plotly's template.
    """
    edge = {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "showlegend": False}
    edge |= {
        "line": {"width": 0, "color": look.colour},
        "legendgroup": look.name,
        "x": list(spread.index),
    }
    return [
        {**edge, "y": spread["low"].to_numpy(), **more},
        {
            **edge,
            "y": spread["high"].to_numpy(),
            "fill": "tonexty",
            "fillcolor": see_through(look.colour, 0.16),
            **more,
        },
        line(look, list(spread.index), list(spread["mean"]), hover, **more),
    ]


def line(
    look: Look, x: Sequence[Any], y: Sequence[float], hover: str, **more: Any
) -> dict[str, Any]:
    """A line with markers."""
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": look.name,
        "legendgroup": look.name,
        "x": x,
        "y": y,
        "line": {"color": look.colour, "width": 2.2, "dash": look.dash},
        "marker": {
            "color": look.colour,
            "symbol": look.symbol,
            "size": 8,
            "line": {"width": 1.5, "color": look.colour},
        },
        "hovertemplate": f"<b>{look.name}</b><br>{hover}<extra></extra>",
        **more,
    }


def redrawn(traces: Sequence[dict[str, Any]], keys: Sequence[str]) -> list[Change]:
    """Changes that put these traces' values in place of what stands there now."""
    return [(k, key, trace[key]) for k, trace in enumerate(traces) for key in keys if key in trace]


def panels(titles: Sequence[str], height: int, gap: float = 0.05, **more: Any) -> dict[str, Any]:
    """A layout of small pictures side by side, each with a heading; axes are left to the caller."""
    found = layout(height, annotations=[], shapes=[], **more)
    found["margin"] |= {"t": 44, "b": 60}
    found["legend"] |= {"y": -0.2 * 470 / height, "yanchor": "top"}
    for title, part in zip(titles, domains(len(titles), gap), strict=True):
        found["annotations"].append(heading(title, part, 1.02))
    return found


def numbered(place: int) -> str:
    """Plotly's number of the axis at a place: '', '2', '3', .."""
    return "" if place == 0 else str(place + 1)


def told_apart(values: Sequence[float], factor: float) -> list[float]:
    """Those of ascending values that a logarithmic axis has room to name, the largest first.

    Each is at least ``factor`` times the one before it.
    """
    kept: list[float] = []
    for value in reversed(values):
        if not kept or value * factor <= kept[-1]:
            kept.append(value)
    return kept[::-1]


def symbol_key(name: str, symbol: str) -> dict[str, Any]:
    """An entry of the legend for a symbol of any colour."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [None],
        "y": [None],
        "marker": {"symbol": symbol, "size": 10, "color": palette.SLATE, "line": {"width": 1.5}},
    }


def see_through(colour: str, share: float) -> str:
    """The colour '#rrggbb' with an opacity."""
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"
