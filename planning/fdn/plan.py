"""A plan as data: what stands at the end of each stage."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.units import FloatArray

#: Between these states of charge a battery may be used (Case III).
SOC_MIN, SOC_MAX = 0.1, 0.9
#: For so long a battery must give its power [h]; the paper looks at no sequence of hours.
STORAGE_HOURS = 1.0


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

    @property
    def most_kw(self) -> float:
        """What its battery can give or take within the usable states of charge."""
        return (SOC_MAX - SOC_MIN) / STORAGE_HOURS * self.kwh


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
