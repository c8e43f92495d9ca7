"""The risk study: methods x sample sizes x confidence x seeds, at the stations and the operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ..campaign import Settings
from ..case import Case
from ..study import Findings, StudyKind
from .design import design_of
from .page import draw_risk
from .plan import plan_tasks, work_on
from .summary import build_summary
from .tables import build_tables
from .view import risk_view


def collect(case: Case, settings: Settings, answers: Sequence[Any]) -> Findings:
    """Tables and key figures of a finished campaign."""
    design = design_of(settings["quick"], settings["seeds"])
    tables = build_tables(answers, design)
    return Findings(tables=tables, summary=build_summary(tables, design))


RISK: Final = StudyKind(
    name="risk", plan=plan_tasks, work=work_on, collect=collect, draw=draw_risk, view=risk_view
)
