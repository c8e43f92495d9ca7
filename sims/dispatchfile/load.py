"""Reads a case for dispatching a day from a folder and checks it as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ...core.errors import CaseError, Problem
from ...planning.dispatch.case import DispatchCase
from ..casefile.checks import Tables, duplicate_problems
from ..casefile.library import CaseKind, built_in_names, find_case_of
from ..casefile.overrides import overridden
from ..casefile.rows import checked_rows, checked_settings
from ..casefile.source import Source, write_source
from ..networkfile.build import build_network
from ..networkfile.checks import network_problems
from ..networkfile.load import read_with_network
from . import build, checks
from .clock import HOUR_MIN
from .layout import DISPATCH
from .settings import DispatchSettings
from .tables import CHARGING

#: Tables that name buses.
_AT_BUSES = ("generators", "sops", "batteries", "deferrable", CHARGING)


def dispatch_case_names() -> tuple[str, ...]:
    """The built-in cases for dispatching a day."""
    return built_in_names(CaseKind.DISPATCH)


def load_dispatch_case(
    source: str | Path, *, overrides: Mapping[str, str] | None = None
) -> DispatchCase:
    """Reads a built-in case by its name, or the one of a folder.

    ``overrides`` maps keys of ``case.yaml`` (``time.step_min``) or cells of a table
    (``batteries.ESS24.e_kwh``) to values as text. Raises ``CaseError`` with every problem found.
    """
    found: list[Problem] = []
    read = read_with_network(find_case_of(source, CaseKind.DISPATCH), DISPATCH, found)
    return _checked(str(source), overridden(read, DISPATCH, overrides or {}, found), found)


def dispatch_case_of(name: str, files: Source) -> DispatchCase:
    """The case that files say, wherever they come from; raises as ``load_dispatch_case`` does."""
    return _checked(name, files, [])


def to_dispatch_case_folder(case: DispatchCase, folder: Path) -> Path:
    """Writes the case, overrides included, as a folder that ``load_dispatch_case`` reads."""
    write_source(case.files, folder)
    return folder


def _checked(name: str, files: Source, found: list[Problem]) -> DispatchCase:
    settings = checked_settings(files.settings, DISPATCH, found) if files.settings else None
    tables = {
        table: checked_rows(table, files.tables.get(table), DISPATCH, found)
        for table in DISPATCH.tables
    }
    found.extend(_problems_together(files, settings, tables))
    if found or settings is None:
        raise CaseError(name, tuple(found))
    return _case(files, settings, tables)


def _problems_together(
    files: Source, settings: DispatchSettings | None, tables: Tables
) -> Iterator[Problem]:
    yield from duplicate_problems(files.tables, DISPATCH)
    yield from network_problems(files.tables, tables, *((table, "bus") for table in _AT_BUSES))
    yield from checks.deferrable_problems(tables["deferrable"])
    yield from checks.generator_problems(tables)
    yield from checks.terminal_problems(tables["sops"])
    yield from checks.battery_problems(tables["batteries"])
    whole = {name for name, rows in tables.items() if len(rows.good) == len(rows.text.rows)}
    if "feeders" in whole:
        yield from checks.requirement_problems(tables["requirements"], tables["feeders"])
    if settings is not None:
        yield from checks.settings_problems(settings)
    if "day" not in whole:
        return
    yield from (bad := list(checks.day_problems(tables["day"])))
    if CHARGING in whole and not bad:
        yield from checks.charging_problems(tables[CHARGING], tables["day"])
    if settings is not None and not bad:
        yield from checks.window_problems(tables, settings.time.step_min)


def _case(files: Source, settings: DispatchSettings, tables: Tables) -> DispatchCase:
    network = build_network(settings.network.vn_kv, tables)
    load_p_kw, load_q_kvar = build.build_loads(settings, network, tables)
    return DispatchCase(
        name=settings.case.name,
        title=settings.case.title,
        currency=settings.case.currency,
        digest=files.digest,
        files=files.texts,
        network=network,
        hours=settings.time.step_min / HOUR_MIN,
        load_p_kw=load_p_kw,
        load_q_kvar=load_q_kvar,
        price_per_kwh=build.build_prices(settings, tables),
        generators=build.build_generators(settings, network, tables),
        sops=build.build_sops(network, tables),
        batteries=build.build_batteries(network, tables),
        deferrable=build.build_deferrable(settings, network, tables),
        requirements=build.build_requirements(settings, tables),
        rules=build.build_rules(settings),
        learned_from=tuple(settings.vehicles.learned_from),
    )
