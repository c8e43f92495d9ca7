"""The command ``roadvolt plan der``: how much PV and how many batteries, where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..planning.der.choices import DerMethod, DerModel
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
    from ..planning.der.case import DerCase

DEFAULT_DER_CASE = "der33"


def der(
    case: Annotated[
        str, typer.Argument(help="A built-in DER case, or a folder with case.yaml.")
    ] = DEFAULT_DER_CASE,
    model: Annotated[
        list[str] | None,
        typer.Option(help="det, tsso, sro, aro, arso or all; may be repeated; default: arso."),
    ] = None,
    budget: Annotated[
        list[str] | None,
        typer.Option(help="Hours that may deviate, e.g. 0,10,20; may be repeated; default: 10."),
    ] = None,
    pv_budget: Annotated[
        int | None, typer.Option(min=0, help="Of PV in aro; default: as --budget.")
    ] = None,
    method: Annotated[
        list[DerMethod] | None,
        typer.Option(help="How aro and arso are solved; may be repeated; default: fast."),
    ] = None,
    gap: Annotated[
        float | None, typer.Option(min=1e-6, help="Relative, to be proven; default: 0.001.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Limit for every plan; default: none.")
    ] = None,
    charging_from: Annotated[
        list[Path] | None,
        typer.Option(help="A run's folder: its charging is demand too; may be repeated."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A gap of 0.01, and a coarse curve of autonomy.")
    ] = False,
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
    """Sizes and sites PV and batteries on a feeder under uncertain demand and sun."""
    from .study import begin_study

    settings: dict[str, Any] = {
        "models": chosen(
            model or [DerModel.ADAPTIVE_STOCHASTIC.value],
            [one.value for one in DerModel],
            "--model",
        ),
        "budgets": _budgets(budget or ["10"]),
        "pv_budget": pv_budget,
        "methods": [one.value for one in method or [DerMethod.FAST]],
        "gap": gap or (1e-2 if quick else 1e-3),
        "seconds": seconds,
    }
    several = any(len(settings[name]) > 1 for name in ("models", "budgets", "methods"))
    settings["curve_points"] = 6 if quick else 21 if several else 11
    kind = runtime or (RuntimeKind.ray if several else RuntimeKind.local)
    study = begin_study(out_, _case(case, charging_from, set_), "der", settings, csv)
    carry_out_study(study, kind, address, workers, quiet, json_)


def _case(case: str, charging_from: list[Path] | None, set_: list[str] | None) -> DerCase:
    from .derfile.load import load_der_case

    loaded = load_der_case(case, overrides=pairs(set_ or []))
    if charging_from:
        from .der.charging import with_charging_from

        return with_charging_from(loaded, charging_from)
    return loaded


def _budgets(words: list[str]) -> list[int]:
    """``["0,10", "20"]`` -> ``[0, 10, 20]``, each once."""
    parts = [part.strip() for word in words for part in word.split(",") if part.strip()]
    for part in parts:
        if not part.isdecimal():
            raise typer.BadParameter(f"'{part}' is no number of hours", param_hint="--budget")
    return sorted({int(part) for part in parts})
