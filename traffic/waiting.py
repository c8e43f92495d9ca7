"""How long a charging vehicle waits for a port, as a rising step function of the arrivals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.units import FloatArray, frozen
from .network import ChargingSite

#: Steps of the waiting time between an empty and a full site. Two like sites on one route may
#: still differ by one step in an optimum, 5 % of a site's capacity.
_STEPS = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WaitingSteps:
    """Mean wait while arrivals fill a site step by step, up to the capacity of its ports.

    ``width_ev_per_h`` [site, step], ``wait_min`` [site, step] nondecreasing along the steps.
    """

    width_ev_per_h: FloatArray
    wait_min: FloatArray

    @property
    def capacity_ev_per_h(self) -> FloatArray:
        """Most vehicles that the ports can charge in an hour [site]."""
        capacity: FloatArray = self.width_ev_per_h.sum(axis=1)
        return capacity

    def fill(self, ev_per_h: FloatArray) -> FloatArray:
        """Arrivals [time, site] spread over the steps, lowest first [time, site, step]."""
        before = np.cumsum(self.width_ev_per_h, axis=1) - self.width_ev_per_h
        filled: FloatArray = np.clip(ev_per_h[:, :, None] - before, 0.0, self.width_ev_per_h)
        return filled

    def mean_wait_min(self, ev_per_h: FloatArray) -> FloatArray:
        """Wait at these arrivals [time, site], interpolated between the middles of the steps."""
        middle = np.cumsum(self.width_ev_per_h, axis=1) - self.width_ev_per_h / 2
        columns = [
            np.interp(ev_per_h[:, h], np.r_[0.0, middle[h]], np.r_[0.0, self.wait_min[h]])
            for h in range(ev_per_h.shape[1])
        ]
        return np.stack(columns, axis=1) if columns else np.zeros(ev_per_h.shape)


def erlang_wait_h(
    ev_per_h: FloatArray, service_h: float, ports: int, spread: float = 1.0
) -> FloatArray:
    """Mean wait of an M/G/c queue [h] below its capacity c / service_h.

    (1 + spread)/2 times the Erlang-C wait, exact for exponential services (spread 1): with load
    a = arrivals x service and B the Erlang-B loss, B_k = a B_(k-1) / (k + a B_(k-1)), the chance to
    wait is C = B / (1 - (a/c)(1 - B)) and the wait C service / (c - a).

    Args:
        ev_per_h: arrivals, any shape, each below capacity.
        service_h: mean service time [h].
        ports: servers c >= 1.
        spread: squared coefficient of variation of the service time.

    References:
        Erlang 1917; Lee and Longton, Queueing processes associated with airline passenger
        check-in, Operational Research Quarterly 10 (1959), for the factor.
    """
    load = np.asarray(ev_per_h) * service_h
    loss = np.ones_like(load)
    for k in range(1, ports + 1):
        loss = load * loss / (k + load * loss)
    chance = loss / (1 - load / ports * (1 - loss))
    wait: FloatArray = (1 + spread) / 2 * chance * service_h / (ports - load)
    return wait


def build_waiting_steps(
    sites: Sequence[ChargingSite], energy_per_charge_kwh: float, spread: float
) -> WaitingSteps:
    """Steps of equal width, each with the Erlang wait at its middle.

    Args:
        sites: with at least one port each.
        energy_per_charge_kwh: mean energy of a charge, which gives the mean service time.
        spread: squared coefficient of variation of that energy.
    """
    capacity = port_capacity_ev_per_h(sites, energy_per_charge_kwh)
    fraction = (np.arange(_STEPS) + 0.5) / _STEPS
    waits = [
        60 * erlang_wait_h(fraction * full, site.ports / full, site.ports, spread)
        for site, full in zip(sites, capacity, strict=True)
    ]
    return WaitingSteps(
        width_ev_per_h=frozen(np.outer(capacity, np.full(_STEPS, 1 / _STEPS))),
        wait_min=frozen(np.array(waits).reshape(len(capacity), _STEPS)),
    )


def build_no_waiting(sites: Sequence[ChargingSite], energy_per_charge_kwh: float) -> WaitingSteps:
    """One step without a wait: only the number of ports limits the arrivals."""
    capacity = port_capacity_ev_per_h(sites, energy_per_charge_kwh)
    return WaitingSteps(
        width_ev_per_h=frozen(capacity[:, None]), wait_min=frozen(np.zeros((len(capacity), 1)))
    )


def port_capacity_ev_per_h(
    sites: Sequence[ChargingSite], energy_per_charge_kwh: float
) -> FloatArray:
    """Ports / mean service time [site], in place of (C19), which takes one vehicle a port."""
    return np.array([site.ports * site.charger_kw / energy_per_charge_kwh for site in sites])
