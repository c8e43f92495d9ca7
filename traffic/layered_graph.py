"""The roads copied in layers, so that a charging vehicle charges exactly once on its way.

For each origin the roads exist three times: for the other vehicles, for charging vehicles before
their charge, and after it. A charging link leaves the second copy and ends in the third, through
the road that hosts the site, in either direction. A trip ends in a terminal of its own, which is
also reached, at a penalty, uncharged or without travelling: every demand can be met on paper, and
what could not be met in fact is read from the flows on these links.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ..core.units import BoolArray, FloatArray, IntArray, frozen
from .network import RoadNetwork

#: The copies of the roads.
OTHER, BEFORE, AFTER = range(3)
_LAYERS = 3

#: The five ends of a trip, the last axis of ``LayeredGraph.ends``.
END_OTHER, END_CHARGED, END_UNCHARGED, END_OTHER_STAYS, END_CHARGING_STAYS = range(5)
_ENDS = 5

#: "No arc", "no site".
NONE = -1


@dataclass(frozen=True, slots=True)
class Arc:
    """One direction of a road."""

    road: str
    from_node: str
    to_node: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayeredGraph:
    """Nodes and links of the layered roads of all origins.

    ``tail``, ``head`` [link]: its nodes. ``arc``, ``site`` [link]: the road arc it passes, the site
    it charges at, or ``NONE``. ``time_min`` [link]: free-flow time. ``charging`` [link]: whether
    its vehicles need a charge. ``lost_trip``, ``lost_charge`` [link]: 1 where taking it means not
    to travel, not to be charged. ``source``, ``terminal`` [trip, class]: where trips begin and
    end, class 0 for other vehicles and 1 for charging ones. ``ends`` [trip, end]: the links into
    the terminals. ``place`` [node]: the junction it is a copy of, ``NONE`` for terminals.
    """

    arcs: tuple[Arc, ...]
    arc_capacity_veh_per_h: FloatArray
    tail: IntArray
    head: IntArray
    arc: IntArray
    site: IntArray
    time_min: FloatArray
    charging: BoolArray
    lost_trip: FloatArray
    lost_charge: FloatArray
    source: IntArray
    terminal: IntArray
    ends: IntArray
    place: IntArray


def directed_arcs(network: RoadNetwork) -> tuple[Arc, ...]:
    """Both directions of every road: road k is arcs 2k (from -> to) and 2k + 1 (back)."""
    return tuple(
        Arc(road.id, *ends)
        for road in network.roads
        for ends in ((road.from_node, road.to_node), (road.to_node, road.from_node))
    )


def build_layered_graph(network: RoadNetwork) -> LayeredGraph:
    """The layered roads of all origins of ``network``.

    Nodes are numbered by origin, layer and junction, then the terminals by trip and class. Links
    are, for each origin, three copies of the arcs and two charging links a site; then five ends a
    trip.
    """
    arcs = directed_arcs(network)
    order = {node.id: k for k, node in enumerate(network.nodes)}
    origins = list(dict.fromkeys(trip.origin for trip in network.trips))
    junctions, trips = len(order), len(network.trips)
    copies = len(origins) * _LAYERS * junctions

    start = np.array([origins.index(trip.origin) for trip in network.trips]) * _LAYERS * junctions
    leaves = start + [order[trip.origin] for trip in network.trips]
    arrives = start + [order[trip.destination] for trip in network.trips]
    source = np.stack([leaves, leaves + BEFORE * junctions], axis=1)
    terminal = copies + np.arange(2 * trips).reshape(trips, 2)

    roads = _road_links(network, arcs, order, len(origins))
    tails, heads = _end_links(source, terminal, arrives, junctions)
    ends = len(roads["tail"]) + np.arange(_ENDS * trips).reshape(trips, _ENDS)
    return LayeredGraph(
        arcs=arcs,
        arc_capacity_veh_per_h=frozen(np.repeat([r.capacity_veh_per_h for r in network.roads], 2)),
        tail=frozen(np.concatenate([roads["tail"], tails]), np.int64),
        head=frozen(np.concatenate([roads["head"], heads]), np.int64),
        arc=frozen(np.concatenate([roads["arc"], np.full(ends.size, NONE)]), np.int64),
        site=frozen(np.concatenate([roads["site"], np.full(ends.size, NONE)]), np.int64),
        time_min=frozen(np.concatenate([roads["time_min"], np.zeros(ends.size)])),
        charging=frozen(
            np.concatenate([roads["charging"], np.tile([0, 1, 1, 0, 1], trips)]), np.bool_
        ),
        lost_trip=_at_ends(ends, (END_OTHER_STAYS, END_CHARGING_STAYS)),
        lost_charge=_at_ends(ends, (END_UNCHARGED, END_CHARGING_STAYS)),
        source=frozen(source, np.int64),
        terminal=frozen(terminal, np.int64),
        ends=frozen(ends, np.int64),
        place=frozen(
            np.concatenate(
                [np.tile(np.arange(junctions), copies // junctions), np.full(2 * trips, NONE)]
            ),
            np.int64,
        ),
    )


def _road_links(
    network: RoadNetwork, arcs: tuple[Arc, ...], order: dict[str, int], origins: int
) -> dict[str, IntArray | FloatArray]:
    """Three copies of each arc and the charging links, for each origin."""
    junctions = len(order)
    arc_tail = np.array([order[arc.from_node] for arc in arcs])
    arc_head = np.array([order[arc.to_node] for arc in arcs])
    position = {road.id: k for k, road in enumerate(network.roads)}
    hosts = np.array(
        [2 * position[s.road] + back for s in network.sites for back in (0, 1)], dtype=int
    )
    # One origin's links, as (arc, layer of the tail, layer of the head, site).
    every = np.arange(len(arcs))
    arc = np.concatenate([np.tile(every, _LAYERS), hosts])
    layer = np.repeat(np.arange(_LAYERS), len(arcs))
    from_layer = np.concatenate([layer, np.full(len(hosts), BEFORE)])
    to_layer = np.concatenate([layer, np.full(len(hosts), AFTER)])
    site = np.concatenate([np.full(len(layer), NONE), np.repeat(np.arange(len(hosts) // 2), 2)])

    offset = np.repeat(np.arange(origins) * _LAYERS * junctions, len(arc))
    time_min = np.repeat([road.t0_min for road in network.roads], 2)[arc]
    return {
        "tail": offset + np.tile(from_layer * junctions + arc_tail[arc], origins),
        "head": offset + np.tile(to_layer * junctions + arc_head[arc], origins),
        "arc": np.tile(arc, origins),
        "site": np.tile(site, origins),
        "time_min": np.tile(time_min, origins),
        "charging": np.tile(from_layer != OTHER, origins),
    }


def _end_links(
    source: IntArray, terminal: IntArray, arrives: IntArray, junctions: int
) -> tuple[IntArray, IntArray]:
    """Tails and heads of the five ends of each trip, in the order of the ``END_`` names."""
    charged, uncharged = arrives + AFTER * junctions, arrives + BEFORE * junctions
    tails = np.stack([arrives, charged, uncharged, source[:, 0], source[:, 1]], axis=1)
    return tails.ravel(), terminal[:, [0, 1, 1, 0, 1]].ravel()


def _at_ends(ends: IntArray, which: tuple[int, ...]) -> FloatArray:
    flags = np.zeros(ends[-1, -1] + 1)
    flags[ends[:, which]] = 1.0
    return frozen(flags)


def split_demand(network: RoadNetwork) -> FloatArray:
    """Vehicles an hour [time, trip, class]: class 0 other, class 1 charging (C7)-(C8)."""
    veh_per_h = np.outer(network.traffic_factor, [trip.veh_per_h for trip in network.trips])
    share = network.drivers.charging_share
    return frozen(veh_per_h[:, :, None] * np.array([1 - share, share]))


def link_costs(graph: LayeredGraph, network: RoadNetwork, charge_cost: FloatArray) -> FloatArray:
    """What a vehicle pays on each link when nobody is in its way [time, link].

    w_free t0 + (price of a charge) on charging links + (price of not being served) on ends.

    Args:
        graph: the layered roads of ``network``.
        network: whose drivers say what time and not being served cost.
        charge_cost: price of one charge [time, site].
    """
    drivers = network.drivers
    still = (
        drivers.time_cost_free_per_min * graph.time_min
        + drivers.unserved_trip_cost * graph.lost_trip
        + drivers.unserved_charge_cost * graph.lost_charge
    )
    return still + per_link(charge_cost, graph.site)


def per_link(values: FloatArray, owner: IntArray) -> FloatArray:
    """Values of arcs or sites [time, owner] on the links that pass them [time, link], else 0."""
    padded = np.concatenate([values, np.zeros((len(values), 1))], axis=1)
    return padded[:, owner]


def per_owner(flow: FloatArray, owner: IntArray, count: int) -> FloatArray:
    """Flows of links [time, link] summed for each of ``count`` arcs or sites [time, owner]."""
    total: FloatArray = flow @ incidence(owner, count).T
    return total


def incidence(owner: IntArray, count: int) -> sp.csr_matrix:
    """1 in row ``owner[link]`` of column ``link``; an empty column where the owner is ``NONE``."""
    used = np.flatnonzero(owner != NONE)
    entries = np.ones(len(used)), (owner[used], used)
    return sp.csr_matrix(entries, shape=(count, len(owner)))
