"""Drawing on maps without tiles: points between points, bearings, bows, equal scales."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

from .layout import hidden_axis, layout

XY: TypeAlias = tuple[float, float]


def extent(places: Sequence[XY]) -> float:
    """The larger side of the box around the places; 1 for a single place."""
    xs, ys = zip(*places, strict=True)
    return max(max(xs) - min(xs), max(ys) - min(ys)) or 1.0


def between(a: XY, b: XY, share: float) -> XY:
    """The point at ``share`` of the way from a to b."""
    return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])


def bearing(a: XY, b: XY) -> float:
    """Direction from a to b in degrees clockwise from up, as plotly turns its markers."""
    return round(math.degrees(math.atan2(b[0] - a[0], b[1] - a[1])), 1)


def bow(a: XY, b: XY, bend: float = 0.42) -> tuple[str, XY]:
    """A parabola from a to b that bends to its left: its SVG path, and its middle."""
    middle = between(a, b, 0.5)
    top = middle[0] - bend * (b[1] - a[1]), middle[1] + bend * (b[0] - a[0])
    path = f"M{a[0]:.4g},{a[1]:.4g}Q{top[0]:.4g},{top[1]:.4g} {b[0]:.4g},{b[1]:.4g}"
    return path, between(middle, top, 0.5)


def map_layout(places: Sequence[XY], tallest_px: int, **more: Any) -> dict[str, Any]:
    """Equal scales, and a height that suits the drawing's proportions on a page-wide chart."""
    xs, ys = zip(*places, strict=True)
    ratio = (max(ys) - min(ys)) / ((max(xs) - min(xs)) or 1.0)
    height = int(min(max(1040 * ratio + 120, 360), tallest_px))
    return layout(
        height,
        xaxis=hidden_axis(min(xs), max(xs)),
        yaxis=hidden_axis(min(ys), max(ys), scaleanchor="x"),
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        hovermode="closest",
        dragmode="pan",
        **more,
    )


def colour_bar(title: str, **more: Any) -> dict[str, Any]:
    """A thin bar that explains a colour scale, its title along its side."""
    return {
        "title": {"text": title, "side": "right"},
        "thickness": 12,
        "len": 0.75,
        "outlinewidth": 0,
        **more,
    }
