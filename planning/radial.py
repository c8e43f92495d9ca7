"""A balanced network of radial feeders as data, with the matrices its equations are written in.

Every bus but the feeder heads has exactly one branch towards its head, and branch ``j`` is the one
that ends at bus ``j``: bus and branch share one axis. Heads are held at 1 pu and are on no axis.
Per unit here: three-phase power over ``s_base_kva``, line-to-line voltage over ``vn_kv``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..core.units import BoolArray, FloatArray, IntArray, frozen

#: Index of the upstream end of a branch that leaves a feeder head.
HEAD = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """A normally open line between two buses, by their indices."""

    from_bus: int
    to_bus: int
    r_ohm: float
    x_ohm: float


@dataclass(frozen=True, kw_only=True, eq=False)
class RadialNetwork:
    """Radial feeders of one substation voltage; loads positive for consumption.

    Not slotted: the matrices are built on first use and kept.
    """

    vn_kv: float  #: line-to-line
    s_base_kva: float
    buses: tuple[str, ...]
    zones: tuple[str, ...]  #: [bus] name of the feeder
    heads: Mapping[str, str]  #: name of each feeder -> name of its head bus
    parent: IntArray  #: [bus] index of the upstream bus, or HEAD
    r_ohm: FloatArray  #: [branch]
    x_ohm: FloatArray  #: [branch]
    length_km: FloatArray  #: [branch]
    load_p_kw: FloatArray  #: [bus] nominal, three-phase
    load_q_kvar: FloatArray  #: [bus]
    x_km: FloatArray  #: [bus] position
    y_km: FloatArray  #: [bus]
    ties: tuple[Tie, ...]
    head_xy_km: Mapping[str, tuple[float, float]] = field(default_factory=dict)  #: of feeders

    def index(self, bus: str) -> int:
        """Position of a bus on the bus axis; KeyError if it is none, as feeder heads are."""
        return self._positions[bus]

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {bus: k for k, bus in enumerate(self.buses)}

    @property
    def z_base_ohm(self) -> float:
        """vn_kv^2 1000 / s_base_kva."""
        return self.vn_kv**2 * 1e3 / self.s_base_kva

    @cached_property
    def r_pu(self) -> FloatArray:
        """Resistance [branch]."""
        return frozen(self.r_ohm / self.z_base_ohm)

    @cached_property
    def x_pu(self) -> FloatArray:
        """Reactance [branch]."""
        return frozen(self.x_ohm / self.z_base_ohm)

    @cached_property
    def carries(self) -> FloatArray:
        """M [branch, bus]: 1 where the branch carries what the bus draws, else 0."""
        matrix = np.zeros((len(self.buses), len(self.buses)))
        for bus in range(len(self.buses)):
            matrix[list(self._up_to_head(bus)), bus] = 1.0
        return frozen(matrix)

    @cached_property
    def feeders(self) -> Mapping[str, IntArray]:
        """Buses of each feeder, by its name, in the order of the bus axis."""
        zones = np.array(self.zones)
        return {zone: frozen(np.flatnonzero(zones == zone), np.int64) for zone in self.heads}

    @cached_property
    def shared_r_pu(self) -> FloatArray:
        """R = M' diag(r) M [bus, bus]: resistance that the ways of two buses to the head share."""
        return frozen(self.carries.T * self.r_pu @ self.carries)

    @cached_property
    def shared_x_pu(self) -> FloatArray:
        """X = M' diag(x) M [bus, bus], likewise for reactance."""
        return frozen(self.carries.T * self.x_pu @ self.carries)

    def tie_buses(self) -> IntArray:
        """All ends of ties, ascending: the buses where a soft open point may connect."""
        ends = {end for tie in self.ties for end in (tie.from_bus, tie.to_bus)}
        return frozen(sorted(ends), np.int64)

    def downstream(self, branch: int) -> BoolArray:
        """Which buses [bus] a branch feeds."""
        return np.asarray(self.carries[branch] > 0)

    def part(self, zones: Collection[str]) -> RadialNetwork:
        """The same network with some of its feeders only; buses keep their order."""
        kept = np.flatnonzero(np.isin(self.zones, list(zones)))
        place = np.full(len(self.buses) + 1, HEAD)  # its last entry is what HEAD, -1, refers to
        place[kept] = np.arange(len(kept))
        within = [tie for tie in self.ties if min(place[tie.from_bus], place[tie.to_bus]) >= 0]
        columns = ("r_ohm", "x_ohm", "length_km", "load_p_kw", "load_q_kvar", "x_km", "y_km")
        taken: dict[str, Any] = {name: frozen(getattr(self, name)[kept]) for name in columns}
        return replace(
            self,
            buses=tuple(self.buses[k] for k in kept),
            zones=tuple(self.zones[k] for k in kept),
            heads={zone: head for zone, head in self.heads.items() if zone in zones},
            parent=frozen(place[self.parent[kept]], np.int64),
            ties=tuple(
                replace(tie, from_bus=int(place[tie.from_bus]), to_bus=int(place[tie.to_bus]))
                for tie in within
            ),
            **taken,
        )

    def _up_to_head(self, bus: int) -> Iterator[int]:
        while bus != HEAD:
            yield bus
            bus = int(self.parent[bus])
