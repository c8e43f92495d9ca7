"""What all commands share: the two consoles, and the options that mean the same everywhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, RenderableType

from ..core.errors import HostLost

if TYPE_CHECKING:
    from ..agents.pool import LocalPool, RayPool

out = Console()
err = Console(stderr=True)

DEFAULT_CASE = "utn12-ieee33"
_ALL = "all"


class RuntimeKind(StrEnum):
    """Where the agents live."""

    ray = "ray"
    local = "local"


CaseArgument = Annotated[str, typer.Argument(help="A built-in case, or a folder with case.yaml.")]
RunArgument = Annotated[Path, typer.Argument(help="A run's folder.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder that receives the run's.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Also write every table as CSV.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the summary as JSON, no more.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No progress, only the result.")]
RuntimeOption = Annotated[RuntimeKind, typer.Option(help="Ray actors, or this process only.")]
AddressOption = Annotated[
    str | None, typer.Option(help="An existing Ray cluster; default: a fresh one here.")
]
WorkersOption = Annotated[
    int, typer.Option(min=1, help="Ray actors that host the stations; changes no number.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="key=value of case.yaml; may be repeated.")
]


@contextmanager
def agents_runtime(kind: RuntimeKind, address: str | None, workers: int) -> Iterator[Any]:
    """The runtime asked for, stopped on leaving."""
    from ..agents.runtime import LocalRuntime, RayRuntime

    if kind is RuntimeKind.local:
        with LocalRuntime() as local:
            yield local
    else:
        with RayRuntime(address=address, workers=workers) as remote:
            yield remote


def task_pool(
    kind: RuntimeKind, address: str | None, workers: int
) -> AbstractContextManager[LocalPool | RayPool]:
    """The pool asked for, stopped on leaving."""
    from ..agents.pool import LocalPool, RayPool

    if kind is RuntimeKind.local:
        return LocalPool()
    return RayPool(address=address, workers=workers)


@contextmanager
def resumable(folder: Path) -> Iterator[None]:
    """Tells how to go on, and exits with 1, if what happens inside breaks off."""
    try:
        yield
    except KeyboardInterrupt:
        err.print(f"interrupted; continue with: roadvolt resume {folder}", soft_wrap=True)
        raise typer.Exit(1) from None
    except HostLost as error:
        err.print(f"{error}; continue with: roadvolt resume {folder}", soft_wrap=True)
        raise typer.Exit(1) from error


def print_json(summary: Mapping[str, Any]) -> None:
    """The summary for programs."""
    sys.stdout.write(json.dumps(summary, indent=2) + "\n")


def print_view(view: RenderableType, folder: Path, page: str) -> None:
    """The summary for people, and where to find more."""
    out.print(view)
    out.print(f"results: {folder}\nreport:  {folder / page}", soft_wrap=True)


def pairs(settings: list[str], option: str = "--set") -> dict[str, str]:
    """``["a.b=1"]`` -> ``{"a.b": "1"}``."""
    found = {}
    for setting in settings:
        key, separator, value = setting.partition("=")
        if not separator:
            raise typer.BadParameter(f"'{setting}' is not key=value", param_hint=option)
        found[key.strip()] = value.strip()
    return found


def chosen(words: list[str], known: list[str], option: str) -> list[str]:
    """Those of ``known`` that lists of words ask for, in its order; all for "all".

    Large and small letters count as the same.
    """
    asked = {part.strip().lower(): part.strip() for word in words for part in word.split(",")}
    for word in sorted(asked.keys() - {one.lower() for one in known} - {_ALL}):
        fault = f"'{asked[word]}' is none of {', '.join(known)}, {_ALL}"
        raise typer.BadParameter(fault, param_hint=option)
    return [one for one in known if one.lower() in asked or _ALL in asked]
