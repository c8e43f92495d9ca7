"""``study.html`` of a planning study, and its figures for papers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

from ...planning.fdn.case import FdnCase
from ...planning.fdn.choices import Variant
from ..reporting.masthead import Card
from ..reporting.page import Block, Section
from ..reporting.study_page import (
    Banner,
    draw_page,
    figure_text,
    how_to_read,
    network_size,
    percent,
    present,
)
from ..results import Run
from .cost_pictures import (
    is_published,
    risk_chart,
    risk_figure,
    risks_of,
    stage_chart,
    stage_figure,
    variant_chart,
    variant_figure,
)
from .density_pictures import density_chart, density_figure
from .network_figure import network_figure
from .network_pictures import network_chart
from .page_tables import (
    algorithms_table,
    certificate_table,
    costs_table,
    plans_table,
    rounds_table,
    sops_table,
    sweep_table,
    three_ways_table,
)
from .published import TOTALS
from .reading import Reading, reading_of, roman
from .risk_pictures import iteration_chart, iteration_figure

#: By file name without suffix.
FIGURES: Final = {
    "network": network_figure,
    "stage-costs": stage_figure,
    "risk-iterations": iteration_figure,
    "densities": density_figure,
    "variant-costs": variant_figure,
    "risk-costs": risk_figure,
}


def draw_fdn(run: Run, case: FdnCase) -> Path:
    """Writes the page and ``figures/`` beside the tables; returns the page's path."""
    reading = reading_of(run, case)
    return draw_page(
        run,
        case,
        study="planning study",
        size=f"{network_size(case.network)}, {len(case.stages)} stages",
        facts=_facts(reading),
        banners=_banners(reading),
        cards=_cards(reading),
        sections=fdn_sections(reading),
        drawings={name: partial(draw, reading) for name, draw in FIGURES.items()},
    )


def _facts(reading: Reading) -> dict[str, Any]:
    settings = reading.summary.get("settings", {})
    return {
        "plans": f"{len(reading.table('plans'))}",
        "samples": f"{settings.get('samples', 0):,}",
        "fresh samples": f"{settings.get('fresh_samples', 0):,}",
        "seed": settings.get("seed", ""),
    }


def _banners(reading: Reading) -> list[Banner]:
    """Whether every plan that promises something keeps it."""
    table = reading.table("plans")
    bad = table[table["status"] != "ok"]
    points = tuple(
        f"Case {row['variant']} at {100 * row['risk']:g} %: {row['reason'] or row['status']}"
        for row in bad.to_dict("records")
    )
    if points:
        headline = f"{len(points)} of {len(table)} plans do not keep what they promise."
        return [Banner(kind="alarm", headline=headline, points=points)]
    promising = sum(Variant(variant).promises for variant in table["variant"])
    if not promising:
        return []
    headline = "The plan keeps its promise."
    if promising > 1:
        headline = f"All {promising} plans that promise something keep it."
    text = "No limit is violated more often than allowed on samples that no plan had seen before."
    return [Banner(kind="good", headline=headline, text=text)]


def _cards(reading: Reading) -> list[Card]:
    plan = reading.first
    if plan is None:
        return []
    row = reading.of("plans", plan).iloc[0]
    million = f"1e6 {reading.case.currency}"
    paper = f"paper: {TOTALS[plan.variant]:.2f}" if is_published(reading, plan) else ""
    first = int(row["first_sop_stage"])
    ends = f"{100 * row['risk_low']:.2f} to {100 * row['risk_high']:.2f} %"
    return [
        Card(
            name=f"total cost, {reading.label(plan)}",
            value=figure_text(row["cost_total"] / 1e6, 2),
            unit=million,
            aside=paper,
        ),
        Card(name="investment", value=figure_text(row["cost_investment"] / 1e6, 2), unit=million),
        Card(name="operation", value=figure_text(row["cost_operation"] / 1e6, 2), unit=million),
        Card(
            name="worst risk",
            value=percent(100 * row["risk_max"], 2),
            aside=f"{ends}; allowed {100 * plan.risk:g} %",
            wrong=bool(row["status"] != "ok"),
        ),
        Card(
            name="soft open points",
            value=figure_text(row["sop_kva"] / 1e3, 2),
            unit="MVA",
            aside=f"from stage {roman(first)}" if first else "none",
        ),
        Card(
            name="rounds",
            value=f"{row['iterations']}",
            aside=f"gap {percent(100 * row['gap'], 2)}",
        ),
    ]


def fdn_sections(reading: Reading) -> list[Section]:
    """The sections, in the order of the questions a reader asks; some need several plans."""
    sections = [_plan(reading), _costs(reading), _risks(reading), _trust(reading)]
    comparison = _comparison(reading)
    return [*sections[:2], *comparison, *sections[2:]]


def _of_first(reading: Reading, make: Any) -> Block | None:
    """A table of the plan that the page opens at."""
    plan = reading.first
    return None if plan is None else make(reading, plan)


def _plan(reading: Reading) -> Section:
    return Section(
        id="plan",
        title="What is built, and when",
        short="Plan",
        lead_html=(
            "Soft open points connect feeders through converters; charging stations and PV are "
            "sited together with them. Each stage builds on the one before."
        ),
        blocks=present(
            network_chart(reading), _of_first(reading, sops_table), otherwise="There is no plan."
        ),
    )


def _costs(reading: Reading) -> Section:
    return Section(
        id="costs",
        title="What it costs",
        short="Costs",
        lead_html=(
            "Investment by what is added in each stage (8), and operation with the load that is "
            "not served safely (19), from the fresh samples."
        ),
        blocks=present(
            stage_chart(reading),
            _of_first(reading, costs_table),
            _of_first(reading, three_ways_table),
            otherwise="There is no plan.",
        ),
    )


def _comparison(reading: Reading) -> list[Section]:
    if len(reading.table("plans")) < 2:
        return []
    return [
        Section(
            id="comparison",
            title="Plan beside plan",
            short="Comparison",
            lead_html="The same draws of loads, charging and PV for every plan.",
            blocks=present(
                plans_table(reading),
                variant_chart(reading),
                risk_chart(reading),
                sweep_table(reading, risks_of(reading)),
                algorithms_table(reading),
                otherwise="There is only one plan.",
            ),
        )
    ]


def _risks(reading: Reading) -> Section:
    return Section(
        id="risks",
        title="How risks come down",
        short="Risks",
        lead_html=(
            "A plan is made for the expected state, within bounds. Samples show how often each "
            "limit is violated; the bounds of those that break the promise are moved, and the "
            "next round plans anew."
        ),
        blocks=present(
            how_to_read(
                "In every sample the soft open points are dispatched anew, and an exact power "
                "flow gives voltages and currents. A risk is the share of samples beyond a limit."
            ),
            iteration_chart(reading),
            density_chart(reading),
            _of_first(reading, certificate_table),
            otherwise="There is no plan.",
        ),
    )


def _trust(reading: Reading) -> Section:
    return Section(
        id="trust",
        title="How far the numbers can be trusted",
        short="Trust",
        lead_html=(
            "Every round's program is solved to a proven gap, and its solution compared with "
            "exact power flow."
        ),
        blocks=present(_of_first(reading, rounds_table), otherwise="There is no plan."),
    )
