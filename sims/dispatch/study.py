"""The study of a dispatched day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ...planning.dispatch.case import DispatchCase
from ..campaign import Settings
from ..dispatchfile.load import load_dispatch_case
from ..study import Findings, StudyKind
from .page import draw_dispatch
from .summary import build_summary
from .tables import build_tables
from .tasks import dispatch_tasks, work_on
from .view import dispatch_view


def collect(case: DispatchCase, settings: Settings, answers: Sequence[Any]) -> Findings:
    """Tables and key figures of the day."""
    (answer,) = answers
    tables = build_tables(answer)
    return Findings(tables=tables, summary=build_summary(tables, answer))


DISPATCH: Final = StudyKind(
    name="dispatch",
    plan=dispatch_tasks,
    work=work_on,
    collect=collect,
    draw=draw_dispatch,
    view=dispatch_view,
    load=load_dispatch_case,
)
