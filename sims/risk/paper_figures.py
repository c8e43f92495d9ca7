"""Figures for papers: the key pictures of a risk study, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..reporting import palette
from ..reporting.figures import new_figure
from .lines import told_apart
from .looks import DISTRIBUTIONS, METHODS, method_name
from .paper_operator import day_ahead, scheme_voltages, schemes
from .paper_style import below
from .promise_charts import FLOOR_PCT
from .reading import Reading, over_seeds, part, rates

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _planned_cost(reading: Reading, along: str, fixed: dict[str, Any]) -> Figure | None:
    methods = reading.methods("station")
    if not methods:
        return None
    figure = new_figure(4.6, 3.0)
    axes = figure.subplots()
    cells = reading.table("cells", level="station", **fixed)
    spreads = over_seeds(cells, ["method", along], "cost")
    for method in methods:
        look = METHODS[method]
        spread = part(spreads, method)
        axes.fill_between(
            spread.index, spread["low"], spread["high"], color=look.colour, alpha=0.16, lw=0
        )
        axes.plot(spread.index, spread["mean"], **_line(method), label=look.name)
    axes.set_ylabel(f"planned cost [{reading.case.currency} a day]")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    below(figure, axes)
    return figure


def _line(method: str) -> dict[str, Any]:
    look = METHODS[method]
    return {
        "color": look.colour,
        "marker": look.marker,
        "ls": look.line,
        "lw": 1.4,
        "ms": 4,
        "mew": 1,
    }


def _sample_ticks(axes: Axes, sizes: Sequence[float]) -> None:
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,.0f}" for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("samples learned from")


def cost_by_samples(reading: Reading) -> Figure | None:
    """Planned cost of all stations by sample size, as Fig. B3."""
    figure = _planned_cost(reading, "samples", {"confidence": reading.confidence})
    if figure is not None:
        _sample_ticks(figure.axes[0], reading.choices("samples", "station"))
        figure.axes[0].set_title(f"confidence {reading.confidence:.2f}")
    return figure


def cost_by_confidence(reading: Reading) -> Figure | None:
    """Planned cost of all stations by confidence, as Fig. B4."""
    figure = _planned_cost(reading, "confidence", {"samples": reading.samples})
    if figure is not None:
        asked = reading.choices("confidence", "station")
        figure.axes[0].set_xticks(asked, [f"{value:.2f}" for value in asked])
        figure.axes[0].set_xlabel("confidence of a single chance constraint [-]")
        figure.axes[0].set_title(f"{reading.samples:,} samples")
    return figure


def price_and_value(reading: Reading) -> Figure | None:
    """Planned cost above SP, and saving in the end, by method at the reference cell."""
    table = reading.at_reference("values", level="station")
    methods = [m for m in reading.methods("station") if m in set(table["method"])]
    if not methods:
        return None
    figure = new_figure(7.2, 2.7)
    left, right = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(methods))[::-1]
    price = over_seeds(table, "method", "price_of_robustness_pct").reindex(methods)
    colours = [METHODS[method].colour for method in methods]
    left.barh(
        places, price["mean"], 0.55, color=colours, xerr=_whiskers(price), ecolor=palette.SLATE
    )
    left.set_yticks(places, [method_name(method) for method in methods])
    left.set(title="price of robustness", xlabel="planned cost above SP [%]")
    for shift, name in zip((0.22, 0, -0.22), reading.distributions(), strict=False):
        rows = table[table["distribution"] == name]
        value = over_seeds(rows, "method", "value_of_stochastic_solution").reindex(methods)
        _value_points(right, value, places + shift, colours, name)
    right.axvline(0, color=palette.GREY, lw=0.8)
    right.xaxis.set_major_formatter("{x:,.0f}")
    right.set_title("value of the stochastic solution")
    right.set_xlabel(f"realised mean below deterministic [{reading.case.currency} a day]")
    left.axvline(0, color=palette.GREY, lw=0.8)
    below(figure, right)
    return figure


def _value_points(axes: Axes, value: Any, places: Any, colours: list[str], name: str) -> None:
    look = DISTRIBUTIONS[name]
    axes.errorbar(
        value["mean"], places, xerr=_whiskers(value), fmt="none", ecolor=palette.SILVER, lw=1
    )
    face = colours if name == "normal" else "white"
    axes.scatter(
        value["mean"], places, marker=look.marker, s=26, c=face, edgecolors=colours, zorder=3
    )
    # The legend's symbol belongs to no method.
    face = palette.SLATE if name == "normal" else "white"
    axes.scatter(
        [], [], marker=look.marker, s=26, c=face, edgecolors=palette.SLATE, label=look.name
    )


def _whiskers(spread: Any) -> Any:
    lengths = np.array([spread["mean"] - spread["low"], spread["high"] - spread["mean"]])
    # A mean of equal numbers may miss them by a rounding.
    return np.where(lengths < 0, 0.0, lengths)


def _violations(reading: Reading, along: str, fixed: dict[str, Any]) -> Figure | None:
    """A panel for each distribution, all limits of the stations; axes are left to the caller."""
    methods, distributions = reading.methods("station"), reading.distributions()
    if not methods or not distributions:
        return None
    figure = new_figure(7.2, 3.1)
    panels = figure.subplots(1, len(distributions), sharey=True, squeeze=False)[0]
    fresh = reading.table("out_of_sample", level="station", **fixed)
    spread = rates(fresh, ["distribution", "method", along], worst=False)
    for axes, distribution in zip(panels, distributions, strict=True):
        for rank, method in enumerate(methods):
            found = part(spread, distribution, method).clip(lower=FLOOR_PCT)
            shift = 1.035 ** (rank - (len(methods) - 1) / 2)
            x = found.index.to_numpy(dtype=float) * shift
            x = 100 * x if along == "promised_violation" else x
            axes.errorbar(
                x, found["mean"], yerr=_whiskers(found), **_line(method), label=METHODS[method].name
            )
        axes.set(title=DISTRIBUTIONS[distribution].name, xscale="log", yscale="log")
        axes.set_ylim(0.01, 100)
        axes.set_yticks([0.01, 0.1, 1, 10, 100], ["0.01", "0.1", "1", "10", "100"])
        axes.minorticks_off()
    panels[0].set_ylabel("violations out of sample [%]")
    return figure


def _middle(figure: Figure) -> Axes:
    """The panel that carries the title of all panels' x axis: one below it would hit the legend."""
    axes: Axes = figure.axes[len(figure.axes) // 2]
    return axes


def violations_by_promise(reading: Reading) -> Figure | None:
    """Mean violation of the stations' limits against the promise, by distribution."""
    figure = _violations(reading, "promised_violation", {"samples": reading.samples})
    if figure is None:
        return None
    asked = sorted(100 * reading.table("cells", level="station")["promised_violation"].unique())
    shown = told_apart(asked, 1.45)
    ends = np.array([asked[0] / 1.5, asked[-1] * 1.5])
    for axes in figure.axes:
        axes.plot(ends, ends, color=palette.INK, ls="--", lw=1, label="promised")
        axes.fill_between(ends, ends, 100, color=palette.RED, alpha=0.06, lw=0)
        axes.set_xticks(shown, [f"{value:.3g}" for value in shown])
        axes.minorticks_off()
        axes.set_xlim(*ends)
    _middle(figure).set_xlabel("promised: 1 \N{MINUS SIGN} confidence [%]")
    below(figure, figure.axes[0], 4)
    return figure


def violations_by_samples(reading: Reading) -> Figure | None:
    """Mean violation of the stations' limits by sample size, by distribution."""
    figure = _violations(reading, "samples", {"confidence": reading.confidence})
    if figure is None:
        return None
    sizes = reading.choices("samples", "station")
    asked = 100 * (1 - reading.confidence)
    for axes in figure.axes:
        axes.axhline(asked, color=palette.INK, ls="--", lw=1, label="promised")
        axes.axhspan(asked, 100, color=palette.RED, alpha=0.06, lw=0)
        _sample_ticks(axes, told_apart(sizes, 3))
        axes.set_xlabel("")
    _middle(figure).set_xlabel("samples learned from")
    below(figure, figure.axes[0], 4)
    return figure


def realised_cost(reading: Reading) -> Figure | None:
    """Mean and quantiles of the stations' cost in the end, by method and distribution."""
    table = reading.at_reference("out_of_sample", level="station")
    methods, distributions = reading.methods("station"), reading.distributions()
    if table.empty or not methods:
        return None
    figure = new_figure(7.2, 2.6)
    panels = figure.subplots(1, len(distributions), sharey=True, sharex=True, squeeze=False)[0]
    planned = reading.at_reference("cells", level="station").groupby("method")["cost"].mean()
    for axes, distribution in zip(panels, distributions, strict=True):
        rows = (
            table[table["distribution"] == distribution].groupby("method").mean(numeric_only=True)
        )
        for place, method in enumerate(reversed(methods)):
            if method in rows.index:
                _realised(axes, place, rows.loc[method], float(planned[method]), method)
        axes.set_title(DISTRIBUTIONS[distribution].name)
        axes.xaxis.set_major_formatter("{x:,.0f}")
    panels[0].set_yticks(range(len(methods)), [method_name(m) for m in reversed(methods)])
    figure.supxlabel(
        f"cost [{reading.case.currency} a day]: 5 to 95 % and 99 % quantile, mean (dot), planned "
        "(diamond)",
        fontsize=8.5,
        color=palette.INK,
    )
    return figure


def _realised(axes: Axes, place: int, row: Any, planned: float, method: str) -> None:
    colour = METHODS[method].colour
    axes.plot([row["realised_q05"], row["realised_q99"]], [place] * 2, color=colour, lw=1.2)
    axes.plot(
        [row["realised_q05"], row["realised_q95"]], [place] * 2, color=colour, lw=4.5, alpha=0.85
    )
    axes.plot(row["realised_mean"], place, "o", mfc="white", mec=colour, ms=5, zorder=3)
    axes.plot(planned, place, "D", mfc="none", mec=palette.INK, ms=4.5, zorder=3)


#: By file name.
FIGURES: Final = {
    "cost-by-samples": cost_by_samples,
    "cost-by-confidence": cost_by_confidence,
    "price-and-value": price_and_value,
    "violations-by-promise": violations_by_promise,
    "violations-by-samples": violations_by_samples,
    "realised-cost": realised_cost,
    "day-ahead": day_ahead,
    "schemes": schemes,
    "scheme-voltages": scheme_voltages,
}
