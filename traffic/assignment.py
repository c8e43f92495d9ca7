"""Which roads and stations the day's traffic takes: an equilibrium of every hour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.solve import solve_linear
from ..core.units import FloatArray, frozen
from .assignment_program import (
    AssignmentProgram,
    HourSolution,
    build_assignment_program,
    hour_program,
    read_hour,
)
from .certificate import Candidate, TrafficCertificate, certify
from .fleet_energy import energy_spread
from .layered_graph import (
    END_CHARGING_STAYS,
    END_OTHER_STAYS,
    END_UNCHARGED,
    Arc,
    build_layered_graph,
    link_costs,
    per_link,
    per_owner,
    split_demand,
)
from .network import RoadNetwork
from .routes import Route, decompose_routes
from .waiting import build_no_waiting, build_waiting_steps


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TravelCost:
    """What the day costs its drivers, by hour [time], in the case's currency.

    ``free_travel``: w_free t0 x. ``delay``: w_delay delay x. ``charging``: price x energy (C4).
    ``waiting``: w_delay x wait at the ports. ``unserved``: penalties, paid by nobody.
    """

    free_travel: FloatArray
    delay: FloatArray
    charging: FloatArray
    waiting: FloatArray
    unserved: FloatArray

    @property
    def total(self) -> float:
        """The day's (C1): free travel, delay and charging."""
        return float(np.sum(self.free_travel + self.delay + self.charging))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assignment:
    """The day's traffic; arcs as in ``arcs``, sites and trips as in the network.

    ``flow_veh_per_h`` [time, arc]: all vehicles; ``charging_veh_per_h``: those that need a charge.
    ``delay_min`` [time, arc]: above the free-flow time; ``saturation`` [time, arc]: flow/capacity.
    ``ev_per_h`` [time, site]: vehicles that charge; ``wait_min``: their mean wait for a port;
    ``queue_price``: what a place costs per vehicle, the cost of its wait and, where the ports are
    full, what the last driver would have paid on top.
    ``unserved_trips_veh_per_h`` [time, trip]: vehicles of either kind that could not travel;
    ``unserved_charges_veh_per_h`` [time, trip]: those in need of a charge that had none, because
    they arrived uncharged or did not travel. Hence sum of ``ev_per_h`` + sum of
    ``unserved_charges_veh_per_h`` = the hour's demand for charges.
    """

    arcs: tuple[Arc, ...]
    flow_veh_per_h: FloatArray
    charging_veh_per_h: FloatArray
    delay_min: FloatArray
    saturation: FloatArray
    ev_per_h: FloatArray
    wait_min: FloatArray
    queue_price: FloatArray
    unserved_trips_veh_per_h: FloatArray
    unserved_charges_veh_per_h: FloatArray
    cost: TravelCost
    routes: tuple[Route, ...]
    certificate: TrafficCertificate


def solve_assignment(
    network: RoadNetwork,
    charging_price_per_kwh: FloatArray,
    energy_per_charge_kwh: float,
    *,
    waiting: bool = True,
) -> Assignment:
    """Finds routes and stations that no driver would leave, hour by hour.

    Each hour minimises  w_free sum t0_a x_a + sum_h p_h E g_h + sum_h W_h(g_h) + penalties  over
    flows on the layered roads, with x_a <= c_a (price nu_a) and g_h <= ports / service time. Its
    optimality conditions are Wardrop's: every used route and station costs sum(w_free t0 + nu) +
    p E + queue price, and no other costs less. The delay of a road is nu / w_delay. The waiting
    cost W_h(g) = w_delay x integral of the Erlang wait over 0..g makes a driver see the wait of his
    station, as he sees the delay of his road.

    This replaces (C1)-(C23), where prices cannot move traffic and which has often no solution: it
    answers to prices and always has one. At a road that is exactly full, delays are not unique;
    the simplex' vertex is reported.

    Args:
        network: roads, trips, sites and drivers; every site with a port, every road with t0 > 0.
        charging_price_per_kwh: price of energy at the ports [time, site].
        energy_per_charge_kwh: mean energy of a charge from the grid, > 0; see
            ``fleet_energy.energy_per_charge_kwh``. It also sets the mean service time.
        waiting: whether waits at the ports count; without, like stations on one route share
            their vehicles in any proportion.

    Raises:
        ValueError: prices of another shape than [time, site] or not finite, or no energy.
        SolveError: the solver failed.

    References:
        Chen et al., appendix C; Nesterov and de Palma 2003, see ``certificate``.
    """
    price = _checked_prices(network, charging_price_per_kwh, energy_per_charge_kwh)
    graph = build_layered_graph(network)
    steps = (
        build_waiting_steps(network.sites, energy_per_charge_kwh, energy_spread(network.fleet))
        if waiting
        else build_no_waiting(network.sites, energy_per_charge_kwh)
    )
    delay_cost = network.drivers.time_cost_delay_per_min
    program = build_assignment_program(graph, steps, delay_cost)
    cost = link_costs(graph, network, price * energy_per_charge_kwh)
    demand = split_demand(network)
    hours = [_solve_hour(program, hour, cost[hour], demand[hour]) for hour in range(len(demand))]
    candidate = Candidate(
        graph=graph,
        steps=steps,
        link_flow=np.stack([hour.link_flow for hour in hours]),
        link_cost=cost,
        demand=demand,
        road_price=np.stack([hour.road_price for hour in hours]),
        queue_price=np.stack([hour.queue_price for hour in hours]),
        delay_cost_per_min=delay_cost,
    )
    return _report(network, candidate, price * energy_per_charge_kwh)


def _checked_prices(network: RoadNetwork, price_per_kwh: FloatArray, energy: float) -> FloatArray:
    price = np.asarray(price_per_kwh, dtype=float)
    shape = (len(network.traffic_factor), len(network.sites))
    if price.shape != shape:
        raise ValueError(f"prices must be [time, site] = {shape}, got {price.shape}")
    if not np.all(np.isfinite(price)):
        raise ValueError("prices must be finite")
    if not energy > 0:
        raise ValueError(f"energy_per_charge_kwh must be positive, got {energy}")
    return price


def _solve_hour(
    program: AssignmentProgram, hour: int, cost: FloatArray, demand: FloatArray
) -> HourSolution:
    solution = solve_linear(
        hour_program(program, cost, demand), f"traffic assignment of hour {hour}"
    )
    return read_hour(program, solution)


def _report(network: RoadNetwork, found: Candidate, charge_cost: FloatArray) -> Assignment:
    graph, flow = found.graph, found.link_flow
    x = per_owner(flow, graph.arc, len(graph.arcs))
    delay_min = found.road_price / found.delay_cost_per_min
    ev_per_h = per_owner(flow, graph.site, len(network.sites))
    wait_min = found.steps.mean_wait_min(ev_per_h)
    ends = flow[:, graph.ends]
    return Assignment(
        arcs=graph.arcs,
        flow_veh_per_h=frozen(x),
        charging_veh_per_h=frozen(per_owner(flow * graph.charging, graph.arc, len(graph.arcs))),
        delay_min=frozen(delay_min),
        saturation=frozen(x / graph.arc_capacity_veh_per_h),
        ev_per_h=frozen(ev_per_h),
        wait_min=frozen(wait_min),
        queue_price=frozen(found.queue_price),
        unserved_trips_veh_per_h=frozen(ends[..., END_OTHER_STAYS] + ends[..., END_CHARGING_STAYS]),
        unserved_charges_veh_per_h=frozen(ends[..., END_UNCHARGED] + ends[..., END_CHARGING_STAYS]),
        cost=_travel_cost(network, found, x * delay_min, ev_per_h, wait_min, charge_cost),
        routes=decompose_routes(
            network, graph, flow, graph.time_min + per_link(delay_min, graph.arc)
        ),
        certificate=certify(found),
    )


def _travel_cost(
    network: RoadNetwork,
    found: Candidate,
    delayed_min: FloatArray,
    ev_per_h: FloatArray,
    wait_min: FloatArray,
    charge_cost: FloatArray,
) -> TravelCost:
    drivers, graph, flow = network.drivers, found.graph, found.link_flow
    penalty = (
        drivers.unserved_trip_cost * graph.lost_trip
        + drivers.unserved_charge_cost * graph.lost_charge
    )
    return TravelCost(
        free_travel=frozen(drivers.time_cost_free_per_min * (flow @ graph.time_min)),
        delay=frozen(drivers.time_cost_delay_per_min * delayed_min.sum(axis=1)),
        charging=frozen(np.sum(charge_cost * ev_per_h, axis=1)),
        waiting=frozen(drivers.time_cost_delay_per_min * np.sum(wait_min * ev_per_h, axis=1)),
        unserved=frozen(flow @ penalty),
    )
