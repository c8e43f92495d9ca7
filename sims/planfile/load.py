"""Reads a planning case from a folder and checks it as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...core.errors import CaseError, Problem
from ...planning.fdn.case import FdnCase, Site
from ..casefile.checks import duplicate_problems
from ..casefile.library import CaseKind, built_in_names, find_case_of
from ..casefile.overrides import overridden
from ..casefile.rows import Rows, checked_rows, checked_settings
from ..casefile.source import Source, read_source, write_source
from ..networkfile.build import build_network
from ..networkfile.checks import network_problems
from . import build, checks
from .layout import FDN_PLANNING
from .settings import PlanSettings


def fdn_case_names() -> tuple[str, ...]:
    """The built-in cases for planning flexible distribution networks."""
    return built_in_names(CaseKind.FDN_PLANNING)


def load_fdn_case(source: str | Path, *, overrides: Mapping[str, str] | None = None) -> FdnCase:
    """Reads a built-in planning case by its name, or the one of a folder.

    ``overrides`` maps keys of ``case.yaml`` (``uncertainty.factor_set``) or cells of a table
    (``stages.1.site_price``) to values as text. Raises ``CaseError`` with every problem found.
    """
    found: list[Problem] = []
    read = read_source(find_case_of(source, CaseKind.FDN_PLANNING), FDN_PLANNING, found)
    return _checked(str(source), overridden(read, FDN_PLANNING, overrides or {}, found), found)


def fdn_case_of(name: str, files: Source) -> FdnCase:
    """The case that files say, wherever they come from; raises as ``load_fdn_case`` does."""
    return _checked(name, files, [])


def to_fdn_case_folder(case: FdnCase, folder: Path) -> Path:
    """Writes the case, overrides included, as a folder that ``load_fdn_case`` reads."""
    write_source(case.files, folder)
    return folder


def _checked(name: str, files: Source, found: list[Problem]) -> FdnCase:
    settings = checked_settings(files.settings, FDN_PLANNING, found) if files.settings else None
    tables = {
        table: checked_rows(table, files.tables.get(table), FDN_PLANNING, found)
        for table in FDN_PLANNING.tables
    }
    found.extend(_problems_together(files, settings, tables))
    if found or settings is None:
        raise CaseError(name, tuple(found))
    case = _case(files, settings, tables)
    found.extend(_room_problems(case))
    if found:
        raise CaseError(name, tuple(found))
    return case


def _problems_together(
    files: Source, settings: PlanSettings | None, tables: dict[str, Rows[Any]]
) -> Iterator[Problem]:
    yield from duplicate_problems(files.tables, FDN_PLANNING)
    yield from network_problems(files.tables, tables, ("sites", "bus"))
    yield from checks.twin_problems(tables["sites"])
    yield from checks.stage_problems(tables["stages"])
    if settings is not None:
        yield from checks.settings_problems(settings)
        yield from checks.factor_problems(settings, tables["factors"], tables["mixtures"])


def _room_problems(case: FdnCase) -> Iterator[Problem]:
    """Sites must hold what the last stages ask for; no plan could mend it."""
    power_factor = case.rules.pv_power_factor
    for what, sites, needed_kva, column in (
        ("charging", case.evcs_sites, case.ev_kw, "ev_penetration_share"),
        ("PV", case.pv_sites, case.pv_kw / power_factor, "pv_penetration_share"),
    ):
        room_kva = _room_kva(sites)
        for stage, kva in enumerate(needed_kva, start=1):
            if kva > room_kva:
                fault = f"stage {stage} asks for {kva:.0f} kVA of {what}, sites hold {room_kva:.0f}"
                remedy = "add sites, raise their max_kva, or lower the share"
                yield Problem(f"stages.csv, row {stage + 1}, column {column}", fault, remedy)


def _room_kva(sites: tuple[Site, ...]) -> float:
    return sum(site.max_kva for site in sites)


def _case(files: Source, settings: PlanSettings, tables: dict[str, Rows[Any]]) -> FdnCase:
    network = build_network(settings.network.vn_kv, tables)
    return FdnCase(
        name=settings.case.name,
        title=settings.case.title,
        currency=settings.case.currency,
        network=network,
        stages=build.build_stages(tables),
        evcs_sites=build.build_sites(network, tables, "evcs"),
        pv_sites=build.build_sites(network, tables, "pv"),
        factors=build.build_factors(settings, tables),
        rules=build.build_rules(settings),
        learned_from=tuple(settings.uncertainty.learned_from),
        digest=files.digest,
        files=files.texts,
    )
