"""From coordination episodes to loads that may wait: what vehicles ask for, and when they come.

In hour t of an episode the vehicles at station k draw

    charging_k(t) (1 - unserved_k(t) / demand_k(t))

if none has to wait. Here each may wait for ``vehicles.delay_h``: of what has arrived by a time, at
most all, and at least what had arrived by then less the delay, has been charged (B2.b)-(B2.d). The
ports of a station limit its power. Of several episodes arrivals are the mean; stations at one bus
are one load. Batteries and PV of the stations, and what else is used there, are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import yaml

from ...core.errors import ResultsError
from ...core.units import FloatArray
from ...planning.dispatch.case import DispatchCase
from ..case import load_case
from ..casefile.source import SETTINGS_FILE, Source, TextTable, csv_text, parse_source
from ..der.charging import ExpectedCharging, expected_charging
from ..dispatchfile.clock import HOUR_MIN, clock_of
from ..dispatchfile.load import dispatch_case_of
from ..dispatchfile.tables import CHARGING
from ..results import load_run

_COLUMNS: Final = ("bus", "time", "charging_kw", "p_max_kw")
_SAME_NAMES: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StationCharging:
    """One run: what vehicles come for, and what ports can give."""

    expected: ExpectedCharging
    p_max_kw: FloatArray  #: [station]


def with_charging_from(
    case: DispatchCase,
    runs: Sequence[Path],
    *,
    buses: Mapping[str, str] = _SAME_NAMES,
    scale: float = 1.0,
) -> DispatchCase:
    """The case with the charging of coordination episodes as loads that may wait.

    It stands in the files of the case, with the runs and their hashes, so that a copy of the case
    does not need the runs; it replaces what was learnt before.

    Args:
        case: a case whose day has as many hours as the episodes.
        runs: folders of finished episodes; one or more.
        buses: of the episode -> of the case, where names differ.
        scale: vehicles and ports here, over those of the episodes.

    Raises:
        ResultsError: a folder is no finished episode that agreed, its day has other hours, or
            vehicles charge at buses that the case lacks.
    """
    found = [station_charging(run) for run in runs]
    for one in found:
        _check_fit(case, one.expected, buses)
    arriving: dict[str, FloatArray] = {}
    limits: dict[str, float] = {}
    for one in found:
        for bus, kw, p_max in _at_buses(one, buses):
            arriving[bus] = arriving.get(bus, 0.0) + scale * kw / len(found)
            limits[bus] = limits.get(bus, 0.0) + scale * p_max / len(found)
    sources = [f"{one.expected.run} {one.expected.result_hash}" for one in found]
    return dispatch_case_of(case.name, _with_table(case, arriving, limits, sources))


def station_charging(run: Path) -> StationCharging:
    """What a finished episode says.

    Raises:
        ResultsError: it is no coordination episode, or did not agree.
    """
    read = load_run(run)
    expected = expected_charging(read)
    sites = load_case(read.folder / "case").roads.sites
    rated_kw = {site.station: site.ports * site.charger_kw for site in sites}
    most_kw = [
        max(rated_kw.get(station, 0.0), float(kw.max()))
        for station, kw in zip(expected.stations, expected.charging_kw.T, strict=True)
    ]
    return StationCharging(expected=expected, p_max_kw=np.array(most_kw))


def _at_buses(
    one: StationCharging, buses: Mapping[str, str]
) -> list[tuple[str, FloatArray, float]]:
    """Bus of the case, arrivals [time] and rated power of every station that vehicles come to."""
    stations = zip(one.expected.buses, one.expected.charging_kw.T, one.p_max_kw, strict=True)
    return [(buses.get(bus, bus), kw, float(most)) for bus, kw, most in stations if kw.any()]


def _check_fit(case: DispatchCase, one: ExpectedCharging, buses: Mapping[str, str]) -> None:
    """The hours of the day are the case's, and so are all buses that vehicles charge at."""
    hours = round(case.steps * case.hours)
    if len(one.charging_kw) != hours:
        fault = f"has {len(one.charging_kw)} hours, the day of '{case.name}' has {hours}: "
        raise ResultsError(one.run, fault + "give an episode with as many")
    used = [bus for bus, kw in zip(one.buses, one.charging_kw.T, strict=True) if kw.any()]
    places = [buses.get(bus, bus) for bus in used]
    lost = [f"'{place}'" for place in places if place not in case.network.buses]
    if lost:
        fault = f"vehicles charge at bus {', '.join(lost)}, which '{case.name}' does not have: "
        raise ResultsError(one.run, fault + "say at which of its buses instead (--charging-at)")


def _with_table(
    case: DispatchCase,
    arriving: Mapping[str, FloatArray],
    limits: Mapping[str, float],
    sources: list[str],
) -> Source:
    """The files of the case with ``charging.csv`` and where it comes from."""
    source = parse_source(case.files, [])
    cells = [
        dict(
            zip(
                _COLUMNS,
                (bus, clock_of(HOUR_MIN * hour), *map(repr, (kw, limits[bus]))),
                strict=True,
            )
        )
        for bus, day in arriving.items()
        for hour, kw in enumerate(day.tolist())
    ]
    table = TextTable(file=f"{CHARGING}.csv", header=_COLUMNS, rows=dict(enumerate(cells, start=2)))
    vehicles = {**source.settings.get("vehicles", {}), "learned_from": sources}
    settings = {**source.settings, "vehicles": vehicles}
    texts = {
        **source.texts,
        table.file: csv_text(table),
        SETTINGS_FILE: yaml.safe_dump(settings, sort_keys=False, allow_unicode=True),
    }
    tables = {**source.tables, CHARGING: table}
    return replace(source, texts=texts, settings=settings, tables=tables)
