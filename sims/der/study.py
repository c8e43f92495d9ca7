"""The planning study of PV and batteries: models x budgets x methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ...planning.der.case import DerCase
from ..campaign import Settings
from ..derfile.load import load_der_case
from ..study import Findings, StudyKind
from .page import draw_der
from .plan_tasks import plan_tasks, work_on
from .summary import build_summary
from .tables import build_tables
from .view import der_view


def collect(case: DerCase, settings: Settings, answers: Sequence[Any]) -> Findings:
    """Tables and key figures of a finished campaign."""
    tables = build_tables(answers)
    return Findings(tables=tables, summary=build_summary(tables, answers))


DER: Final = StudyKind(
    name="der",
    plan=plan_tasks,
    work=work_on,
    collect=collect,
    draw=draw_der,
    view=der_view,
    load=load_der_case,
)
