"""The commands ``roadvolt study ..``: many tasks on one case, resumable, with a study.html."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..agents.policy import AdjustmentPolicy
from .terminal import (
    DEFAULT_CASE,
    AddressOption,
    CaseArgument,
    CsvOption,
    JsonOption,
    OutOption,
    QuietOption,
    RuntimeKind,
    RuntimeOption,
    SetOption,
    WorkersOption,
    err,
    pairs,
    print_json,
    print_view,
    resumable,
    task_pool,
)

if TYPE_CHECKING:
    from .campaign import Settings
    from .study import StudyFolder

app = typer.Typer(
    help="Studies of many runs: what does a treatment of risk cost and keep; how much is too much.",
    no_args_is_help=True,
)

QuickOption = Annotated[bool, typer.Option("--quick", help="A smaller study: at most 90 s.")]


@app.command()
def risk(
    case: CaseArgument = DEFAULT_CASE,
    quick: QuickOption = False,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Independent sets of samples; default: the study's.")
    ] = None,
    runtime: RuntimeOption = RuntimeKind.ray,
    address: AddressOption = None,
    workers: WorkersOption = 2,
    set_: SetOption = None,
    out_: OutOption = Path("runs"),
    csv: CsvOption = False,
    quiet: QuietOption = False,
    json_: JsonOption = False,
) -> None:
    """Compares deterministic, SP, DRO and RO by cost and by what holds out of sample."""
    settings: Settings = {"quick": quick, "seeds": seeds}
    study = _begin("risk", case, settings, set_, out_, csv)
    carry_out_study(study, runtime, address, workers, quiet, json_)


@app.command()
def stress(
    case: CaseArgument = DEFAULT_CASE,
    quick: QuickOption = False,
    episodes: Annotated[
        int | None, typer.Option(min=1, help="Episodes over all policies; default: the study's.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides what goes wrong, and every draw.")] = 1,
    policy: Annotated[
        list[AdjustmentPolicy] | None,
        typer.Option(help="How the operator asks for a change; may be repeated; default: all."),
    ] = None,
    runtime: RuntimeOption = RuntimeKind.ray,
    address: AddressOption = None,
    workers: WorkersOption = 2,
    set_: SetOption = None,
    out_: OutOption = Path("runs"),
    csv: CsvOption = False,
    quiet: QuietOption = False,
    json_: JsonOption = False,
) -> None:
    """Perturbs days, compares ways to adjust, and finds where agreement ends."""
    policies = [one.value for one in policy or ()]
    settings: Settings = {"quick": quick, "episodes": episodes, "seed": seed, "policies": policies}
    study = _begin("stress", case, settings, set_, out_, csv)
    carry_out_study(study, runtime, address, workers, quiet, json_)


def _begin(
    kind: str, case: str, settings: Settings, set_: list[str] | None, out_: Path, csv: bool
) -> StudyFolder:
    from .case import load_case
    from .study import begin_study

    return begin_study(out_, load_case(case, overrides=pairs(set_ or [])), kind, settings, csv)


def carry_out_study(
    study: StudyFolder,
    kind: RuntimeKind,
    address: str | None,
    workers: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Runs what is left of a study; says where it is when it is interrupted."""
    from .live import StudyProgress
    from .recorder import Recorder
    from .study import run_study

    quiet = quiet or as_json or not err.is_terminal
    with (
        resumable(study.folder),
        Recorder(study.folder, study.csv).logging(),
        nullcontext() if quiet else StudyProgress(err) as progress,
        task_pool(kind, address, workers) as pool,
    ):
        run = run_study(study, pool, progress)
    print_study(run.summary, study.folder, as_json)
    if run.summary["status"] != "ok":
        raise typer.Exit(1)


def print_study(summary: Mapping[str, Any], folder: Path, as_json: bool) -> None:
    """The summary of a study: for people, or for programs."""
    from .study import study_kind

    if as_json:
        print_json(summary)
    else:
        print_view(study_kind(summary["study"]).view(summary), folder, "study.html")
