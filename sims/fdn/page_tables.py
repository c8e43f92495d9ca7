"""The tables of a planning study's page, with the paper's numbers beside where it has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from ..reporting.page import Table
from ..reporting.study_page import figure_text, percent
from .cost_pictures import algorithms_of, is_published
from .published import PAPER_RISK, ROUNDS, SWEEP, TABLE_1_SOPS, TABLE_2, TOTALS
from .reading import LIMIT_WORDS, PlanKey, Reading, roman

_MILLION: Final = 1e6
_COMPONENTS: Final = {
    "sop_site": "SOP: land",
    "sop_converter": "SOP: converters",
    "sop_line": "SOP: lines",
    "evcs_site": "charging stations: land",
    "evcs_converter": "charging stations: converters",
    "pv_converter": "PV: converters",
    "storage_site": "storage: land",
    "storage_converter": "storage: converters",
    "storage_battery": "storage: batteries",
    "larger_line": "larger lines",
    "larger_transformer": "larger transformers",
    "loss": "losses",
    "overload": "overload",
    "voltage": "voltage violation",
}


def plans_table(reading: Reading) -> Table:
    """All plans of the study, a row each."""
    table = reading.table("plans")
    rows, marks = [], {}
    for place, row in enumerate(table.to_dict("records")):
        if row["status"] != "ok":
            marks[place] = "bad"
        rows.append(
            (
                str(row["variant"]),
                f"{100 * row['risk']:g}\N{NO-BREAK SPACE}%",
                str(row["algorithm"]).replace("_", " "),
                str(row["status"]),
                f"{row['iterations']}",
                _risk(row),
                *(
                    _million(row[name])
                    for name in ("cost_total", "cost_investment", "cost_operation")
                ),
                _paper_total(reading, row),
                figure_text(row["sop_kva"] / 1e3, 2),
                roman(int(row["first_sop_stage"])) if row["first_sop_stage"] else "\N{EN DASH}",
            )
        )
    return Table(
        title="All plans",
        caption_html=(
            "Costs are present values in millions. The worst risk is that of the limit violated "
            "most often on fresh samples, with its 95 % interval; Cases V and VI promise nothing."
        ),
        headings=(
            *("case", "risk", "algorithm", "status", "rounds", "worst risk"),
            *("total", "investment", "operation", "paper", "SOP MVA", "from stage"),
        ),
        rows=rows,
        labels=4,
        marks=marks,
    )


def _risk(row: dict[Any, Any]) -> str:
    if row["status"] == "no plan":
        return "\N{EN DASH}"
    ends = f"{100 * row['risk_low']:.2f}\N{EN DASH}{100 * row['risk_high']:.2f}"
    return f"{percent(100 * row['risk_max'], 2)} ({ends})"


def _paper_total(reading: Reading, row: dict[Any, Any]) -> str:
    known = reading.has_paper and row["risk"] == PAPER_RISK
    return figure_text(TOTALS.get(row["variant"]) if known else None, 2)


def _million(value: float) -> str:
    return figure_text(value / _MILLION, 2)


def costs_table(reading: Reading, plan: PlanKey) -> Table:
    """Table 2 of the paper: present value by component and stage; the paper's below each row."""
    costs = reading.of("costs", plan)
    stages, beside = reading.stages(plan), is_published(reading, plan)
    rows: list[tuple[str, ...]] = []
    marks: dict[int, str] = {}
    for component, words in _COMPONENTS.items():
        own = costs[costs["component"] == component]
        values = [float(v) / _MILLION for v in own["present_value"]]
        if not any(values) and not (beside and component in TABLE_2):
            continue
        rows.append((words, *_with_sum(values)))
        if beside:
            marks[len(rows)] = "paper"
            rows.append(("paper", *_with_sum(TABLE_2[component])))
    totals = costs.groupby("stage")["present_value"].sum() / _MILLION
    marks[len(rows)] = "total"
    rows.append(("all", *_with_sum(list(totals))))
    if beside:
        marks[len(rows)] = "paper"
        rows.append(
            ("paper", *_with_sum([sum(column) for column in zip(*TABLE_2.values(), strict=True)]))
        )
    return Table(
        title=f"Costs by component and stage: {reading.label(plan)}",
        caption_html=f"Present value, 1e6 {reading.case.currency}, as the paper's Table 2.",
        headings=("component", *(f"stage {roman(stage)}" for stage in stages), "all"),
        rows=rows,
        marks=marks,
    )


def _with_sum(values: Sequence[float]) -> tuple[str, ...]:
    return tuple(figure_text(value, 2) for value in (*values, sum(values)))


def three_ways_table(reading: Reading, plan: PlanKey) -> Table:
    """Overnight, annualised and present value of every stage; and by cause."""
    costs = reading.of("costs", plan)
    rows = []
    for stage in reading.stages(plan):
        for operation in (False, True):
            here = costs[
                (costs["stage"] == stage)
                & (costs["component"].isin(["loss", "overload", "voltage"]) == operation)
            ]
            words = "operation" if operation else "investment"
            sums = (here[name].sum() for name in ("overnight", "annualised", "present_value"))
            rows.append((f"stage {roman(stage)}: {words}", *map(_million, sums)))
    for cause, group in costs.groupby("cause", sort=False):
        rows.append((f"for {cause}", "", "", _million(group["present_value"].sum())))
    rules = reading.case.rules
    return Table(
        title="The same money in three ways, and what makes it necessary",
        caption_html=(
            "<b>Overnight:</b> what the stage pays, in its own money (operation: all its "
            f"{rules.years_per_stage} years). <b>Annualised:</b> what one year of the stage bears "
            f"({100 * rules.discount_rate:g} % over {rules.payback_years} years). <b>Present "
            "value:</b> discounted to the first day of stage I."
        ),
        headings=("", "overnight", "annualised", "present value"),
        rows=rows,
    )


def sops_table(reading: Reading, plan: PlanKey) -> Table:
    """Table 1 of the paper: what stands by stage."""
    sops, sites = reading.of("sops", plan), reading.of("sites", plan)
    beside = is_published(reading, plan)
    rows: list[tuple[str, ...]] = []
    marks: dict[int, str] = {}
    for stage in reading.stages(plan):
        here = sops[sops["stage"] == stage]
        own = [
            dict(zip(rows_["bus"], rows_["kva"] / 1e3, strict=True))
            for _, rows_ in here.groupby("slot")
        ]
        kinds = (_sites(sites, stage, kind) for kind in ("evcs", "pv"))
        rows.append((roman(stage), _sops(own), *kinds))
        if beside:
            marks[len(rows)] = "paper"
            rows.append(("paper", _sops(TABLE_1_SOPS[stage - 1]), "", ""))
    return Table(
        title=f"What stands: {reading.label(plan)}",
        caption_html="Buses, and the MVA that stand there (the paper's Table 1).",
        headings=("stage", "soft open points", "charging stations", "PV"),
        rows=rows,
        labels=4,
        marks=marks,
    )


def _sops(sops: Sequence[Any]) -> str:
    shown = [
        f"{'-'.join(map(str, sop))} ({', '.join(f'{mva:.2f}' for mva in sop.values())})"
        for sop in sops
    ]
    return " + ".join(shown) or "\N{EN DASH}"


def _sites(sites: pd.DataFrame, stage: int, kind: str) -> str:
    here = sites[(sites["stage"] == stage) & (sites["kind"] == kind)]
    return " ".join(
        f"{bus}({kva / 1e3:.2f})" for bus, kva in zip(here["bus"], here["kva"], strict=True)
    )


def certificate_table(reading: Reading, plan: PlanKey, most: int = 12) -> Table:
    """The limits that come nearest to their promise, or break it."""
    found = reading.of("certificate", plan)
    worst = found.sort_values("risk_found", ascending=False, kind="stable").head(most)
    rows, marks = [], {}
    for place, row in enumerate(worst.to_dict("records")):
        if row["risk_found"] > plan.risk:
            marks[place] = "bad"
        rows.append(
            (
                LIMIT_WORDS[row["limit"]],
                f"{row['element']}, feeder {row['feeder']}",
                f"stage {roman(row['stage'])}",
                percent(100 * row["risk_found"], 2),
                f"{100 * row['risk_low']:.2f}\N{EN DASH}{100 * row['risk_high']:.2f} %",
            )
        )
    return Table(
        title=f"Limits nearest to their promise: {reading.label(plan)}",
        caption_html=(
            f"Violation rates on fresh samples that the plan has never seen, with Wilson's 95 % "
            f"interval for each limit by itself; promised are {100 * plan.risk:g} %."
        ),
        headings=("limit", "where", "when", "violated", "interval"),
        rows=rows,
        labels=3,
        marks=marks,
    )


def rounds_table(reading: Reading, plan: PlanKey) -> Table:
    """Objective, gap, deviations and risks of every round."""
    rows = [
        (
            f"{row['iteration']}",
            row["terminals"] or "\N{EN DASH}",
            _million(row["objective"]),
            percent(100 * row["gap"], 2),
            f"{row['relaxation_deviation']:.0e}",
            f"{row['ac_deviation']:.0e}",
            *(percent(100 * row[limit], 1) for limit in LIMIT_WORDS),
            f"{row['broken']}",
        )
        for row in reading.of("iterations", plan).to_dict("records")
    ]
    return Table(
        title=f"Round by round: {reading.label(plan)}",
        caption_html=(
            "Soft open points of the last stage by feeder and bus; objective and proven gap of "
            "the round's program; how far its cone relaxation (15) and its voltages are from exact "
            "physics, per unit; the worst risk of each kind; how many limits broke the promise."
        ),
        headings=(
            *("round", "soft open points", "objective", "gap", "relaxation", "power flow"),
            *LIMIT_WORDS.values(),
            "broken",
        ),
        rows=rows,
        labels=2,
    )


def sweep_table(reading: Reading, plans: Sequence[PlanKey]) -> Table | None:
    """By risk: first stage and capacity of soft open points, costs; the paper's beside."""
    if len(plans) < 2:
        return None
    rows = []
    for plan in plans:
        row = reading.of("plans", plan).iloc[0]
        stage, mva = SWEEP.get(plan.risk, (0, float("nan"))) if reading.has_paper else (0, None)
        first = int(row["first_sop_stage"])
        rows.append(
            (
                f"{100 * plan.risk:g}\N{NO-BREAK SPACE}%",
                roman(first) if first else "\N{EN DASH}",
                roman(stage) if stage else "\N{EN DASH}",
                figure_text(row["sop_kva"] / 1e3, 2),
                figure_text(mva, 2),
                *(_million(row[f"cost_{name}"]) for name in ("investment", "operation", "total")),
                f"{row['iterations']}",
            )
        )
    return Table(
        title="By allowed risk",
        caption_html="The paper's Fig. 7: first soft open point, and converter MVA in the end.",
        headings=(
            *("risk", "first SOP", "paper", "SOP MVA", "paper"),
            *("investment", "operation", "total", "rounds"),
        ),
        rows=rows,
    )


def algorithms_table(reading: Reading) -> Table | None:
    """Rounds and cost by algorithm."""
    plans = algorithms_of(reading)
    if len(plans) < 2:
        return None
    rows = []
    for plan in plans:
        row = reading.of("plans", plan).iloc[0]
        rounds, hours = (
            ROUNDS.get(plan.algorithm, (None, None)) if reading.has_paper else (None,) * 2
        )
        rows.append(
            (
                plan.algorithm.replace("_", " "),
                f"{row['iterations']}",
                figure_text(rounds),
                figure_text(hours, 2),
                _million(row["objective"]),
                _million(row["cost_total"]),
                percent(100 * row["risk_max"], 2),
            )
        )
    return Table(
        title="By algorithm",
        caption_html="Rounds until all risks are small enough; the paper's on its own data.",
        headings=(
            *("algorithm", "rounds", "paper", "paper, hours"),
            *("objective", "total", "worst risk"),
        ),
        rows=rows,
    )
