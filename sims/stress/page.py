"""``study.html`` of a stress study, and its pictures for papers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..case import Case
from ..reporting.page import Note, Section
from ..reporting.study_page import Banner, day_size, draw_page, present
from ..results import Run
from .adjustment_pictures import (
    energy_chart,
    fairness_chart,
    limit_chart,
    station_chart,
)
from .check_pictures import violation_chart
from .evidence import Tables, agreed, policies_of, rows_of
from .guarantees import guarantees
from .key_figures import key_figures
from .outcome_pictures import boundary_chart, outcome_chart, rounds_chart, severity_chart
from .page_tables import (
    boundary_table,
    breach_table,
    duel_table,
    failure_table,
    forensics_table,
    guarantee_table,
    outcome_table,
    policy_table,
    promise_table,
)
from .paper_figures import PAPER_FIGURES
from .policy_pictures import duel_chart

_CALM = "On no day that ended in an agreement did the operator have to ask for a change."
_NOBODY = "No episode ended in an agreement."


def draw_stress(run: Run, case: Case) -> Path:
    """Writes ``study.html`` and ``figures/`` beside the tables; returns the page's path."""
    summary, tables = run.summary, run.tables
    settings = summary.get("settings") or {}
    return draw_page(
        run,
        case,
        study="stress study",
        size=day_size(case),
        facts={"policies": ", ".join(policies_of(tables)), "seed": settings.get("seed", "")},
        banners=[verdict(tables, summary)],
        cards=key_figures(case, summary, tables),
        sections=stress_sections(case, summary, tables),
        drawings={name: partial(draw, case, tables) for name, draw in PAPER_FIGURES.items()},
    )


def verdict(tables: Tables, summary: Mapping[str, Any]) -> Banner:
    """Whether every guarantee held in every episode."""
    count, agreements = len(rows_of(tables, "episodes")), len(agreed(tables))
    if summary["status"] == "ok":
        return Banner(
            kind="good",
            headline=f"✓ Every guarantee held in {count:,} episode{'s' * (count != 1)}",
            text=_endings(agreements, count - agreements),
        )
    return Banner(
        kind="alarm",
        headline="⚠ A guarantee was broken",
        text=f"{count:,} episodes, {agreements:,} agreed. Do not rely on these before it is clear "
        "why:",
        points=tuple(
            f"{g.law}: broken {g.broken:,} time{'s' * (g.broken != 1)}"
            for g in guarantees(tables, summary)
            if g.broken
        ),
    )


def _endings(agreements: int, failures: int) -> str:
    calm = "No approved day broke its promise unnoticed."
    if not failures:
        return f"All of them ended in an agreement. {calm}"
    return (
        f"{agreements:,} ended in an agreement, {failures:,} with a named reason why there is "
        f"none; not one ended otherwise. {calm}"
    )


def stress_sections(case: Case, summary: Mapping[str, Any], tables: Tables) -> list[Section]:
    """The sections, in the order in which the story is told."""
    return [
        _guarantees(tables, summary),
        _outcomes(tables),
        _boundaries(tables),
        _rounds(tables),
        _energy(case, tables),
        _fairness(tables),
        _check(tables),
        _policies(case, tables),
        _forensics(case, tables),
        _failures(tables),
    ]


def _guarantees(tables: Tables, summary: Mapping[str, Any]) -> Section:
    return Section(
        id="guarantees",
        title="What is promised, and how often it held",
        short="Guarantees",
        lead_html=(
            "Whatever goes wrong, four things must hold in every episode. The campaign counts how "
            "often each was put to the test, and how often it failed: <b>the last column must be "
            "all zeros</b>."
        ),
        blocks=(guarantee_table(tables, summary),),
    )


def _outcomes(tables: Tables) -> Section:
    return Section(
        id="outcomes",
        title="How episodes end",
        short="Outcomes",
        lead_html=(
            "Each day has one to four perturbations, of a severity between 0 (nothing happens) "
            "and 1, and is played under every policy with the same draws. It ends in an agreement "
            "or with the named reason why there is none."
        ),
        blocks=present(
            outcome_table(tables),
            outcome_chart(tables),
            severity_chart(tables),
            otherwise="This study holds no episodes.",
        ),
    )


def _boundaries(tables: Tables) -> Section:
    return Section(
        id="boundaries",
        title="Where agreement ends",
        short="Boundaries",
        lead_html=(
            "How much of one thing is too much? Each perturbation alone is made more severe until "
            "the parties no longer agree."
        ),
        blocks=present(
            boundary_chart(tables),
            boundary_table(tables),
            otherwise="This study did not search for boundaries (quick studies of large cases "
            "do not).",
        ),
    )


def _rounds(tables: Tables) -> Section:
    return Section(
        id="rounds",
        title="How long agreement takes",
        short="Rounds",
        lead_html=(
            "After each submission of the stations the operator approves, or asks for a change "
            "and the stations trade again."
        ),
        blocks=present(rounds_chart(tables), otherwise=_NOBODY),
    )


def _energy(case: Case, tables: Tables) -> Section:
    return Section(
        id="energy",
        title="How much is adjusted, whose, and at whose cost",
        short="Energy and cost",
        lead_html=(
            "What the operator asked to change, what stations gave up in the end, and what that "
            "costs them: the difference of two exact optima of the same day, within the limits in "
            "force at the end and without any."
        ),
        blocks=present(energy_chart(tables), station_chart(case, tables), otherwise=_CALM),
    )


def _fairness(tables: Tables) -> Section:
    return Section(
        id="fairness",
        title="How fair the curtailment is",
        short="Fairness",
        lead_html="Are all asked for a little, or is one asked for everything?",
        blocks=present(
            fairness_chart(tables), otherwise="No station was curtailed on an approved day."
        ),
    )


def _check(tables: Tables) -> Section:
    calm = None
    if len(agreed(tables)) and violation_chart(tables) is None:
        calm = Note(
            text_html="No limit was exceeded in any sample of any approved day, so that there "
            "is nothing to draw."
        )
    return Section(
        id="check",
        title="What is left of violations in exact power flows",
        short="AC check",
        lead_html=(
            "Every approved day is put through exact three-phase AC power flows on samples that "
            "no optimisation has seen, with what stations really draw. Each single limit may be "
            "exceeded with the promised probability."
        ),
        blocks=present(
            promise_table(tables),
            calm,
            violation_chart(tables),
            breach_table(tables),
            otherwise=_NOBODY,
        ),
    )


def _policies(case: Case, tables: Tables) -> Section:
    return Section(
        id="policies",
        title="Three ways to ask for a change",
        short="Policies",
        lead_html=(
            "<b>projection</b> asks for the smallest change over all stations; <b>paper</b> limits "
            "the stations at the strained bus or behind the strained line; <b>price</b> lets "
            "stations answer to nodal prices. All met the same days with the same draws."
        ),
        blocks=present(
            policy_table(case, tables),
            duel_chart(case, tables),
            duel_table(case, tables),
            otherwise="There is no day on which every policy agreed and some policy adjusted.",
        ),
    )


def _forensics(case: Case, tables: Tables) -> Section:
    return Section(
        id="forensics",
        title="Which limit made it necessary",
        short="Forensics",
        lead_html=(
            "Every cut can be traced to the limit that binds most in its hour: the element, the "
            "phase, the time, the station, the energy."
        ),
        blocks=present(limit_chart(case, tables), forensics_table(case, tables), otherwise=_CALM),
    )


def _failures(tables: Tables) -> Section:
    return Section(
        id="failures",
        title="Days without agreement",
        short="Failures",
        lead_html=(
            "A failure is no accident of the method: it names what cannot be kept. "
            "<b>InfeasibleError</b> means that the grid cannot be run whatever the stations do."
        ),
        blocks=present(
            failure_table(tables), otherwise="There are none: every episode ended in an agreement."
        ),
    )
