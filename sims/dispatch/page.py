"""``study.html`` of a dispatched day, and its figures for papers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

from ...planning.dispatch.case import DispatchCase
from ..reporting.masthead import Card
from ..reporting.page import Section
from ..reporting.study_page import (
    Banner,
    draw_page,
    figure_text,
    how_to_read,
    money,
    network_size,
    percent,
    present,
)
from ..results import Run
from .battery_pictures import battery_chart, battery_figure
from .import_pictures import balance_chart, import_chart, import_figure
from .load_pictures import load_chart, load_figure
from .network_pictures import loading_chart, voltage_chart, voltage_figure
from .page_tables import cost_table, load_table, requirement_table, trust_table
from .polygon_pictures import polygon_chart, polygon_figure
from .reading import Reading, reading_of
from .site_pictures import site_chart
from .sop_pictures import sop_chart, sop_figure

#: By file name without suffix.
FIGURES: Final = {
    "import": import_figure,
    "batteries": battery_figure,
    "soft-open-points": sop_figure,
    "deferrable-loads": load_figure,
    "voltages": voltage_figure,
    "polygon": polygon_figure,
}
_NO_DISPATCH: Final = "There is no dispatch."


def draw_dispatch(run: Run, case: DispatchCase) -> Path:
    """Writes the page and ``figures/`` beside the tables; returns the page's path."""
    reading = reading_of(run, case)
    return draw_page(
        run,
        case,
        study="dispatch",
        size=f"{network_size(case.network)}, {case.steps} steps",
        facts=_facts(reading),
        banners=_banners(reading),
        cards=_cards(reading),
        sections=dispatch_sections(reading),
        drawings={name: partial(draw, reading) for name, draw in FIGURES.items()},
    )


def _facts(reading: Reading) -> dict[str, Any]:
    case = reading.case
    devices = {
        "generators": len(case.generators.names),
        "soft open points": len(case.sops.names),
        "batteries": len(case.batteries.names),
        "deferrable loads": len(case.deferrable.names),
    }
    charging = {"charging": "of episodes"} if case.learned_from else {}
    return {name: count for name, count in devices.items() if count} | charging


def _banners(reading: Reading) -> list[Banner]:
    """Whether there is a dispatch, and whether it does all that is asked of it."""
    summary = reading.summary
    if not reading.solved:
        return [Banner(kind="alarm", headline="There is no dispatch.", text=summary["reason"])]
    asked = summary["requirements"]
    short = tuple(
        f"{one['name']}: {one['shortfall_kwh']:,.0f} of {one['asked_kwh']:,.0f} kWh are missing"
        for one in asked
        if not one["feasible"]
    )
    loads = summary["deferrable_loads"]
    text = f"All {loads['count']} deferrable loads meet their deadlines." if loads["count"] else ""
    if short:
        headline = f"{len(short)} of {len(asked)} requirements cannot be met entirely."
        return [Banner(kind="poor", headline=headline, text=text, points=short)]
    headline = "Every requirement is met." if asked else "The day is dispatched."
    return [Banner(kind="good", headline=headline, text=text)]


def _cards(reading: Reading) -> list[Card]:
    if not reading.solved:
        return []
    found, unit = reading.summary, reading.case.currency
    asked = found["requirements"]
    met = sum(one["feasible"] for one in asked)
    polygon = found["polygon"]
    return [
        Card(
            name="cost of the day",
            value=money(found["objective"]),
            unit=unit,
            aside=f"{money(found['plan_objective'])} without requirements",
        ),
        Card(
            name="requirements met",
            value=f"{met} of {len(asked)}" if asked else "",
            aside=f"{sum(one['shortfall_kwh'] for one in asked):,.0f} kWh missing",
            wrong=met < len(asked),
        ),
        Card(
            name="lowest, highest voltage",
            value=f"{found['v_min_pu']:.3f}, {found['v_max_pu']:.3f}",
            unit="pu",
            aside="by exact power flow",
        ),
        Card(
            name="highest loading",
            value=percent(100 * found["loading"], 1),
            aside=f"of {reading.case.rules.i_max_a:g} A",
        ),
        Card(
            name="converters' losses",
            value=percent(100 * polygon["losses_error"], 2, sign=True),
            aside=f"polygon of {polygon['sides']} sides against circles",
        ),
        Card(
            name="time to solve",
            value=figure_text(found["seconds"].get("solve"), 2),
            unit="s",
            aside=f"{reading.case.steps} steps, {found['passes']} passes",
        ),
    ]


def dispatch_sections(reading: Reading) -> list[Section]:
    """The sections, in the order of the questions a reader asks."""
    return [
        _asked(reading),
        _costs(reading),
        _sites(reading),
        _batteries(reading),
        _sops(reading),
        _loads(reading),
        _network(reading),
        _trust(reading),
    ]


def _asked(reading: Reading) -> Section:
    return Section(
        id="flexibility",
        title="Can the day do what is asked of it?",
        short="Flexibility",
        lead_html=(
            "The plan is the cheapest dispatch without requirements. Each requirement asks for "
            "less or more import than planned."
        ),
        blocks=present(import_chart(reading), requirement_table(reading), otherwise=_NO_DISPATCH),
    )


def _costs(reading: Reading) -> Section:
    return Section(
        id="what-it-costs",
        title="What it costs, and what covers the load",
        short="Costs",
        lead_html="Import at its price, and what counts besides.",
        blocks=present(cost_table(reading), balance_chart(reading), otherwise=_NO_DISPATCH),
    )


def _sites(reading: Reading) -> Section:
    return Section(
        id="devices",
        title="What can move",
        short="Devices",
        lead_html="Where soft open points, generators, batteries and loads that wait stand.",
        blocks=present(site_chart(reading), otherwise="Nothing can move."),
    )


def _batteries(reading: Reading) -> Section:
    return Section(
        id="storage",
        title="What batteries do",
        short="Batteries",
        lead_html="They charge while energy is cheap, and give it when it is dear or asked for.",
        blocks=present(battery_chart(reading), otherwise="There are no batteries."),
    )


def _sops(reading: Reading) -> Section:
    return Section(
        id="transfers",
        title="What goes from feeder to feeder",
        short="Soft open points",
        lead_html=(
            "Soft open points move active power between feeders and give reactive power at each "
            "end, to hold voltages and to relieve lines."
        ),
        blocks=present(sop_chart(reading), otherwise="There are no soft open points."),
    )


def _loads(reading: Reading) -> Section:
    return Section(
        id="waiting",
        title="What waits, and until when",
        short="Deferrable loads",
        lead_html="Loads that need their energy by a deadline, not at a time.",
        blocks=present(
            load_chart(reading), load_table(reading), otherwise="There are no deferrable loads."
        ),
    )


def _network(reading: Reading) -> Section:
    return Section(
        id="network",
        title="Does the network bear it?",
        short="Network",
        lead_html="Limits are kept by the linear power flow; the exact one is the judge.",
        blocks=present(voltage_chart(reading), loading_chart(reading), otherwise=_NO_DISPATCH),
    )


def _trust(reading: Reading) -> Section:
    return Section(
        id="trust",
        title="How far the numbers can be trusted",
        short="Trust",
        lead_html=(
            "A polygon in place of the circle that limits a converter keeps the program linear; "
            "it gives away some capacity and overstates losses."
        ),
        blocks=present(
            how_to_read(
                "The polygon lies inside the circle, so every setpoint is one that the converter "
                "can do; its losses are never understated."
            ),
            polygon_chart(reading),
            trust_table(reading),
            otherwise=_NO_DISPATCH,
        ),
    )
