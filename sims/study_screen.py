"""What a person sees in the terminal while a study runs."""

from __future__ import annotations

import math
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .campaign import TaskDone


class StudyProgress:
    """A progress bar over the tasks of a study, with counts and time left."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("[dim]{task.fields[detail]}"),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("study", total=None, left="", detail="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, event: TaskDone) -> None:
        known = math.isfinite(event.seconds_left)
        left = f"about {event.seconds_left:.0f} s left" if known else ""
        self._bar.update(
            self._task, completed=event.done, total=event.total, left=left, detail=event.task
        )
