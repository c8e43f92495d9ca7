"""Reads a case for planning ports and storage on DC links, and checks it as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ...core.errors import CaseError, Problem
from ...planning.dc_storage.case import DcStorageCase
from ..casefile.checks import Tables, duplicate_problems
from ..casefile.library import CaseKind, built_in_names, find_case_of
from ..casefile.overrides import overridden
from ..casefile.rows import checked_rows, checked_settings
from ..casefile.source import Source, write_source
from ..networkfile.build import build_network
from ..networkfile.checks import network_problems
from ..networkfile.load import read_with_network
from . import build, checks
from .layout import DC_STORAGE_PLANNING
from .settings import DcStorageSettings


def dc_storage_case_names() -> tuple[str, ...]:
    """The built-in cases for planning ports and storage on DC links."""
    return built_in_names(CaseKind.DC_STORAGE_PLANNING)


def load_dc_storage_case(
    source: str | Path, *, overrides: Mapping[str, str] | None = None
) -> DcStorageCase:
    """Reads a built-in case by its name, or the one of a folder.

    ``overrides`` maps keys of ``case.yaml`` (``money.return_min``) or cells of a table
    (``ports.60.max_kva``) to values as text. Raises ``CaseError`` with every problem found.
    """
    found: list[Problem] = []
    folder = find_case_of(source, CaseKind.DC_STORAGE_PLANNING)
    read = read_with_network(folder, DC_STORAGE_PLANNING, found)
    return _checked(
        str(source), overridden(read, DC_STORAGE_PLANNING, overrides or {}, found), found
    )


def to_dc_storage_case_folder(case: DcStorageCase, folder: Path) -> Path:
    """Writes the case, overrides and network included, as a folder that can be read again."""
    write_source(case.files, folder)
    return folder


def _checked(name: str, files: Source, found: list[Problem]) -> DcStorageCase:
    layout = DC_STORAGE_PLANNING
    settings = checked_settings(files.settings, layout, found) if files.settings else None
    tables = {
        table: checked_rows(table, files.tables.get(table), layout, found)
        for table in layout.tables
    }
    found.extend(_problems_together(files, settings, tables))
    if found or settings is None:
        raise CaseError(name, tuple(found))
    return _case(files, settings, tables)


def _problems_together(
    files: Source, settings: DcStorageSettings | None, tables: Tables
) -> Iterator[Problem]:
    yield from (twins := list(duplicate_problems(files.tables, DC_STORAGE_PLANNING)))
    yield from network_problems(files.tables, tables, ("ports", "bus"), ("renewables", "bus"))
    yield from checks.reference_problems(files.tables)
    whole = {name for name, rows in tables.items() if len(rows.good) == len(rows.text.rows)}
    if {"boundaries", "days"} <= whole:
        yield from checks.probability_problems(tables)
    if "hours" in whole and not twins:
        yield from checks.hour_problems(tables["hours"])
    if settings is not None:
        yield from checks.settings_problems(settings)
        yield from checks.size_problems(settings, tables)


def _case(files: Source, settings: DcStorageSettings, tables: Tables) -> DcStorageCase:
    network = build_network(settings.network.vn_kv, tables)
    return DcStorageCase(
        name=settings.case.name,
        title=settings.case.title,
        currency=settings.case.currency,
        digest=files.digest,
        files=files.texts,
        network=network,
        hours=build.step_hours(tables),
        links=build.build_links(settings, network, tables),
        modules=build.build_modules(settings),
        scenarios=build.build_scenarios(network, tables),
        rules=build.build_rules(settings),
    )
