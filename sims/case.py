"""A case: everything an episode needs to know, read from a folder and checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import CaseError, Problem
from ..core.units import FloatArray
from ..grid.feeder import ErrorModel, Feeder, GridDay
from ..market.forecast import StationErrorModel
from ..market.station import Station, Tariff, TradeLink
from ..traffic.network import RoadNetwork
from ..uncertainty.margins import RiskTreatment
from ..uncertainty.radius import RadiusRule
from .casefile import build, checks, wires
from .casefile.coordination import COORDINATION
from .casefile.library import CaseKind, built_in_names, find_case_of
from .casefile.overrides import overridden
from .casefile.rows import Rows, checked_profiles, checked_rows, checked_settings
from .casefile.settings import Settings
from .casefile.source import (
    BASE_DEMAND,
    Source,
    read_source,
    write_source,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskDefaults:
    """How chance constraints are treated when the user does not choose.

    The four radius fields set the ambiguity radius of stations, see ``RiskChoice``.
    """

    treatment: RiskTreatment
    confidence: float
    samples: int
    radius_rule: RadiusRule
    radius_scale: float
    radius_confidence: float
    radius_kw: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """Everything an episode needs to know. Axes: time = ``hours``; site = ``roads.sites``."""

    name: str
    title: str
    currency: str
    hours: int
    feeder: Feeder
    grid_day: GridDay
    error_model: ErrorModel
    upstream_share_max: float  #: of every forecast error, what the upstream grid may balance
    roads: RoadNetwork
    stations: tuple[Station, ...]
    links: tuple[TradeLink, ...]
    tariff: Tariff
    charging_price_per_kwh: FloatArray  #: [time, site]
    pv_factor: FloatArray  #: [time] expected PV output / installed power
    station_errors: StationErrorModel
    risk: RiskDefaults
    hosting_road: Mapping[str, str]  #: the road of every station, whether it serves traffic or not
    digest: str  #: SHA-256 over the files, overrides included
    files: Mapping[str, str]  #: the files themselves, overrides included


def case_names() -> tuple[str, ...]:
    """The built-in cases that episodes run on."""
    return built_in_names(CaseKind.COORDINATION)


def load_case(source: str | Path, *, overrides: Mapping[str, str] | None = None) -> Case:
    """Reads a built-in case by its name, or the case of a folder.

    ``overrides`` maps keys of ``case.yaml`` (``feeder.unbalance``) or cells of a table
    (``stations.EVCS18.pv_kw``) to values as text. Raises ``CaseError`` with every problem found.
    """
    found: list[Problem] = []
    folder = find_case_of(source, CaseKind.COORDINATION)
    read = read_source(folder, COORDINATION, found)
    files = overridden(read, COORDINATION, overrides or {}, found)
    settings = checked_settings(files.settings, COORDINATION, found) if files.settings else None
    tables = {
        name: checked_rows(name, files.tables.get(name), COORDINATION, found)
        for name in COORDINATION.tables
    }
    profiles = checked_profiles(files.tables.get(BASE_DEMAND), found)
    _check_together(files, settings, tables, found)
    if found or settings is None:
        raise CaseError(str(source), tuple(found))
    return _case(files, settings, tables, profiles)


def to_case_folder(case: Case, folder: Path) -> Path:
    """Writes the case, overrides included, as a folder that ``load_case`` reads."""
    write_source(case.files, folder)
    return folder


def _check_together(
    files: Source, settings: Settings | None, tables: dict[str, Rows[Any]], found: list[Problem]
) -> None:
    """Checks across rows and tables, each as soon as what it builds on is sound."""
    found.extend(checks.reference_problems(files.tables, files.settings))
    found.extend(checks.duplicate_problems(files.tables, COORDINATION))
    found.extend(checks.hours_problems(files.tables, files.settings))
    found.extend(checks.row_problems(tables))
    found.extend(checks.link_problems(tables["links"]))
    found.extend(wires.impedance_problems(tables))
    if settings is not None:
        found.extend(checks.injection_problems(tables["injections"], settings.case.hours))
        found.extend(checks.settings_problems(settings, tables["day"]))
        found.extend(wires.unbalance_problems(tables, settings))
    if _sound(found, "road_nodes", "roads", "trips"):
        found.extend(wires.road_problems(tables))
    source_bus = str(checks.said(files.settings, "feeder", "source_bus"))
    if _sound(found, "buses", "lines") and source_bus in checks.declared(files.tables, "buses"):
        found.extend(wires.shape_problems(tables, source_bus))
        if _sound(found, "buses", "lines"):
            found.extend(wires.phase_problems(tables, source_bus))


def _sound(found: list[Problem], *tables: str) -> bool:
    """Whether no problem stands in these tables."""
    blamed = {problem.place.partition(",")[0] for problem in found}
    return blamed.isdisjoint(f"{table}.csv" for table in tables)


def _case(
    files: Source,
    settings: Settings,
    tables: dict[str, Rows[Any]],
    profiles: Mapping[str, FloatArray],
) -> Case:
    about, errors, risk = settings.case, settings.uncertainty, settings.risk
    return Case(
        name=about.name,
        title=about.title,
        currency=about.currency,
        hours=about.hours,
        feeder=build.build_feeder(settings, tables),
        grid_day=build.build_grid_day(settings, tables),
        error_model=build.build_error_model(settings),
        upstream_share_max=settings.feeder.upstream_share_max,
        roads=build.build_roads(settings, tables),
        stations=build.build_stations(tables, profiles),
        links=build.build_links(tables),
        tariff=build.build_tariff(settings, tables),
        charging_price_per_kwh=build.build_charging_prices(tables),
        pv_factor=build.day_column(tables, "pv_factor"),
        station_errors=StationErrorModel(
            pv_sd=errors.pv_sd,
            base_sd=errors.base_sd,
            support_sd=errors.support_sd,
            spearman_pv_pv=errors.spearman_pv_pv,
        ),
        risk=RiskDefaults(
            treatment=RiskTreatment(risk.treatment),
            confidence=risk.confidence,
            samples=risk.samples,
            radius_rule=RadiusRule(risk.radius_rule),
            radius_scale=risk.radius_scale,
            radius_confidence=risk.radius_confidence,
            radius_kw=risk.radius_kw,
        ),
        hosting_road={row.station: row.road for row in tables["stations"]},
        digest=files.digest,
        files=files.texts,
    )
