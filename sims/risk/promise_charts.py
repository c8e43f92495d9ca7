"""What methods promise and what they keep, on the page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, Final

import pandas as pd

from ..reporting import palette
from ..reporting.layout import axis, domains
from ..reporting.page import Chart, Control, Patches, Table
from .cost_charts import sample_axis
from .lines import line, numbered, panels, redrawn, told_apart
from .looks import DISTRIBUTIONS, LEVELS, METHODS, method_name
from .reading import Reading, broken_at, part, rates

#: Rates below are drawn here: a logarithmic axis has no zero [%].
FLOOR_PCT = 0.003

#: Methods stand so far apart where they would lie over each other, as a factor on the axis.
_APART = 1.045

_WHOSE: Final = {"station": "all stations", "dso": "the operator"}
_MEASURES: Final = {"mean": "mean over all limits", "worst": "the worst single limit"}
_TICKS = (FLOOR_PCT, 0.01, 0.1, 1, 10, 100)


def by_promise(reading: Reading) -> Chart | None:
    """Violations out of sample against those promised, at the reference sample size."""
    asked = 100 * reading.tables["cells"]["promised_violation"].astype(float)
    if asked.dropna().empty:
        return None
    ends = asked.min() / 1.5, asked.max() * 1.5
    ticks = told_apart(sorted(asked.dropna().round(6).unique().tolist()), 1.45)
    return _violation_chart(
        reading,
        "promised_violation",
        {"samples": reading.samples},
        xaxis=axis(
            "promised: 1 \N{MINUS SIGN} confidence [%]",
            type="log",
            tickmode="array",
            tickvals=ticks,
            ticktext=[f"{tick:g}" for tick in ticks],
            tickangle=0,
        ),
        promise=(ends, ends),
        id="violations-by-promise",
        title="Where each method breaks: violations against the promise",
        caption_html=(
            f"At {reading.samples:,} samples, on draws that no method has seen. <b>Dashed:</b> as "
            "often as promised. On average over limits a method fails where its point is in the "
            "shaded part; at the worst single limit, where its whole bar is. <b>Points:</b> mean "
            "over seeds; <b>bars:</b> the union of the seeds' 95 % confidence intervals. "
            f"What lies below {FLOOR_PCT} % is drawn at the bottom. One panel for each kind of "
            "fresh scenario: <i>normal</i> is what was learned from, <i>heavy tails</i> has larger "
            "and joint extremes at the same standard deviation, <i>shifted</i> a forecast that is "
            "always one standard deviation too hopeful."
        ),
    )


def by_samples(reading: Reading) -> Chart | None:
    """Violations out of sample by sample size, at the reference confidence."""
    sizes = sorted(int(n) for n in reading.tables["cells"]["samples"].unique())
    if not sizes:
        return None
    asked = 100 * (1 - reading.confidence)
    return _violation_chart(
        reading,
        "samples",
        {"confidence": reading.confidence},
        xaxis=sample_axis(told_apart(sizes, 3)),
        promise=((sizes[0] / 1.3, sizes[-1] * 1.3), (asked, asked)),
        id="violations-by-samples",
        title="Does more data help?",
        caption_html=(
            f"The same at confidence {reading.confidence:.2f}, by the number of samples learned "
            "from. More data brings a sample's quantile nearer to the truth, and makes DRO less "
            "cautious; neither mends a forecast that is wrong."
        ),
    )


def _violation_chart(
    reading: Reading,
    along: str,
    fixed: dict[str, Any],
    *,
    xaxis: dict[str, Any],
    promise: tuple[tuple[float, float], tuple[float, float]],
    **about: str,
) -> Chart | None:
    levels, distributions = reading.levels(), reading.distributions()
    if not levels or not distributions:
        return None
    fresh = reading.table("out_of_sample", **fixed)
    keys = ["level", "distribution", "method", along]
    found = {measure: rates(fresh, keys, measure == "worst") for measure in _MEASURES}
    drawn = {
        f"{level}|{measure}": _traces(reading, along, level, found[measure])
        for level, measure in product(levels, _MEASURES)
    }
    # The first traces are those of the promise; they stay as they are.
    promised = _promise_traces(promise, len(distributions))
    blank = [dict[str, Any]() for _ in promised]
    parts = ("x", "y", "error_y", "customdata")
    return Chart(
        data=[*promised, *drawn[f"{levels[0]}|mean"]],
        layout=_violation_layout(distributions, xaxis),
        controls=_controls(levels),
        patches=(
            Patches(
                by=("level", "measure"),
                of={key: redrawn([*blank, *d], parts) for key, d in drawn.items()},
            ),
        ),
        **about,
    )


def _controls(levels: Sequence[str]) -> tuple[Control, ...]:
    options = {
        "level": ("limits of", tuple((level, LEVELS[level]) for level in levels)),
        "measure": ("violations of", tuple(_MEASURES.items())),
    }
    return tuple(
        Control(name=name, label=label, options=choices, start=choices[0][0])
        for name, (label, choices) in options.items()
    )


def _violation_layout(distributions: Sequence[str], xaxis: dict[str, Any]) -> dict[str, Any]:
    found = panels([DISTRIBUTIONS[name].name for name in distributions], 480, 0.035)
    for place, domain in enumerate(domains(len(distributions), 0.035)):
        number = numbered(place)
        found[f"xaxis{number}"] = xaxis | {
            "domain": domain,
            "anchor": f"y{number}",
            **({"matches": "x"} if place else {}),
        }
        found[f"yaxis{number}"] = axis(
            "violations out of sample [%]" if place == 0 else "",
            type="log",
            tickmode="array",
            tickvals=_TICKS,
            ticktext=[f"\N{LESS-THAN OR EQUAL TO}{FLOOR_PCT:g}", *(f"{t:g}" for t in _TICKS[1:])],
            range=[-2.62, 2.08],
            anchor=f"x{number}",
            showticklabels=place == 0,
        )
    return found


def _promise_traces(
    promise: tuple[tuple[float, float], tuple[float, float]], count: int
) -> list[dict[str, Any]]:
    """In each panel the promise, and the part above it."""
    x, y = promise
    data = []
    for place in range(count):
        base = {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "legendgroup": "promise"}
        base |= {"xaxis": f"x{numbered(place)}", "yaxis": f"y{numbered(place)}"}
        dashed = {"color": palette.INK, "width": 1.6, "dash": "dash"}
        data.append(
            base | {"x": x, "y": y, "line": dashed, "name": "promised", "showlegend": place == 0}
        )
        above = {"x": x, "y": [130, 130], "line": {"width": 0}, "fill": "tonexty"}
        data.append(base | above | {"fillcolor": "rgba(179,38,30,.06)", "showlegend": False})
    return data


def _traces(reading: Reading, along: str, level: str, found: pd.DataFrame) -> list[dict[str, Any]]:
    """A line for each distribution and method; without points where a method has no plan."""
    methods = reading.methods("station") or reading.methods(level)
    data = []
    for place, distribution in enumerate(reading.distributions()):
        for rank, method in enumerate(methods):
            shift = _APART ** (rank - (len(methods) - 1) / 2)
            rows = part(found, level, distribution, method)
            data.append(
                _rate_line(method, rows, along, shift)
                | {
                    "xaxis": f"x{numbered(place)}",
                    "yaxis": f"y{numbered(place)}",
                    "showlegend": place == 0,
                }
            )
    return data


def _rate_line(method: str, found: Any, along: str, shift: float) -> dict[str, Any]:
    look = METHODS[method]
    percent_of = 100 if along == "promised_violation" else 1
    y = found["mean"].clip(lower=FLOOR_PCT).to_numpy()
    error = {
        "type": "data",
        "symmetric": False,
        "array": (found["high"].clip(lower=FLOOR_PCT) - y).to_numpy(),
        "arrayminus": (y - found["low"].clip(lower=FLOOR_PCT)).to_numpy(),
        "thickness": 1.3,
        "width": 3,
        "color": look.colour,
    }
    customdata = found[["mean", "low", "high"]].round(4).reset_index().to_numpy()
    customdata[:, 0] *= percent_of
    what = "promised %{customdata[0]:g} %" if percent_of == 100 else "%{customdata[0]:,} samples"
    hover = f"{what}<br>%{{customdata[1]}} % (%{{customdata[2]}} to %{{customdata[3]}} %)"
    x = found.index.to_numpy(dtype=float) * percent_of * shift
    return line(look, x.tolist(), y.tolist(), hover) | {
        "error_y": error,
        "customdata": customdata.tolist(),
    }


def kept_table(reading: Reading) -> Table | None:
    """At which confidences promises break, a row a level and method."""
    distributions = reading.distributions()
    confidences = {level: reading.choices("confidence", level) for level in reading.levels()}
    pairs = [(level, method) for level in confidences for method in reading.methods(level)]
    if not pairs or not distributions:
        return None
    broken = {level: broken_at(reading, level) for level in confidences}
    rows = [
        (
            method_name(method, level),
            LEVELS[level],
            *(
                _verdict(broken[level].get((method, distribution), ()), confidences[level])
                for distribution in distributions
            ),
        )
        for level, method in pairs
    ]
    return Table(
        title=f"Is the promise kept at every single limit? At {reading.samples:,} samples",
        caption_html=(
            "A promise is broken if, in at least half of the seeds, some limit (a station in an "
            "hour; a line, bus, reserve or battery in an hour) is violated more often than chance "
            "allows: if the exact 95 % interval of its frequency, widened so that it holds for all "
            "limits together, lies above the promise."
        ),
        headings=("method", "limits of", *(DISTRIBUTIONS[name].name for name in distributions)),
        rows=rows,
        labels=2 + len(distributions),
        dots={k: METHODS[method].colour for k, (_, method) in enumerate(pairs)},
    )


def _verdict(broken: Sequence[float], asked: Sequence[float]) -> str:
    if not broken:
        return "\N{CHECK MARK} kept"
    if len(broken) == len(asked) > 1:
        return "\N{BALLOT X} broken at every confidence"
    return "\N{BALLOT X} broken at " + ", ".join(f"{value:.2f}" for value in broken)


def violation_table(reading: Reading, level: str) -> Table | None:
    """The reference cell's violations with their intervals, a row a method and distribution."""
    outside = reading.at_reference("out_of_sample", level=level)
    rows: list[tuple[str, ...]] = []
    dots, marks = {}, {}
    for method, distribution in product(reading.methods(level), reading.distributions()):
        same = (outside["method"] == method) & (outside["distribution"] == distribution)
        cell = outside[same & outside["worst_violation"].notna()]
        if cell.empty:
            continue
        kept = float(cell["kept"].astype(float).mean())
        dots[len(rows)] = METHODS[method].colour
        if kept <= 0.5:
            marks[len(rows)] = "bad"
        name = method_name(method, level)
        rows.append(
            (name, DISTRIBUTIONS[distribution].name, *_rate_cells(cell), f"{100 * kept:.0f} %")
        )
    if not rows:
        return None
    return Table(
        title=(
            f"Violations of the limits of {_WHOSE[level]}: {reading.samples:,} samples, "
            f"{100 * (1 - reading.confidence):.3g} % promised"
        ),
        caption_html=(
            "Means over seeds; brackets hold the union of the seeds' 95 % intervals. <b>Any:</b> "
            "share of hours and scenarios in which any limit is violated; nobody promised "
            "anything about it. <b>Kept:</b> in how many of the seeds. Red rows are broken "
            "promises."
        ),
        headings=(
            "method",
            "fresh scenarios",
            "worst limit",
            "its violations [%]",
            "mean over limits [%]",
            "any [%]",
            "kept",
        ),
        rows=rows,
        labels=3,
        marks=marks,
        dots=dots,
    )


def _rate_cells(cell: pd.DataFrame) -> list[str]:
    """The worst limit's name and violations, those of the mean, and of any limit."""
    rate = cell["worst_violation"].astype(float)
    found = [str(cell["worst_limit"].loc[rate.idxmax()]) if rate.max() else "none violated"]
    for judged_by_worst in (True, False):
        one = rates(cell, "method", judged_by_worst).iloc[0]
        found.append(f"{one['mean']:.2f} ({one['low']:.2f} \N{EN DASH} {one['high']:.2f})")
    return [*found, f"{100 * cell['joint_violation'].astype(float).mean():.1f}"]
