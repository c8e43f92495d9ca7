"""The command ``roadvolt plan dc-storage``: which ports and batteries on DC links pay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .study_cli import carry_out_study
from .terminal import (
    AddressOption,
    CsvOption,
    JsonOption,
    OutOption,
    QuietOption,
    RuntimeKind,
    SetOption,
    WorkersOption,
    chosen,
    pairs,
)

if TYPE_CHECKING:
    from ..planning.dc_storage.case import DcStorageCase

DEFAULT_DC_CASE = "tpc84-dc"


def dc_storage(
    case: Annotated[
        str, typer.Argument(help="A built-in DC storage case, or a folder with case.yaml.")
    ] = DEFAULT_DC_CASE,
    carbon_price: Annotated[
        list[str] | None,
        typer.Option(help="Per kg: plans with these too, e.g. 0,0.1,0.2; may be repeated."),
    ] = None,
    return_rate: Annotated[
        list[str] | None, typer.Option(help="Least return a year, as a share; likewise.")
    ] = None,
    confidence: Annotated[
        list[str] | None, typer.Option(help="With which limits hold; likewise.")
    ] = None,
    module_kva: Annotated[
        list[str] | None, typer.Option(help="Of a converter module; likewise.")
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(help="carbon, return, confidence, module or all, over values by default."),
    ] = None,
    gap: Annotated[
        float | None, typer.Option(min=1e-6, help="Relative, to be proven; default: 0.001.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Limit for every plan; default: none.")
    ] = None,
    fresh_samples: Annotated[
        int | None, typer.Option(min=100, help="That judge a plan's limits; default: 1024.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides their draw.")] = 1,
    quick: Annotated[
        bool, typer.Option("--quick", help="A gap of 0.01, and fewer fresh samples.")
    ] = False,
    runtime: Annotated[
        RuntimeKind,
        typer.Option(help="Plans, or the days of the only one, as Ray tasks; or one by one here."),
    ] = RuntimeKind.ray,
    address: AddressOption = None,
    workers: WorkersOption = 2,
    set_: SetOption = None,
    out_: OutOption = Path("runs"),
    csv: CsvOption = False,
    quiet: QuietOption = False,
    json_: JsonOption = False,
) -> None:
    """Sizes ports and batteries on DC links between feeders, for the highest yearly profit.

    Every value given makes a plan of its own, beside that of the case as it is.
    """
    from .dcfile.load import load_dc_storage_case
    from .study import begin_study

    overrides = pairs(set_ or [])
    loaded = load_dc_storage_case(case, overrides=overrides)
    given = {
        "carbon": _numbers(carbon_price, "--carbon-price"),
        "return": _numbers(return_rate, "--return-rate"),
        "confidence": _numbers(confidence, "--confidence"),
        "module": _numbers(module_kva, "--module-kva"),
    }
    sweeps = _sweeps(loaded, given, sweep or [])
    _check(case, overrides, loaded, sweeps)
    settings: dict[str, Any] = {
        "sweeps": sweeps,
        "gap": gap or (1e-2 if quick else 1e-3),
        "seconds": seconds,
        "samples": fresh_samples or (512 if quick else 1024),
        "seed": seed,
    }
    study = begin_study(out_, loaded, "dc-storage", settings, csv)
    carry_out_study(study, runtime, address, workers, quiet, json_)


def _check(
    case: str, overrides: dict[str, str], loaded: DcStorageCase, sweeps: dict[str, list[float]]
) -> None:
    """Every value must make a case, before there is a folder for its plan."""
    from .dc_storage.sweeps import variations
    from .dcfile.load import load_dc_storage_case

    for variation in variations(loaded, sweeps):
        load_dc_storage_case(case, overrides=overrides | dict(variation.overrides))


def _sweeps(
    case: DcStorageCase, given: dict[str, list[float]], words: list[str]
) -> dict[str, list[float]]:
    """Values by what they vary: those given, else those that ``--sweep`` stands for."""
    from .dc_storage.sweeps import Sweep, default_grid

    found = {name: values for name, values in given.items() if values}
    for name in chosen(words, [sweep.value for sweep in Sweep], "--sweep"):
        found.setdefault(name, default_grid(case, Sweep(name)))
    return found


def _numbers(words: list[str] | None, option: str) -> list[float]:
    """``["0,0.1", "0.2"]`` -> ``[0.0, 0.1, 0.2]``, each once."""
    parts = [part for word in words or [] for part in word.split(",") if part.strip()]
    try:
        return sorted({float(part) for part in parts})
    except ValueError:
        text = ",".join(parts)
        raise typer.BadParameter(f"'{text}' is no list of numbers", param_hint=option) from None
