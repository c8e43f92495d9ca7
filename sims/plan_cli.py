"""The commands ``roadvolt plan ..``: what to build, and when."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..planning.fdn.choices import MAX_ROUNDS, Algorithm, Variant
from .plan_dc_cli import dc_storage
from .plan_der_cli import der
from .study_cli import carry_out_study
from .terminal import (
    DEFAULT_CASE,
    AddressOption,
    CsvOption,
    JsonOption,
    OutOption,
    QuietOption,
    RunArgument,
    RuntimeKind,
    SetOption,
    WorkersOption,
    chosen,
    out,
    pairs,
)

if TYPE_CHECKING:
    from ..planning.fdn.case import FdnCase


class RecourseWord(StrEnum):
    """What soft open points do in a sample."""

    violation_aware = "violation-aware"
    loss_minimal = "loss-minimal"
    none = "none"


DEFAULT_PLAN_CASE = "tpc84"

app = typer.Typer(
    help="Investment plans: what to build where and when, and what it costs and keeps.",
    no_args_is_help=True,
)


app.command()(der)
app.command("dc-storage")(dc_storage)


@app.callback()
def plan() -> None:
    """Investment plans: what to build where and when, and what it costs and keeps."""


@app.command()
def fdn(
    case: Annotated[
        str, typer.Argument(help="A built-in planning case, or a folder with case.yaml.")
    ] = DEFAULT_PLAN_CASE,
    risk: Annotated[
        float,
        typer.Option(min=1e-3, max=0.5, help="How often any single limit may be violated."),
    ] = 0.05,
    risks: Annotated[
        str, typer.Option(help="Several at once, e.g. 0.03,0.05,0.10,0.15; instead of --risk.")
    ] = "",
    variant: Annotated[
        list[str] | None,
        typer.Option(help="Case I to VII of the paper, or all; may be repeated; default: I."),
    ] = None,
    algorithm: Annotated[
        list[Algorithm] | None,
        typer.Option(help="How margins follow from samples; may be repeated; default: modified."),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(min=100, help="Of every round; default: 20000.")
    ] = None,
    fresh_samples: Annotated[
        int | None, typer.Option(min=100, help="That judge the final plan; default: 20000.")
    ] = None,
    recourse: Annotated[
        RecourseWord, typer.Option(help="What soft open points do in every sample.")
    ] = RecourseWord.violation_aware,
    max_rounds: Annotated[
        int, typer.Option(min=1, help="Rounds of planning and sampling at most.")
    ] = MAX_ROUNDS,
    gap: Annotated[
        float | None, typer.Option(min=1e-6, help="Relative, of every plan; default: 0.002.")
    ] = None,
    solver: Annotated[
        str, typer.Option(help="outer-approximation, or mosek, gurobi, scip where installed.")
    ] = "outer-approximation",
    seed: Annotated[int, typer.Option(help="Decides every draw.")] = 1,
    charging_from: Annotated[
        list[Path] | None,
        typer.Option(help="A run's folder: charging as in its episode; may be repeated."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer samples: at most 60 s.")] = False,
    runtime: Annotated[
        RuntimeKind | None,
        typer.Option(help="Ray tasks, or this process only; default: Ray for several plans."),
    ] = None,
    address: AddressOption = None,
    workers: WorkersOption = 2,
    set_: SetOption = None,
    out_: OutOption = Path("runs"),
    csv: CsvOption = False,
    quiet: QuietOption = False,
    json_: JsonOption = False,
) -> None:
    """Plans soft open points, charging stations and PV over the stages of a case."""
    from .study import begin_study

    settings: dict[str, Any] = {
        "variants": chosen(
            variant or [Variant.COORDINATED.value], [one.value for one in Variant], "--variant"
        ),
        "risks": _risks(risks) or [risk],
        "algorithms": [one.value for one in algorithm or [Algorithm.MODIFIED]],
        "samples": samples or (4000 if quick else 20_000),
        "fresh_samples": fresh_samples or (5000 if quick else 20_000),
        "recourse": recourse.value,
        "max_rounds": max_rounds,
        "gap": gap or (1e-2 if quick else 2e-3),
        "solver": solver,
        "seed": seed,
    }
    several = any(len(settings[name]) > 1 for name in ("variants", "risks", "algorithms"))
    kind = runtime or (RuntimeKind.ray if several else RuntimeKind.local)
    study = begin_study(out_, _case(case, charging_from, set_), "fdn", settings, csv)
    carry_out_study(study, kind, address, workers, quiet, json_)


@app.command("case")
def episode_case(
    run: RunArgument,
    folder: Annotated[Path, typer.Argument(help="Of the new case.")],
    stage: Annotated[int, typer.Option(min=1, help="What stands at its end.")] = 1,
    variant: Annotated[str | None, typer.Option(help="Which plan, if the run has more.")] = None,
    risk: Annotated[float | None, typer.Option(help="Likewise.")] = None,
    algorithm: Annotated[Algorithm | None, typer.Option(help="Likewise.")] = None,
    template: Annotated[
        str, typer.Option(help="Coordination case with the day, prices, drivers and vehicles.")
    ] = DEFAULT_CASE,
) -> None:
    """Turns a stage of a finished plan into a case for `roadvolt run`."""
    from .fdn.episode_case import to_coordination_case
    from .fdn.read_plan import read_plan
    from .results import load_run

    word = algorithm.value if algorithm else None
    case, plan = read_plan(load_run(run), variant=variant, risk=risk, algorithm=word)
    if stage > len(case.stages):
        raise typer.BadParameter(f"the plan has {len(case.stages)}", param_hint="--stage")
    if folder.exists() and any(folder.iterdir()):
        raise typer.BadParameter(f"{folder} is not empty", param_hint="folder")
    to_coordination_case(case, plan, stage - 1, folder, template=template)
    out.print(f"case: {folder}", soft_wrap=True)


def _case(case: str, charging_from: list[Path] | None, set_: list[str] | None) -> FdnCase:
    from .planfile.load import load_fdn_case

    loaded = load_fdn_case(case, overrides=pairs(set_ or []))
    if charging_from:
        from .fdn.bridge import with_charging_from

        return with_charging_from(loaded, charging_from)
    return loaded


def _risks(text: str) -> list[float]:
    """``"0.03,0.05"`` -> ``[0.03, 0.05]``, each once."""
    try:
        found = [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise typer.BadParameter(f"'{text}' is no list of numbers", param_hint="--risks") from None
    if not all(0 < one <= 0.5 for one in found):
        raise typer.BadParameter("a risk is above 0, at most 0.5", param_hint="--risks")
    return sorted(set(found))
