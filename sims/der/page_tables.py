"""The tables of a DER study's page, with the paper's numbers beside where it has them."""

from __future__ import annotations

from typing import Any

from ...planning.der.choices import DerModel
from ..reporting.page import Table
from ..reporting.study_page import figure_text, money, percent
from .comparison_pictures import label_of
from .published import ITERATION_SECONDS, TABLE_1
from .reading import WORDS, PlanKey, Reading

_PAPER_ROW = "\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}paper"


def capacity_table(reading: Reading) -> Table | None:
    """Table 2: sites, capacities and costs of every plan; the paper's below each row."""
    rows: list[tuple[str, ...]] = []
    marks: dict[int, str] = {}
    for plan in reading.plans:
        own = reading.row("plans", plan)
        rows.append(
            (
                f"{plan.label} ({WORDS[DerModel(plan.model)]})",
                *(figure_text(own[name]) for name in ("pv_sites", "battery_sites")),
                *(figure_text(own[name] / 1e3, 2) for name in ("pv_kw", "battery_kwh")),
                *(money(own[name]) for name in ("investment", "operation", "objective")),
            )
        )
        paper = reading.published(plan)
        if paper is not None:
            marks[len(rows)] = "paper"
            rows.append(
                (
                    _PAPER_ROW,
                    *(figure_text(value) for value in (paper.pv_sites, paper.battery_sites)),
                    *(figure_text(value, 2) for value in (paper.pv_mw, paper.bess_mwh)),
                    *map(money, (paper.investment, paper.operation, paper.objective)),
                )
            )
    if not rows:
        return None
    unit = reading.case.currency
    return Table(
        title="Capacities and costs by formulation",
        caption_html=f"The paper's Table 2; {unit} for a representative day. Its data are others.",
        headings=(
            *("plan", "PV sites", "battery sites", "PV MW", "BESS MWh"),
            *("investment", "operation", "objective"),
        ),
        rows=rows,
        marks=marks,
    )


def performance_table(reading: Reading) -> Table | None:
    """Tables 3 and 4: objective, proven gap, iterations and seconds, with the paper's."""
    rows: list[tuple[str, ...]] = []
    marks: dict[int, str] = {}
    for plan in reading.plans:
        own, seconds = reading.row("plans", plan), reading.seconds(plan)
        if own["status"] != "ok":
            marks[len(rows)] = "bad"
        paper = reading.published(plan)
        rows.append(
            (
                plan.label,
                str(own["certificate"]),
                figure_text(own["objective"], 2),
                figure_text(own["lower_bound"], 2),
                percent(100 * own["gap"], 3),
                f"{own['iterations']}",
                figure_text(getattr(paper, "iterations", 0) or None),
                figure_text(seconds.get("solve"), 2),
                figure_text(getattr(paper, "seconds", None)),
                _iteration_seconds(reading, plan),
            )
        )
    if not rows:
        return None
    return Table(
        title="Gap, certificate and time of every plan",
        caption_html=(
            "The paper's Tables 3 and 4 beside: CPLEX on 24 cores, other data. "
            "<b>network-exact:</b> the bounds hold with all limits of the feeder. "
            "<b>nodal-gap:</b> likewise, and the gap is that of the feeder. "
            "<b>copperplate-bound:</b> they hold without them only."
        ),
        headings=(
            *("plan", "certificate", "objective", "lower bound", "gap"),
            *("iterations", "paper", "seconds", "paper", "paper: master + sub"),
        ),
        rows=rows,
        labels=2,
        marks=marks,
    )


def _iteration_seconds(reading: Reading, plan: PlanKey) -> str:
    """The paper's mean of an iteration."""
    known = ITERATION_SECONDS.get((plan.model, plan.load_budget))
    if reading.published(plan) is None or known is None:
        return figure_text(None)
    return f"{known[0]:.2f} + {known[1]:.2f}"


def deviation_table(reading: Reading) -> Table | None:
    """Table 1, of the whole feeder: capacities and cost against perfect information."""
    if reading.table("deviation").empty:
        return None
    rows = []
    for plan in reading.plans:
        own = reading.row("deviation", plan)
        rows.append(
            (
                plan.label,
                *(figure_text(own[name] / 1e3, 3, sign=True) for name in ("pv_kw", "battery_kwh")),
                *(percent(100 * own[k], 1, sign=True) for k in ("pv_share", "battery_share")),
                percent(100 * own["cost_share"], 2, sign=True),
            )
        )
    if not rows:
        return None
    return Table(
        title="Deviation from perfect information",
        caption_html=(
            "Capacity less that with perfect information, and what the plan costs more over the "
            "scenarios in a row, operated knowing them."
        ),
        headings=("plan", "PV MW", "BESS MWh", "PV", "BESS", "cost"),
        rows=rows,
    )


def paper_deviation_table(reading: Reading) -> Table | None:
    """The paper's own Table 1."""
    if not any(reading.published(plan) for plan in reading.plans):
        return None
    rows = [
        (f"{technology}, profile {profile}", *(f"{v:+.3f}" for pair in values for v in pair))
        for (technology, profile), values in TABLE_1.items()
    ]
    return Table(
        title="The paper's Table 1, for a single load profile",
        caption_html="MW and MWh less those with perfect information; PV and batteries together.",
        headings=(
            "what",
            *(f"{model} {budget}" for budget in (0, 10, 20) for model in ("ARSO", "ARO")),
        ),
        rows=[tuple(cell.replace("-", "\N{MINUS SIGN}") for cell in row) for row in rows],
    )


def fresh_table(reading: Reading) -> Table | None:
    """All plans on the days that no model has seen."""
    table = reading.table("out_of_sample")
    rows: list[tuple[str, ...]] = []
    marks: dict[int, str] = {}
    for row in table.to_dict("records"):
        if row["infeasible_days"]:
            marks[len(rows)] = "bad"
        rows.append((label_of(row), *_fresh_cells(row)))
    if not rows:
        return None
    return Table(
        title="Fresh days",
        caption_html=(
            f"{int(table['days'].max())} days of the year that are no scenario, each operated at "
            "least cost with the plan as it stands; investment included. <b>Bus by bus:</b> days "
            "on which the simplest way to share operation among sites would break a limit."
        ),
        headings=(
            *("plan", "mean", "95 %", "dearest", "autonomy"),
            *("unserved kWh a day", "days not served", "bus by bus"),
        ),
        rows=rows,
        marks=marks,
    )


def _fresh_cells(row: dict[Any, Any]) -> tuple[str, ...]:
    return (
        *(figure_text(row[name], 1) for name in ("cost_mean", "cost_q95", "cost_max")),
        percent(100 * row["autonomy"], 1),
        figure_text(row["unserved_kwh"], 1),
        figure_text(row["infeasible_days"]),
        figure_text(row["nodal_days"]),
    )


def robustness_table(reading: Reading) -> Table | None:
    """Price of robustness by model and budget."""
    rows = [
        (
            label_of(row),
            figure_text(row["objective"], 2),
            percent(100 * row["price"], 2, sign=True),
            percent(100 * row["out_of_sample"], 2, sign=True),
        )
        for row in reading.table("robustness").to_dict("records")
    ]
    if len(rows) < 2:
        return None
    return Table(
        title="Price of robustness",
        caption_html="Against budget 0 of the same model: in the worst case, and on fresh days.",
        headings=("plan", "objective", "worst case", "fresh days"),
        rows=rows,
    )


def standing_table(reading: Reading) -> Table | None:
    """Autonomy of every plan over the scenarios in a row."""
    rows = [
        (label_of(row), percent(100 * row["row_autonomy"], 1), figure_text(row["row_cost"], 1))
        for row in reading.table("out_of_sample").to_dict("records")
    ]
    if not rows:
        return None
    return Table(
        title="Plans over the scenarios in a row",
        caption_html=f"Autonomy at least cost, and {reading.case.currency} a day with investment.",
        headings=("plan", "autonomy", "total"),
        rows=rows,
    )
