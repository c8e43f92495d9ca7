"""The command line. Exit codes: 0 ok, 1 the run failed or did not agree, 2 bad input."""

from __future__ import annotations

import logging
import sys
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ..core.errors import CaseError, ResultsError, RoadvoltError
from .dispatch_cli import dispatch
from .plan_cli import app as plan_app
from .study_cli import app as study_app
from .study_cli import carry_out_study
from .terminal import (
    DEFAULT_CASE,
    AddressOption,
    CaseArgument,
    CsvOption,
    JsonOption,
    OutOption,
    QuietOption,
    RunArgument,
    RuntimeKind,
    RuntimeOption,
    SetOption,
    WorkersOption,
    agents_runtime,
    err,
    out,
    pairs,
    print_json,
    print_view,
    resumable,
)

if TYPE_CHECKING:
    from .case import Case
    from .options import EpisodeOptions
    from .recorder import Recorder

app = typer.Typer(
    help="How charging stations, a distribution operator and a transport operator agree on a day.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
app.add_typer(study_app, name="study")
app.add_typer(plan_app, name="plan")


class Treatment(StrEnum):
    """How chance constraints are treated."""

    dro = "dro"
    sp = "sp"
    ro = "ro"


@app.command()
def run(
    case: CaseArgument = DEFAULT_CASE,
    seed: Annotated[int, typer.Option(help="Seed of every random draw.")] = 1,
    risk: Annotated[
        Treatment | None, typer.Option(help="Treatment of uncertainty; default: the case's.")
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option(min=0.5, max=0.999, help="Of every single chance constraint; default: same."),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(min=10, help="Scenarios to learn from; default: the case's.")
    ] = None,
    runtime: RuntimeOption = RuntimeKind.ray,
    address: AddressOption = None,
    workers: WorkersOption = 2,
    shards: Annotated[
        int, typer.Option(min=1, help="Groups of stations that negotiate by messages.")
    ] = 4,
    gap: Annotated[float, typer.Option(min=1e-6, help="Certified relative gap to stop at.")] = 1e-3,
    set_: SetOption = None,
    out_: OutOption = Path("runs"),
    csv: CsvOption = False,
    quiet: QuietOption = False,
    json_: JsonOption = False,
) -> None:
    """Runs one coordination episode."""
    from ..uncertainty.margins import RiskTreatment
    from .case import load_case
    from .options import options_for
    from .recorder import Recorder

    loaded = load_case(case, overrides=pairs(set_ or []))
    chosen = {
        "treatment": RiskTreatment(risk.value) if risk else None,
        "confidence": confidence,
        "samples": samples,
    }
    kept = {name: value for name, value in chosen.items() if value is not None}
    options = options_for(loaded, seed=seed, shards=shards, gap=gap, **kept)
    recorder = Recorder.begin(out_, loaded, options, csv=csv)
    _carry_out(loaded, options, recorder, runtime, address, workers, quiet, json_)


@app.command()
def resume(
    run: RunArgument,
    runtime: RuntimeOption = RuntimeKind.ray,
    address: AddressOption = None,
    workers: WorkersOption = 2,
    quiet: QuietOption = False,
    json_: JsonOption = False,
) -> None:
    """Continues a run or study that was interrupted, where it stood, in the same folder."""
    from .recorder import Recorder
    from .study import is_study, reopen_study

    if is_study(run):
        carry_out_study(reopen_study(run), runtime, address, workers, quiet, json_)
        return

    recorder, case, options = Recorder.reopen(run)
    _carry_out(case, options, recorder, runtime, address, workers, quiet, json_)


app.command()(dispatch)


@app.command()
def cases() -> None:
    """Lists the built-in cases."""
    from .catalogue import built_in_cases

    table = Table("case", "for", "what it is", "size")
    for entry in built_in_cases():
        table.add_row(*entry)
    out.print(table)


@app.command()
def validate(case: CaseArgument) -> None:
    """Checks a case and lists every fault with file, row, column and remedy."""
    from .catalogue import load_any

    loaded = load_any(case)
    out.print(f"[green]case '{loaded.name}' is usable[/]: {loaded.title}")


@app.command()
def show(run: RunArgument, json_: JsonOption = False) -> None:
    """Shows the summary of a finished run or study."""
    from .results import load_run

    _print_summary(load_run(run).summary, run, json_)


@app.command()
def compare(first: RunArgument, second: RunArgument) -> None:
    """Shows every number in which two runs differ."""
    from .results import load_run
    from .screen import comparison_view

    out.print(comparison_view(load_run(first).summary, load_run(second).summary))


@app.command()
def report(run: RunArgument) -> None:
    """Writes the page (report.html, study.html) and the figures of a finished run anew."""
    from .recorder import write_pictures
    from .results import load_run
    from .study import draw_study, is_study

    page = (draw_study if is_study(run) else write_pictures)(load_run(run))
    out.print(f"report: {page}")


def _carry_out(
    case: Case,
    options: EpisodeOptions,
    recorder: Recorder,
    kind: RuntimeKind,
    address: str | None,
    workers: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Runs the episode under its recorder; says where it is when it is interrupted."""
    from .episode import run_episode
    from .live import EpisodeProgress

    quiet = quiet or as_json or not err.is_terminal
    try:
        with (
            resumable(recorder.folder),
            recorder.logging(),
            nullcontext() if quiet else EpisodeProgress(err) as progress,
            agents_runtime(kind, address, workers) as runtime,
        ):
            episode = run_episode(case, options, runtime=runtime, watch=progress, recorder=recorder)
    except RoadvoltError as error:
        _print_summary(recorder.fail(case, options, error), recorder.folder, as_json)
        raise typer.Exit(1) from error
    recorder.finish(episode)
    _print_summary(episode.summary, recorder.folder, as_json)


def _print_summary(summary: dict[str, Any], folder: Path, as_json: bool) -> None:
    from .screen import summary_view
    from .study_cli import print_study

    if "study" in summary:
        print_study(summary, folder, as_json)
    elif as_json:
        print_json(summary)
    else:
        print_view(summary_view(summary), folder, "report.html")


def main() -> None:
    """Entry point: turns the errors of the domain into messages and exit codes."""
    logging.getLogger("roadvolt").setLevel(logging.INFO)
    try:
        app()
    except RoadvoltError as error:
        err.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2 if isinstance(error, CaseError | ResultsError) else 1)
