"""Reads a case whose network may be that of another case."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from ...core.errors import CaseError, Problem
from ..casefile.layout import Layout, SettingsT
from ..casefile.library import find_case
from ..casefile.source import SETTINGS_FILE, Source, read_source
from .tables import NETWORK_TABLES

#: The key of ``case.yaml`` that names the other case.
_KEY: Final = "network_of"


def read_with_network(folder: Path, layout: Layout[SettingsT], found: list[Problem]) -> Source:
    """``read_source``; network tables that the folder lacks are those of ``case.network_of``.

    That is a built-in case, or a folder beside this one.
    """
    return read_source(folder, layout, found, _lent(folder, found))


def _lent(folder: Path, found: list[Problem]) -> Mapping[str, Path]:
    name = _lender(folder)
    if name is None or all((folder / f"{table}.csv").exists() for table in NETWORK_TABLES):
        return {}
    beside = folder.parent / name
    try:
        lender = beside if (beside / SETTINGS_FILE).is_file() else find_case(name)
    except CaseError as error:
        fault = f"'{name}' is no case whose network could be used"
        remedy = error.problems[0].remedy
        found.append(Problem(f"{SETTINGS_FILE}, case.{_KEY}", fault, remedy))
        return {}
    return dict.fromkeys(NETWORK_TABLES, lender)


def _lender(folder: Path) -> str | None:
    """What ``case.network_of`` says; damaged files are left to ``read_source`` to judge."""
    try:
        content = yaml.safe_load((folder / SETTINGS_FILE).read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    about = content.get("case") if isinstance(content, dict) else None
    said = about.get(_KEY) if isinstance(about, dict) else None
    return None if said is None else str(said)
