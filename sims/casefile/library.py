"""Where cases lie, and of which kind they are."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

import yaml

from ...core.errors import CaseError, Problem
from .source import SETTINGS_FILE, did_you_mean

BUILT_IN: Final = Path(__file__).parents[1] / "cases"


class CaseKind(StrEnum):
    """What a case is for: ``case.kind`` in its ``case.yaml``, coordination where that is absent."""

    COORDINATION = "coordination"
    FDN_PLANNING = "fdn planning"
    DER_PLANNING = "der planning"
    DC_STORAGE_PLANNING = "dc storage planning"
    DISPATCH = "dispatch"


#: What to do with a case of each kind.
_USES: Final[Mapping[CaseKind, str]] = MappingProxyType(
    {
        CaseKind.COORDINATION: "roadvolt run {case}, roadvolt study",
        CaseKind.FDN_PLANNING: "roadvolt plan fdn {case}",
        CaseKind.DER_PLANNING: "roadvolt plan der {case}",
        CaseKind.DC_STORAGE_PLANNING: "roadvolt plan dc-storage {case}",
        CaseKind.DISPATCH: "roadvolt dispatch {case}",
    }
)


def built_in_names(*kinds: CaseKind) -> tuple[str, ...]:
    """The built-in cases of these kinds, in the order of the alphabet."""
    folders = sorted(path.parent for path in BUILT_IN.glob(f"*/{SETTINGS_FILE}"))
    return tuple(folder.name for folder in folders if kind_of(folder) in kinds)


def find_case(source: str | Path) -> Path:
    """The folder of a built-in case, or the folder given; CaseError if it holds no case."""
    names = built_in_names(*CaseKind)
    if str(source) in names:
        return BUILT_IN / str(source)
    if not (Path(source) / SETTINGS_FILE).is_file():
        fault = f"is neither a built-in case nor a folder with {SETTINGS_FILE}"
        problem = Problem(str(source), fault, did_you_mean(str(source), names))
        raise CaseError(str(source), (problem,))
    return Path(source)


def find_case_of(source: str | Path, kind: CaseKind) -> Path:
    """``find_case``, but CaseError as well if the case is of another kind."""
    folder = find_case(source)
    found = kind_of(folder)
    if found is not kind:
        fault = f"says that this is a case for {found}, not for {kind}"
        use = _USES[found].format(case=source)
        fitting = ", ".join(built_in_names(kind))
        remedy = f"use it with: {use}; built-in cases for {kind}: {fitting}"
        raise CaseError(str(source), (Problem(f"{SETTINGS_FILE}, case.kind", fault, remedy),))
    return folder


def kind_of(folder: Path) -> CaseKind:
    """The kind of the case in a folder; one that cannot be read is left to its loader to judge."""
    try:
        content = yaml.safe_load((folder / SETTINGS_FILE).read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return CaseKind.COORDINATION
    about = content.get("case") if isinstance(content, dict) else None
    said = about.get("kind") if isinstance(about, dict) else None
    if said is not None and said not in list(CaseKind):
        remedy = did_you_mean(str(said), CaseKind)
        problem = Problem(f"{SETTINGS_FILE}, case.kind", f"'{said}' is no kind of case", remedy)
        raise CaseError(str(folder), (problem,))
    return CaseKind.COORDINATION if said is None else CaseKind(said)
