"""Reads a case for planning PV and batteries from a folder and checks it as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from ...core.errors import CaseError, Problem
from ...core.units import frozen
from ...planning.der.case import DerCase
from ...planning.der.deviations import deviations_of, scenarios_of
from ..casefile.checks import Tables, duplicate_problems
from ..casefile.library import CaseKind, built_in_names, find_case_of
from ..casefile.overrides import overridden
from ..casefile.rows import checked_rows, checked_settings
from ..casefile.source import Source, read_source, write_source
from ..casefile.wires import shape_problems
from . import build, checks
from .layout import CHARGING, DER_PLANNING
from .series import load_problems, loads_of, without_loads
from .settings import DerSettings


def der_case_names() -> tuple[str, ...]:
    """The built-in cases for planning PV and batteries."""
    return built_in_names(CaseKind.DER_PLANNING)


def load_der_case(source: str | Path, *, overrides: Mapping[str, str] | None = None) -> DerCase:
    """Reads a built-in case by its name, or the one of a folder.

    ``overrides`` maps keys of ``case.yaml`` (``uncertainty.scenarios``) or cells of a table
    (``sites.18.pv``) to values as text. Raises ``CaseError`` with every problem found.
    """
    found: list[Problem] = []
    read = read_source(find_case_of(source, CaseKind.DER_PLANNING), DER_PLANNING, found)
    return _checked(str(source), overridden(read, DER_PLANNING, overrides or {}, found), found)


def der_case_of(name: str, files: Source) -> DerCase:
    """The case that files say, wherever they come from; raises as ``load_der_case`` does."""
    return _checked(name, files, [])


def to_der_case_folder(case: DerCase, folder: Path) -> Path:
    """Writes the case, overrides included, as a folder that ``load_der_case`` reads."""
    write_source(case.files, folder)
    return folder


def _checked(name: str, files: Source, found: list[Problem]) -> DerCase:
    settings = checked_settings(files.settings, DER_PLANNING, found) if files.settings else None
    texts = {**files.tables, "load": without_loads(files.tables.get("load"))}
    tables = {
        table: checked_rows(table, texts.get(table), DER_PLANNING, found)
        for table in DER_PLANNING.tables
    }
    found.extend(_problems_together(files, settings, tables))
    if found or settings is None:
        raise CaseError(name, tuple(found))
    return _case(files, settings, tables)


def _problems_together(
    files: Source, settings: DerSettings | None, tables: Tables
) -> Iterator[Problem]:
    yield from (references := list(checks.reference_problems(files.tables, files.settings)))
    yield from (twins := list(duplicate_problems(files.tables, DER_PLANNING)))
    whole = {name for name, rows in tables.items() if len(rows.good) == len(rows.text.rows)}
    if "prices" in whole:
        yield from checks.hour_problems(tables["prices"])
    if {"prices", "pv", "load", CHARGING} <= whole and not twins:
        yield from checks.series_problems(tables)
    if settings is None:
        return
    head = settings.network.head_bus
    yield from checks.settings_problems(settings, tables["prices"])
    yield from checks.head_problems(head, tables)
    nominal_kw = {row.bus: row.p_kw for row in tables["buses"]}
    if "buses" in whole:
        yield from load_problems(files.tables.get("load"), nominal_kw, head)
    if "prices" in whole:
        yield from checks.origin_problems(settings, tables, set(files.tables))
    if {"pv", "load"} <= whole:
        yield from checks.scenario_problems(settings, tables)
    if {"lines", "buses"} <= whole and not references and not twins:
        yield from shape_problems(tables, head)


def _case(files: Source, settings: DerSettings, tables: Tables) -> DerCase:
    network, s_max_kva = build.build_network(settings, tables)
    chosen, loads_kw = settings.uncertainty, {}
    if "load" in files.tables:
        loads_kw = loads_of(files.tables["load"])
    year = build.build_year(settings, network, tables, loads_kw)
    scenarios = scenarios_of(year, chosen.scenarios)
    prices = frozen([row.price_per_kwh for row in tables["prices"]])
    reactive_kvar = settings.history.reactive_scale * network.load_q_kvar
    case = DerCase(
        name=settings.case.name,
        title=settings.case.title,
        currency=settings.case.currency,
        digest=files.digest,
        files=files.texts,
        network=network,
        s_max_kva=s_max_kva,
        v_min_pu=settings.network.v_min_pu,
        v_max_pu=settings.network.v_max_pu,
        load_q_kvar=frozen(np.repeat(reactive_kvar[:, None], len(prices), axis=1)),
        price_per_kwh=prices,
        pv_sites=build.build_sites(network, tables, "pv"),
        battery_sites=build.build_sites(network, tables, "battery"),
        rules=build.build_rules(settings),
        scenarios=scenarios,
        deviations=deviations_of(year, scenarios, chosen.quantile_low, chosen.quantile_high),
        year=year,
        learned_from=tuple(settings.history.learned_from),
    )
    return case.with_demand(build.build_charging(network, tables))
