"""The transport operator: assigns traffic to roads and stations, and foresees charging load."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..traffic.assignment import Assignment, solve_assignment
from ..traffic.charging import ChargingLoad, simulate_charging
from ..traffic.fleet_energy import energy_per_charge_kwh
from ..traffic.network import RoadNetwork
from .messages import ChargingDemand, ChargingPrices


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecast:
    """What the transport operator publishes: the day's traffic and the load that follows."""

    assignment: Assignment
    load: ChargingLoad
    demand: ChargingDemand


class TransportOperator:
    """Answers charging prices with the traffic they lead to. Stateless beyond its roads."""

    def __init__(self, roads: RoadNetwork, seed: int) -> None:
        self._roads, self._seed = roads, seed

    def assign(self, prices: ChargingPrices, samples: int) -> Forecast:
        """Traffic equilibrium at these prices, then the simulated load of ``samples`` days."""
        energy_kwh = energy_per_charge_kwh(self._roads.fleet)
        assignment = solve_assignment(self._roads, prices.price_per_kwh, energy_kwh)
        load = simulate_charging(self._roads, assignment.ev_per_h, self._seed, samples, "learn")
        return Forecast(assignment=assignment, load=load, demand=self._demand(load))

    def foresee(self, forecast: Forecast, samples: int) -> ChargingDemand:
        """Fresh scenarios of the same traffic around the load already announced."""
        arrivals = forecast.assignment.ev_per_h
        fresh = simulate_charging(self._roads, arrivals, self._seed, samples, "fresh")
        return replace(forecast.demand, scenarios_kw=fresh.scenarios_kw)

    def _demand(self, load: ChargingLoad) -> ChargingDemand:
        return ChargingDemand(
            stations=tuple(site.station for site in self._roads.sites),
            expected_kw=load.expected_kw,
            scenarios_kw=load.scenarios_kw,
        )
