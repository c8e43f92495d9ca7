"""The command ``roadvolt dispatch``: a day on a network with what can move in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .study_cli import carry_out_study
from .terminal import (
    CsvOption,
    JsonOption,
    OutOption,
    QuietOption,
    RuntimeKind,
    SetOption,
    pairs,
)

if TYPE_CHECKING:
    from ..planning.dispatch.case import DispatchCase

DEFAULT_DISPATCH_CASE = "tpc84-dispatch"
#: Steps of a day -> minutes of one.
_NOTHING_CHARGES = "nothing charges: give --charging-from"
_STEP_MIN = {24: 60, 96: 15}


def dispatch(
    case: Annotated[
        str, typer.Argument(help="A built-in dispatch case, or a folder with case.yaml.")
    ] = DEFAULT_DISPATCH_CASE,
    steps: Annotated[
        int | None, typer.Option(help="Of the day, 24 or 96; default: the case's.")
    ] = None,
    sides: Annotated[
        int | None,
        typer.Option(min=4, help="Of converters' polygons, even; default: the case's."),
    ] = None,
    exact_disc: Annotated[
        bool, typer.Option("--exact-disc", help="Also with circles, to see the polygon's error.")
    ] = False,
    charging_from: Annotated[
        list[Path] | None,
        typer.Option(help="A run's folder: its charging may wait here; may be repeated."),
    ] = None,
    charging_at: Annotated[
        list[str] | None,
        typer.Option(help="Bus of the run=bus of the case, if names differ; may be repeated."),
    ] = None,
    delay_h: Annotated[
        float | None, typer.Option(min=0, help="How long charging may wait; default: the case's.")
    ] = None,
    set_: SetOption = None,
    out_: OutOption = Path("runs"),
    csv: CsvOption = False,
    quiet: QuietOption = False,
    json_: JsonOption = False,
) -> None:
    """Dispatches a day: soft open points, batteries, generators and loads that can wait."""
    from .study import begin_study

    overrides = pairs(set_ or []) | _said(steps, sides, delay_h)
    loaded = _case(case, overrides, charging_from, pairs(charging_at or [], "--charging-at"))
    if delay_h is not None and "charging.csv" not in loaded.files:
        raise typer.BadParameter(_NOTHING_CHARGES, param_hint="--delay-h")
    if charging_at and not charging_from:
        raise typer.BadParameter(_NOTHING_CHARGES, param_hint="--charging-at")
    study = begin_study(out_, loaded, "dispatch", {"exact_disc": exact_disc}, csv)
    carry_out_study(study, RuntimeKind.local, None, 1, quiet, json_)


def _said(steps: int | None, sides: int | None, delay_h: float | None) -> dict[str, str]:
    """What options say, as keys of ``case.yaml``."""
    if steps is not None and steps not in _STEP_MIN:
        raise typer.BadParameter(f"{steps} is neither 24 nor 96", param_hint="--steps")
    said = {
        "time.step_min": None if steps is None else _STEP_MIN[steps],
        "devices.polygon_sides": sides,
        "vehicles.delay_h": delay_h,
    }
    return {key: str(value) for key, value in said.items() if value is not None}


def _case(
    case: str,
    overrides: dict[str, str],
    charging_from: list[Path] | None,
    buses: dict[str, str],
) -> DispatchCase:
    from .dispatchfile.load import load_dispatch_case

    loaded = load_dispatch_case(case, overrides=overrides)
    if charging_from:
        from .dispatch.charging import with_charging_from

        return with_charging_from(loaded, charging_from, buses=buses)
    return loaded
