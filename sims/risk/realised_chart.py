"""What the day costs in the end, on the page."""

from __future__ import annotations

from typing import Any

from ..reporting import palette
from ..reporting.layout import axis, domains
from ..reporting.page import Chart, Control, Patches
from .cost_charts import confidence_control, cost_axis
from .lines import numbered, panels, redrawn
from .looks import DISTRIBUTIONS, LEVELS, METHODS, method_name
from .reading import Reading


def realised_cost(reading: Reading) -> Chart | None:
    """Mean and quantiles of the cost in the end, by method and distribution."""
    levels, distributions = reading.levels(), reading.distributions()
    if not levels or not distributions:
        return None
    confidences = reading.choices("confidence", levels[0])
    methods = reading.methods(levels[0])
    found = panels([DISTRIBUTIONS[name].name for name in distributions], 430, 0.04)
    names = [method_name(method) for method in methods][::-1]
    for place, part in enumerate(domains(len(distributions), 0.04)):
        number = numbered(place)
        found[f"xaxis{number}"] = cost_axis(reading, "cost") | {
            "domain": part,
            "anchor": f"y{number}",
            "nticks": 5,
            "rangemode": "normal",
            **({"matches": "x"} if place else {}),
        }
        found[f"yaxis{number}"] = axis(
            "",
            type="category",
            categoryorder="array",
            categoryarray=names,
            range=[-0.6, len(names) - 0.4],
            showgrid=False,
            anchor=f"x{number}",
            showticklabels=place == 0,
        )
    drawn = {
        f"{level}|{confidence}": _realised_traces(reading, methods, level, confidence)
        for level in levels
        for confidence in confidences
    }
    level_control = Control(
        name="level",
        label="cost of",
        options=tuple((level, LEVELS[level]) for level in levels),
        start=levels[0],
    )
    return Chart(
        id="realised-cost",
        title="What the day costs in the end",
        caption_html=(
            f"At {reading.samples:,} samples; plan and recourse on fresh draws, means over seeds. "
            "<b>Thick line:</b> from the 5 % to the 95 % quantile. <b>Thin line:</b> on to the "
            "99 % quantile. <b>Dot:</b> mean. <b>Open diamond:</b> what was planned. Far right of "
            "the diamond, the plan was too hopeful; left of it, margins were sold back."
        ),
        data=drawn[f"{levels[0]}|{reading.confidence}"],
        layout=found,
        controls=(level_control, confidence_control(reading, confidences)),
        patches=(
            Patches(
                by=("level", "confidence"),
                of={key: redrawn(d, ("x", "y", "hovertemplate")) for key, d in drawn.items()},
            ),
        ),
    )


def _realised_traces(
    reading: Reading, methods: list[str], level: str, confidence: float
) -> list[dict[str, Any]]:
    """For each distribution and method: two lines, a dot and a diamond; none without a plan."""
    sides = {"level": level, "samples": reading.samples, "confidence": confidence}
    outside = reading.table("out_of_sample", **sides)
    outside = outside.groupby(["distribution", "method"]).mean(numeric_only=True)
    planned = reading.table("cells", **sides).groupby("method")["cost"].mean()
    data: list[dict[str, Any]] = []
    for place, distribution in enumerate(reading.distributions()):
        for method in methods:
            row = (
                outside.loc[(distribution, method)]
                if (distribution, method) in outside.index
                else {}
            )
            axes = {"xaxis": f"x{numbered(place)}", "yaxis": f"y{numbered(place)}"}
            cost = planned.get(method, float("nan"))
            data += [trace | axes for trace in _one_realised(reading, method, row, cost)]
    return data


def _one_realised(reading: Reading, method: str, row: Any, planned: float) -> list[dict[str, Any]]:
    name, colour = method_name(method), METHODS[method].colour
    at = {
        key: float(row[f"realised_{key}"]) if len(row) else float("nan")
        for key in ("mean", "q05", "q95", "q99")
    }
    unit = reading.case.currency
    base: dict[str, Any] = {"type": "scatter", "showlegend": False, "hoverinfo": "skip"}
    words = (
        f"<b>{name}</b><br>mean %{{x:,.0f}} {unit}<br>5 % {at['q05']:,.0f}, 95 % {at['q95']:,.0f}, "
        f"99 % {at['q99']:,.0f} {unit}<extra></extra>"
    )
    dot = {"color": "#ffffff", "size": 8, "line": {"color": colour, "width": 2.5}}
    diamond = {"symbol": "diamond-open", "color": palette.INK, "size": 10, "line": {"width": 1.6}}
    return [
        base
        | {
            "mode": "lines",
            "x": [at[a], at[b]],
            "y": [name, name],
            "line": {"color": colour, "width": width},
        }
        for a, b, width in (("q95", "q99", 2), ("q05", "q95", 8))
    ] + [
        base
        | {
            "mode": "markers",
            "x": [planned],
            "y": [name],
            "marker": diamond,
            "hoverinfo": "x",
            "hovertemplate": f"<b>{name}</b><br>planned %{{x:,.0f}} {unit}<extra></extra>",
        },
        base
        | {
            "mode": "markers",
            "x": [at["mean"]],
            "y": [name],
            "marker": dot,
            "hoverinfo": "x",
            "hovertemplate": words,
        },
    ]
