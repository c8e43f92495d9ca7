"""A study: a campaign on one case, kept in a run's folder, from its plan to tables and summary."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
from rich.console import RenderableType

from ..agents.pool import Pool
from ..core.errors import ResultsError
from .campaign import CampaignWatcher, Settings, Task, Work, run_campaign
from .case import load_case
from .casefile.source import write_source
from .results import (
    Run,
    new_run_folder,
    package_versions,
    result_hash,
    save_summary,
    save_tables,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Findings:
    """What a study found: tidy tables, and the key figures that its ``--json`` prints."""

    tables: dict[str, pd.DataFrame]
    summary: dict[str, Any]  #: begins with "status"; general keys are added by ``run_study``


class AnyCase(Protocol):
    """What a study must know of its case, whatever the case is for."""

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def files(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyKind:
    """What one kind of study does. ``settings`` are plain JSON, from the command line.

    ``load`` makes of a folder the case that the other functions are given.
    """

    name: str
    plan: Callable[[Any, str, Settings], Sequence[Task]]  #: (case, its folder, settings)
    work: Work  #: settings of a task -> its answer
    collect: Callable[[Any, Settings, Sequence[Any]], Findings]  #: answers in order of the plan
    draw: Callable[[Run, Any], Path]  #: writes study.html and figures; the page's path
    view: Callable[[Mapping[str, Any]], RenderableType]  #: the summary, for the terminal
    load: Callable[[str], AnyCase] = load_case


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFolder:
    """The folder of a study that is under way, and what was asked for."""

    folder: Path
    kind: str
    settings: Settings
    csv: bool


def study_kind(name: str) -> StudyKind:
    """The kind of study of this name; imports it only when it is asked for."""
    if name == "risk":
        from .risk.study import RISK

        return RISK
    if name == "stress":
        from .stress.study import STRESS

        return STRESS
    if name == "fdn":
        from .fdn.study import FDN

        return FDN
    if name == "der":
        from .der.study import DER

        return DER
    if name == "dispatch":
        from .dispatch.study import DISPATCH

        return DISPATCH
    if name == "dc-storage":
        from .dc_storage.study import DC_STORAGE

        return DC_STORAGE
    raise ResultsError(name, "is no kind of study that this program knows")


def begin_study(
    parent: Path, case: AnyCase, kind: str, settings: Settings, csv: bool
) -> StudyFolder:
    """Makes a fresh folder under ``parent`` and writes down what is about to run."""
    folder = new_run_folder(parent, case.name, kind)
    write_source(case.files, folder / "case")
    words = {"kind": kind, "csv": csv, "settings": settings}
    (folder / "options.json").write_text(json.dumps(words, indent=2) + "\n")
    return StudyFolder(folder=folder, kind=kind, settings=settings, csv=csv)


def is_study(folder: Path) -> bool:
    """Whether the folder is that of a study, finished or not."""
    path = folder / "options.json"
    return path.is_file() and "kind" in json.loads(path.read_text())


def reopen_study(folder: Path) -> StudyFolder:
    """Opens the folder of an unfinished study, to go on with it.

    Raises:
        ResultsError: the study has finished.
    """
    if (folder / "summary.json").is_file():
        raise ResultsError(str(folder), "has finished; look at it with `roadvolt show`")
    words = json.loads((folder / "options.json").read_text())
    return StudyFolder(folder=folder, **words)


def run_study(study: StudyFolder, pool: Pool, watch: CampaignWatcher | None = None) -> Run:
    """Runs what is left of a study; writes tables, pictures and, last, the summary.

    Raises:
        RoadvoltError: whatever a task raises; what was done until then is kept.
    """
    start = time.perf_counter()
    kind = study_kind(study.kind)
    place = str((study.folder / "case").resolve())
    case = kind.load(place)
    tasks = kind.plan(case, place, study.settings)
    answers = run_campaign(study.folder, tasks, kind.work, pool, watch)
    findings = kind.collect(case, study.settings, answers)
    seconds = round(time.perf_counter() - start, 3)
    summary = findings.summary | _about(study, case, findings, len(tasks), seconds)
    run = Run(folder=study.folder, summary=summary, tables=findings.tables)
    save_tables(findings.tables, study.folder, study.csv)
    kind.draw(run, case)
    save_summary(summary, study.folder)
    return run


def draw_study(run: Run) -> Path:
    """Writes ``study.html`` and the figures of a finished study anew; returns the page's path."""
    kind = study_kind(run.summary["study"])
    return kind.draw(run, kind.load(str(run.folder / "case")))


def _about(
    study: StudyFolder,
    case: AnyCase,
    findings: Findings,
    tasks: int,
    seconds: float,
) -> dict[str, Any]:
    """What every study says of itself; only ``seconds`` and ``versions`` may differ next time."""
    return {
        "study": study.kind,
        "case": case.name,
        "case_digest": case.digest,
        "currency": case.currency,
        "settings": study.settings,
        "tasks": tasks,
        "seconds": {**findings.summary.get("seconds", {}), "total": seconds},
        "versions": package_versions(),
        "result_hash": result_hash(findings.tables),
    }
