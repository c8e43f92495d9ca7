"""Is it an equilibrium? Checked from flows and prices alone, with shortest paths of our own."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ..core.units import FloatArray, frozen
from .layered_graph import LayeredGraph, per_link, per_owner
from .waiting import WaitingSteps

#: A link with less than this is not used [veh/h].
_USED_VEH_PER_H = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrafficCertificate:
    """How far an assignment is from an equilibrium, every hour [time]; all zero at an equilibrium.

    ``relative_gap``: what drivers pay beyond their cheapest choices, as a share of the latter.
    ``wardrop_excess``: most that one vehicle pays on a link it uses beyond the cheapest way there.
    ``road_slackness``, ``port_slackness``: price times unused capacity [currency/h].
    ``duality_gap``: |primal - dual| objective, relative (the role of (C17)).
    ``road_violation``, ``port_violation``: flow above capacity [veh/h].
    ``balance_violation``: vehicles that appear or vanish at a node [veh/h].
    """

    relative_gap: FloatArray
    wardrop_excess: FloatArray
    road_slackness: FloatArray
    port_slackness: FloatArray
    duality_gap: FloatArray
    road_violation: FloatArray
    port_violation: FloatArray
    balance_violation: FloatArray

    def worst(self) -> dict[str, float]:
        """The worst hour of each figure."""
        return {
            field.name: float(np.max(getattr(self, field.name), initial=0.0))
            for field in fields(self)
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """An assignment to be judged.

    ``link_flow`` and ``link_cost`` (without congestion) [time, link], ``demand`` [time, trip,
    class], ``road_price`` [time, arc] and ``queue_price`` [time, site] per vehicle,
    ``delay_cost_per_min`` the cost of a minute in a queue.
    """

    graph: LayeredGraph
    steps: WaitingSteps
    link_flow: FloatArray
    link_cost: FloatArray
    demand: FloatArray
    road_price: FloatArray
    queue_price: FloatArray
    delay_cost_per_min: float


def certify(candidate: Candidate) -> TrafficCertificate:
    """Measures a candidate; the conditions are those of Nesterov and de Palma's stable dynamics.

    With c = link_cost + road_price + queue_price and d the shortest distance under c: a used link
    (i, j) has d_i + c_ij = d_j; a priced road is full; a site's price is the cost of the waiting
    step it has reached, or more if that is its last.

    References:
        Nesterov and de Palma, Stationary dynamic solutions in congested transportation networks:
        summary and perspectives, Networks and Spatial Economics 3 (2003).
    """
    graph, flow = candidate.graph, candidate.link_flow
    paid = candidate.link_cost + per_link(candidate.road_price, graph.arc)
    paid = paid + per_link(candidate.queue_price, graph.site)
    distance = shortest_distances(graph, paid)
    cheapest = np.sum(candidate.demand * distance[:, graph.terminal], axis=(1, 2))
    spare = graph.arc_capacity_veh_per_h - per_owner(flow, graph.arc, len(graph.arcs))
    ev_per_h = per_owner(flow, graph.site, len(candidate.steps.wait_min))
    return TrafficCertificate(
        relative_gap=frozen((np.sum(flow * paid, axis=1) - cheapest) / _scale(cheapest)),
        wardrop_excess=frozen(_excess_on_used(graph, flow, paid, distance)),
        road_slackness=frozen(_largest(candidate.road_price * spare)),
        port_slackness=frozen(_port_slackness(candidate, ev_per_h)),
        duality_gap=frozen(_duality_gap(candidate, ev_per_h, cheapest)),
        road_violation=frozen(_largest(-spare)),
        port_violation=frozen(_largest(ev_per_h - candidate.steps.capacity_ev_per_h)),
        balance_violation=frozen(_imbalance(graph, flow, candidate.demand)),
    )


def shortest_distances(graph: LayeredGraph, cost: FloatArray) -> FloatArray:
    """Cheapest cost from its origin to every node [time, node] by label correcting.

    d_j = min over links (i, j) of d_i + cost_ij, repeated until nothing changes. The copies of
    different origins touch nowhere, so one search serves all; inf where no way leads.

    Args:
        graph: the layered roads.
        cost: cost of every link [time, link]; negative ones are allowed, negative cycles not.
    """
    order = np.argsort(graph.head, kind="stable")
    heads, first = np.unique(graph.head[order], return_index=True)
    distance = np.full((len(cost), len(graph.place)), np.inf)
    distance[:, graph.source] = 0.0
    for _ in range(len(graph.place)):
        reached = np.minimum.reduceat(
            distance[:, graph.tail[order]] + cost[:, order], first, axis=1
        )
        if np.all(reached >= distance[:, heads]):
            break
        distance[:, heads] = np.minimum(distance[:, heads], reached)
    return distance


def _excess_on_used(
    graph: LayeredGraph, flow: FloatArray, paid: FloatArray, distance: FloatArray
) -> FloatArray:
    used = flow > _USED_VEH_PER_H
    detour = np.zeros_like(flow)
    np.subtract(distance[:, graph.tail] + paid, distance[:, graph.head], out=detour, where=used)
    return _largest(np.abs(detour))


def _port_slackness(candidate: Candidate, ev_per_h: FloatArray) -> FloatArray:
    """Steps dearer than the price must be empty, cheaper ones full."""
    steps = candidate.steps
    filled = steps.fill(ev_per_h)
    margin = candidate.queue_price[:, :, None] - candidate.delay_cost_per_min * steps.wait_min
    loss = np.maximum(-margin, 0) * filled + np.maximum(margin, 0) * (steps.width_ev_per_h - filled)
    # At an empty site any price from 0 to that of the first step is right.
    return _largest(loss.sum(axis=2))


def _duality_gap(candidate: Candidate, ev_per_h: FloatArray, cheapest: FloatArray) -> FloatArray:
    """Primal: what travel, charges and waiting cost. Dual: demand x distance - capacity x price."""
    steps, graph = candidate.steps, candidate.graph
    step_cost = candidate.delay_cost_per_min * steps.wait_min
    primal = np.sum(candidate.link_flow * candidate.link_cost, axis=1)
    primal += np.sum(steps.fill(ev_per_h) * step_cost, axis=(1, 2))
    rent = np.maximum(candidate.queue_price[:, :, None] - step_cost, 0) * steps.width_ev_per_h
    dual = cheapest - candidate.road_price @ graph.arc_capacity_veh_per_h - rent.sum(axis=(1, 2))
    gap: FloatArray = np.abs(primal - dual) / _scale(primal)
    return gap


def _imbalance(graph: LayeredGraph, flow: FloatArray, demand: FloatArray) -> FloatArray:
    nodes = len(graph.place)
    gained = per_owner(flow, graph.head, nodes) - per_owner(flow, graph.tail, nodes)
    for hour, wanted in zip(gained, demand, strict=True):
        np.add.at(hour, graph.source, wanted)
        np.add.at(hour, graph.terminal, -wanted)
    return _largest(np.abs(gained))


def _largest(values: FloatArray) -> FloatArray:
    largest: FloatArray = np.max(values, axis=1, initial=0.0) + 0.0  # no -0.0
    return largest


def _scale(cost: FloatArray) -> FloatArray:
    """An hour without traffic costs nothing, and its gaps are absolute."""
    return np.where(np.abs(cost) > 0, np.abs(cost), 1.0)
