"""``study.html`` of a study of DER plans, and its figures for papers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

from ...planning.der.case import DerCase
from ..reporting.masthead import Card
from ..reporting.page import Section
from ..reporting.study_page import (
    Banner,
    draw_page,
    figure_text,
    how_to_read,
    percent,
    present,
)
from ..results import Run
from .autonomy_pictures import autonomy_chart, autonomy_figure, near_chart
from .bound_pictures import bound_chart, bound_figure, worst_chart
from .capacity_pictures import capacity_chart, capacity_figure, cost_chart, cost_figure
from .comparison_pictures import (
    deviation_chart,
    deviation_figure,
    fresh_chart,
    fresh_figure,
    robustness_chart,
    robustness_figure,
)
from .page_tables import (
    capacity_table,
    deviation_table,
    fresh_table,
    paper_deviation_table,
    performance_table,
    robustness_table,
    standing_table,
)
from .reading import Reading, reading_of
from .site_pictures import site_chart, site_figure

#: By file name without suffix.
FIGURES: Final = {
    "sites": site_figure,
    "capacities": capacity_figure,
    "costs": cost_figure,
    "gaps": bound_figure,
    "robustness": robustness_figure,
    "perfect-information": deviation_figure,
    "fresh-days": fresh_figure,
    "autonomy": autonomy_figure,
}
_NO_PLAN: Final = "There is no plan."


def draw_der(run: Run, case: DerCase) -> Path:
    """Writes the page and ``figures/`` beside the tables; returns the page's path."""
    reading, scenarios = reading_of(run, case), len(case.scenarios.weight)
    return draw_page(
        run,
        case,
        study="planning study",
        size=f"{len(case.network.buses)} buses, {case.hours} hours, {scenarios} scenarios",
        facts=_facts(reading),
        banners=_banners(reading),
        cards=_cards(reading),
        sections=der_sections(reading),
        drawings={name: partial(draw, reading) for name, draw in FIGURES.items()},
    )


def _facts(reading: Reading) -> dict[str, Any]:
    settings = reading.summary.get("settings", {})
    return {
        "plans": f"{len(reading.table('plans'))}",
        "gap asked for": percent(100 * settings.get("gap", float("nan")), 2),
        **({"charging": "of episodes"} if reading.case.learned_from else {}),
    }


def _banners(reading: Reading) -> list[Banner]:
    """Whether every plan is proven to the gap that was asked for."""
    table = reading.table("plans")
    bad = table[table["status"] != "ok"]
    points = tuple(
        f"{row['model'].upper()} {row['load_budget']}: {row['reason']}"
        for row in bad.to_dict("records")
    )
    if points:
        headline = f"{len(points)} of {len(table)} plans are not proven as asked."
        return [Banner(kind="alarm", headline=headline, points=points)]
    headline = "The plan is" if len(table) == 1 else f"All {len(table)} plans are"
    text = "No other plan can cost less by more than the gap, with all limits of the feeder."
    return [Banner(kind="good", headline=f"{headline} proven to the gap asked for.", text=text)]


def _cards(reading: Reading) -> list[Card]:
    plan = reading.first
    if plan is None:
        return []
    row, fresh = reading.row("plans", plan), reading.row("out_of_sample", plan)
    best, unit = reading.benchmark, f"{reading.case.currency} a day"
    seconds = reading.seconds(plan).get("solve")
    count = int(row["iterations"])
    return [
        Card(
            name=f"objective, {plan.label}",
            value=figure_text(row["objective"], 1),
            unit=unit,
            aside=f"gap {percent(100 * row['gap'], 3)}, {row['certificate']}",
            wrong=bool(row["status"] != "ok"),
        ),
        Card(
            name="PV",
            value=figure_text(row["pv_kw"] / 1e3, 2),
            unit="MW",
            aside=f"{row['pv_sites']} sites; {best['pv_kw'] / 1e3:.2f} with perfect information",
        ),
        Card(
            name="batteries",
            value=figure_text(row["battery_kwh"] / 1e3, 2),
            unit="MWh",
            aside=f"{row['battery_sites']} sites; {best['battery_kwh'] / 1e3:.2f} with it",
        ),
        Card(
            name="mean of fresh days",
            value=figure_text(fresh["cost_mean"], 1),
            unit=unit,
            aside=f"95 %: {figure_text(fresh['cost_q95'], 0)}",
        ),
        Card(
            name="autonomy",
            value=percent(100 * fresh["autonomy"], 1),
            aside="of the load of fresh days",
        ),
        Card(
            name="time to solve",
            value=figure_text(seconds, 2),
            unit="s",
            aside=f"{count} iteration{'s' * (count != 1)}",
        ),
    ]


def der_sections(reading: Reading) -> list[Section]:
    """The sections, in the order of the questions a reader asks."""
    return [
        _built(reading),
        _costs(reading),
        _bounds(reading),
        *_robustness(reading),
        _information(reading),
        _fresh(reading),
        _autonomy(reading),
        _trust(reading),
    ]


def _built(reading: Reading) -> Section:
    return Section(
        id="built",
        title="What is built",
        short="Sites",
        lead_html="PV and batteries by bus, and how much of them each formulation builds.",
        blocks=present(site_chart(reading), capacity_chart(reading), otherwise=_NO_PLAN),
    )


def _costs(reading: Reading) -> Section:
    return Section(
        id="what-it-costs",
        title="What it costs",
        short="Costs",
        lead_html="Investment for a representative day, and its operation.",
        blocks=present(cost_chart(reading), capacity_table(reading), otherwise=_NO_PLAN),
    )


def _bounds(reading: Reading) -> Section:
    return Section(
        id="iterations",
        title="How bounds close",
        short="Bounds",
        lead_html=(
            "Adaptive plans are found in iterations: a plan against the cases known so far gives a "
            "lower bound, its worst case an upper one."
        ),
        blocks=present(
            bound_chart(reading),
            worst_chart(reading),
            otherwise="No plan of this study has a worst case.",
        ),
    )


def _robustness(reading: Reading) -> list[Section]:
    blocks = (robustness_chart(reading), robustness_table(reading))
    if not any(blocks):
        return []
    return [
        Section(
            id="price",
            title="The price of robustness",
            short="Robustness",
            lead_html="What it costs to be safe against more hours of deviation.",
            blocks=present(*blocks, otherwise=_NO_PLAN),
        )
    ]


def _information(reading: Reading) -> Section:
    evpi = reading.summary.get("evpi")
    worth = (
        ""
        if evpi is None
        else f" Knowing each day before building would save at most {figure_text(evpi, 1)} "
        f"{reading.case.currency} a day against the stochastic plan (EVPI)."
    )
    return Section(
        id="information",
        title="How near to perfect information",
        short="Information",
        lead_html=(
            "The benchmark is one plan for all scenarios in a row, known beforehand, with what "
            f"batteries hold carried over midnight.{worth}"
        ),
        blocks=present(
            how_to_read(
                "A plan made from the same scenarios as the benchmark is near to it almost by "
                "construction; fresh days are the fairer judge."
            ),
            deviation_chart(reading),
            deviation_table(reading),
            paper_deviation_table(reading),
            otherwise=_NO_PLAN,
        ),
    )


def _fresh(reading: Reading) -> Section:
    return Section(
        id="fresh-days",
        title="Out of sample",
        short="Fresh days",
        lead_html="The same days for every plan, none of which any model has seen as such.",
        blocks=present(fresh_chart(reading), fresh_table(reading), otherwise=_NO_PLAN),
    )


def _autonomy(reading: Reading) -> Section:
    return Section(
        id="autonomy-section",
        title="Autonomy",
        short="Autonomy",
        lead_html="How much of the load is not imported, and what that takes.",
        blocks=present(
            autonomy_chart(reading),
            near_chart(reading),
            standing_table(reading),
            otherwise=_NO_PLAN,
        ),
    )


def _trust(reading: Reading) -> Section:
    return Section(
        id="trust",
        title="How far the numbers can be trusted",
        short="Trust",
        lead_html=(
            "A plan's objective is an upper bound that is proven, its lower bound is what no plan "
            "can beat; the certificate says whether both hold with the limits of the feeder."
        ),
        blocks=present(performance_table(reading), otherwise=_NO_PLAN),
    )
