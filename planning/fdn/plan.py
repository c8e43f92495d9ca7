"""A plan as data: what stands at the end of each stage."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.units import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Sop:
    """A soft open point as it stands in one stage: its terminal buses, and their capacities.

    The order is that of the case's terminals. ``slot`` stays the same from stage to stage.
    """

    slot: int
    buses: tuple[int, ...]
    kva: tuple[float, ...]
    line_km: float  #: of new line, all built until this stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """A battery with its converter as it stands in one stage."""

    bus: int
    kva: float
    kwh: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """What stands at the end of each stage: cumulative capacities, rounded up to modules."""

    sops: tuple[tuple[Sop, ...], ...]  #: [stage]
    evcs_kva: FloatArray  #: [stage, evcs site] converter capacity
    evcs_rated_kw: FloatArray  #: [stage, evcs site] rated demand that is served there
    pv_kva: FloatArray  #: [stage, pv site]
    pv_rated_kw: FloatArray  #: [stage, pv site]
    reinforced: tuple[tuple[str, ...], ...] = ()  #: [stage] feeders with larger lines; () for none
    storages: tuple[tuple[Storage, ...], ...] = ()  #: [stage]; () for none
