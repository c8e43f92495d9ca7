"""Charging learnt from episodes: against the agents' own scenarios, and against known laws."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from roadvolt.agents.messages import ChargingPrices
from roadvolt.agents.runtime import LocalRuntime
from roadvolt.agents.transport import TransportOperator
from roadvolt.core.errors import ResultsError
from roadvolt.planning.fdn.case import FdnCase
from roadvolt.planning.fdn.draws import draw_factors
from roadvolt.sims.case import load_case, to_case_folder
from roadvolt.sims.episode import run_episode
from roadvolt.sims.fdn.bridge import with_charging_from
from roadvolt.sims.fdn.charging import ChargingRecord, charging_record, fit_records
from roadvolt.sims.options import options_for
from roadvolt.sims.planfile import load_fdn_case, to_fdn_case_folder
from roadvolt.sims.recorder import options_to_json
from roadvolt.sims.results import Run, load_run, save_summary, save_tables
from roadvolt.uncertainty.mixture import Mixture
from roadvolt.uncertainty.nataf import normal_correlation

SEED, SAMPLES = 3, 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished episode of `tiny`, without pictures."""
    place = tmp_path_factory.mktemp("runs") / "tiny-episode"
    case = load_case("tiny")
    options = options_for(case, seed=SEED, samples=SAMPLES, fresh_samples=20)
    with LocalRuntime() as runtime:
        episode = run_episode(case, options, runtime=runtime)
    to_case_folder(case, place / "case")
    words = {"csv": False, "options": options_to_json(options)}
    (place / "options.json").write_text(json.dumps(words))
    save_tables(episode.tables, place, csv=False)
    save_summary(episode.summary, place)
    return place


@pytest.fixture
def run(folder: Path) -> Run:
    return load_run(folder)


def table_with(run: Run, name: str, **columns: Any) -> Run:
    return replace(run, tables={**run.tables, name: run.tables[name].assign(**columns)})


def test_what_is_drawn_is_the_agents_scenarios_and_the_battery_over_rated_power(run: Run) -> None:
    case = load_case("tiny")
    prices = ChargingPrices(price_per_kwh=case.charging_price_per_kwh)
    foreseen = TransportOperator(case.roads, SEED).assign(prices, SAMPLES).load.scenarios_kw
    record = charging_record(run)
    hours = run.tables["station_hours"].set_index(["station", "hour"])
    assert record.stations == ("S3", "S5")
    assert hours["unserved_kw"].max() == 0
    for k, station in enumerate(record.stations):
        battery = hours.loc[station, "charge_kw"] - hours.loc[station, "discharge_kw"]
        expected = (foreseen[:, :, k] + battery.to_numpy()) / (6 * 60)
        np.testing.assert_allclose(record.drawn[:, k], expected.ravel(), atol=1e-12)


def test_charging_that_is_not_served_is_not_drawn(run: Run) -> None:
    half = run.tables["station_hours"]["demand_kw"] / 2
    idle = {"charge_kw": 0.0, "discharge_kw": 0.0}
    full = charging_record(table_with(run, "station_hours", **idle))
    halved = charging_record(table_with(run, "station_hours", unserved_kw=half, **idle))
    np.testing.assert_allclose(halved.drawn, full.drawn / 2)


def test_scenarios_that_cannot_be_repeated_are_refused(run: Run) -> None:
    other = run.tables["sites"]["charging_kw"] + 1
    with pytest.raises(ResultsError, match="cannot be repeated"):
        charging_record(table_with(run, "sites", charging_kw=other))


@pytest.mark.parametrize("missing", ["sites", "station_hours"])
def test_a_folder_without_schedules_is_refused(run: Run, missing: str) -> None:
    tables = {name: table for name, table in run.tables.items() if name != missing}
    with pytest.raises(ResultsError, match="give a coordination episode that agreed"):
        charging_record(replace(run, tables=tables))


def drawn_from(law: Mixture, pearson: float, stations: int, count: int) -> ChargingRecord:
    normal = normal_correlation(law, law, pearson)
    z = np.random.default_rng(5).standard_normal((count, stations + 1))
    scores = np.sqrt(normal) * z[:, :1] + np.sqrt(1 - normal) * z[:, 1:]
    names = tuple(f"s{k}" for k in range(stations))
    return ChargingRecord(run="r", result_hash="h", stations=names, drawn=law.ppf(ndtr(scores)))


def test_a_known_law_and_correlation_are_found_again() -> None:
    law = Mixture(weights=(0.6, 0.4), means=(0.2, 0.7), sds=(0.05, 0.1))
    record = drawn_from(law, 0.4, stations=5, count=20_000)
    fit = fit_records([record, record])
    assert len(fit.pairs) == 2 * 10
    assert fit.factor.correlation == pytest.approx(0.4, abs=0.02)
    mixture = fit.factor.mixture
    assert mixture.weights == pytest.approx(law.weights, abs=0.03)
    assert mixture.means == pytest.approx(law.means, abs=0.02)
    assert mixture.sds == pytest.approx(law.sds, abs=0.02)
    assert (fit.factor.low, fit.factor.high) == (record.drawn.min(), record.drawn.max())


def test_stations_that_avoid_each_other_are_taken_as_independent() -> None:
    values = np.random.default_rng(1).random((200, 1))
    record = ChargingRecord(
        run="r", result_hash="h", stations=("a", "b"), drawn=np.hstack([values, 1 - values])
    )
    assert fit_records([record]).factor.correlation == 0


def test_one_station_alone_teaches_no_correlation() -> None:
    drawn = np.random.default_rng(1).random((50, 1))
    alone = ChargingRecord(run="r", result_hash="h", stations=("a",), drawn=drawn)
    with pytest.raises(ResultsError, match="no two stations charge"):
        fit_records([alone])


@pytest.fixture(scope="module")
def learnt(folder: Path) -> FdnCase:
    return with_charging_from(load_fdn_case("tpc84"), [folder])


def test_a_planning_case_learns_charging_and_keeps_the_rest(
    folder: Path, learnt: FdnCase, tmp_path: Path
) -> None:
    case = load_fdn_case("tpc84")
    assert (learnt.factors.load, learnt.factors.pv) == (case.factors.load, case.factors.pv)
    assert learnt.learned_from == (f"tiny-episode {load_run(folder).summary['result_hash']}",)
    assert learnt.digest != case.digest
    again = load_fdn_case(to_fdn_case_folder(learnt, tmp_path / "copy"))
    assert (again.digest, again.factors.ev) == (learnt.digest, learnt.factors.ev)
    twice = with_charging_from(learnt, [folder])
    assert twice.factors == learnt.factors
    assert twice.files == learnt.files


def test_planning_draws_charging_as_the_episode_saw_it(folder: Path, learnt: FdnCase) -> None:
    drawn = charging_record(load_run(folder)).drawn
    draws = draw_factors(learnt, 1, 20_000)
    assert draws.ev.mean() == pytest.approx(drawn.mean(), abs=0.02)
    assert draws.ev.std() == pytest.approx(drawn.std(), abs=0.02)
    pairs = np.corrcoef(draws.ev.T)[np.triu_indices(draws.ev.shape[1], 1)]
    assert pairs.mean() == pytest.approx(np.corrcoef(drawn.T)[0, 1], abs=0.03)
