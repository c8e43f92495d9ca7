"""The numbers of a plan's program: a case at its expected state, per unit, for some stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.units import FloatArray, IntArray
from ..radial import RadialNetwork
from .bounds import Bounds
from .case import FdnCase, Rules, Site, Stage
from .draws import ExpectedFactors
from .options import PlanOptions

#: Money inside a program: millions.
MONEY = 1e6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanInputs:
    """Axes [stage, element]; power in units of ``s_base_kva``, prices as a case has them."""

    network: RadialNetwork
    rules: Rules
    prices: tuple[Stage, ...]
    discount: FloatArray  #: [stage]
    annuity: float
    rating: float  #: of every line as it is
    load_p: FloatArray  #: [stage, bus] expected
    load_q: FloatArray
    ev: FloatArray  #: [stage] rated, of the whole network
    pv: FloatArray  #: [stage] rated
    ev_factor: float  #: expected over rated
    pv_factor: float
    evcs_buses: IntArray  #: [evcs site]
    evcs_max: FloatArray
    pv_buses: IntArray  #: [pv site]
    pv_max: FloatArray
    evcs_given: FloatArray | None  #: [stage, evcs site]
    pv_given: FloatArray | None  #: [stage, pv site]
    v_min: FloatArray  #: [stage, bus]
    v_max: FloatArray
    v_excess: FloatArray
    i_max: FloatArray  #: [stage, branch]
    slots: int
    terminals: IntArray  #: [terminal] their buses
    storage_buses: IntArray
    feeders: tuple[str, ...]  #: which may be reinforced, or are
    reinforced: FloatArray  #: [stage, feeder] 1 where it is in any case

    @property
    def stages(self) -> int:
        """How many stages the program is about."""
        return len(self.prices)

    @property
    def sop_max(self) -> float:
        """Largest soft open point, and largest converter of any kind."""
        return self.rules.sop_max_kva / self.network.s_base_kva

    @property
    def terminal_zones(self) -> list[str]:
        """Feeder of each terminal."""
        return [self.network.zones[bus] for bus in self.terminals]


def plan_inputs(
    case: FdnCase,
    expected: ExpectedFactors,
    bounds: Bounds,
    options: PlanOptions,
    stages: Sequence[int] | None = None,
) -> PlanInputs:
    """The numbers for all stages, or for some."""
    u = list(range(len(case.stages)) if stages is None else stages)
    base, siting, none = case.network.s_base_kva, options.siting, np.zeros(0, np.int64)
    lines = options.reinforcement or any(options.reinforced)
    feeders = tuple(case.network.heads) if lines else ()
    given = options.reinforced or ((),) * len(case.stages)
    return PlanInputs(
        network=case.network,
        rules=case.rules,
        prices=tuple(case.stages[k] for k in u),
        discount=case.discount[u],
        annuity=case.annuity,
        rating=case.i_max_pu,
        load_p=case.load_p_kw[u] * expected.load / base,
        load_q=case.load_q_kvar[u] * expected.load / base,
        ev=case.ev_kw[u] / base,
        pv=case.pv_kw[u] / base,
        ev_factor=expected.ev,
        pv_factor=expected.pv,
        evcs_buses=_buses(case.evcs_sites),
        evcs_max=_sizes(case.evcs_sites) / base,
        pv_buses=_buses(case.pv_sites),
        pv_max=_sizes(case.pv_sites) / base,
        evcs_given=siting.evcs_rated_kw[u] / base if siting else None,
        pv_given=siting.pv_rated_kw[u] / base if siting else None,
        v_min=bounds.v_min_pu[u],
        v_max=bounds.v_max_pu[u],
        v_excess=bounds.v_excess[u],
        i_max=bounds.i_max_pu[u],
        slots=options.sop_slots if options.sops else 0,
        terminals=case.terminals if options.sops else none,
        storage_buses=case.terminals if options.storage else none,
        feeders=feeders,
        reinforced=np.array([[name in given[k] for name in feeders] for k in u], dtype=np.float64),
    )


def _buses(sites: Sequence[Site]) -> IntArray:
    return np.array([site.bus for site in sites], dtype=np.int64)


def _sizes(sites: Sequence[Site]) -> FloatArray:
    return np.array([site.max_kva for site in sites], dtype=np.float64)
