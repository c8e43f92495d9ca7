"""The charging load of the day: expected, and in scenarios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.units import FloatArray, IntArray, frozen
from ..uncertainty.seeds import generator
from .network import ChargingSite, Fleet, RoadNetwork
from .port_queue import occupied_port_hours, start_first_come


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChargingLoad:
    """Load of every site, taken from the grid, and how its vehicles fared.

    ``expected_kw`` [time, site]: mean of the scenarios. ``scenarios_kw`` [scenario, time, site]:
    hourly means, exact. ``arrivals`` [scenario, time, site]: vehicles that came.
    ``wait_min`` [time, site]: mean wait of those that came in this hour, NaN where none did.
    ``energy_kwh`` [scenario, site]: all that the day's vehicles take = sum over the day of
    ``scenarios_kw`` + ``overflow_kwh`` [scenario, site], which they take after midnight.
    ``unserved`` [scenario, site]: vehicles still without a port at midnight.
    """

    expected_kw: FloatArray
    scenarios_kw: FloatArray
    arrivals: IntArray
    wait_min: FloatArray
    energy_kwh: FloatArray
    overflow_kwh: FloatArray
    unserved: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _SiteDay:
    """One site of ``ChargingLoad``."""

    load_kw: FloatArray
    arrivals: IntArray
    wait_min: FloatArray
    energy_kwh: FloatArray
    overflow_kwh: FloatArray
    unserved: IntArray


def simulate_charging(
    network: RoadNetwork, ev_per_h: FloatArray, seed: int, count: int, stream: str
) -> ChargingLoad:
    """Simulates ``count`` days of arrivals, queues and charges at every site.

    Arrivals are Poisson with rate ev_per_h x max(0, 1 + demand_sd z), z standard normal and common
    to all sites of a scenario: it is the hour's traffic that varies. Batteries are uniform, arrival
    states of charge clipped normal, all charged to the target at full power, first come, first
    served; everybody waits. The day begins with empty ports; what is charging or queueing at its
    end goes on after midnight and is reported as overflow, not wrapped into the morning.

    The draws of a site depend on seed, stream and station alone, not on the other sites or their
    order.

    Args:
        network: sites, fleet and ``demand_sd``.
        ev_per_h: vehicles that come to charge [time, site], as in ``Assignment.ev_per_h``.
        seed: of the episode.
        count: scenarios, >= 1.
        stream: what the draws are for; keeps in-sample and fresh scenarios apart.

    Raises:
        ValueError: arrivals of another shape than [time, site], negative or not finite, or no
            scenario.
    """
    rates = _checked_arrivals(network, ev_per_h, count)
    noise = generator(seed, "charging", stream, "traffic").standard_normal((count, len(rates)))
    factor = np.maximum(1 + network.drivers.demand_sd * noise, 0.0)
    days = [
        _simulate_site(
            site,
            network.fleet,
            rates[:, h] * factor,
            generator(seed, "charging", stream, "site", site.station),
        )
        for h, site in enumerate(network.sites)
    ]
    scenarios_kw = _by_site([day.load_kw for day in days], (count, len(rates)))
    return ChargingLoad(
        expected_kw=frozen(scenarios_kw.mean(axis=0)),
        scenarios_kw=frozen(scenarios_kw),
        arrivals=frozen(_by_site([d.arrivals for d in days], (count, len(rates))), np.int64),
        wait_min=frozen(_by_site([d.wait_min for d in days], (len(rates),))),
        energy_kwh=frozen(_by_site([d.energy_kwh for d in days], (count,))),
        overflow_kwh=frozen(_by_site([d.overflow_kwh for d in days], (count,))),
        unserved=frozen(_by_site([d.unserved for d in days], (count,)), np.int64),
    )


def _checked_arrivals(network: RoadNetwork, ev_per_h: FloatArray, count: int) -> FloatArray:
    rates = np.asarray(ev_per_h, dtype=float)
    if rates.ndim != 2 or rates.shape[1] != len(network.sites):
        raise ValueError(f"arrivals must be [time, {len(network.sites)} sites], got {rates.shape}")
    if not (np.all(np.isfinite(rates)) and np.all(rates >= 0)):
        raise ValueError("arrivals must be finite and not negative")
    if count < 1:
        raise ValueError(f"at least one scenario is needed, got {count}")
    return rates


def _by_site(columns: list[FloatArray] | list[IntArray], shape: tuple[int, ...]) -> FloatArray:
    return np.stack(columns, axis=-1) if columns else np.zeros((*shape, 0))


def _simulate_site(
    site: ChargingSite, fleet: Fleet, rates: FloatArray, rng: np.random.Generator
) -> _SiteDay:
    """One site's scenarios; ``rates`` [scenario, time]."""
    count, hours = rates.shape
    arrivals = rng.poisson(rates)
    scenario, arrival_h = _draw_arrivals(arrivals, rng)
    energy_kwh = _draw_energy(fleet, len(scenario), rng)
    service_h = energy_kwh / site.charger_kw
    start_h = _queue(scenario, arrival_h, service_h, site.ports, count)
    port_hours = occupied_port_hours(scenario, start_h, start_h + service_h, count, hours)
    load_kw = site.charger_kw * port_hours
    total_kwh = np.bincount(scenario, weights=energy_kwh, minlength=count).astype(float)
    return _SiteDay(
        load_kw=load_kw,
        arrivals=arrivals,
        wait_min=60 * _hourly_mean(arrival_h, start_h - arrival_h, hours),
        energy_kwh=total_kwh,
        overflow_kwh=np.maximum(total_kwh - load_kw.sum(axis=1), 0.0),
        unserved=np.bincount(scenario[start_h >= hours], minlength=count),
    )


def _draw_arrivals(arrivals: IntArray, rng: np.random.Generator) -> tuple[IntArray, FloatArray]:
    """Scenario and instant [vehicle] of all arrivals, in order of scenario and time.

    Given their number, the arrivals of a Poisson process within an hour are uniform.
    """
    hours = arrivals.shape[1]
    cell = np.repeat(np.arange(arrivals.size), arrivals.ravel())
    instant = np.sort(cell + rng.random(len(cell)))
    # cell = scenario x hours + hour, so that one sort orders all scenarios.
    return cell // hours, instant - cell // hours * hours


def _draw_energy(fleet: Fleet, vehicles: int, rng: np.random.Generator) -> FloatArray:
    """Grid energy of each charge [vehicle] in kWh; its mean is ``energy_per_charge_kwh``."""
    battery_kwh = rng.uniform(fleet.battery_min_kwh, fleet.battery_max_kwh, vehicles)
    soc = np.clip(rng.normal(fleet.soc_mean, fleet.soc_sd, vehicles), fleet.soc_min, fleet.soc_max)
    need_kwh: FloatArray = battery_kwh * np.maximum(fleet.soc_target - soc, 0.0)
    need_kwh /= fleet.charge_efficiency
    return need_kwh


def _queue(
    scenario: IntArray, arrival_h: FloatArray, service_h: FloatArray, ports: int, count: int
) -> FloatArray:
    """When each vehicle [vehicle] gets a port; vehicles stand in a table of scenarios meanwhile."""
    number = np.bincount(scenario, minlength=count)
    place = np.arange(len(scenario)) - np.repeat(np.cumsum(number) - number, number)
    shape = (count, int(number.max(initial=0)))
    arrivals, services = np.full(shape, np.inf), np.zeros(shape)
    arrivals[scenario, place], services[scenario, place] = arrival_h, service_h
    return start_first_come(arrivals, services, ports)[scenario, place]


def _hourly_mean(instant_h: FloatArray, values: FloatArray, hours: int) -> FloatArray:
    """Mean of the values whose instants fall in each hour [time], NaN where none does."""
    # An instant just before midnight may have been rounded to midnight.
    hour = np.minimum(instant_h.astype(np.int64), hours - 1)
    number = np.bincount(hour, minlength=hours)
    total = np.bincount(hour, weights=values, minlength=hours)
    mean: FloatArray = np.divide(total, number, out=np.full(hours, np.nan), where=number > 0)
    return mean
