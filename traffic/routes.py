"""Flows on links taken apart into the routes that vehicles drive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..core.units import FloatArray
from .layered_graph import END_CHARGED, END_OTHER, END_UNCHARGED, NONE, LayeredGraph
from .network import RoadNetwork

#: Flows below this are rounding of the solver [veh/h].
_NEGLIGIBLE_VEH_PER_H = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A used way through the roads in one hour.

    ``station`` is where its vehicles charge: None for vehicles that need no charge, and for those
    that arrive uncharged (``needs_charge`` tells them apart). ``time_min`` includes the delays,
    not the charge.
    """

    hour: int
    origin: str
    destination: str
    needs_charge: bool
    station: str | None
    nodes: tuple[str, ...]
    veh_per_h: float
    time_min: float


def decompose_routes(
    network: RoadNetwork, graph: LayeredGraph, link_flow: FloatArray, link_time_min: FloatArray
) -> tuple[Route, ...]:
    """The routes of all hours; they add up to the flows.

    Each trip's arrivals are followed backwards, always along the link with most flow left, and the
    smallest flow met on the way is taken off as one route. Flows of an optimum run in no circle as
    long as every road takes time. Which routes a flow is split into is not unique; which links it
    uses is, and all of those are cheapest ways.

    Args:
        network: for the names.
        graph: its layered roads.
        link_flow: vehicles an hour [time, link].
        link_time_min: travel time with delays [time, link].
    """
    into: list[list[int]] = [[] for _ in graph.place]
    for link, head in enumerate(graph.head.tolist()):
        into[head].append(link)
    return tuple(
        _describe(network, graph, hour, trip, links, veh_per_h, link_time_min[hour])
        for hour in range(len(link_flow))
        for trip, links, veh_per_h in _peel(graph, into, link_flow[hour].tolist())
    )


def _peel(
    graph: LayeredGraph, into: list[list[int]], left: list[float]
) -> Iterator[tuple[int, list[int], float]]:
    """Trips, links from the first to the last, and vehicles an hour; ``left`` is used up."""
    tails, sources = graph.tail.tolist(), set(graph.source.ravel().tolist())
    ends = graph.ends[:, [END_OTHER, END_CHARGED, END_UNCHARGED]].tolist()
    for trip, exits in enumerate(ends):
        for end in exits:
            while left[end] > _NEGLIGIBLE_VEH_PER_H:
                links = _walk_back(end, into, tails, sources, left)
                veh_per_h = min(left[link] for link in links)
                for link in links:
                    left[link] -= veh_per_h
                if veh_per_h <= _NEGLIGIBLE_VEH_PER_H:
                    break
                yield trip, links, veh_per_h


def _walk_back(
    end: int, into: list[list[int]], tails: list[int], sources: set[int], left: list[float]
) -> list[int]:
    links, node = [end], tails[end]
    while node not in sources:
        links.append(max(into[node], key=left.__getitem__))
        node = tails[links[-1]]
    return links[::-1]


def _describe(
    network: RoadNetwork,
    graph: LayeredGraph,
    hour: int,
    trip: int,
    links: list[int],
    veh_per_h: float,
    link_time_min: FloatArray,
) -> Route:
    demand = network.trips[trip]
    sites = [site for site in graph.site[links].tolist() if site != NONE]
    return Route(
        hour=hour,
        origin=demand.origin,
        destination=demand.destination,
        needs_charge=bool(graph.charging[links[-1]]),
        station=network.sites[sites[0]].station if sites else None,
        nodes=tuple(network.nodes[place].id for place in graph.place[graph.tail[links]]),
        veh_per_h=veh_per_h,
        time_min=float(np.sum(link_time_min[links])),
    )
