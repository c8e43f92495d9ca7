"""Judges: Erlang-C, Pollaczek-Khinchine, and a queue simulated with a heap."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadvolt.traffic.network import ChargingSite
from roadvolt.traffic.port_queue import occupied_port_hours, start_first_come
from roadvolt.traffic.waiting import build_no_waiting, build_waiting_steps, erlang_wait_h


def erlang_c(arrivals: float, service_h: float, ports: int) -> tuple[float, float]:
    """Chance to wait and mean wait [h] of M/M/c, from the textbook sums."""
    load = arrivals * service_h
    idle = sum(load**k / math.factorial(k) for k in range(ports))
    busy = load**ports / math.factorial(ports) / (1 - load / ports)
    chance = busy / (idle + busy)
    return chance, chance * service_h / (ports - load)


def test_simulated_waits_with_exponential_services_are_those_of_erlang():
    rng = np.random.default_rng(3)
    runs, vehicles = 1000, 1500
    arrival = np.cumsum(rng.exponential(1 / 6, (runs, vehicles)), axis=1)
    service = rng.exponential(0.5, (runs, vehicles))
    wait = (start_first_come(arrival, service, 4) - arrival)[:, 300:]  # after the empty beginning
    chance, mean = erlang_c(6.0, 0.5, 4)
    assert wait.mean() == pytest.approx(mean, rel=0.015)  # 15.28 min
    assert (wait > 0).mean() == pytest.approx(chance, abs=0.005)


@pytest.mark.parametrize("ports", [1, 2, 8, 40])
@pytest.mark.parametrize("fullness", [0.05, 0.5, 0.95])
def test_the_wait_is_that_of_the_textbook_sums(ports: int, fullness: float):
    arrivals = fullness * ports / 0.45
    _, mean = erlang_c(arrivals, 0.45, ports)
    assert erlang_wait_h(np.array([arrivals]), 0.45, ports)[0] == pytest.approx(mean, rel=1e-9)


def test_one_port_with_services_of_any_spread_follows_pollaczek_and_khinchine():
    # W = lambda E[S^2] / (2 (1 - rho)), here with E[S] = 0.5 and spread 0.3.
    wait = erlang_wait_h(np.array([1.2]), 0.5, 1, 0.3)[0]
    assert wait == pytest.approx(1.2 * 0.25 * 1.3 / (2 * (1 - 0.6)))


def test_steps_rise_to_the_capacity_of_the_ports_and_repeat_the_wait_at_their_middles():
    site = ChargingSite(station="s", road="r", ports=8, charger_kw=60.0)
    steps = build_waiting_steps([site], 30.0, 1.0)
    assert steps.capacity_ev_per_h == pytest.approx([16.0])
    assert build_no_waiting([site], 30.0).capacity_ev_per_h == pytest.approx([16.0])
    assert np.all(np.diff(steps.wait_min) > 0)
    middle = 0.525 * 16
    at_middle = 60 * erlang_c(middle, 0.5, 8)[1]
    assert steps.mean_wait_min(np.array([[middle]])) == pytest.approx(np.array([[at_middle]]))
    assert steps.fill(np.array([[2.0]]))[0, 0, :4] == pytest.approx([0.8, 0.8, 0.4, 0.0])


@settings(max_examples=60, deadline=None)
@given(
    gaps=st.lists(st.floats(0, 1), max_size=25),
    ports=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
def test_first_come_is_first_served_as_in_a_heap(gaps: list[float], ports: int, seed: int):
    arrival = np.cumsum(gaps)
    service = np.random.default_rng(seed).exponential(0.6, len(gaps))
    release, expected = [0.0] * ports, []
    for came, stays in zip(arrival, service, strict=True):
        expected.append(max(came, heapq.heappop(release)))
        heapq.heappush(release, expected[-1] + stays)
    start = start_first_come(arrival[None], service[None], ports)[0]
    assert start.tolist() == expected


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.floats(0, 6), st.floats(0, 5)), min_size=1, max_size=12
    )
)
def test_port_hours_are_the_overlaps_of_stays_and_hours(stays: list[tuple[int, float, float]]):
    scenario = np.array([s for s, _, _ in stays])
    start = np.array([b for _, b, _ in stays])
    end = start + np.array([d for _, _, d in stays])
    expected = np.zeros((3, 4))
    for s, b, e in zip(scenario, start, end, strict=True):
        for hour in range(4):
            expected[s, hour] += max(0.0, min(e, hour + 1) - max(b, hour))
    assert occupied_port_hours(scenario, start, end, 3, 4) == pytest.approx(expected, abs=1e-9)
