"""Import with and without requirements, and what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..dispatchfile.tables import ALL_FEEDERS
from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, layout
from ..reporting.page import Change, Chart, Control, Patches
from .reading import Reading, stairs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ...core.units import FloatArray

_MW: Final = 1e-3
_COLUMNS: Final = ("plan_import_kw", "ac_import_kw")


def _imports(reading: Reading) -> dict[str, tuple[FloatArray, ...]]:
    """Of plan and dispatch [time] in MW, of all feeders and of each, by exact power flow."""
    feeders = [reading.wide("feeders", "feeder", column) for column in _COLUMNS]
    found = {ALL_FEEDERS: tuple(_MW * reading.series("steps", column) for column in _COLUMNS)}
    found |= {one: tuple(_MW * table[one] for table in feeders) for one in feeders[0]}
    return found


def _asked(reading: Reading, feeder: str) -> list[dict[str, Any]]:
    table = reading.tables["requirements"]
    return [
        {str(k): v for k, v in row.items()}
        for row in table[table["feeder"] == feeder].to_dict("records")
    ]


def _hour(time: str) -> float:
    hours, minutes = time.split(":")
    return int(hours) + int(minutes) / 60


def _windows(reading: Reading, feeder: str) -> list[dict[str, Any]]:
    return [
        {
            "type": "rect",
            "xref": "x",
            "yref": "paper",
            "x0": _hour(row["start"]),
            "x1": _hour(row["end"]),
            "y0": 0,
            "y1": 1,
            "layer": "below",
            "line": {"width": 0},
            "fillcolor": palette.MINT if row["feasible"] else palette.ROSE,
            "opacity": 0.45,
        }
        for row in _asked(reading, feeder)
    ]


def _labels(reading: Reading, feeder: str) -> list[dict[str, Any]]:
    return [
        {
            "text": f"{row['requirement']}<br>{row['direction']} {_MW * row['asked_kw']:g} MW",
            "x": (_hour(row["start"]) + _hour(row["end"])) / 2,
            "xref": "x",
            "y": 1,
            "yref": "paper",
            "yanchor": "top",
            "showarrow": False,
            "font": {"size": 11, "color": palette.INK},
        }
        for row in _asked(reading, feeder)
    ]


def _targets(reading: Reading, feeder: str, plan_mw: FloatArray) -> tuple[Any, Any]:
    """The import that requirements ask for, as one broken line."""
    x: list[Any] = []
    y: list[Any] = []
    for row in _asked(reading, feeder):
        sign = -1 if row["direction"] == "less" else 1
        first, last = (round(_hour(row[k]) / reading.case.hours) for k in ("start", "end"))
        for step in range(first, last):
            level = plan_mw[step] + sign * _MW * row["asked_kw"]
            x += [reading.hours[step], reading.hours[step + 1]]
            y += [level, level]
        x.append(None)
        y.append(None)
    return x, y


def import_chart(reading: Reading) -> Chart | None:
    """By choice of the feeder."""
    if not reading.solved:
        return None
    imports = _imports(reading)
    changes = {feeder: _changes(reading, feeder, imports[feeder]) for feeder in imports}
    plan, found = imports[ALL_FEEDERS]
    x, y = _targets(reading, ALL_FEEDERS, plan)
    asked = {"color": palette.INK, "width": 2, "dash": "dot"}
    data = [
        stairs(reading, plan, "plan, without requirements", palette.GREY, line={"dash": "dash"}),
        stairs(reading, found, "dispatch", palette.BLUE),
        {"type": "scatter", "mode": "lines", "name": "asked for", "x": x, "y": y, "line": asked},
    ]
    options = tuple((one, "all feeders" if one == ALL_FEEDERS else one) for one in imports)
    return Chart(
        id="import",
        title="Import with and without requirements",
        caption_html=(
            "<b>Bands</b> are requirements: green where they are met throughout, rose where not. "
            "Within them the import should be on the dotted line or beyond it. By exact power flow."
        ),
        data=data,
        layout=layout(
            440,
            xaxis=reading.axis(showgrid=False),
            yaxis=axis("import [MW]", range=_range(imports[ALL_FEEDERS])),
            shapes=_windows(reading, ALL_FEEDERS),
            annotations=_labels(reading, ALL_FEEDERS),
        ),
        controls=(Control(name="feeder", label="feeder", options=options, start=ALL_FEEDERS),),
        patches=(Patches(by=("feeder",), of=changes),),
    )


def _changes(reading: Reading, feeder: str, lines: tuple[FloatArray, ...]) -> list[Change]:
    x, y = _targets(reading, feeder, lines[0])
    return [
        *((k, "y", np.append(line, line[-1])) for k, line in enumerate(lines)),
        (2, "x", x),
        (2, "y", y),
        ("layout", "yaxis.range", _range(lines)),
        ("layout", "shapes", _windows(reading, feeder)),
        ("layout", "annotations", _labels(reading, feeder)),
    ]


def _range(lines: tuple[FloatArray, ...]) -> list[float]:
    """From zero, with room for labels above."""
    low, high = min(0.0, *(line.min() for line in lines)), max(line.max() for line in lines)
    return [low - 0.03 * (high - low), high + 0.2 * (high - low)]


def balance_chart(reading: Reading) -> Chart | None:
    """What loads draw, and what covers it."""
    if not reading.solved:
        return None
    battery = reading.series("steps", "battery_kw")
    losses = reading.series("steps", "line_loss_kw") + reading.series("steps", "converter_loss_kw")
    parts = (
        ("import", reading.series("steps", "ac_import_kw"), palette.SILVER),
        ("generators", reading.series("steps", "generation_kw"), palette.ORANGE),
        ("batteries, discharging", np.maximum(battery, 0), palette.PINK),
        ("tied loads", -reading.series("steps", "tied_kw"), palette.SKY),
        ("deferrable loads", -reading.series("steps", "deferrable_kw"), palette.BLUE),
        ("batteries, charging", np.minimum(battery, 0), palette.ROSE),
        ("losses", -losses, palette.INK),
    )
    bars = [
        {
            "type": "bar",
            "name": name,
            "x": reading.hours[:-1] + reading.case.hours / 2,
            "y": _MW * values,
            "marker": {"color": colour, "line": {"width": 0}},
            "hovertemplate": f"{name}: %{{y:.2f}} MW<extra></extra>",
        }
        for name, values, colour in parts
        if np.abs(values).max() > 0
    ]
    return Chart(
        id="balance",
        title="What covers the load",
        caption_html="<b>Above zero</b> what the network gets, <b>below</b> what it gives away.",
        data=bars,
        layout=layout(
            400,
            xaxis=reading.axis(showgrid=False),
            yaxis=axis("power [MW]"),
            barmode="relative",
            bargap=0.08,
        ),
    )


def import_figure(reading: Reading) -> Figure | None:
    """Of all feeders together."""
    if not reading.solved:
        return None
    plan, found = _imports(reading)[ALL_FEEDERS]
    figure = new_figure(6.4, 2.8)
    axes = figure.subplots()
    for row in _asked(reading, ALL_FEEDERS):
        colour = palette.MINT if row["feasible"] else palette.ROSE
        axes.axvspan(_hour(row["start"]), _hour(row["end"]), color=colour, alpha=0.45, lw=0)
    style: dict[str, Any] = {"baseline": None}
    axes.stairs(plan, reading.hours, color=palette.GREY, ls="--", label="plan", **style)
    axes.stairs(found, reading.hours, color=palette.BLUE, lw=1.6, label="dispatch", **style)
    x, y = _targets(reading, ALL_FEEDERS, plan)
    nan = [[np.nan if v is None else v for v in one] for one in (x, y)]
    axes.plot(*nan, color=palette.INK, ls=":", lw=1.4, label="asked for")
    axes.set(
        xlabel="hour of the day",
        ylabel="import [MW]",
        xlim=(0, reading.hours[-1]),
        xticks=reading.ticks,
    )
    figure.legend(loc="outside upper center", ncols=3)
    return figure
