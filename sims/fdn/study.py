"""The planning study of flexible distribution networks: variants x risks x algorithms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ...planning.fdn.case import FdnCase
from ..campaign import Settings
from ..planfile.load import load_fdn_case
from ..study import Findings, StudyKind
from .page import draw_fdn
from .plan_tasks import plan_tasks, work_on
from .summary import build_summary
from .tables import build_tables
from .view import fdn_view


def collect(case: FdnCase, settings: Settings, answers: Sequence[Any]) -> Findings:
    """Tables and key figures of a finished campaign."""
    tables = build_tables(answers)
    return Findings(tables=tables, summary=build_summary(tables, answers))


FDN: Final = StudyKind(
    name="fdn",
    plan=plan_tasks,
    work=work_on,
    collect=collect,
    draw=draw_fdn,
    view=fdn_view,
    load=load_fdn_case,
)
