"""What the polygon makes of a converter's circle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ...core.devices.polygon import Polygon
from ...core.units import FloatArray
from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, layout
from ..reporting.page import Chart
from .reading import Reading

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_POINTS: Final = 181


def _setpoints(reading: Reading) -> dict[str, tuple[FloatArray, FloatArray]]:
    """P and Q over capacity, of all converters in all steps, by kind."""
    found = {}
    sops, batteries = reading.case.sops, reading.case.batteries
    for name, word, kva in (
        ("sops", "soft open points", sops.kva),
        ("batteries", "batteries", batteries.kva),
    ):
        if len(kva):
            p, q = (reading.series(name, column) for column in ("p_kw", "q_kvar"))
            sizes = np.tile(kva, reading.case.steps)
            found[word] = (p / sizes, q / sizes)
    return found


def _corners(sides: int) -> tuple[FloatArray, FloatArray]:
    """Of the polygon that is inscribed in the circle of radius 1, closed."""
    angles = 2 * np.pi * np.arange(sides + 1) / sides
    return np.cos(angles), np.sin(angles)


def _circle() -> tuple[FloatArray, FloatArray]:
    angles = np.linspace(0, 2 * np.pi, _POINTS)
    return np.cos(angles), np.sin(angles)


def _errors(sides: int) -> tuple[FloatArray, FloatArray]:
    """By angle [degrees]: losses of the polygon over those of the circle, less 1, in %."""
    angles = np.linspace(0, np.pi / 2, 361)
    size = Polygon(sides).radius(np.cos(angles), np.sin(angles))
    return np.degrees(angles), 100 * (size - 1)


def polygon_chart(reading: Reading) -> Chart | None:
    """Circle, polygon and setpoints; beside it the error by angle."""
    points = _setpoints(reading) if reading.solved else {}
    if not points:
        return None
    sides = reading.case.rules.polygon_sides
    line = {"type": "scatter", "mode": "lines"}
    shapes = (
        ("circle", _circle(), palette.SILVER, "solid"),
        (f"polygon of {sides} sides", _corners(sides), palette.INK, "solid"),
    )
    data: list[dict[str, Any]] = [
        {**line, "name": name, "x": x, "y": y, "hoverinfo": "skip"}
        | {"line": {"color": colour, "width": 2, "dash": dash}}
        for name, (x, y), colour, dash in shapes
    ]
    for (word, (p, q)), colour in zip(points.items(), (palette.BLUE, palette.PINK), strict=False):
        marker = {"size": 6, "color": colour, "opacity": 0.55}
        data.append(
            {"type": "scatter", "mode": "markers", "name": word, "x": p, "y": q, "marker": marker}
        )
    angles, errors = _errors(sides)
    data.append(
        {**line, "x": angles, "y": errors, "xaxis": "x2", "yaxis": "y2", "showlegend": False}
        | {"line": {"color": palette.VERMILION, "width": 2.2}}
    )
    return Chart(
        id="polygon",
        title="The polygon in place of the circle",
        caption_html=(
            "<b>Left:</b> every setpoint over its converter's capacity. <b>Right:</b> by how much "
            "the polygon overstates losses, by the angle between active and reactive power: "
            "nothing in a corner, most in the middle of a side."
        ),
        data=data,
        layout=layout(
            460,
            xaxis=axis("P / S", domain=[0.0, 0.46], range=[-1.1, 1.1], constrain="domain"),
            yaxis=axis("Q / S", range=[-1.1, 1.1], scaleanchor="x"),
            xaxis2=axis("angle [degrees]", domain=[0.58, 1.0], anchor="y2", dtick=15),
            yaxis2=axis("losses overstated [%]", anchor="x2", rangemode="tozero"),
        ),
    )


def polygon_figure(reading: Reading) -> Figure | None:
    """Circle, polygon and setpoints."""
    points = _setpoints(reading) if reading.solved else {}
    if not points:
        return None
    figure = new_figure(3.6, 3.8)
    axes = figure.subplots()
    axes.plot(*_circle(), color=palette.SILVER)
    axes.plot(*_corners(reading.case.rules.polygon_sides), color=palette.INK)
    for (word, (p, q)), colour in zip(points.items(), (palette.BLUE, palette.PINK), strict=False):
        axes.plot(p, q, "o", ms=3, color=colour, alpha=0.5, mew=0, label=word)
    axes.set(xlabel="P / S", ylabel="Q / S", aspect="equal")
    figure.legend(loc="outside upper center", ncols=2)
    return figure
