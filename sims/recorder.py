"""Keeps a run's folder: resolved case, options, log, checkpoint; tables and pictures at the end."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..agents.policy import AdjustmentPolicy
from ..core.errors import ResultsError, RoadvoltError
from ..uncertainty.margins import RiskTreatment
from .case import Case, load_case, to_case_folder
from .checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from .options import EpisodeOptions
from .results import Run, new_run_folder, save_summary, save_tables

if TYPE_CHECKING:
    from .episode import Episode

logger = logging.getLogger("roadvolt")


class Recorder:
    """The folder of one run."""

    def __init__(self, folder: Path, csv: bool) -> None:
        self.folder, self._csv = folder, csv

    @classmethod
    def begin(cls, parent: Path, case: Case, options: EpisodeOptions, *, csv: bool) -> Recorder:
        """Makes a fresh folder under ``parent`` and writes down what is about to run."""
        folder = new_run_folder(parent, case.name, "episode")
        to_case_folder(case, folder / "case")
        settings = {"csv": csv, "options": options_to_json(options)}
        (folder / "options.json").write_text(json.dumps(settings, indent=2) + "\n")
        return cls(folder, csv)

    @classmethod
    def reopen(cls, folder: Path) -> tuple[Recorder, Case, EpisodeOptions]:
        """Opens the folder of an unfinished run, to go on with it.

        Raises:
            ResultsError: it is no run's folder, or the run has finished.
        """
        path = folder / "options.json"
        if not path.is_file():
            raise ResultsError(str(folder), "is not the folder of a run (no options.json)")
        if (folder / "summary.json").is_file():
            raise ResultsError(str(folder), "has finished; look at it with `roadvolt show`")
        settings = json.loads(path.read_text())
        options = options_from_json(settings["options"])
        return cls(folder, settings["csv"]), load_case(str(folder / "case")), options

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Everything the package logs also goes to ``log.txt`` meanwhile."""
        handler = logging.FileHandler(self.folder / "log.txt")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            handler.close()

    def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keeps the checkpoint in place of the one before."""
        write_checkpoint(checkpoint, self._checkpoint_path)

    def load_checkpoint(self) -> Checkpoint | None:
        """The last checkpoint, or None if the run was interrupted before the first."""
        if not self._checkpoint_path.is_file():
            return None
        return read_checkpoint(self._checkpoint_path)

    def finish(self, episode: Episode) -> None:
        """Writes tables, pictures and, last, the summary."""
        save_tables(episode.tables, self.folder, self._csv)
        write_pictures(
            Run(folder=self.folder, summary=episode.summary, tables=episode.tables), episode.case
        )
        save_summary(episode.summary, self.folder)
        for path in self.folder.glob("checkpoint*"):
            path.unlink()

    def fail(self, case: Case, options: EpisodeOptions, error: RoadvoltError) -> dict[str, Any]:
        """Writes and returns the summary of a run that ended without agreement."""
        summary = {
            "status": "not agreed",
            "reason": str(error),
            "rounds": getattr(error, "rounds", 0),
            "case": case.name,
            "options": options_to_json(options),
        }
        logger.error("%s", error)
        write_pictures(Run(folder=self.folder, summary=summary, tables={}), case)
        save_summary(summary, self.folder)
        return summary

    @property
    def _checkpoint_path(self) -> Path:
        return self.folder / "checkpoint.npz"


def options_to_json(options: EpisodeOptions) -> dict[str, Any]:
    """The options as plain words and numbers."""
    words = {"treatment": options.treatment.value, "policy": options.policy.value}
    return {**dataclasses.asdict(options), **words}


def options_from_json(words: Mapping[str, Any]) -> EpisodeOptions:
    """The options that ``options_to_json`` wrote."""
    policy = AdjustmentPolicy(words.get("policy", AdjustmentPolicy.PROJECTION))
    treatment = RiskTreatment(words["treatment"])
    return EpisodeOptions(**{**words, "treatment": treatment, "policy": policy})


def write_pictures(run: Run, case: Case | None = None) -> Path:
    """Writes ``report.html`` and the figures beside a run's tables; returns the page's path."""
    from .report import write_report
    from .reporting.figures import save_figures

    case = case or load_case(str(run.folder / "case"))
    save_figures(case, run.summary, run.tables, run.folder / "figures")
    return write_report(case, run.summary, run.tables, run.folder / "report.html")
