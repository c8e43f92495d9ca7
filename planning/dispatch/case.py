"""What the dispatch of a day starts from.

Source: appendices A and B of the text that equation numbers here refer to; its objective and its
data are not published, so both are reconstructions (see docs/dispatch.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ...core.units import BoolArray, FloatArray, IntArray
from ..radial import RadialNetwork


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Generators:
    """DG (B1.a): active power as scheduled unless it may be curtailed, reactive power as wanted."""

    names: tuple[str, ...]
    buses: IntArray  #: [generator]
    kva: FloatArray  #: [generator]
    p_kw: FloatArray  #: [time, generator] schedule
    curtailable: BoolArray  #: [generator]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SoftOpenPoints:
    """Converters with a common DC side, terminal by terminal (B1.b)-(B1.e)."""

    names: tuple[str, ...]  #: [sop]
    owner: IntArray  #: [terminal] its soft open point
    buses: IntArray  #: [terminal]
    kva: FloatArray  #: [terminal]
    p_max_kw: FloatArray  #: [terminal] of |P|
    q_max_kvar: FloatArray  #: [terminal] of |Q|
    loss: FloatArray  #: [terminal] A, over apparent power


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batteries:
    """Batteries behind converters (B1.f)-(B1.k)."""

    names: tuple[str, ...]
    buses: IntArray  #: [battery]
    kva: FloatArray  #: [battery]
    p_max_kw: FloatArray  #: [battery] of |P|
    q_max_kvar: FloatArray  #: [battery] of |Q|
    kwh: FloatArray  #: [battery]
    soc_min: FloatArray  #: [battery], share of kwh
    soc_max: FloatArray  #: [battery]
    soc_start: FloatArray  #: [battery], at the end of the day too
    loss: FloatArray  #: [battery] A, over apparent power


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeferrableLoads:
    """Loads that may wait (B2.a)-(B2.e), by bounds of what they have consumed at the end of a step.

    Before a load's start both bounds are 0; from its deadline on the lower one is what it requires.
    Charging: what has arrived above, what must have been served below.
    """

    names: tuple[str, ...]
    buses: IntArray  #: [load]
    p_max_kw: FloatArray  #: [time, load]
    energy_min_kwh: FloatArray  #: [time, load]
    energy_max_kwh: FloatArray  #: [time, load]
    q_per_p: FloatArray  #: [load] tan(arccos(power factor)): the most kvar per kW


class Direction(StrEnum):
    """What a flexibility requirement asks for."""

    LESS = "less"  #: import less than planned
    MORE = "more"  #: import more than planned


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """Import of a feeder, or of all, must differ from the plan by ``kw`` in steps first..last.

    The plan is the cheapest dispatch without any requirement.
    """

    name: str
    feeder: str | None  #: None: all together
    direction: Direction
    kw: float
    first: int  #: step, from 0
    last: int  #: step, included


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchRules:
    """Limits and prices besides those of energy."""

    v_min_pu: float
    v_max_pu: float
    i_max_a: float  #: of every branch, three-phase
    polygon_sides: int  #: K, even
    shortfall_per_kwh: float  #: of a requirement that is not met
    curtailment_per_kwh: float
    reactive_per_kvarh: float  #: of |Q| of DG


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DispatchCase:
    """Everything that a dispatch reads. Times are steps of ``hours`` each."""

    name: str
    title: str
    currency: str
    digest: str
    files: Mapping[str, str]
    network: RadialNetwork
    hours: float  #: dt
    load_p_kw: FloatArray  #: [time, bus] tied loads (B2.f)
    load_q_kvar: FloatArray  #: [time, bus] (B2.g)
    price_per_kwh: FloatArray  #: [time], time of use
    generators: Generators
    sops: SoftOpenPoints
    batteries: Batteries
    deferrable: DeferrableLoads
    requirements: tuple[Requirement, ...]
    rules: DispatchRules
    learned_from: tuple[str, ...] = ()  #: runs whose charging is among the deferrable loads

    @property
    def steps(self) -> int:
        """How many there are."""
        return len(self.price_per_kwh)
