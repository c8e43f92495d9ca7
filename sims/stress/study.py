"""The stress study: perturbed days under every policy, and the severities where agreement ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ..campaign import Settings
from ..case import Case
from ..study import Findings, StudyKind
from .page import draw_stress
from .perturbations import draw_perturbations
from .perturbed_day import perturb
from .plan import day_seed, design_of, plan_tasks, work_on
from .summary import build_summary
from .tables import build_tables
from .view import stress_view


def collect(case: Case, settings: Settings, answers: Sequence[Any]) -> Findings:
    """Tables and key figures of a finished campaign."""
    design = design_of(case, settings)
    details = {
        day: perturb(case, draw_perturbations(design.seed, day), day_seed(design.seed, day)).details
        for day in range(design.days)
    }
    tables = build_tables(plan_tasks(case, "", settings), answers, details)
    return Findings(tables=tables, summary=build_summary(tables, answers))


STRESS: Final = StudyKind(
    name="stress",
    plan=plan_tasks,
    work=work_on,
    collect=collect,
    draw=draw_stress,
    view=stress_view,
)
