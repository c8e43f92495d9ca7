"""What changes with the carbon price, the least return, the confidence and the module's size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, domains, heading, layout
from ..reporting.page import Chart
from .reading import MILLION, Reading
from .sweeps import VARIED, Sweep

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

#: Panels: title, unit, and lines of (name, column, factor, colour, dash).
_PANELS: Final = (
    (
        "profit",
        "M{currency} a year",
        (("profit", "profit", 1 / MILLION, palette.BLUE, "solid"),),
    ),
    (
        "return a year",
        "%",
        (
            ("return of the plan", "return_rate", 100.0, palette.GREEN, "solid"),
            ("least return", "return_min", 100.0, palette.RED, "dot"),
        ),
    ),
    (
        "what is built",
        "MVA, MWh",
        (
            ("ports [MVA]", "port_kva", 1e-3, palette.SKY, "solid"),
            ("battery [MWh]", "battery_kwh", 1e-3, palette.PINK, "solid"),
        ),
    ),
    (
        "curtailed renewables",
        "GWh a year",
        (
            ("curtailed", "curtailed_kwh", 1e-6, palette.ORANGE, "solid"),
            ("without assets", "curtailed_before_kwh", 1e-6, palette.GREY, "dot"),
        ),
    ),
)


def sweep_charts(reading: Reading) -> list[Chart]:
    """A chart for each setting that was varied."""
    return [_chart(reading, sweep) for sweep in reading.sweeps]


def _chart(reading: Reading, sweep: Sweep) -> Chart:
    table, varied = reading.swept(sweep), VARIED[sweep]
    across, up = domains(2, 0.13), domains(2, 0.24)
    unit = varied.axis.format(currency=reading.case.currency)
    found = layout(640, annotations=[])
    data: list[dict[str, Any]] = []
    for k, (title, measure, lines) in enumerate(_PANELS):
        suffix = "" if k == 0 else str(k + 1)
        x_domain, y_domain = across[k % 2], up[1 - k // 2]
        found[f"xaxis{suffix}"] = axis(
            unit if k > 1 else "", domain=x_domain, anchor=f"y{suffix}", zeroline=False
        )
        found[f"yaxis{suffix}"] = axis(
            measure.format(currency=reading.case.currency),
            domain=y_domain,
            anchor=f"x{suffix}",
            rangemode="tozero",
        )
        found["annotations"].append(heading(title, x_domain, y_domain[1] + 0.015))
        for name, column, factor, colour, dash in lines:
            trace = _line(table, sweep, (name, column, factor, colour, dash))
            data.append(trace | {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"})
    found["legend"]["y"] = 1.08
    return Chart(
        id=f"sweep-{sweep.value}",
        title=f"Over the {varied.words}",
        caption_html=(
            "Each point is a plan of its own; the largest marks are the case as it is. <b>Red "
            "rims:</b> the least return binds, the plan would earn more without it."
            f"{_missing(reading, sweep)}"
        ),
        data=data,
        layout=found,
    )


def _missing(reading: Reading, sweep: Sweep) -> str:
    table = reading.table("plans")
    bad = table[(table["sweep"] == sweep.value) & (table["status"] == "no plan")]
    if bad.empty:
        return ""
    varied = VARIED[sweep]
    values = ", ".join(f"{varied.scale * value:g}" for value in bad[varied.column])
    return f" <b>No plan</b> keeps all limits at {values}."


def _line(
    table: pd.DataFrame, sweep: Sweep, line: tuple[str, str, float, str, str]
) -> dict[str, Any]:
    name, column, factor, colour, dash = line
    varied = VARIED[sweep]
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines" if dash == "dot" else "lines+markers",
        "name": name,
        "x": (varied.scale * table[varied.column]).tolist(),
        "y": (factor * table[column].astype(float)).tolist(),
        "line": {"color": colour, "width": 2.5, "dash": dash},
        "hovertemplate": f"{varied.words} %{{x:.4g}}: {name} %{{y:.4g}}<extra></extra>",
    }
    binding = table["return_binding"].astype(bool)
    trace["marker"] = {
        "color": colour,
        "opacity": 1.0,
        "size": [14 if own else 9 for own in table["sweep"] == ""],
        "line": {"color": palette.RED, "width": [2.5 if binds else 0 for binds in binding]},
    }
    return trace


def sweep_figure(reading: Reading) -> Figure | None:
    """All settings that were varied: a row each, the four panels beside each other."""
    sweeps = reading.sweeps
    if not sweeps:
        return None
    figure = new_figure(9.6, 2.25 * len(sweeps))
    rows = figure.subplots(len(sweeps), 4, squeeze=False)
    for row, (panels, sweep) in enumerate(zip(rows, sweeps, strict=True)):
        table, varied = reading.swept(sweep), VARIED[sweep]
        x = varied.scale * table[varied.column].to_numpy(float)
        binding = table["return_binding"].to_numpy(bool)
        for axes, (title, measure, lines) in zip(panels, _PANELS, strict=True):
            for name, column, factor, colour, dash in lines:
                y = factor * table[column].to_numpy(float)
                axes.plot(x, y, ":" if dash == "dot" else "o-", ms=3.5, color=colour, label=name)
                if dash != "dot":
                    axes.plot(x[binding], y[binding], "o", ms=6, mfc="none", mec=palette.RED)
            ends = [factor * table[column].agg(["min", "max"]) for _, column, factor, *_ in lines]
            axes.set_ylim(min(0.0, np.nanmin(ends)), 1.08 * max(np.nanmax(ends), 1e-9))
            axes.set_xlabel(varied.axis.format(currency=reading.case.currency), fontsize=8)
            axes.set_ylabel(measure.format(currency=reading.case.currency), fontsize=8)
            if row == 0:
                axes.set_title(title)
    pairs: dict[str, Any] = {}
    for axes in rows[0]:
        handles, labels = axes.get_legend_handles_labels()
        pairs |= dict(zip(labels, handles, strict=True))
    figure.legend(pairs.values(), pairs.keys(), loc="outside lower center", ncols=len(pairs))
    return figure
