"""The main pictures of a stress study for papers, drawn by matplotlib from the same counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from ..case import Case
from ..reporting import palette
from ..reporting.figures import new_figure
from .evidence import (
    AC_CLASSES,
    AGREED,
    BY_ENVELOPE,
    NOTHING,
    Tables,
    ac_classes,
    adjusted,
    agreement_by_severity,
    boundary_parts,
    by_kind,
    by_station,
    ends_present,
    kinds_in,
    largest_stations,
    policies_of,
    rounds_count,
    rows_of,
    shares_of_ends,
)
from .looks import (
    AC_COLOURS,
    AC_MARKERS,
    AGREEMENT,
    BOUNDARY_COLOURS,
    POLICY_MARKERS,
    end_colour,
    end_words,
    kind_words,
    policy_colour,
)
from .outcome_pictures import severity_classes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Stations in a picture; the largest of very many.
_MOST_STATIONS = 20
_DASH = "\N{EN DASH}"
_FIRST = "first adjustment"


def outcomes_figure(case: Case, tables: Tables) -> Figure | None:
    """Shares of outcomes by kind of perturbation."""
    rows = by_kind(tables)
    if rows.empty:
        return None
    kinds, ends = kinds_in(rows), ends_present(tables)
    shares, days = shares_of_ends(rows, kinds, ends), rows.groupby("kind")["day"].nunique()
    figure = new_figure(7.2, 1.2 + 0.24 * len(kinds))
    axes, left = figure.subplots(), np.zeros(len(kinds))
    for end in ends:
        width = shares[end].to_numpy(dtype=float)
        axes.barh(
            range(len(kinds)),
            width,
            0.72,
            left=left,
            color=end_colour(end),
            edgecolor="white",
            linewidth=0.6,
            label=end_words(end),
        )
        left += width
    _rows(axes, [f"{kind_words(kind)} ({days[kind]})" for kind in kinds])
    axes.set(xlim=(0, 100), xlabel="share of episodes [%]")
    figure.legend(loc="outside lower center", ncols=min(len(ends), 3))
    return figure


def _rows(axes: Axes, names: list[str]) -> None:
    """Names down the left side, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def severity_figure(case: Case, tables: Tables) -> Figure | None:
    """Share of agreements by kind and severity, with counts."""
    from matplotlib.colors import LinearSegmentedColormap

    rows = by_kind(tables)
    if rows.empty:
        return None
    kinds, classes = kinds_in(rows), severity_classes()
    held, count = agreement_by_severity(rows, kinds)
    share = np.where(count > 0, 100 * held / np.maximum(count, 1), np.nan)
    figure = new_figure(5.2, 1.1 + 0.26 * len(kinds))
    axes = figure.subplots()
    scale = LinearSegmentedColormap.from_list("agreement", list(AGREEMENT))
    image = axes.imshow(share, cmap=scale, vmin=0, vmax=100, aspect="auto")
    for row, column in zip(*np.nonzero(count), strict=True):
        ink = palette.readable_on(palette.colour_at(AGREEMENT, share[row, column] / 100))
        text = f"{held[row, column]}/{count[row, column]}"
        axes.text(column, row, text, ha="center", va="center", fontsize=7.5, color=ink)
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(kinds)), list(map(kind_words, kinds)))
    axes.set_xlabel("severity [-]")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, label="agreed [%]", aspect=28, pad=0.02).outline.set_visible(
        False
    )
    return figure


def boundaries_figure(case: Case, tables: Tables) -> Figure | None:
    """The severity up to which the parties agree, by perturbation and policy."""
    table = rows_of(tables, "boundaries")
    if table.empty:
        return None
    kinds = [str(kind) for kind in table["perturbation"].unique()]
    policies = [str(policy) for policy in table["policy"].unique()]
    figure = new_figure(1.7 + 1.85 * len(policies), 1.1 + 0.24 * len(kinds))
    panels = figure.subplots(1, len(policies), sharey=True, squeeze=False)[0]
    for axes, policy in zip(panels, policies, strict=True):
        _boundary_bars(axes, table[table["policy"] == policy], kinds)
        _rows(axes, list(map(kind_words, kinds)))
        axes.set(title=policy, xlim=(0, 1), xlabel="severity [-]")
        axes.set_xticks([0, 0.5, 1])
    _legend(figure, panels[0])
    return figure


def _boundary_bars(axes: Axes, rows: pd.DataFrame, kinds: list[str]) -> None:
    places = [kinds.index(str(kind)) for kind in rows["perturbation"]]
    left = np.zeros(len(rows))
    for part in boundary_parts(rows):
        colour = BOUNDARY_COLOURS[part.words]
        axes.barh(places, part.length, 0.66, left=left, color=colour, label=part.words)
        left += part.length
    if "adjusted_from" in rows:
        axes.scatter(
            rows["adjusted_from"].astype(float),
            places,
            s=22,
            marker="D",
            facecolors="white",
            edgecolors=palette.INK,
            linewidths=1,
            label=_FIRST,
            zorder=3,
            clip_on=False,
        )


def _legend(figure: Figure, axes: Axes) -> None:
    """Below the panels, at most three a row; matplotlib tells marks before bars, this does not."""
    found = sorted(
        zip(*axes.get_legend_handles_labels(), strict=True), key=lambda one: one[1] == _FIRST
    )
    handles, labels = zip(*found, strict=True)
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 3))


def rounds_figure(case: Case, tables: Tables) -> Figure | None:
    """Trading rounds to agreement, by policy."""
    counts = rounds_count(tables)
    if counts.empty:
        return None
    policies = [p for p in policies_of(tables) if p in counts.index.get_level_values(0)]
    figure = new_figure(1.2 + 2.0 * len(policies), 2.5)
    panels = figure.subplots(1, len(policies), sharey=True, squeeze=False)[0]
    for axes, policy in zip(panels, policies, strict=True):
        below = np.zeros(len(counts.columns))
        for end in (AGREED, BY_ENVELOPE):
            there = (policy, end) in counts.index
            height = counts.loc[(policy, end)].to_numpy(dtype=float) if there else 0 * below
            axes.bar(
                counts.columns, height, 0.8, bottom=below, color=end_colour(end),
                label=end_words(end), edgecolor=palette.GREEN, linewidth=0.6,
            )  # fmt: skip
            below += height
        axes.set(title=policy, xlabel="trading round", xlim=(0.4, max(counts.columns) + 0.6))
        if len(counts.columns) <= 12:
            axes.set_xticks(list(counts.columns))
    panels[0].set_ylabel("agreed episodes [number]")
    panels[0].yaxis.get_major_locator().set_params(integer=True)
    _legend(figure, panels[0])
    return figure


def policies_figure(case: Case, tables: Tables) -> Figure | None:
    """The policies' means over the days on which all agreed and some adjusted."""
    table = rows_of(tables, "policies")
    if table.empty or not table["adjusted_days"].max():
        return None
    panels = (
        ("rounds", "rounds", 1.0, 2),
        ("adjusted_kwh", "asked to change [kWh]", 1.0, 0),
        ("adjustment_cost", f"cost of it [{case.currency}]", 1.0, 1),
        ("unserved_kwh", "not served [kWh]", 1.0, 0),
        ("fairness", "Jain's index [-]", 1.0, 2),
        ("envelope_share", "envelope needed [%]", 100.0, 1),
    )
    figure = new_figure(7.2, 3.4)
    for axes, (column, title, factor, digits) in zip(
        figure.subplots(2, 3).ravel(), panels, strict=True
    ):
        values = factor * table[column].to_numpy(dtype=float)
        bars = axes.bar(
            table["policy"], values, 0.62, color=[policy_colour(p) for p in table["policy"]]
        )
        labels = [f"{v:,.{digits}f}" if np.isfinite(v) else _DASH for v in values]
        axes.bar_label(bars, labels, padding=2, fontsize=8, color=palette.SLATE)
        axes.set_title(title)
        axes.margins(x=0.12, y=0.18)
        if not np.nanmax(np.abs(values), initial=0.0) > 0:
            axes.set_ylim(0, 1)
        axes.tick_params(axis="x", length=0)
    return figure


def stations_figure(case: Case, tables: Tables) -> Figure | None:
    """By station and policy, energy given up and cost borne in a mean adjusted day."""
    table = by_station(tables)
    if table.empty or table["curtailed_kwh"].max() < NOTHING:
        return None
    kept = largest_stations(table, _MOST_STATIONS)
    figure = new_figure(7.2, 1.25 + 0.165 * max(len(kept), 5))
    panels = figure.subplots(1, 2, sharey=True)
    for axes, column, title in zip(
        panels,
        ("curtailed_kwh", "borne"),
        ("given up [kWh in a mean day]", f"cost borne [{case.currency} in a mean day]"),
        strict=True,
    ):
        by_policy = table.pivot(index="station", columns="policy", values=column).reindex(kept)
        for policy in policies_of(tables):
            if policy in by_policy:
                _dots(axes, by_policy[policy].to_numpy(dtype=float), range(len(kept)), policy)
        _rows(axes, kept)
        axes.grid(axis="y", color=palette.FAINT, zorder=0)
        axes.axvline(0, color=palette.SILVER, lw=0.8, zorder=1)
        axes.set_xlabel(title)
    _legend(figure, panels[0])
    return figure


def _dots(axes: Axes, x: Any, y: Any, policy: str) -> None:
    marker, size = POLICY_MARKERS.get(policy, ("o", 12))
    colour, filled = policy_colour(policy), size < 15
    axes.scatter(
        x,
        y,
        s=size,
        marker=marker,
        facecolors=colour if filled else "none",
        edgecolors=colour,
        linewidths=0 if filled else 1.1,
        label=policy,
        zorder=3,
    )


def fairness_figure(case: Case, tables: Tables) -> Figure | None:
    """Jain's index of each curtailed day against the energy asked to change."""
    rows = adjusted(tables)
    rows = rows[rows["fairness"].notna()]
    if rows.empty:
        return None
    figure = new_figure(4.6, 3.0)
    axes = figure.subplots()
    for policy in policies_of(tables):
        mine = rows[rows["policy"] == policy]
        _dots(axes, mine["adjusted_kwh"].astype(float), mine["fairness"].astype(float), policy)
    axes.set(xscale="log", ylim=(0, 1.04), ylabel="Jain's index of curtailment [-]")
    axes.set_xlabel("energy asked to change [kWh]")
    _plain_log_ticks(axes, rows["adjusted_kwh"].astype(float))
    figure.legend(loc="outside upper left", ncols=3)
    return figure


def _plain_log_ticks(axes: Axes, values: pd.Series[float]) -> None:
    """1, 10, 100 .. in plain figures; within two powers of ten also 2 and 5 times these."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    narrow = values.max() < 100 * values.min()
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if narrow else (1.0,)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.6g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def violations_figure(case: Case, tables: Tables) -> Figure | None:
    """The rate of the worst limit of every approved day in AC flows, against the promise."""
    rows = ac_classes(tables)
    if rows.empty:
        return None
    figure = new_figure(5.2, 2.9)
    axes, place = figure.subplots(), np.arange(1, len(rows) + 1)
    rate = 100 * rows["ac_violation_rate"].to_numpy(dtype=float)
    for name in AC_CLASSES:
        here = (rows["ac_class"] == name).to_numpy()
        if here.any():
            axes.scatter(
                place[here], rate[here], s=20, marker=AC_MARKERS[name], color=AC_COLOURS[name],
                linewidths=0, label=f"{name} ({here.sum()})", zorder=3, clip_on=False,
            )  # fmt: skip
    promised = 100 * float(rows["promised"].iloc[0])
    label = f"promised: {promised:.3g} %"
    axes.axhline(promised, color=palette.INK, ls="--", lw=1, label=label)
    axes.set(xlabel="approved episode, worst first", xlim=(0, len(rows) + 1))
    axes.set(
        ylabel="rate of the worst limit\n[% of samples]",
        ylim=(0, max(104 * rate.max() / 100, 2 * promised)),
    )
    axes.legend(loc="upper right")
    return figure


#: By file name; each is None where the study holds nothing to draw.
PAPER_FIGURES: Final[dict[str, Callable[[Case, Tables], Figure | None]]] = {
    "outcomes": outcomes_figure,
    "severity": severity_figure,
    "boundaries": boundaries_figure,
    "rounds": rounds_figure,
    "policies": policies_figure,
    "stations": stations_figure,
    "fairness": fairness_figure,
    "violations": violations_figure,
}
