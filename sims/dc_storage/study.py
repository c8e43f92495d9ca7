"""The planning study of ports and storage on DC links: the case's own plan, and sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ...planning.dc_storage.case import DcStorageCase
from ..campaign import Settings
from ..dcfile.load import load_dc_storage_case
from ..study import Findings, StudyKind
from .page import draw_dc_storage
from .plan_tasks import plan_tasks, work_on
from .summary import build_summary
from .tables import build_tables
from .view import dc_storage_view


def collect(case: DcStorageCase, settings: Settings, answers: Sequence[Any]) -> Findings:
    """Tables and key figures of a finished campaign."""
    tables = build_tables(answers)
    return Findings(tables=tables, summary=build_summary(tables, answers))


DC_STORAGE: Final = StudyKind(
    name="dc-storage",
    plan=plan_tasks,
    work=work_on,
    collect=collect,
    draw=draw_dc_storage,
    view=dc_storage_view,
    load=load_dc_storage_case,
)
