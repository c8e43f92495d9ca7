"""A campaign: many independent tasks, each answer written down at once, to go on from after a kill.

``rows.jsonl`` holds one line for each finished task, in the order of completion. Answers come back
in the order of the tasks and always through JSON, so that an interrupted and resumed campaign gives
the same numbers as an uninterrupted one, to the last bit.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ..agents.pool import Pool, on_one_thread
from .json_lines import whole_lines

logger = logging.getLogger("roadvolt")

ROWS_FILE = "rows.jsonl"
#: Where a task may keep how far it is; gone once all answers are there.
PROGRESS_FOLDER = "progress"

Settings: TypeAlias = dict[str, Any]
Work: TypeAlias = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One unit of work: plain JSON settings from which everything follows, seeds included."""

    id: str  #: unique in its campaign
    settings: Settings = field(default_factory=dict)
    effort: float = 1.0  #: rough share of time, for the time left
    spreads: bool = False  #: runs here, is given the pool, and spreads its own work over it


@dataclass(frozen=True, slots=True)
class TaskDone:
    """How far a campaign is; told once at the start and after each task."""

    task: str  #: "" at the start
    done: int
    total: int
    seconds_left: float  #: NaN while unknown


CampaignWatcher: TypeAlias = Callable[[TaskDone], None]


def run_campaign(
    folder: Path,
    tasks: Sequence[Task],
    work: Work,
    pool: Pool,
    watch: CampaignWatcher | None = None,
) -> list[Any]:
    """Runs the tasks that have no answer in ``folder`` yet.

    Args:
        folder: keeps ``rows.jsonl``; answers of tasks that it names already are taken from there.
        tasks: with ids of their own.
        work: the function of a task's settings, importable by name; its answer is plain JSON.
            A task that spreads gives it the pool as second argument.
        pool: where tasks run.
        watch: told of every finished task.

    Returns:
        the answers in the order of ``tasks``.

    Raises:
        whatever ``work`` raises; answers until then are kept.
    """
    path = folder / ROWS_FILE
    answers = _finished(path)
    open_tasks = [task for task in tasks if task.id not in answers]
    clock = _Clock(tasks, open_tasks, watch or (lambda event: None))
    with path.open("a") as file:
        for task, answer in _carried_out(open_tasks, work, pool):
            line = json.dumps({"id": task.id, "answer": answer})
            file.write(line + "\n")
            file.flush()
            answers[task.id] = json.loads(line)["answer"]
            clock.finished(task)
    shutil.rmtree(folder / PROGRESS_FOLDER, ignore_errors=True)
    return [answers[task.id] for task in tasks]


def _carried_out(tasks: Sequence[Task], work: Work, pool: Pool) -> Iterator[tuple[Task, Any]]:
    """Answers as they come; first of the tasks that need the whole pool."""
    for task in tasks:
        if task.spreads:
            yield task, on_one_thread(work, task.settings, pool)
    rest = [task for task in tasks if not task.spreads]
    for index, answer in pool.run(work, [(task.settings,) for task in rest]):
        yield rest[index], answer


def _finished(path: Path) -> dict[str, Any]:
    """Answers by task."""
    return {row["id"]: row["answer"] for row in whole_lines(path)}


class _Clock:
    """Counts tasks; estimates the time left from the effort of those finished here."""

    def __init__(self, tasks: Sequence[Task], open_: Sequence[Task], watch: CampaignWatcher):
        self._watch, self._total, self._done = watch, len(tasks), len(tasks) - len(open_)
        self._left, self._spent = math.fsum(task.effort for task in open_), 0.0
        self._start = time.monotonic()
        self._tell("")

    def finished(self, task: Task) -> None:
        """Notes a finished task."""
        self._done += 1
        self._left, self._spent = self._left - task.effort, self._spent + task.effort
        self._tell(task.id)

    def _tell(self, task: str) -> None:
        pace = (time.monotonic() - self._start) / self._spent if self._spent else math.nan
        event = TaskDone(task, self._done, self._total, max(self._left, 0.0) * pace)
        if task:
            logger.info("%d of %d: %s", event.done, event.total, task)
        self._watch(event)
