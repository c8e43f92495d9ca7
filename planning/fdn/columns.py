"""The unknowns of a plan, as columns of its program.

Axes [stage, element]; power in units of ``s_base_kva`` (pu), length in km, money in millions. A
plan that may not build something has that axis at length 0, so that no rule about it needs an if.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.units import FloatArray, IntArray
from ..mixed_builder import MixedBuilder
from .inputs import PlanInputs
from .options import PlanOptions
from .reinforcement import RATING_MULTIPLE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlowColumns:
    """The branch flow model (14): l is the squared current, v the squared voltage."""

    p: IntArray  #: [stage, branch] into the branch at its upstream end
    q: IntArray  #: [stage, branch]
    l: IntArray  #: [stage, branch]  # noqa: E741
    v: IntArray  #: [stage, bus]
    v_head: IntArray  #: [] of all feeder heads, fixed at 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SopColumns:
    """Soft open points. A terminal serves at most one of them, so its totals say it all."""

    built: IntArray  #: [stage, slot] 0 or 1
    attached: IntArray  #: [stage, slot, terminal] 0 or 1
    hub: IntArray  #: [slot, terminal] 0 or 1: where its converters stand
    line_km: IntArray  #: [stage, slot]
    slot_kva: IntArray  #: [stage, slot, terminal]
    slot_p: IntArray  #: [stage, slot, terminal] injected
    slot_loss: IntArray  #: [stage, slot, terminal]
    kva: IntArray  #: [stage, terminal]
    p: IntArray  #: [stage, terminal] injected
    q: IntArray  #: [stage, terminal] injected
    loss: IntArray  #: [stage, terminal]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteColumns:
    """Charging stations or PV."""

    built: IntArray  #: [stage, site] 0 or 1; PV has none, as its land costs nothing
    kva: IntArray  #: [stage, site]
    rated: IntArray  #: [stage, site] rated power


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StorageColumns:
    """Batteries with converters."""

    built: IntArray  #: [stage, bus with storage] 0 or 1
    kva: IntArray  #: likewise
    kwh: IntArray  #: in hours of ``s_base_kva``
    p: IntArray  #: injected
    q: IntArray  #: injected
    loss: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LineColumns:
    """Reinforced feeders, and the part of each flow that is on larger lines: all or nothing."""

    built: IntArray  #: [stage, feeder] 0 or 1
    p: IntArray  #: [stage, branch]
    q: IntArray  #: [stage, branch]
    l: IntArray  #: [stage, branch]  # noqa: E741


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanColumns:
    """All of them."""

    flow: FlowColumns
    sop: SopColumns
    evcs: SiteColumns
    pv: SiteColumns
    storage: StorageColumns
    lines: LineColumns


def plan_columns(builder: MixedBuilder, data: PlanInputs, options: PlanOptions) -> PlanColumns:
    """Makes the columns with their bounds, those of the security constraints (18) included."""
    return PlanColumns(
        flow=_flow(builder, data),
        sop=_sop(builder, data),
        evcs=_evcs(builder, data),
        pv=_pv(builder, data),
        storage=_storage(builder, data),
        lines=_lines(builder, data, options),
    )


def _flow(builder: MixedBuilder, data: PlanInputs) -> FlowColumns:
    shape = data.v_min.shape
    larger = RATING_MULTIPLE - 1 if data.feeders else 0.0
    return FlowColumns(
        p=builder.columns(*shape, lower=-np.inf),
        q=builder.columns(*shape, lower=-np.inf),
        l=builder.columns(*shape, upper=(data.i_max + larger * data.rating) ** 2),
        v=builder.columns(*shape, lower=data.v_min**2, upper=data.v_max**2),
        v_head=builder.columns(lower=1.0, upper=1.0),
    )


def _sop(builder: MixedBuilder, data: PlanInputs) -> SopColumns:
    stages, slots, ends = data.stages, data.slots, len(data.terminals)
    most, loss = data.sop_max, data.sop_max * data.rules.sop_loss
    terminal, slot = (stages, ends), (stages, slots, ends)
    return SopColumns(
        built=builder.columns(stages, slots, upper=1.0, integer=True),
        attached=builder.columns(*slot, upper=1.0, integer=True),
        hub=builder.columns(slots, ends, upper=1.0, integer=True),
        line_km=builder.columns(stages, slots),
        slot_kva=builder.columns(*slot, upper=most),
        slot_p=builder.columns(*slot, lower=-most, upper=most),
        slot_loss=builder.columns(*slot, upper=loss),
        kva=builder.columns(*terminal, upper=most),
        p=builder.columns(*terminal, lower=-most, upper=most),
        q=builder.columns(*terminal, lower=-most, upper=most),
        loss=builder.columns(*terminal, upper=loss),
    )


def _evcs(builder: MixedBuilder, data: PlanInputs) -> SiteColumns:
    shape = (data.stages, len(data.evcs_buses))
    low, high = _given(data.evcs_given, data.evcs_max)
    return SiteColumns(
        built=builder.columns(*shape, upper=1.0, integer=True),
        kva=builder.columns(*shape, upper=data.evcs_max),
        rated=builder.columns(*shape, lower=low, upper=high),
    )


def _pv(builder: MixedBuilder, data: PlanInputs) -> SiteColumns:
    shape = (data.stages, len(data.pv_buses))
    low, high = _given(data.pv_given, data.pv_max * data.rules.pv_power_factor)
    return SiteColumns(
        built=builder.columns(data.stages, 0),
        kva=builder.columns(*shape, upper=data.pv_max),
        rated=builder.columns(*shape, lower=low, upper=high),
    )


def _given(given: FloatArray | None, most: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Bounds of what is chosen up to a maximum, or given."""
    return (np.zeros_like(most), most) if given is None else (given, given)


def _storage(builder: MixedBuilder, data: PlanInputs) -> StorageColumns:
    shape, most = (data.stages, len(data.storage_buses)), data.sop_max
    return StorageColumns(
        built=builder.columns(*shape, upper=1.0, integer=True),
        kva=builder.columns(*shape, upper=most),
        kwh=builder.columns(*shape),
        p=builder.columns(*shape, lower=-most, upper=most),
        q=builder.columns(*shape, lower=-most, upper=most),
        loss=builder.columns(*shape, upper=most * data.rules.sop_loss),
    )


def _lines(builder: MixedBuilder, data: PlanInputs, options: PlanOptions) -> LineColumns:
    branches = len(data.network.buses) if data.feeders else 0
    least = data.reinforced
    most = 1.0 if options.reinforcement else least
    shape = (data.stages, branches)
    return LineColumns(
        built=builder.columns(*least.shape, lower=least, upper=most, integer=True),
        p=builder.columns(*shape, lower=-np.inf),
        q=builder.columns(*shape, lower=-np.inf),
        l=builder.columns(*shape),
    )
