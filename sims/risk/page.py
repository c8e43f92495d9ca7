"""``study.html`` of a risk study, and its figures for papers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ..case import Case
from ..reporting.page import Section
from ..reporting.study_page import day_size, draw_page, how_to_read, present
from ..results import Run
from .cost_charts import cost_by_confidence, cost_by_samples, operator_sweeps
from .design import EMERGENCY_MULTIPLE
from .operator_charts import day_ahead_chart, day_ahead_table
from .paper_figures import FIGURES
from .promise_charts import by_promise, by_samples, kept_table, violation_table
from .reading import Reading, reading_of
from .realised_chart import realised_cost
from .scheme_charts import cost_split, quality_chart, quality_table, voltage_profile
from .scheme_charts import cost_table as scheme_cost_table
from .value_charts import cost_table, price_and_value
from .verdict import banners, cards, comparison_table, ordering_table


def draw_risk(run: Run, case: Case) -> Path:
    """Writes the page and ``figures/`` beside the tables; returns the page's path.

    What a small study does not hold leaves a sentence in its place.
    """
    reading = reading_of(run, case)
    return draw_page(
        run,
        case,
        study="risk study",
        size=day_size(case),
        facts=_facts(reading),
        banners=banners(reading),
        cards=cards(reading),
        sections=risk_sections(reading),
        drawings={name: partial(draw, reading) for name, draw in FIGURES.items()},
    )


def _facts(reading: Reading) -> dict[str, Any]:
    cells = reading.tables["cells"]
    return {
        "samples": _span(cells["samples"], ",.0f"),
        "confidence": _span(cells["confidence"], ".2f"),
        "seeds": f"{cells['seed'].nunique()}",
        "cells": f"{len(cells):,}",
    }


def _span(column: Any, form: str) -> str:
    low, high = column.min(), column.max()
    if column.empty:
        return "\N{EN DASH}"
    return f"{low:{form}}" if low == high else f"{low:{form}} to {high:{form}}"


def risk_sections(reading: Reading) -> list[Section]:
    """The seven sections, in the order of the questions a reader asks."""
    return [
        _paper(reading),
        _costs(reading),
        _values(reading),
        _promises(reading),
        _realised(reading),
        _operator(reading),
        _schemes(reading),
    ]


def _paper(reading: Reading) -> Section:
    return Section(
        id="paper",
        title="Beside the paper",
        short="The paper",
        lead_html=(
            "The study repeats the comparisons of the paper's appendix B2. Orderings and relative "
            "figures can be compared; absolute amounts are of a different network and different "
            "prices."
        ),
        blocks=present(
            ordering_table(reading),
            comparison_table(reading),
            otherwise="This study holds nothing that the paper shows.",
        ),
    )


def _costs(reading: Reading) -> Section:
    return Section(
        id="costs",
        title="What caution costs a day ahead",
        short="Cost",
        lead_html=(
            "Each station covers its forecast errors with margins; each method sets them in its "
            "own way from the same draws. The planned cost is the exact optimum of the whole "
            "market with these margins."
        ),
        blocks=present(
            how_to_read(
                "<b>SP</b> takes the sample's quantile, <b>DRO Wasserstein</b> the worst quantile "
                "of all distributions near the sample, <b>DRO cross-validated</b> the same with "
                "the least radius that keeps the promise on held-out samples, <b>DRO moment</b> "
                "the worst of all distributions with the sample's mean and variance, and "
                "<b>RO</b> the bound of the declared support; <b>deterministic</b> has no margins. "
                "Each method keeps its colour and symbol on the whole page."
            ),
            cost_by_samples(reading),
            cost_by_confidence(reading),
            cost_table(reading),
            otherwise="No plan of the stations is among this study's cells.",
        ),
    )


def _values(reading: Reading) -> Section:
    return Section(
        id="values",
        title="Price of robustness, value of the stochastic solution",
        short="Price and value",
        lead_html=(
            "Robustness is paid for a day ahead; what it is worth shows in real time, where a kWh "
            f"that is missing costs {EMERGENCY_MULTIPLE:g} times the day-ahead price of its hour."
        ),
        blocks=present(
            price_and_value(reading), otherwise="This study holds nothing to compare with SP."
        ),
    )


def _promises(reading: Reading) -> Section:
    return Section(
        id="promises",
        title="Promises, and what is kept of them",
        short="Promises",
        lead_html=(
            "Every method promises that each single limit is violated with at most 1 \N{MINUS SIGN}"
            " confidence. Fresh draws, from three distributions, show what the promise is worth."
        ),
        blocks=present(
            by_promise(reading),
            by_samples(reading),
            kept_table(reading),
            violation_table(reading, "station"),
            otherwise="Nothing was looked at out of sample.",
        ),
    )


def _realised(reading: Reading) -> Section:
    return Section(
        id="realised",
        title="What the day costs in the end",
        short="Realised cost",
        lead_html=(
            "Plan and recourse together, on the same fresh draws for all methods: shortages are "
            "bought at the emergency price, surplus is sold at what the grid pays."
        ),
        blocks=present(realised_cost(reading), otherwise="Nothing was looked at out of sample."),
    )


def _operator(reading: Reading) -> Section:
    return Section(
        id="operator",
        title="The operator's day ahead",
        short="Operator",
        lead_html=(
            "The same withdrawals of the stations, and an optimal power flow by method: SP, DR-CC "
            "with the sample's covariance, and RO (the paper's Table B.II)."
        ),
        blocks=present(
            day_ahead_chart(reading),
            day_ahead_table(reading),
            operator_sweeps(reading),
            violation_table(reading, "dso"),
            otherwise="No plan of the operator is among this study's cells.",
        ),
    )


def _schemes(reading: Reading) -> Section:
    return Section(
        id="schemes",
        title="Three schemes after the fact",
        short="Schemes",
        lead_html=(
            "How dispatches fare when errors happen: in the worst realisation (most load and "
            "least wind of the support in every hour) and on fresh samples (the paper's Tables "
            "B.III and B.IV). Voltages are of the exact three-phase power flow."
        ),
        blocks=present(
            cost_split(reading),
            scheme_cost_table(reading),
            quality_chart(reading),
            quality_table(reading),
            voltage_profile(reading),
            otherwise="This study holds no schemes.",
        ),
    )
