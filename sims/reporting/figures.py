"""Figures for papers and the README: the key pictures of the report, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from . import palette
from .layout import PHASES, Tables, rows_of
from .maps import draw_feeder, draw_roads

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..case import Case

#: Sizes and lines that stay legible at the width of a column.
STYLE = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": palette.GREY,
    "axes.labelcolor": palette.INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "xtick.color": palette.SLATE,
    "ytick.color": palette.SLATE,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
    "figure.constrained_layout.use": True,
}


def save_figures(
    case: Case, summary: Mapping[str, Any], tables: Tables, folder: Path
) -> tuple[Path, ...]:
    """Saves each picture that the tables allow as PNG and PDF; returns the paths written.

    Pictures: ``roads`` (saturation at the busiest hour), ``feeder`` (lowest voltages and trades),
    ``convergence``, ``voltages`` (envelopes by phase), ``costs``.
    """
    return save_drawings(
        {name: partial(draw, case, summary, tables) for name, draw in _PICTURES.items()}, folder
    )


def save_drawings(
    drawings: Mapping[str, Callable[[], Figure | None]], folder: Path
) -> tuple[Path, ...]:
    """Saves each figure that is drawn as PNG and PDF; a drawing that is None is left out.

    Args:
        drawings: by file name without suffix; called in the house's style.
        folder: made if it is not there.

    Returns:
        The paths written.
    """
    import matplotlib as mpl

    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    with mpl.rc_context(STYLE):
        for name, draw in drawings.items():
            figure = draw()
            if figure is not None:
                written += _saved(figure, folder / name)
    return tuple(written)


def _saved(figure: Figure, stem: Path) -> list[Path]:
    picture, vectors = stem.with_suffix(".png"), stem.with_suffix(".pdf")
    figure.savefig(picture)
    # The places found for the one serve the other; finding them costs as much as drawing.
    figure.set_layout_engine("none")
    # A date in the file would make equal runs differ.
    figure.savefig(vectors, metadata={"CreationDate": None})
    return [picture, vectors]


def _roads(case: Case, summary: Mapping[str, Any], tables: Tables) -> Figure | None:
    if rows_of(tables, "roads").empty:
        return None
    figure = new_figure(4.6, 4.4)
    draw_roads(figure, figure.subplots(), case, tables)
    return figure


def _feeder(case: Case, summary: Mapping[str, Any], tables: Tables) -> Figure | None:
    if rows_of(tables, "voltages").empty:
        return None
    figure = new_figure(7.2, 2.9)
    draw_feeder(figure, figure.subplots(), case, tables)
    return figure


def _convergence(case: Case, summary: Mapping[str, Any], tables: Tables) -> Figure | None:
    log = rows_of(tables, "negotiation")
    if log.empty:
        return None
    figure = new_figure(7.2, 2.6)
    gap_axes, residual_axes = figure.subplots(1, 2)
    exchange = np.arange(1, len(log) + 1)
    gap = log["gap"].to_numpy(dtype=float)
    gap_axes.semilogy(exchange, np.where(gap > 0, gap, np.nan), color=palette.INK)
    target = summary.get("options", {}).get("gap")
    if target:
        gap_axes.axhline(target, color=palette.GREEN, ls="--", lw=1, label="target")
        gap_axes.legend()
    for column, name, colour in (
        ("primal_kw", "disagreement", palette.PINK),
        ("dual_kw", "movement of trades", palette.ORANGE),
    ):
        values = log[column].to_numpy(dtype=float)
        positive = np.where(values > 0, values, np.nan)
        residual_axes.semilogy(exchange, positive, color=colour, label=name)
    residual_axes.legend(loc="upper right")
    starts = np.flatnonzero(np.diff(log["trading_round"].to_numpy())) + 1.5
    for axes, title, unit in (
        (gap_axes, "certified gap", "relative gap [-]"),
        (residual_axes, "residuals", "residual [kW]"),
    ):
        axes.set(title=title, xlabel="exchange of bids", ylabel=unit)
        for start in starts:
            axes.axvline(start, color=palette.GREY, ls=":", lw=1)
    return figure


def _voltages(case: Case, summary: Mapping[str, Any], tables: Tables) -> Figure | None:
    table = rows_of(tables, "voltages")
    if table.empty:
        return None
    figure = new_figure(7.2, 2.8)
    for axes, phase in zip(figure.subplots(1, 3, sharey=True), PHASES, strict=True):
        _envelope(axes, case, table[table["phase"] == phase].groupby("hour"))
        axes.set(title=f"phase {phase}", xlabel="hour of the day")
    first = figure.axes[0]
    first.set_ylabel("voltage magnitude [pu]")
    handles, labels = first.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _envelope(axes: Axes, case: Case, by_hour: Any) -> None:
    """One phase: bands over all buses and samples, median, plan, limits."""
    low, high = by_hour["ac_min_pu"].min(), by_hour["ac_max_pu"].max()
    if not low.isna().all():
        axes.fill_between(low.index, low, high, color="#ddeff9", lw=0, label="all samples")
        inner = by_hour["ac_q05_pu"].min(), by_hour["ac_q95_pu"].max()
        axes.fill_between(low.index, *inner, color="#9ccbe4", lw=0, label="5\N{EN DASH}95 %")
        axes.plot(low.index, by_hour["ac_median_pu"].median(), color=palette.BLUE, label="median")
    for values, name in (
        (by_hour["planned_pu"].min(), "planned"),
        (by_hour["planned_pu"].max(), None),
    ):
        axes.plot(values.index, values, color=palette.INK, ls="--", lw=0.9, label=name)
    for limit, name in (
        (case.feeder.limits.vm_min_pu, "limit"),
        (case.feeder.limits.vm_max_pu, None),
    ):
        axes.axhline(limit, color=palette.RED, lw=1, label=name)


def _costs(case: Case, summary: Mapping[str, Any], tables: Tables) -> Figure | None:
    table = rows_of(tables, "costs")
    table = table[table["item"].astype(str).str.lower() != "total"]
    if table.empty:
        return None
    totals = table.groupby("party", sort=False)[["without_trading", "with_trading"]].sum()
    figure = new_figure(4.2, 2.8)
    axes = figure.subplots()
    place = np.arange(len(totals))
    for shift, column, colour, name in (
        (-0.19, "without_trading", palette.SILVER, "without trading"),
        (0.19, "with_trading", palette.BLUE, "with trading"),
    ):
        bars = axes.bar(place + shift, totals[column].astype(float), 0.36, color=colour, label=name)
        axes.bar_label(bars, fmt="{:,.0f}", padding=2, fontsize=8, color=palette.SLATE)
    names = {"dso": "distribution operator"}
    axes.set_xticks(place, [names.get(party, party) for party in totals.index])
    axes.set_ylabel(f"cost of the day [{case.currency}]")
    axes.margins(y=0.15)
    axes.legend(loc="upper left", ncols=2, bbox_to_anchor=(0, 1.14), borderaxespad=0)
    return figure


def new_figure(width_in: float, height_in: float) -> Figure:
    """A figure that belongs to no window and no global list."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in))
    FigureCanvasAgg(figure)
    return figure


_PICTURES: Final = {
    "roads": _roads,
    "feeder": _feeder,
    "convergence": _convergence,
    "voltages": _voltages,
    "costs": _costs,
}
