"""Roads for a planned network: ours, drawn from the positions of feeders and stations.

A junction stands at the middle of each feeder's load and at each planned station. Two junctions are
joined if no third lies in the circle between them (a Gabriel graph: connected, and without
crossings). Trips run between each feeder's junction and the farthest other one, both ways, in
proportion to the feeder's load.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from ...core.units import FloatArray
from ...planning.fdn.case import FdnCase

_KM_PER_H = 40.0  #: free-flow speed along the straight line between junctions
_LEAST_KM = 0.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoadPlan:
    """Junctions, roads and trips; a trip's share is of all vehicles."""

    nodes: tuple[str, ...]
    xy_km: FloatArray  #: [node, 2]
    roads: tuple[tuple[int, int], ...]
    trips: tuple[tuple[int, int, float], ...]  #: origin, destination, share

    def minutes(self, road: int) -> float:
        """Free-flow time of a road."""
        a, b = self.roads[road]
        length_km = max(float(np.linalg.norm(self.xy_km[a] - self.xy_km[b])), _LEAST_KM)
        return 60 * length_km / _KM_PER_H

    def hosts(self, xy_km: Mapping[str, tuple[float, float]]) -> dict[str, int]:
        """The road of each station: all as near as can be, no two on one while roads last."""
        if not xy_km:
            return {}
        ends = self.xy_km[np.array(self.roads)]
        far = _to_segments(np.array(list(xy_km.values())), ends[:, 0], ends[:, 1])
        repeats = -(-len(xy_km) // len(self.roads))
        stations, places = linear_sum_assignment(np.tile(far, repeats))
        names = list(xy_km)
        return {names[s]: int(p) % len(self.roads) for s, p in zip(stations, places, strict=True)}


def plan_roads(case: FdnCase, stations: Mapping[str, tuple[float, float]]) -> RoadPlan:
    """Roads of a network with stations at these positions [km]."""
    middles = {f"feeder {zone}": _middle(case, zone) for zone in case.network.heads}
    places = _distinct({**middles, **stations})
    names, xy_km = tuple(places), np.array(list(places.values()))
    return RoadPlan(
        nodes=names, xy_km=xy_km, roads=_gabriel(xy_km), trips=_trips(case, names, xy_km)
    )


def _middle(case: FdnCase, zone: str) -> tuple[float, float]:
    network, buses = case.network, case.network.feeders[zone]
    weight = network.load_p_kw[buses] + 1e-6  # a feeder may have no load
    x, y = (float(np.average(axis[buses], weights=weight)) for axis in (network.x_km, network.y_km))
    return x, y


def _distinct(places: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Junctions at one spot are one junction."""
    first = {xy: name for name, xy in reversed(list(places.items()))}
    return {name: xy for name, xy in places.items() if first[xy] == name}


def _gabriel(xy_km: FloatArray) -> tuple[tuple[int, int], ...]:
    squared = cdist(xy_km, xy_km, "sqeuclidean")
    count = len(xy_km)
    return tuple(
        (a, b)
        for a in range(count)
        for b in range(a + 1, count)
        if all(
            squared[a, c] + squared[b, c] >= squared[a, b] for c in range(count) if c not in (a, b)
        )
    )


def _trips(
    case: FdnCase, names: tuple[str, ...], xy_km: FloatArray
) -> tuple[tuple[int, int, float], ...]:
    network = case.network
    ends = {zone: k for zone in network.heads for k in [_index(names, f"feeder {zone}")] if k >= 0}
    load = {zone: float(network.load_p_kw[network.feeders[zone]].sum()) for zone in ends}
    total = sum(load.values()) or 1.0
    far = cdist(xy_km, xy_km)
    shares: dict[tuple[int, int], float] = {}
    for zone, origin in ends.items():
        destination = int(far[origin].argmax())
        for pair in ((origin, destination), (destination, origin)):
            shares[pair] = shares.get(pair, 0.0) + load[zone] / total / 2
    return tuple((a, b, share) for (a, b), share in shares.items() if share > 0)


def _index(names: tuple[str, ...], name: str) -> int:
    return names.index(name) if name in names else -1


def _to_segments(points: FloatArray, start: FloatArray, end: FloatArray) -> FloatArray:
    """Distance of each point to each segment [point, segment]."""
    along = end - start
    offset = points[:, None] - start
    share = (offset * along).sum(axis=-1) / np.maximum((along**2).sum(axis=-1), 1e-12)
    nearest = start + np.clip(share, 0, 1)[..., None] * along
    return np.asarray(np.linalg.norm(points[:, None] - nearest, axis=-1))
