"""``study.html`` of a study of ports and storage, and its figures for papers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

from ...planning.dc_storage.case import DcStorageCase
from ..reporting.masthead import Card
from ..reporting.page import Note, Section
from ..reporting.study_page import (
    Banner,
    draw_page,
    figure_text,
    network_size,
    percent,
    present,
)
from ..results import Run
from .bound_pictures import bound_chart, bound_figure
from .day_pictures import day_chart, day_figure
from .limit_pictures import limit_chart, limit_figure, rate_chart
from .money_pictures import money_chart, money_figure
from .network_pictures import network_chart, network_figure
from .page_tables import built_table, money_table, plan_table, scenario_table
from .reading import MILLION, Reading, reading_of
from .sweep_pictures import sweep_charts, sweep_figure
from .sweeps import VARIED

#: By file name without suffix.
FIGURES: Final = {
    "network": network_figure,
    "bounds": bound_figure,
    "money": money_figure,
    "day": day_figure,
    "limits": limit_figure,
    "sweeps": sweep_figure,
}
_NO_PLAN: Final = "There is no plan."


def draw_dc_storage(run: Run, case: DcStorageCase) -> Path:
    """Writes the page and ``figures/`` beside the tables; returns the page's path."""
    reading = reading_of(run, case)
    days, hours = case.scenarios.price_per_kwh.shape
    return draw_page(
        run,
        case,
        study="planning study",
        size=f"{network_size(case.network)}, {days} days x {hours} h",
        facts=_facts(reading),
        banners=_banners(reading),
        cards=_cards(reading),
        sections=dc_storage_sections(reading),
        drawings={name: partial(draw, reading) for name, draw in FIGURES.items()},
    )


def _facts(reading: Reading) -> dict[str, Any]:
    settings = reading.summary.get("settings", {})
    varied = ", ".join(VARIED[sweep].words for sweep in reading.sweeps)
    return {
        "plans": f"{len(reading.table('plans'))}",
        **({"varied": varied} if varied else {}),
        "gap asked for": percent(100 * settings.get("gap", float("nan")), 2),
    }


def _banners(reading: Reading) -> list[Banner]:
    """Whether every plan is proven as asked, and whether the least return binds."""
    table = reading.table("plans")
    bad = table[table["status"] != "ok"]
    points = tuple(f"{row['plan']}: {row['reason']}" for row in bad.to_dict("records"))
    if points:
        headline = f"{len(points)} of {len(table)} plans are not proven as asked, or not there."
        verdict = Banner(kind="alarm", headline=headline, points=points)
    else:
        which = "The plan is" if len(table) == 1 else f"All {len(table)} plans are"
        text = "No other plan can earn more by more than the gap."
        verdict = Banner(kind="good", headline=f"{which} proven to the gap asked for.", text=text)
    return [verdict, *_return_banner(reading)]


def _return_banner(reading: Reading) -> list[Banner]:
    plan = reading.first
    if plan is None:
        return []
    row = reading.row(plan)
    least = percent(100 * row["return_min"], 1)
    if not row["investment"]:
        text = f"No port and no battery returns {least} a year and pays for itself."
        return [Banner(kind="poor", headline="Nothing is built.", text=text)]
    earned = percent(100 * row["return_rate"], 1)
    if row["return_binding"]:
        headline = f"The least return of {least} a year binds: the plan returns {earned}."
        text = "A larger plan would earn more in all, and less on what is invested."
        return [Banner(kind="poor", headline=headline, text=text)]
    headline = f"The plan returns {earned} a year; the least return of {least} does not bind."
    return [Banner(kind="good", headline=headline)]


def _cards(reading: Reading) -> list[Card]:
    plan = reading.first
    if plan is None:
        return []
    row, unit = reading.row(plan), reading.case.currency
    available = row["available_kwh"] or float("nan")
    count, in_j = int(row["iterations"]), int(row["infeasible_iterations"])
    return [
        Card(
            name="profit",
            value=figure_text(row["profit"] / MILLION, 3),
            unit=f"M{unit} a year",
            aside=f"gap {percent(100 * row['gap'], 3)}",
            wrong=bool(row["status"] != "ok"),
        ),
        Card(
            name="return on the investment",
            value=percent(100 * row["return_rate"], 1),
            unit="a year",
            aside=f"of {figure_text(row['investment'] / MILLION, 2)} M{unit}; at least "
            f"{percent(100 * row['return_min'], 1)}",
        ),
        Card(
            name="ports",
            value=figure_text(row["port_kva"] / 1e3, 2),
            unit="MVA",
            aside=f"{row['ports']} of {len(reading.case.links.port_buses)} candidates",
        ),
        Card(
            name="battery",
            value=figure_text(row["battery_kwh"] / 1e3, 1),
            unit="MWh",
            aside=f"{figure_text(row['battery_kw'] / 1e3, 2)} MW",
        ),
        Card(
            name="curtailed renewables",
            value=percent(100 * row["curtailed_kwh"] / available, 1),
            aside=f"{percent(100 * row['curtailed_before_kwh'] / available, 1)} before",
        ),
        Card(
            name="largest violation rate",
            value=percent(100 * row["worst_rate"], 1),
            aside=f"{percent(100 * row['worst_low'], 1)} to {percent(100 * row['worst_high'], 1)}; "
            f"{percent(100 * (1 - row['confidence']), 1)} are allowed",
        ),
        Card(
            name="time to solve",
            value=figure_text(reading.seconds(plan).get("solve"), 1),
            unit="s",
            aside=f"{count} iterations, {in_j} in J",
        ),
    ]


def dc_storage_sections(reading: Reading) -> list[Section]:
    """The sections, in the order of the questions a reader asks."""
    return [
        _built(reading),
        _money(reading),
        _operation(reading),
        _limits(reading),
        *_sweeps(reading),
        _proof(reading),
    ]


def _built(reading: Reading) -> Section:
    return Section(
        id="built",
        title="What is built",
        short="Built",
        lead_html=(
            "Ports are converters between a feeder and a DC link. They carry power from feeder to "
            "feeder, and between feeders and the battery on the link."
        ),
        blocks=present(network_chart(reading), built_table(reading), otherwise=_NO_PLAN),
    )


def _money(reading: Reading) -> Section:
    return Section(
        id="what-it-earns",
        title="What it earns",
        short="Money",
        lead_html=(
            "Energy that is not bought, at the price of its hour, and carbon that is not paid for, "
            "less the upkeep and the annuity of all that is built."
        ),
        blocks=present(money_chart(reading), money_table(reading), otherwise=_NO_PLAN),
    )


def _operation(reading: Reading) -> Section:
    return Section(
        id="operation",
        title="How it operates",
        short="Days",
        lead_html=(
            "Typical days of the boundary conditions. The page opens at the one on which most is "
            "curtailed without ports and batteries."
        ),
        blocks=present(day_chart(reading), scenario_table(reading), otherwise=_NO_PLAN),
    )


def _limits(reading: Reading) -> Section:
    return Section(
        id="keeps",
        title="Which limits hold",
        short="Limits",
        lead_html=(
            "Each limit of voltage and current must hold with the confidence asked for, whatever "
            "loads and renewables turn out to be."
        ),
        blocks=present(limit_chart(reading), rate_chart(reading), otherwise=_NO_PLAN),
    )


def _sweeps(reading: Reading) -> list[Section]:
    charts = sweep_charts(reading)
    if not charts:
        return []
    return [
        Section(
            id="sweeps",
            title="What it depends on",
            short="Sweeps",
            lead_html="One setting at a time is varied around the case as it is.",
            blocks=present(*charts, otherwise=_NO_PLAN),
        )
    ]


def _proof(reading: Reading) -> Section:
    return Section(
        id="trust",
        title="How far the numbers can be trusted",
        short="Proof",
        lead_html=(
            "A master problem chooses modules, the days answer with cuts; its bound falls to the "
            "best plan until the gap asked for is closed."
        ),
        blocks=present(
            Note(
                text_html="<b>A reconstruction.</b> Of the model's source only the nomenclature is "
                "public; its equations here are ours. So are the prices of the built-in case: its "
                "money is an example, no forecast."
            ),
            bound_chart(reading),
            plan_table(reading),
            otherwise=_NO_PLAN,
        ),
    )
