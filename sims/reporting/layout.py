"""Axes, margins and choices that the report's charts share, and how they read the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, TypeAlias

from ..schema import TABLES
from . import palette
from .page import Control
from .style import FONT

if TYPE_CHECKING:
    import pandas as pd

Tables: TypeAlias = "Mapping[str, pd.DataFrame]"

PHASES = ("a", "b", "c")


def rows_of(tables: Tables, name: str) -> pd.DataFrame:
    """The table ``name`` with the columns of the schema; no rows if the run does not hold it."""
    import pandas as pd

    table = tables.get(name)
    if table is None or table.empty:
        return pd.DataFrame(columns=list(TABLES[name]))
    return table


def clock(hour: int, hours: int) -> str:
    """An hour as the reader sees it: a time of a full day, a number of a shorter one."""
    return f"{hour:02d}:00\N{EN DASH}{hour + 1:02d}:00" if hours == 24 else f"hour {hour}"


def hour_control(hours: Sequence[int], start: int) -> Control:
    """A slider over the hours, opening at ``start``."""
    options = tuple((str(h), clock(h, len(hours))) for h in hours)
    return Control(name="hour", label="hour", options=options, start=str(start), slider=True)


def phase_control(start: str = "a") -> Control:
    """A choice of the phase."""
    options = tuple((phase, f"phase {phase}") for phase in PHASES)
    return Control(name="phase", label="phase", options=options, start=start)


def layout(height: int, **more: Any) -> dict[str, Any]:
    """A calm figure: no frame, legend above, one font."""
    return {
        "height": height,
        "font": {"family": FONT, "size": 13, "color": palette.INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 64, "r": 20, "t": 24, "b": 52},
        "hoverlabel": {"font": {"family": FONT, "size": 13}, "bgcolor": "#fff", "align": "left"},
        "legend": {
            "orientation": "h",
            "traceorder": "normal",
            "x": 0,
            "y": 1.03,
            "yanchor": "bottom",
        },
        "modebar": {"bgcolor": "rgba(255,255,255,.85)", "color": palette.GREY},
        "uirevision": "keep",
        **more,
    }


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with its quantity and unit, and a faint grid."""
    return {
        "title": {"text": title, "standoff": 10, "font": {"size": 13, "color": palette.SLATE}},
        "gridcolor": palette.FAINT,
        "zerolinecolor": palette.SILVER,
        "linecolor": palette.SILVER,
        "tickfont": {"color": palette.SLATE, "size": 12},
        "automargin": True,
        **more,
    }


def log_axis(title: str, **more: Any) -> dict[str, Any]:
    """A logarithmic axis with a tick at each power of ten (plotly enlarges such ticks)."""
    ticks = {"color": palette.SLATE, "size": 10}
    return axis(title, type="log", exponentformat="power", dtick=1, tickfont=ticks, **more)


def hour_axis(hours: int, title: str = "hour of the day", **more: Any) -> dict[str, Any]:
    """The hours of the day, a tick every three of them."""
    step = 3 if hours > 8 else 1
    return axis(
        title,
        **{
            "range": [-0.6, hours - 0.4],
            "dtick": step,
            "tick0": 0,
            "showgrid": False,
            "zeroline": False,
            **more,
        },
    )


def name_axis(title: str, names: Sequence[str], **more: Any) -> dict[str, Any]:
    """Names as categories; every one is shown while there is room, slanted past a dozen."""
    angle = {"tickangle": -60} if len(names) > 12 and max(map(len, names)) > 3 else {}
    shown = {"dtick": 1} if len(names) <= 40 else {}
    return axis(title, type="category", showgrid=False, **{**angle, **shown, **more})


def hidden_axis(low: float, high: float, **more: Any) -> dict[str, Any]:
    """An axis of a map: no ticks, no grid, a little air around the drawing."""
    air = 0.06 * (high - low) or 1.0
    return {
        "visible": False,
        "range": [low - air, high + air],
        "fixedrange": False,
        **more,
    }


def domains(count: int, gap: float) -> list[list[float]]:
    """``count`` equal parts of [0, 1] with ``gap`` between them."""
    width = (1 - gap * (count - 1)) / count
    return [[k * (width + gap), k * (width + gap) + width] for k in range(count)]


def heading(text: str, x_domain: Sequence[float], y: float) -> dict[str, Any]:
    """A title above one of several axes."""
    return {
        "text": f"<b>{text}</b>",
        "x": x_domain[0],
        "y": y,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 13, "color": palette.SLATE},
    }


def names(values: Sequence[Any]) -> list[str]:
    """Names from a case, harmless inside plotly's texts (which understand tags)."""
    return [escape(str(value)) for value in values]
