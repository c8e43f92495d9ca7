"""Charging of episodes as loads that wait: by hand, and end to end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from roadvolt.agents.runtime import LocalRuntime
from roadvolt.core.errors import ResultsError
from roadvolt.planning.dispatch.case import DispatchCase
from roadvolt.sims.case import load_case, to_case_folder
from roadvolt.sims.dispatch import page
from roadvolt.sims.dispatch.charging import station_charging, with_charging_from
from roadvolt.sims.dispatchfile import load_dispatch_case, to_dispatch_case_folder
from roadvolt.sims.episode import run_episode
from roadvolt.sims.options import options_for
from roadvolt.sims.recorder import options_to_json
from roadvolt.sims.results import load_run, save_summary, save_tables

HOURS = 6


@pytest.fixture(scope="module")
def episode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished episode of `tiny`, six hours, without pictures; S4 stands off the roads."""
    place = tmp_path_factory.mktemp("runs") / "tiny-episode"
    case = load_case("tiny")
    options = options_for(case, seed=3, samples=60, fresh_samples=20)
    with LocalRuntime() as runtime:
        found = run_episode(case, options, runtime=runtime)
    to_case_folder(case, place / "case")
    words = {"csv": False, "options": options_to_json(options)}
    (place / "options.json").write_text(json.dumps(words))
    save_tables(found.tables, place, csv=False)
    save_summary(found.summary, place)
    return place


@pytest.fixture
def case(small_dispatch: Path) -> DispatchCase:
    return load_dispatch_case(small_dispatch, overrides={"vehicles.delay_h": "2"})


def charging(case: DispatchCase) -> dict[str, int]:
    """Places of the loads that charge, by bus."""
    words = enumerate(case.deferrable.names)
    return {name.rpartition(" ")[2]: k for k, name in words if name.startswith("charging at ")}


def arrived(episode: Path, station: str) -> np.ndarray:
    """What vehicles at a station have come for by the end of each hour, from its tables."""
    hours = load_run(episode).tables["station_hours"]
    own = hours[hours["station"] == station].sort_values("hour")
    assert not own["unserved_kw"].any()
    return own["charging_kw"].cumsum().to_numpy()


def test_vehicles_wait_between_their_arrival_and_the_delay(
    episode: Path, case: DispatchCase
) -> None:
    found = with_charging_from(case, [episode])
    assert charging(found).keys() == {"3", "5"}
    for bus, place in charging(found).items():
        total = arrived(episode, f"S{bus}")
        loads = found.deferrable
        np.testing.assert_allclose(loads.energy_max_kwh[:, place], total, atol=1e-9)
        late = np.append([0.0, 0.0], total[:-2])
        late[-1] = total[-1]
        np.testing.assert_allclose(loads.energy_min_kwh[:, place], late, atol=1e-9)
        assert case.network.buses[loads.buses[place]] == bus
    assert found.deferrable.names[:2] == case.deferrable.names


def test_ports_limit_the_power(episode: Path, case: DispatchCase) -> None:
    found = with_charging_from(case, [episode])
    rated = {"3": 6 * 60, "5": 6 * 60}
    for bus, place in charging(found).items():
        assert set(found.deferrable.p_max_kw[:, place]) == {rated[bus]}
    expected = station_charging(episode).expected
    assert (expected.charging_kw <= station_charging(episode).p_max_kw).all()


def test_stations_at_one_bus_are_one_load(episode: Path, case: DispatchCase) -> None:
    found = with_charging_from(case, [episode], buses={"3": "6", "5": "6"})
    assert charging(found).keys() == {"6"}
    total = sum(arrived(episode, station) for station in ("S3", "S5"))
    place = charging(found)["6"]
    np.testing.assert_allclose(found.deferrable.energy_max_kwh[:, place], total)
    assert set(found.deferrable.p_max_kw[:, place]) == {360 + 360}


def test_more_vehicles_have_more_ports(episode: Path, case: DispatchCase) -> None:
    once, twice = (with_charging_from(case, [episode], scale=scale) for scale in (1, 2))
    for name in ("energy_max_kwh", "energy_min_kwh", "p_max_kw"):
        one, two = (getattr(one.deferrable, name)[:, 2:] for one in (once, twice))
        np.testing.assert_allclose(two, 2 * one)


def test_several_episodes_count_alike(episode: Path, case: DispatchCase, tmp_path: Path) -> None:
    other = Path(shutil.copytree(episode, tmp_path / "other"))
    hours = load_run(episode).tables["station_hours"]
    save_tables({"station_hours": hours.assign(charging_kw=hours["charging_kw"] / 3)}, other, False)
    once = with_charging_from(case, [episode]).deferrable.energy_max_kwh[:, 2:]
    both = with_charging_from(case, [episode, other]).deferrable
    np.testing.assert_allclose(both.energy_max_kwh[:, 2:], once * 2 / 3)
    assert set(both.p_max_kw[:, 2]) == {360}


def test_the_new_case_says_where_its_charging_comes_from_and_needs_the_run_no_more(
    episode: Path, case: DispatchCase, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(episode, tmp_path / "one-day"))
    found = with_charging_from(case, [copy])
    shutil.rmtree(copy)
    assert found.learned_from == (f"one-day {load_run(episode).summary['result_hash']}",)
    again = load_dispatch_case(to_dispatch_case_folder(found, tmp_path / "copy"))
    assert (again.digest, again.learned_from) == (found.digest, found.learned_from)
    assert np.array_equal(again.deferrable.energy_min_kwh, found.deferrable.energy_min_kwh)
    longer = load_dispatch_case(tmp_path / "copy", overrides={"vehicles.delay_h": "5"})
    assert (longer.deferrable.energy_min_kwh <= found.deferrable.energy_min_kwh + 1e-9).all()


def test_charging_replaces_what_was_learnt_before(episode: Path, case: DispatchCase) -> None:
    once = with_charging_from(case, [episode])
    assert with_charging_from(once, [episode]).digest == once.digest


def test_buses_that_the_case_lacks_are_all_named(episode: Path, case: DispatchCase) -> None:
    with pytest.raises(ResultsError, match=r"bus 'x', 'y', which 'small' does not have"):
        with_charging_from(case, [episode], buses={"3": "x", "5": "y"})


def test_an_episode_of_other_hours_is_refused(episode: Path) -> None:
    day = load_dispatch_case("tpc84-dispatch")
    with pytest.raises(ResultsError, match="has 6 hours, the day of 'tpc84-dispatch' has 24"):
        with_charging_from(day, [episode])


def costs(answers: Iterable[str]) -> list[float]:
    return [json.loads(answer)["objective"] for answer in answers]


def test_who_may_wait_longer_costs_less(
    roadvolt: Callable[..., tuple[int, str, str]],
    episode: Path,
    small_dispatch: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page, "FIGURES", {})
    words = ("--charging-from", episode, "--charging-at", "3=6", "--json", "--out", tmp_path)
    off = ("--set", "requirements.toomuch.p_kw=0", "--set", "requirements.early.p_kw=0")
    off += ("--set", "requirements.more.p_kw=0")
    answers = [
        roadvolt("dispatch", small_dispatch, *words, *off, "--delay-h", delay)
        for delay in ("0", "1", "3")
    ]
    assert [answer[0] for answer in answers] == [0, 0, 0]
    none, one, three = costs(answer[1] for answer in answers)
    assert none > one > three
    assert json.loads(answers[0][1])["deferrable_loads"] == {
        "count": 4,
        "met": 4,
        "energy_kwh": pytest.approx(
            1400 + sum(arrived(episode, name)[-1] for name in ("S3", "S5")), abs=0.1
        ),
    }
