"""What a plan may build."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.units import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Siting:
    """Rated power of charging stations and PV as somebody else decides it."""

    evcs_rated_kw: FloatArray  #: [stage, evcs site]
    pv_rated_kw: FloatArray  #: [stage, pv site]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """What may be built, and how the plan is searched for."""

    sops: bool = True
    sop_slots: int = 2  #: most soft open points at a time
    storage: bool = False  #: batteries with converters where a tie ends (Case III)
    reinforcement: bool = False  #: larger lines and transformers, feeder by feeder (Case VII)
    reinforced: tuple[tuple[str, ...], ...] = ()  #: [stage] feeders that get them anyway (Case IV)
    siting: Siting | None = None  #: given instead of chosen (Case VI)
    forced_zones: bool = True  #: cuts that say which feeders cannot do without a soft open point
