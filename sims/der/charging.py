"""From coordination episodes to a planning case: charging of vehicles as certain demand.

At the bus of station k, in hour t, a day of the plan gains

    charging_k(t) (1 - unserved_k(t) / demand_k(t))

of the episode: what its vehicles are expected to draw, less the share of the station's demand that
stays unserved. Of several episodes it is the mean; a station that an episode does not have charges
nothing there. Batteries and PV of the stations, and what else is used there, are left out.
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
from ...planning.der.case import DerCase
from ..case import load_case
from ..casefile.source import SETTINGS_FILE, Source, TextTable, csv_text, parse_source
from ..derfile.layout import CHARGING
from ..derfile.load import der_case_of
from ..results import Run, load_run

_COLUMNS: Final = ("bus", "hour", "charging_kw")
_SAME_NAMES: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExpectedCharging:
    """One run: what vehicles are expected to draw, and get."""

    run: str  #: name of its folder
    result_hash: str
    stations: tuple[str, ...]
    buses: tuple[str, ...]  #: [station]
    charging_kw: FloatArray  #: [time, station]


def with_charging_from(
    case: DerCase,
    runs: Sequence[Path],
    *,
    buses: Mapping[str, str] = _SAME_NAMES,
    scale: float = 1.0,
) -> DerCase:
    """The case with the charging of coordination episodes at its buses, instead of any it had.

    It stands in the files of the case, with the runs and their hashes, so that a copy of the case
    does not need the runs.

    Args:
        case: a case whose day has as many hours as the episodes.
        runs: folders of finished episodes; one or more.
        buses: of the episode -> of the case, where names differ.
        scale: vehicles planned for, over those of the episodes.

    Raises:
        ResultsError: a folder is no finished episode that agreed, its day has other hours, or
            vehicles charge at buses that the case lacks.
    """
    found = [expected_charging(load_run(run)) for run in runs]
    for one in found:
        _check_fit(case, one, buses)
    mean_kw = np.zeros((len(case.network.buses), case.hours))
    for one in found:
        for bus, charging_kw in zip(one.buses, one.charging_kw.T, strict=True):
            if charging_kw.any():
                place = case.network.index(buses.get(bus, bus))
                mean_kw[place] += scale * charging_kw / len(found)
    sources = [f"{one.run} {one.result_hash}" for one in found]
    return der_case_of(case.name, _with_table(case, mean_kw, sources))


def expected_charging(run: Run) -> ExpectedCharging:
    """What vehicles draw in a finished episode.

    Raises:
        ResultsError: it is no coordination episode, or did not agree.
    """
    if "station_hours" not in run.tables:
        fault = "has no schedules: give a coordination episode that agreed"
        raise ResultsError(str(run.folder), fault)
    hours = run.tables["station_hours"]
    unserved = (hours["unserved_kw"] / hours["demand_kw"]).fillna(0.0)
    served = hours.assign(served_kw=hours["charging_kw"] * (1 - unserved))
    wide = served.pivot(index="hour", columns="station", values="served_kw")
    stations = load_case(run.folder / "case").stations
    names = tuple(station.id for station in stations)
    return ExpectedCharging(
        run=run.folder.name,
        result_hash=str(run.summary["result_hash"]),
        stations=names,
        buses=tuple(station.bus for station in stations),
        charging_kw=np.asarray(wide[list(names)], dtype=np.float64),
    )


def _check_fit(case: DerCase, one: ExpectedCharging, buses: Mapping[str, str]) -> None:
    """The hours of the day are the case's, and so are all buses that vehicles charge at."""
    if len(one.charging_kw) != case.hours:
        fault = f"has {len(one.charging_kw)} hours, a day of '{case.name}' has {case.hours}: "
        raise ResultsError(one.run, fault + "give an episode with as many")
    used = [bus for bus, kw in zip(one.buses, one.charging_kw.T, strict=True) if kw.any()]
    places = [buses.get(bus, bus) for bus in used]
    lost = [f"'{place}'" for place in places if place not in case.network.buses]
    if lost:
        fault = f"vehicles charge at bus {', '.join(lost)}, for which '{case.name}' plans nothing: "
        raise ResultsError(one.run, fault + "say at which of its buses instead, or add them to it")


def _with_table(case: DerCase, charging_kw: FloatArray, sources: list[str]) -> Source:
    """The files of the case with ``charging.csv`` and where it comes from."""
    source = parse_source(case.files, [])
    cells = [
        dict(zip(_COLUMNS, (bus, str(hour), repr(float(kw))), strict=True))
        for bus, day in zip(case.network.buses, charging_kw, strict=True)
        for hour, kw in enumerate(day)
        if day.any()
    ]
    table = TextTable(file=f"{CHARGING}.csv", header=_COLUMNS, rows=dict(enumerate(cells, start=2)))
    history = {**source.settings["history"], "learned_from": sources}
    settings = {**source.settings, "history": history}
    texts = {
        **source.texts,
        table.file: csv_text(table),
        SETTINGS_FILE: yaml.safe_dump(settings, sort_keys=False, allow_unicode=True),
    }
    tables = {**source.tables, CHARGING: table}
    return replace(source, texts=texts, settings=settings, tables=tables)
