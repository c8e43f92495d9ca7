"""The converters of one stage that can be dispatched anew in every sample, and the grid they see.

A soft open point is a group of terminals whose active powers balance. A storage is a group of one
terminal: at rest its battery it exchanges reactive power only, as a soft open point of one
terminal would; where a limit is at stake its battery frees the balance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.units import BoolArray, FloatArray, IntArray, frozen
from ..radial import RadialNetwork
from .case import FdnCase
from .plan import Plan
from .reinforcement import network_at, ratings_pu


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Converters:
    """Terminals of soft open points and storages; per unit, injections into the grid positive.

    Each terminal t obeys |s_t| <= C_t and loses m_t = loss |s_t| (17b)-(17c); each group g obeys
    sum over its terminals of (P_t + sign m_t) = 0 (17a).
    """

    buses: IntArray  #: [terminal]
    capacity_pu: FloatArray  #: [terminal]
    most_p_pu: FloatArray  #: of |P_t| [terminal]; the capacity but for small batteries
    member: FloatArray  #: [group, terminal], 1 where the terminal belongs to the group
    has_battery: BoolArray  #: [group]
    loss: float  #: over apparent power
    sign: float  #: +1: losses are drawn from the grid; -1: as printed in the paper

    def balanced(self, *, batteries: bool) -> FloatArray:
        """The groups [group, terminal] that must balance; not storages if batteries may help."""
        return self.member[~self.has_battery] if batteries else self.member


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Connected:
    """The feeders that converters stand on, and what must not be exceeded there."""

    network: RadialNetwork  #: these feeders only
    buses: IntArray  #: [own bus] position of each on the case's bus axis
    i_max_pu: FloatArray  #: [own branch]
    v_min_pu: float
    v_max_pu: float
    converters: Converters  #: their buses are positions on the own bus axis


def connect(case: FdnCase, plan: Plan, stage: int) -> Connected | None:
    """The feeders with converters in a stage; None where no converter stands."""
    terminals = _terminals(plan, stage)
    if not terminals:
        return None
    network = network_at(case, plan, stage)
    zones = {network.zones[bus] for group in terminals for bus, *_ in group}
    buses = np.flatnonzero(np.isin(network.zones, list(zones)))
    return Connected(
        network=network.part(zones),
        buses=frozen(buses, np.int64),
        i_max_pu=frozen(ratings_pu(case, plan)[stage, buses]),
        v_min_pu=case.rules.v_min_pu,
        v_max_pu=case.rules.v_max_pu,
        converters=_converters(case, plan, stage, buses),
    )


def _terminals(plan: Plan, stage: int) -> list[list[tuple[int, float, float]]]:
    """(bus, kVA, most kW) of every terminal, by group: soft open points first, then storages."""
    storages = plan.storages[stage] if plan.storages else ()
    return [
        *(list(zip(sop.buses, sop.kva, sop.kva, strict=True)) for sop in plan.sops[stage]),
        *([(store.bus, store.kva, min(store.kva, store.most_kw))] for store in storages),
    ]


def _converters(case: FdnCase, plan: Plan, stage: int, buses: IntArray) -> Converters:
    groups = _terminals(plan, stage)
    flat = [terminal for group in groups for terminal in group]
    owner = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    stands, kva, most_kw = (np.array(column) for column in zip(*flat, strict=True))
    return Converters(
        buses=frozen(np.searchsorted(buses, stands), np.int64),
        capacity_pu=frozen(kva / case.network.s_base_kva),
        most_p_pu=frozen(most_kw / case.network.s_base_kva),
        member=frozen(owner == np.arange(len(groups))[:, None]),
        has_battery=frozen(np.arange(len(groups)) >= len(plan.sops[stage]), bool),
        loss=case.rules.sop_loss,
        sign=case.rules.sop_sign.factor,
    )
