"""Vehicles at the ports of a site: first come, first served, in many scenarios at once."""

from __future__ import annotations

import numpy as np

from ..core.units import FloatArray, IntArray


def start_first_come(arrival_h: FloatArray, service_h: FloatArray, ports: int) -> FloatArray:
    """When each vehicle gets a port: at the later of its arrival and the first port's release.

    Args:
        arrival_h: arrivals [scenario, vehicle], ascending along vehicles; inf where a scenario has
            fewer vehicles than the others.
        service_h: how long each stays at its port [scenario, vehicle], >= 0.
        ports: ports of the site, >= 1.

    Returns:
        start_h [scenario, vehicle], inf where the arrival is.
    """
    scenarios = np.arange(len(arrival_h))
    release = np.zeros((len(arrival_h), ports))
    start = np.empty_like(arrival_h)
    for k in range(arrival_h.shape[1]):
        port = release.argmin(axis=1)
        start[:, k] = np.maximum(arrival_h[:, k], release[scenarios, port])
        release[scenarios, port] = start[:, k] + service_h[:, k]
    return start


def occupied_port_hours(
    scenario: IntArray, start_h: FloatArray, end_h: FloatArray, scenarios: int, hours: int
) -> FloatArray:
    """Port hours in use in each hour of the day, exactly [scenario, hour].

    A stay [s, e] covers G_h(e) - G_h(s) of hour h with G_h(t) = clip(t - h, 0, 1).

    Args:
        scenario: of each stay [stay].
        start_h: its begin [stay], >= 0.
        end_h: its end [stay]; what lies after the day is left out.
        scenarios: how many there are.
        hours: length of the day.
    """
    covered = _elapsed(scenario, end_h, scenarios, hours)
    return covered - _elapsed(scenario, start_h, scenarios, hours)


def _elapsed(scenario: IntArray, instant_h: FloatArray, scenarios: int, hours: int) -> FloatArray:
    """Sum over instants t of G_h(t): its fraction in its own hour, one in each hour before."""
    within = np.minimum(instant_h, hours)
    hour = within.astype(np.int64)
    slot, slots = scenario * (hours + 1) + hour, scenarios * (hours + 1)
    fraction = np.bincount(slot, weights=within - hour, minlength=slots)
    count = np.bincount(slot, minlength=slots).reshape(scenarios, hours + 1)
    later = count[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    elapsed: FloatArray = fraction.reshape(scenarios, hours + 1)[:, :-1] + later
    return elapsed
