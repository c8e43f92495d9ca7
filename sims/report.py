"""The report of an episode: one HTML file, made of a header and ten sections."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .reporting.checks import limits_table, loading_chart, voltage_chart
from .reporting.dispatch import cost_table, dispatch_chart, price_chart
from .reporting.feeder import feeder_map
from .reporting.header import footer_html, header_html
from .reporting.layout import Tables
from .reporting.page import Block, Note, Section, page_html
from .reporting.roads import road_map
from .reporting.rounds import adjustment_chart, adjustment_table, convergence_chart, round_table
from .reporting.stations import schedule_chart
from .reporting.trades import gains_chart, settlement_table, trade_hours, trade_matrix

if TYPE_CHECKING:
    from .case import Case


def write_report(case: Case, summary: Mapping[str, Any], tables: Tables, path: Path) -> Path:
    """Writes the report of an episode as one file that works without a network.

    A table that is missing or empty (a run that stopped early, a day without trades) leaves a
    sentence in place of its pictures.

    Args:
        case: for positions, limits, tariffs and names.
        summary: as in ``summary.json``; keys that are absent leave their figure out.
        tables: by name, with the columns of ``schema.TABLES``.
        path: the file to write.

    Returns:
        ``path``.
    """
    title = f"roadvolt: {case.name}, {summary.get('status', 'unknown')}"
    sections = report_sections(case, summary, tables)
    page = page_html(title, header_html(case, summary), sections, footer_html(summary))
    path.write_text(page, encoding="utf-8")
    return path


def report_sections(case: Case, summary: Mapping[str, Any], tables: Tables) -> list[Section]:
    """The ten sections, in the order in which the story is told."""
    return [
        _costs(case, tables),
        _roads(case, tables),
        _feeder(case, tables),
        _schedules(case, tables),
        _trades(case, tables),
        _settlement(case, tables),
        _convergence(case, summary, tables),
        _adjustments(case, summary, tables),
        _dispatch(case, tables),
        _check(case, tables),
    ]


def _blocks(found: tuple[Block | None, ...], otherwise_html: str) -> tuple[Block, ...]:
    """What there is to see, or a sentence."""
    return tuple(block for block in found if block) or (Note(text_html=otherwise_html),)


def _costs(case: Case, tables: Tables) -> Section:
    return Section(
        id="costs",
        title="What the day costs",
        short="Costs",
        lead_html=(
            "The day is worked out twice: once with every station trading with the grid alone, "
            "once with stations trading with each other. The difference is what peer trading is "
            "worth."
        ),
        blocks=_blocks((cost_table(case, tables),), "This run did not get as far as costs."),
    )


def _roads(case: Case, tables: Tables) -> Section:
    return Section(
        id="roads",
        title="Traffic and charging on the roads",
        short="Roads",
        lead_html=(
            "Drivers choose their quickest route; those who must charge choose a route past a "
            "station. The transport operator's equilibrium says how full each road is and how "
            "many vehicles each station must expect."
        ),
        blocks=_blocks((road_map(case, tables),), "This run holds no traffic."),
    )


def _feeder(case: Case, tables: Tables) -> Section:
    return Section(
        id="feeder",
        title="The feeder and the trades it carries",
        short="Feeder",
        lead_html=(
            "The distribution feeder with its three phases. Trades are agreements on paper; what "
            "the wires feel is each station's net withdrawal."
        ),
        blocks=_blocks((feeder_map(case, tables),), "This run holds no feeder state."),
    )


def _schedules(case: Case, tables: Tables) -> Section:
    return Section(
        id="stations",
        title="Schedules of the stations",
        short="Stations",
        lead_html=(
            "Each station plans its PV, its battery, its purchases and its trades for the whole "
            "day, in its own interest and without showing its data to anyone."
        ),
        blocks=_blocks((schedule_chart(case, tables),), "This run holds no schedules."),
    )


def _trades(case: Case, tables: Tables) -> Section:
    return Section(
        id="trades",
        title="Trading between peers",
        short="Trades",
        lead_html=(
            "Stations with PV to spare sell to stations with vehicles to charge, at prices on "
            "which both ends of each trade agree."
        ),
        blocks=_blocks(
            (trade_hours(case, tables), trade_matrix(case, tables)),
            "No energy was traded between stations on this day.",
        ),
    )


def _settlement(case: Case, tables: Tables) -> Section:
    return Section(
        id="settlement",
        title="Who pays whom, and who gains",
        short="Settlement",
        lead_html=(
            "Payments between stations add up to zero. Two ways of sharing the saving are worked "
            "out side by side."
        ),
        blocks=_blocks(
            (gains_chart(case, tables), settlement_table(case, tables)),
            "This run did not get as far as settlement.",
        ),
    )


def _convergence(case: Case, summary: Mapping[str, Any], tables: Tables) -> Section:
    return Section(
        id="negotiation",
        title="How the stations came to terms",
        short="Convergence",
        lead_html=(
            "Groups of stations exchange bids on the trades between them until a certified bound "
            "proves that no other set of trades could be noticeably cheaper."
        ),
        blocks=_blocks(
            (convergence_chart(case, summary, tables),), "This run holds no negotiation."
        ),
    )


def _adjustments(case: Case, summary: Mapping[str, Any], tables: Tables) -> Section:
    first = "The operator carried what the stations agreed on: <b>no adjustment was needed</b>."
    never = "The stations did not get as far as a submission."
    chart = adjustment_chart(case, tables)
    calm = None if chart else Note(text_html=first if summary.get("status") == "agreed" else never)
    return Section(
        id="adjustments-section",
        title="What the operator had to change",
        short="Adjustments",
        lead_html=(
            "The distribution operator checks each submission against its network. Where limits "
            "would be broken it asks for the smallest change that mends it, and the stations trade "
            "again."
        ),
        blocks=_blocks(
            (calm, round_table(case, tables), chart, adjustment_table(case, tables)), never
        ),
    )


def _dispatch(case: Case, tables: Tables) -> Section:
    return Section(
        id="operator",
        title="The operator's own day",
        short="Dispatch",
        lead_html=(
            "With the stations' withdrawals fixed, the operator runs its generators, batteries and "
            "wind at least cost and keeps reserves for what it cannot foresee."
        ),
        blocks=_blocks(
            (dispatch_chart(tables), price_chart(case, tables)),
            "This run did not get as far as a dispatch.",
        ),
    )


def _check(case: Case, tables: Tables) -> Section:
    return Section(
        id="check",
        title="The exact check",
        short="AC check",
        lead_html=(
            "The agreed day is put through an exact three-phase AC power flow on fresh samples "
            "that no optimisation has seen."
        ),
        blocks=_blocks(
            (limits_table(tables), voltage_chart(case, tables), loading_chart(case, tables)),
            "This run did not get as far as the exact check.",
        ),
    )
