"""What charging stations draw, learnt from coordination episodes, as a factor on rated power.

An episode keeps its case, its seed and the vehicles that came to charge; from these the very
scenarios that it was run on are simulated again. In scenario s and hour t station k draws

    d_k(s, t) = charging_k(s, t) served_k(t) + charge_k(t) - discharge_k(t)

of its rated power (ports times charger), with what the agreed schedule does with its battery. All
scenarios and hours of a day count alike: a planning sample is an instant of the year. PV is left
out, planning has its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...core.errors import ResultsError
from ...core.units import FloatArray
from ...planning.fdn.case import Factor
from ...traffic.charging import simulate_charging
from ...uncertainty.mixture import fit_mixture
from ...uncertainty.seeds import generator
from ..case import Case, load_case
from ..recorder import options_from_json
from ..results import Run, load_run

#: A mixture of a few components is settled by a few thousand values.
_FITTED_VALUES = 3000

#: What planning draws for any two stations must be possible for all of them.
_CORRELATION_RANGE = (0.0, 0.99)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChargingRecord:
    """One run: what its stations drew over their rated power."""

    run: str  #: name of its folder
    result_hash: str
    stations: tuple[str, ...]
    drawn: FloatArray  #: [instant, station], an instant being an hour of a scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingFit:
    """The factor on rated charging power behind some runs."""

    factor: Factor
    pairs: tuple[float, ...]  #: Pearson's correlation of every two stations of a run
    learned_from: tuple[str, ...]  #: run and result hash


def fit_charging(runs: Sequence[Path], *, seed: int = 0) -> ChargingFit:
    """A Gaussian mixture, clipped to the range seen, and one correlation between stations.

    The mixture is fitted to all stations together, components chosen by the Bayesian information
    criterion; the correlation is the mean over all pairs of stations within a run, and at least 0.

    Args:
        runs: folders of finished coordination episodes.
        seed: of the choice of values that are fitted, and of the fit.

    Raises:
        ResultsError: a folder is no finished episode that agreed, or no two stations charge.
    """
    return fit_records([charging_record(load_run(run)) for run in runs], seed=seed)


def fit_records(records: Sequence[ChargingRecord], *, seed: int = 0) -> ChargingFit:
    """``fit_charging`` of runs that have been read."""
    pairs = tuple(pair for record in records for pair in _pairs(record))
    if not pairs:
        raise ResultsError(_names(records), "no two stations charge: no correlation to learn")
    pooled = np.concatenate([record.drawn.ravel() for record in records])
    rng = generator(seed, "charging fit")
    chosen = rng.choice(pooled, min(_FITTED_VALUES, len(pooled)), replace=False)
    factor = Factor(
        mixture=fit_mixture(chosen, seed=seed),
        correlation=float(np.clip(np.mean(pairs), *_CORRELATION_RANGE)),
        low=float(pooled.min()),
        high=float(pooled.max()),
    )
    sources = tuple(f"{record.run} {record.result_hash}" for record in records)
    return ChargingFit(factor=factor, pairs=pairs, learned_from=sources)


def charging_record(run: Run) -> ChargingRecord:
    """What the stations of a finished episode drew.

    Raises:
        ResultsError: it is no coordination episode, did not agree, or was simulated differently.
    """
    name = str(run.folder)
    if not {"sites", "station_hours"} <= run.tables.keys() or "ev_per_h" not in run.tables["sites"]:
        raise ResultsError(name, "has no schedules: give a coordination episode that agreed")
    case = load_case(run.folder / "case")
    charging_kw = _scenarios(run, case)
    rated_kw = np.array([site.ports * site.charger_kw for site in case.roads.sites])
    hours, stations = run.tables["station_hours"], _stations(case)
    served = 1 - _ratio(_wide(hours, stations, "unserved_kw"), _wide(hours, stations, "demand_kw"))
    battery_kw = _wide(hours, stations, "charge_kw") - _wide(hours, stations, "discharge_kw")
    drawn = (charging_kw * served + battery_kw) / rated_kw
    return ChargingRecord(
        run=run.folder.name,
        result_hash=str(run.summary["result_hash"]),
        stations=stations,
        drawn=drawn.reshape(-1, len(stations)),
    )


def _scenarios(run: Run, case: Case) -> FloatArray:
    """The episode's charging scenarios [scenario, time, site] in kW, simulated again."""
    options = options_from_json(json.loads((run.folder / "options.json").read_text())["options"])
    sites, stations = run.tables["sites"], _stations(case)
    arrivals = _wide(sites, stations, "ev_per_h")
    load = simulate_charging(case.roads, arrivals, options.seed, options.samples, "learn")
    if not np.allclose(load.expected_kw, _wide(sites, stations, "charging_kw"), rtol=1e-9):
        fault = "its charging scenarios cannot be repeated: another version of roadvolt made it"
        raise ResultsError(str(run.folder), fault)
    return load.scenarios_kw


def _stations(case: Case) -> tuple[str, ...]:
    return tuple(site.station for site in case.roads.sites)


def _wide(table: pd.DataFrame, stations: Sequence[str], column: str) -> FloatArray:
    """A column of a table by hour and station, as [time, station]."""
    wide = table.pivot(index="hour", columns="station", values=column)
    return np.asarray(wide[list(stations)], dtype=np.float64)


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _pairs(record: ChargingRecord) -> Iterator[float]:
    """Correlation of every two stations that do not stand still."""
    moving = record.drawn[:, record.drawn.std(axis=0) > 0]
    if moving.shape[1] > 1:
        matrix = np.atleast_2d(np.corrcoef(moving.T))
        yield from matrix[np.triu_indices(len(matrix), 1)].tolist()


def _names(records: Sequence[ChargingRecord]) -> str:
    return ", ".join(record.run for record in records)
