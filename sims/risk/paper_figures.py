"""Figures for papers: the key pictures of a risk study, drawn by matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import PHASES
from . import published
from .design import Method
from .looks import DISTRIBUTIONS, METHODS, PARTS, SCHEMES, method_name
from .promise_charts import FLOOR_PCT
from .reading import Reading, over_seeds, rates
from .scheme_charts import PAPER_HOUR, after_the_fact, profile_rows, realisations
from .schemes import WORST

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PAPER = "#b9c2cc"


def _planned_cost(reading: Reading, along: str, fixed: dict[str, Any]) -> Figure | None:
    methods = reading.methods("station")
    if not methods:
        return None
    figure = new_figure(4.6, 3.0)
    axes = figure.subplots()
    for method in methods:
        look = METHODS[method]
        table = reading.table("cells", level="station", method=method, **fixed)
        spread = over_seeds(table, along, "cost")
        axes.fill_between(
            spread.index, spread["low"], spread["high"], color=look.colour, alpha=0.16, lw=0
        )
        axes.plot(spread.index, spread["mean"], **_line(method), label=look.name)
    axes.set_ylabel(f"planned cost [{reading.case.currency} a day]")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    _below(figure, axes)
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


def _below(figure: Figure, axes: Axes, columns: int = 3) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(columns, len(labels)))


def _sample_ticks(axes: Axes, sizes: list[int]) -> None:
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
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
    _below(figure, right)
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
    return np.array([spread["mean"] - spread["low"], spread["high"] - spread["mean"]])


def _violations(reading: Reading, along: str, fixed: dict[str, Any]) -> Figure | None:
    """A panel for each distribution, all limits of the stations; axes are left to the caller."""
    methods, distributions = reading.methods("station"), reading.distributions()
    if not methods or not distributions:
        return None
    figure = new_figure(7.2, 3.1)
    panels = figure.subplots(1, len(distributions), sharey=True, squeeze=False)[0]
    for axes, distribution in zip(panels, distributions, strict=True):
        for rank, method in enumerate(methods):
            rows = reading.table(
                "out_of_sample", level="station", method=method, distribution=distribution, **fixed
            )
            found = rates(rows, along, worst=False).clip(lower=FLOOR_PCT)
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


def violations_by_promise(reading: Reading) -> Figure | None:
    """Mean violation of the stations' limits against the promise, by distribution."""
    figure = _violations(reading, "promised_violation", {"samples": reading.samples})
    if figure is None:
        return None
    asked = sorted(100 * reading.table("cells", level="station")["promised_violation"].unique())
    ends = np.array([asked[0] / 1.5, asked[-1] * 1.5])
    for axes in figure.axes:
        axes.plot(ends, ends, color=palette.INK, ls="--", lw=1, label="promised")
        axes.fill_between(ends, ends, 100, color=palette.RED, alpha=0.06, lw=0)
        axes.set_xticks(asked, [f"{value:.3g}" for value in asked])
        axes.minorticks_off()
        axes.set_xlim(*ends)
    figure.supxlabel("promised: 1 \N{MINUS SIGN} confidence [%]", fontsize=9, color=palette.INK)
    _below(figure, figure.axes[0], 4)
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
        shown = sizes if len(sizes) <= 4 else [s for s in sizes if str(s)[0] in "15"]
        _sample_ticks(axes, shown)
        axes.set_xlabel("")
        axes.tick_params(axis="x", labelsize=7.5)
    figure.supxlabel("samples learned from", fontsize=9, color=palette.INK)
    _below(figure, figure.axes[0], 4)
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


def day_ahead(reading: Reading) -> Figure | None:
    """What DR-CC and RO cost the operator above SP, ours and the paper's, as Table B.II."""
    table = reading.tables["day_ahead"].set_index("method")
    methods = [m for m in (Method.SP.value, *published.DAY_AHEAD) if m in table.index]
    methods = list(dict.fromkeys(methods))
    if not methods:
        return None
    figure = new_figure(7.2, 2.3)
    left, right = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(methods))[::-1]
    _stack(left, table.loc[methods], places, 0.6)
    left.set_yticks(places, [method_name(method, "dso") for method in methods])
    left.set(title="planned cost", xlabel=f"[{reading.case.currency} a day]")
    left.xaxis.set_major_formatter("{x:,.0f}")
    theirs = [published.over_sp_pct(method) for method in methods]
    ours = table.loc[methods, "over_sp_pct"].to_numpy(dtype=float)
    colours = [METHODS[method].colour for method in methods]
    for shift, values, shade in ((0.17, ours, colours), (-0.17, theirs, _PAPER)):
        bars = right.barh(places + shift, values, 0.32, color=shade)
        right.bar_label(bars, fmt="{:+.1f} %", padding=3, fontsize=8, color=palette.SLATE)
    right.set(title="above SP: this study, and the paper (grey)", xlabel="[%]")
    right.margins(x=0.2)
    _below(figure, left, 4)
    return figure


def _stack(axes: Axes, costs: Any, places: Any, height: float, named: bool = True) -> None:
    """Stacked bars of the parts of the cost."""
    left = np.zeros(len(costs))
    for part, look in PARTS.items():
        values = costs[part].to_numpy(dtype=float)
        axes.barh(
            places, values, height, left, color=look.colour, label=look.name if named else None
        )
        left = left + values


def schemes(reading: Reading) -> Figure | None:
    """Costs and voltages of the schemes in the worst realisation, ours and the paper's."""
    import pandas as pd

    if WORST not in realisations(reading):
        return None
    ours = after_the_fact(reading).loc[WORST].reindex(list(SCHEMES))
    theirs = pd.DataFrame.from_dict(
        {k: dict(v) for k, v in published.SCHEMES.items()}, orient="index"
    )
    figure = new_figure(7.2, 2.9)
    cost, voltage, unbalance = figure.subplots(1, 3, sharey=True, width_ratios=(2, 1.3, 1))
    places = np.arange(len(SCHEMES))[::-1] * 2.0
    for shift, table, named in ((0.36, ours, True), (-0.36, theirs, False)):
        _stack(cost, table, places + shift, 0.62, named)
        shades = [look.colour if named else _PAPER for look in SCHEMES.values()]
        for place, shade, low, high, vur in zip(
            places + shift,
            shades,
            table["vm_min_pu"],
            table["vm_max_pu"],
            table["vur_max_pct"],
            strict=True,
        ):
            voltage.plot([low, high], [place, place], "o-", color=shade, lw=2.5, ms=4)
            unbalance.plot(vur, place, "o", color=shade, ms=6)
    ticks = [*(places + 0.36), *(places - 0.36)]
    shown = [look.name for look in SCHEMES.values()] + ["the paper"] * len(SCHEMES)
    cost.set_yticks(ticks, shown)
    cost.xaxis.set_major_formatter("{x:,.0f}")
    cost.set(title="cost, worst realisation", xlabel=f"[{reading.case.currency} a day]")
    limits = reading.case.feeder.limits
    for value in (limits.vm_min_pu, limits.vm_max_pu):
        voltage.axvline(value, color=palette.RED, lw=1)
    unbalance.axvline(100 * limits.vur_max, color=palette.RED, lw=1)
    unbalance.set_xlim(left=0)
    voltage.set(title="voltages", xlabel="[pu]")
    unbalance.set(title="largest VUR", xlabel="[%]")
    _below(figure, cost, 4)
    return figure


def scheme_voltages(reading: Reading) -> Figure | None:
    """Voltages by bus and phase of the worst realisation in one hour, as Fig. B5."""
    table = profile_rows(reading)
    if table.empty:
        return None
    hours = set(table["hour"])
    hour = PAPER_HOUR if PAPER_HOUR in hours else min(hours)
    table = table[table["hour"] == hour]
    buses = list(dict.fromkeys(table["bus"].astype(str)))
    figure = new_figure(7.2, 2.8)
    limits = reading.case.feeder.limits
    for axes, phase in zip(figure.subplots(1, 3, sharey=True), PHASES, strict=True):
        for scheme, look in SCHEMES.items():
            rows = table[(table["phase"] == phase) & (table["scheme"] == scheme)]
            values = rows.set_index(rows["bus"].astype(str))["vm_pu"].reindex(buses)
            axes.plot(
                range(len(buses)),
                values,
                color=look.colour,
                ls=look.line,
                lw=1.2,
                marker=look.marker,
                ms=2.5,
                label=look.name,
            )
        for value in (limits.vm_min_pu, limits.vm_max_pu):
            axes.axhline(value, color=palette.RED, lw=1)
        step = max(1, len(buses) // 8)
        axes.set_xticks(range(0, len(buses), step), buses[::step])
        axes.set(title=f"phase {phase}, hour {hour}", xlabel="bus")
    figure.axes[0].set_ylabel("voltage magnitude [pu]")
    _below(figure, figure.axes[0])
    return figure


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
