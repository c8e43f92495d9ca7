"""What a person sees in the terminal while an episode or a study runs."""

from __future__ import annotations

import logging
import math
import time
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

from .campaign import TaskDone
from .progress import PHASES, Event, Exchanged, PhaseStarted, Reviewed


class LiveBar:
    """A bar with time left and detail, gone when its context ends; ``done`` shows how far it is."""

    def __init__(self, console: Console, title: str, total: float | None, done: ProgressColumn):
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=28),
            done,
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("[dim]{task.fields[detail]}"),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task(title, total=total, left="", detail="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def _show(self, seconds_left: float, **changes: Any) -> None:
        left = f"about {seconds_left:.0f} s left" if math.isfinite(seconds_left) else ""
        self._bar.update(self._task, left=left, **changes)


class EpisodeProgress(LiveBar):
    """Over the episode's phases, with round, gap and time left."""

    def __init__(self, console: Console) -> None:
        super().__init__(console, "starting", 1.0, TextColumn("{task.percentage:>3.0f} %"))
        self._before, self._share, self._start = 0.0, 0.0, time.monotonic()
        self._detail = ""

    def __call__(self, event: Event) -> None:
        if isinstance(event, PhaseStarted):
            self._before += self._share
            self._share, self._detail = PHASES[event.name], ""
            self._update(0.0, event.name)
        elif isinstance(event, Exchanged):
            gap = f"gap {event.gap:.1e}" if math.isfinite(event.gap) else "gap open"
            self._detail = (
                f"round {event.trading_round}, exchange {event.exchange}, {gap} "
                f"(target {event.target:.0e}), disagreement {event.primal_kw:.2g} kW"
            )
            self._update(event.share_done)
        elif isinstance(event, Reviewed):
            self._detail = f"round {event.trading_round}: {event.answer}"
            self._update(1.0)

    def _update(self, share_of_phase: float, name: str | None = None) -> None:
        done = self._before + self._share * share_of_phase
        elapsed = time.monotonic() - self._start
        left = elapsed * (1 - done) / done if done > 0.05 else math.inf
        changes: dict[str, Any] = {"description": name} if name else {}
        self._show(left, completed=done, detail=self._detail, **changes)


class StudyProgress(LiveBar):
    """Over the tasks of a study, with counts, time left, and what this process logs meanwhile."""

    def __init__(self, console: Console) -> None:
        super().__init__(console, "study", None, MofNCompleteColumn())
        self._log, self._left = _Told(self), math.inf

    def __enter__(self) -> Self:
        logging.getLogger("roadvolt").addHandler(self._log)
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        logging.getLogger("roadvolt").removeHandler(self._log)

    def __call__(self, event: TaskDone) -> None:
        self._left = event.seconds_left
        self._show(event.seconds_left, completed=event.done, total=event.total, detail=event.task)

    def tell(self, words: str) -> None:
        """Shows words beside the bar."""
        self._show(self._left, detail=words)


class _Told(logging.Handler):
    """Hands what is logged to a bar."""

    def __init__(self, bar: StudyProgress) -> None:
        super().__init__()
        self._bar = bar

    def emit(self, record: logging.LogRecord) -> None:
        """Shows the record's message."""
        self._bar.tell(record.getMessage())
