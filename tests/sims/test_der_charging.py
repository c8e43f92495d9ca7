"""Charging of episodes as demand of a plan: by hand, and end to end on the feeder of an episode."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from roadvolt.agents.runtime import LocalRuntime
from roadvolt.core.errors import CaseError, ResultsError
from roadvolt.planning.der.case import DerCase
from roadvolt.sims.case import load_case, to_case_folder
from roadvolt.sims.casefile.library import BUILT_IN
from roadvolt.sims.der.charging import expected_charging, with_charging_from
from roadvolt.sims.derfile import load_der_case, to_der_case_folder
from roadvolt.sims.episode import run_episode
from roadvolt.sims.options import options_for
from roadvolt.sims.recorder import options_to_json
from roadvolt.sims.results import Run, load_run, save_summary, save_tables

HOURS, DAYS = 6, 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished episode of `tiny`, six hours, without pictures."""
    place = tmp_path_factory.mktemp("runs") / "tiny-episode"
    case = load_case("tiny")
    options = options_for(case, seed=3, samples=60, fresh_samples=20)
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


def write(path: Path, header: str, rows: Iterable[Iterable[Any]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header.split(","), *rows])


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> DerCase:
    """A plan for the feeder of `tiny` with three days of six hours, all of its own tables."""
    place = tmp_path_factory.mktemp("planned")
    feeder = load_case("tiny").feeder
    buses = [bus for bus in feeder.buses if bus != feeder.source_bus]
    write(place / "buses.csv", "bus,x,y,p_kw,q_kvar", [(b, 0, 0, 0, 0) for b in feeder.buses])
    lines = [(line.id, line.from_bus, line.to_bus, 0.1, 0.1, 2000) for line in feeder.lines]
    write(place / "lines.csv", "line,from_bus,to_bus,r_ohm,x_ohm,s_max_kva", lines)
    write(place / "sites.csv", "bus,pv,battery", [(buses[0], "yes", "no")])
    write(place / "prices.csv", "hour,price_per_kwh", [(h, 0.2) for h in range(HOURS)])
    hours = [(d + 1, h) for d in range(DAYS) for h in range(HOURS)]
    write(place / "pv.csv", "day,hour,pv_factor", [(d, h, 0.1 * d + 0.01 * h) for d, h in hours])
    write(place / "load.csv", f"day,hour,{buses[0]}_kw", [(d, h, 10 * d + h) for d, h in hours])
    settings = yaml.safe_load((BUILT_IN / "der33/case.yaml").read_text())
    settings["network"]["head_bus"] = feeder.source_bus
    settings["history"] |= {"pv": "table", "load": "table"}
    settings["uncertainty"]["scenarios"] = 2
    (place / "case.yaml").write_text(yaml.safe_dump(settings))
    return load_der_case(place)


def added_kw(case: DerCase, before: DerCase) -> np.ndarray:
    """Demand that was added [bus, time]; the same in mean, scenarios and history."""
    extra = case.deviations.load_mean_kw - before.deviations.load_mean_kw
    for new, old in (
        (case.scenarios.load_kw, before.scenarios.load_kw),
        (case.year.load_kw, before.year.load_kw),
    ):
        np.testing.assert_allclose(new - old, np.broadcast_to(extra, old.shape), atol=1e-9)
    assert np.array_equal(case.deviations.load_up_kw, before.deviations.load_up_kw)
    return extra


def test_vehicles_charge_where_and_when_they_did_in_the_episode(
    folder: Path, run: Run, planned: DerCase
) -> None:
    hours = run.tables["station_hours"].set_index(["station", "hour"])
    expected = np.zeros((len(planned.network.buses), HOURS))
    for station in load_case("tiny").stations:
        bus = planned.network.index(station.bus)
        for hour in range(HOURS):
            assert hours.loc[(station.id, hour), "unserved_kw"] == 0
            expected[bus, hour] += hours.loc[(station.id, hour), "charging_kw"]
    case = with_charging_from(planned, [folder])
    np.testing.assert_allclose(added_kw(case, planned), expected, atol=1e-9)
    energy_kwh = run.tables["sites"]["charging_kw"].sum()
    assert expected.sum() == pytest.approx(energy_kwh) != 0


def test_charging_that_is_not_served_is_no_demand(run: Run) -> None:
    full = expected_charging(run)
    half = run.tables["station_hours"]["demand_kw"] / 2
    hours = run.tables["station_hours"].assign(unserved_kw=half)
    halved = expected_charging(replace(run, tables={"station_hours": hours}))
    np.testing.assert_allclose(halved.charging_kw, full.charging_kw / 2)
    assert halved.stations == full.stations == ("S3", "S4", "S5")


def test_the_new_case_says_where_its_demand_comes_from_and_needs_the_run_no_more(
    folder: Path, planned: DerCase, tmp_path: Path
) -> None:
    copy = tmp_path / "one-day"
    shutil.copytree(folder, copy)
    case = with_charging_from(planned, [copy])
    shutil.rmtree(copy)
    assert case.learned_from == (f"one-day {load_run(folder).summary['result_hash']}",)
    assert case.digest != planned.digest
    again = load_der_case(to_der_case_folder(case, tmp_path / "copy"))
    assert (again.digest, again.learned_from) == (case.digest, case.learned_from)
    assert np.array_equal(again.year.load_kw, case.year.load_kw)


def test_charging_replaces_what_was_learnt_before(folder: Path, planned: DerCase) -> None:
    once = with_charging_from(planned, [folder])
    assert with_charging_from(once, [folder]).digest == once.digest
    double = with_charging_from(once, [folder], scale=2)
    np.testing.assert_allclose(added_kw(double, planned), 2 * added_kw(once, planned))


def test_several_episodes_count_alike(
    folder: Path, run: Run, planned: DerCase, tmp_path: Path
) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    hours = run.tables["station_hours"]
    save_tables({"station_hours": hours.assign(charging_kw=3 * hours["charging_kw"])}, other, False)
    once = added_kw(with_charging_from(planned, [folder]), planned)
    both = added_kw(with_charging_from(planned, [folder, other]), planned)
    np.testing.assert_allclose(both, 2 * once)


def test_vehicles_may_charge_at_another_bus(folder: Path, run: Run, planned: DerCase) -> None:
    found = expected_charging(run)
    used = [bus for bus, kw in zip(found.buses, found.charging_kw.T, strict=True) if kw.any()]
    free = next(bus for bus in planned.network.buses if bus not in used)
    case = with_charging_from(planned, [folder], buses={used[0]: free})
    moved, kept = added_kw(case, planned), added_kw(with_charging_from(planned, [folder]), planned)
    place, old = planned.network.index(free), planned.network.index(used[0])
    np.testing.assert_allclose(moved[place], kept[old])
    assert not moved[old].any()
    together = with_charging_from(planned, [folder], buses=dict.fromkeys(used, free))
    np.testing.assert_allclose(added_kw(together, planned)[place], kept.sum(axis=0))


def test_buses_that_the_plan_lacks_are_all_named(folder: Path, planned: DerCase) -> None:
    places = {bus: f"far {bus}" for bus in planned.network.buses}
    with pytest.raises(ResultsError, match="say at which of its buses instead") as found:
        with_charging_from(planned, [folder], buses=places)
    used = {name for name in places.values() if f"'{name}'" in str(found.value)}
    assert len(used) == 2


def test_an_episode_of_other_hours_is_refused(folder: Path) -> None:
    with pytest.raises(ResultsError, match="has 6 hours, a day of 'der33' has 24"):
        with_charging_from(load_der_case("der33"), [folder])


def test_a_folder_without_schedules_is_refused(run: Run) -> None:
    with pytest.raises(ResultsError, match="give a coordination episode that agreed"):
        expected_charging(replace(run, tables={}))


def test_a_negative_scale_is_refused(folder: Path, planned: DerCase) -> None:
    with pytest.raises(CaseError, match=r"charging\.csv, row \d+, column charging_kw"):
        with_charging_from(planned, [folder], scale=-1)


def test_stations_of_the_default_episode_case_stand_at_buses_of_der33() -> None:
    buses = load_der_case("der33").network.buses
    assert {station.bus for station in load_case("utn12-ieee33").stations} <= set(buses)
