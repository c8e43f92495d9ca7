"""What plans cost: by stage beside the paper, by variant (Fig. 4), by risk (Fig. 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ...planning.fdn.choices import Algorithm, Variant
from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, layout, name_axis
from ..reporting.page import Change, Chart, Control, Patches
from .published import PAPER_RISK, TABLE_2, TOTALS
from .reading import PlanKey, Reading, roman

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

#: Components drawn as one, with their colours, from the ground up.
PARTS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "charging stations": (palette.BLUE, ("evcs_site", "evcs_converter")),
    "PV converters": (palette.GREEN, ("pv_converter",)),
    "soft open points": (palette.VERMILION, ("sop_site", "sop_converter", "sop_line")),
    "storage": (palette.PINK, ("storage_site", "storage_converter", "storage_battery")),
    "larger lines": (palette.ORANGE, ("larger_line", "larger_transformer")),
    "losses": (palette.SILVER, ("loss",)),
    "overload": (palette.SLATE, ("overload",)),
    "voltage violation": (palette.GREY, ("voltage",)),
}
_MONEY: Final = 1e6


def stage_chart(reading: Reading) -> Chart | None:
    """Present value by stage and part, and the paper's Table 2 beside it."""
    first = reading.first
    if first is None:
        return None
    changes = {str(plan): _stage_changes(reading, plan) for plan in reading.plans}
    traces = [
        {
            "type": "bar",
            "name": name,
            "x": [],
            "y": [],
            "marker": {"color": colour, "line": {"color": "#fff", "width": 1}},
            "hovertemplate": "%{x}<br>" + name + ": %{y:.2f}<extra></extra>",
        }
        for name, (colour, _) in PARTS.items()
    ]
    for trace, path, value in changes[str(first)]:
        traces[int(trace)][path] = value
    paper = " <b>Paler bars:</b> the paper's Table 2 (Case I at 5 %)." if reading.has_paper else ""
    return Chart(
        id="stage-costs",
        title="Present value by stage",
        caption_html=f"What each stage pays, discounted to the first day.{paper}",
        data=traces,
        layout=layout(
            430,
            barmode="stack",
            bargap=0.3,
            xaxis=axis("", type="multicategory", showgrid=False),
            yaxis=axis(f"present value [1e6 {reading.case.currency}]"),
        ),
        controls=plan_control(reading),
        patches=(Patches(by=("plan",), of=changes),),
    )


def plan_control(reading: Reading) -> tuple[Control, ...]:
    """A choice of the plan."""
    options = tuple((str(plan), reading.label(plan)) for plan in reading.plans)
    return (Control(name="plan", label="plan", options=options, start=str(reading.first)),)


def is_published(reading: Reading, plan: PlanKey) -> bool:
    """Whether the paper's tables are about this plan."""
    return reading.has_paper and plan.variant == Variant.COORDINATED and plan.risk == PAPER_RISK


def _stage_changes(reading: Reading, plan: PlanKey) -> list[Change]:
    stages = reading.stages(plan)
    ours = stage_values(reading, plan)
    beside = is_published(reading, plan)
    groups = [f"stage {roman(stage)}" for stage in stages for _ in range(1 + beside)]
    whose = ["here", "paper"][: 1 + beside] * len(stages)
    changes: list[Change] = []
    for trace, (name, (_, components)) in enumerate(PARTS.items()):
        paper = [sum(TABLE_2.get(c, (0.0,) * 4)[s - 1] for c in components) for s in stages]
        pairs = zip(ours[name], paper, strict=True)
        values = [v for pair in pairs for v in pair[: 1 + beside]] if beside else ours[name]
        opacity = [1.0, 0.45][: 1 + beside] * len(stages)
        changes += [
            (trace, "x", [groups, whose]),
            (trace, "y", values),
            (trace, "visible", bool(np.any(values))),
            (trace, "marker", _marker(name, opacity)),
        ]
    return changes


def _marker(name: str, opacity: list[float]) -> dict[str, Any]:
    return {"color": PARTS[name][0], "opacity": opacity, "line": {"color": "#fff", "width": 1}}


def stage_values(reading: Reading, plan: PlanKey) -> dict[str, list[float]]:
    """Present value [part] of [stage], in millions."""
    costs = reading.of("costs", plan)
    table = costs.pivot_table(index="stage", columns="component", values="present_value")
    return {
        name: (table[list(components)].sum(axis=1) / _MONEY).tolist()
        for name, (_, components) in PARTS.items()
    }


def variants_of(reading: Reading) -> list[PlanKey]:
    """One plan of each variant, at the risk and by the algorithm that the page opens at."""
    first = reading.first
    if first is None:
        return []
    same = [p for p in reading.plans if p.algorithm == first.algorithm and p.risk == first.risk]
    return sorted(same, key=lambda plan: list(Variant).index(Variant(plan.variant)))


def risks_of(reading: Reading) -> list[PlanKey]:
    """One plan of each risk, of the variant and algorithm that the page opens at."""
    first = reading.first
    if first is None:
        return []
    same = [
        p for p in reading.plans if p.variant == first.variant and p.algorithm == first.algorithm
    ]
    return sorted(same, key=lambda plan: plan.risk)


def algorithms_of(reading: Reading) -> list[PlanKey]:
    """One plan of each algorithm, of the variant and risk that the page opens at."""
    first = reading.first
    if first is None:
        return []
    same = [p for p in reading.plans if p.variant == first.variant and p.risk == first.risk]
    return sorted(same, key=lambda plan: list(Algorithm).index(Algorithm(plan.algorithm)))


def variant_chart(reading: Reading) -> Chart | None:
    """Total cost of the variants, by part, with the paper's totals (Fig. 4)."""
    plans = variants_of(reading)
    if len(plans) < 2:
        return None
    risk = plans[0].risk
    data = _stacked(reading, plans, [f"Case {plan.variant}" for plan in plans])
    if reading.has_paper and risk == PAPER_RISK:
        totals = [TOTALS.get(plan.variant) for plan in plans]
        data.append(_paper_marks([f"Case {plan.variant}" for plan in plans], totals))
    return Chart(
        id="variant-costs",
        title="The paper's cases",
        caption_html=(
            "Total present value by what it is paid for. <b>Red diamonds:</b> the paper's totals. "
            "Case VI has whiskers from the cheapest to the dearest of its random sitings."
        ),
        data=[*data, *_siting_whiskers(reading, plans)],
        layout=_bars(reading, 460),
    )


def _stacked(reading: Reading, plans: Sequence[PlanKey], names: list[str]) -> list[dict[str, Any]]:
    sums = [
        {part: sum(values) for part, values in stage_values(reading, plan).items()}
        for plan in plans
    ]
    return [
        {
            "type": "bar",
            "name": part,
            "x": names,
            "y": [one[part] for one in sums],
            "marker": {"color": colour, "line": {"color": "#fff", "width": 1}},
            "hovertemplate": "%{x}<br>" + part + ": %{y:.2f}<extra></extra>",
        }
        for part, (colour, _) in PARTS.items()
        if any(one[part] for one in sums)
    ]


def _paper_marks(names: list[str], totals: list[float | None]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "paper, total",
        "x": names,
        "y": totals,
        "marker": {"symbol": "diamond", "size": 12, "color": palette.RED},
        "hovertemplate": "%{x}<br>paper: %{y:.2f}<extra></extra>",
    }


def _siting_whiskers(reading: Reading, plans: Sequence[PlanKey]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for plan in plans:
        totals = reading.of("sitings", plan)["cost_total"].astype(float) / _MONEY
        if len(totals):
            middle = float(totals.median())
            reach = {"array": [totals.max() - middle], "arrayminus": [middle - totals.min()]}
            found.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "x": [f"Case {plan.variant}"],
                    "y": [middle],
                    "marker": {"size": 1, "color": palette.INK},
                    "error_y": {"type": "data", "symmetric": False, "color": palette.INK, **reach},
                    "showlegend": False,
                    "hovertemplate": f"{len(totals)} sitings: {totals.min():.1f} to "
                    f"{totals.max():.1f}<extra></extra>",
                }
            )
    return found


def _bars(reading: Reading, height: int) -> dict[str, Any]:
    return layout(
        height,
        barmode="stack",
        bargap=0.35,
        xaxis=name_axis("", []),
        yaxis=axis(f"present value [1e6 {reading.case.currency}]", rangemode="tozero"),
    )


def risk_chart(reading: Reading) -> Chart | None:
    """Total cost by allowed risk, by part (Fig. 8)."""
    plans = risks_of(reading)
    if len(plans) < 2:
        return None
    names = [f"{100 * plan.risk:g} %" for plan in plans]
    found = _bars(reading, 440)
    found["xaxis"] = name_axis("violation probability allowed for each limit", names)
    return Chart(
        id="risk-costs",
        title="What a smaller risk costs, and saves",
        caption_html=(
            "A smaller risk takes more soft open points and leaves less load at risk. The paper "
            "finds the least total at 3 %."
        ),
        data=_stacked(reading, plans, names),
        layout=found,
    )


def stage_figure(reading: Reading) -> Figure | None:
    """Present value by stage, with the paper's beside it where there is one."""
    plan = reading.first
    if plan is None:
        return None
    stages, beside = reading.stages(plan), is_published(reading, plan)
    figure = new_figure(5.6, 3.2)
    axes = figure.subplots()
    place = np.arange(len(stages), dtype=float)
    ours = stage_values(reading, plan)
    floor, paper_floor = np.zeros(len(stages)), np.zeros(len(stages))
    for name, (colour, components) in PARTS.items():
        if not any(ours[name]):
            continue
        shift = -0.19 if beside else 0.0
        axes.bar(place + shift, ours[name], 0.36, bottom=floor, color=colour, label=name)
        floor = floor + ours[name]
        if beside:
            paper = np.array(
                [sum(TABLE_2.get(c, (0.0,) * 4)[s - 1] for c in components) for s in stages]
            )
            axes.bar(place + 0.19, paper, 0.36, bottom=paper_floor, color=colour, alpha=0.45)
            paper_floor = paper_floor + paper
    axes.set_xticks(place, [f"stage {roman(stage)}" for stage in stages])
    axes.set_ylabel(f"present value [1e6 {reading.case.currency}]")
    axes.set_title("left: here, right and paler: paper" if beside else reading.label(plan))
    figure.legend(loc="outside right upper")
    return figure


def variant_figure(reading: Reading) -> Figure | None:
    """The paper's cases, as its Fig. 4."""
    plans = variants_of(reading)
    if len(plans) < 2:
        return None
    figure = _bar_figure(reading, plans, [plan.variant for plan in plans], "case")
    if reading.has_paper and plans[0].risk == PAPER_RISK:
        totals = [TOTALS.get(plan.variant, np.nan) for plan in plans]
        axes = figure.axes[0]
        axes.plot(range(len(plans)), totals, "D", ms=5, color=palette.RED, label="paper, total")
    figure.legend(loc="outside right upper")
    return figure


def risk_figure(reading: Reading) -> Figure | None:
    """Costs by allowed risk, as the paper's Fig. 8."""
    plans = risks_of(reading)
    if len(plans) < 2:
        return None
    names = [f"{100 * plan.risk:g} %" for plan in plans]
    figure = _bar_figure(reading, plans, names, "allowed violation probability")
    figure.legend(loc="outside right upper")
    return figure


def _bar_figure(reading: Reading, plans: Sequence[PlanKey], names: list[str], title: str) -> Figure:
    figure = new_figure(5.6, 3.2)
    axes = figure.subplots()
    floor = np.zeros(len(plans))
    for part in _stacked(reading, plans, names):
        values = np.array(part["y"])
        axes.bar(names, values, 0.6, bottom=floor, color=part["marker"]["color"])
        axes.containers[-1].set_label(part["name"])
        floor = floor + values
    axes.set(xlabel=title, ylabel=f"present value [1e6 {reading.case.currency}]")
    return figure
