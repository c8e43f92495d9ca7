"""Columns of everything that can move, and what each device obeys by itself (B1), (B2.a)-(B2.e).

Powers are per unit of ``s_base_kva``, energies in hours of it. Converters are stated by polygons,
or by cones for the exact disc; DG of fixed power has the exact interval of reactive power.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.devices.battery import energy_balance, lossy_flow
from ...core.devices.converter import balance, capacity, losses, polygon_capacity, polygon_losses
from ...core.devices.polygon import Polygon
from ...core.units import FloatArray, IntArray
from ..mixed_builder import MixedBuilder
from .case import Batteries, DispatchCase, SoftOpenPoints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Converters:
    """Columns of converters: injected power, and the loss."""

    p: IntArray  #: [time, converter]
    q: IntArray  #: [time, converter]
    loss: IntArray  #: [time, converter]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeviceColumns:
    """Columns of all devices."""

    dg_p: IntArray  #: [time, generator]
    dg_q: IntArray  #: [time, generator]
    dg_q_size: IntArray  #: [time, generator] at least |dg_q|
    sop: Converters
    battery: Converters
    battery_energy: IntArray  #: [time, battery] at the end of the step
    load_p: IntArray  #: [time, deferrable load] consumed
    load_q: IntArray  #: [time, deferrable load]
    load_energy: IntArray  #: [time, deferrable load] so far

    @property
    def p(self) -> IntArray:
        """All active powers [time, device], in the order of ``places``."""
        return np.concatenate([self.dg_p, self.sop.p, self.battery.p, self.load_p], axis=1)

    @property
    def q(self) -> IntArray:
        """All reactive powers, likewise."""
        return np.concatenate([self.dg_q, self.sop.q, self.battery.q, self.load_q], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """Where devices are, and whether their power is drawn (1) or injected (-1)."""

    buses: IntArray  #: [device]
    signs: FloatArray  #: [device]


def places(case: DispatchCase) -> Places:
    """In the order DG, terminals, batteries, deferrable loads."""
    injecting = (case.generators.buses, case.sops.buses, case.batteries.buses)
    buses = np.concatenate([*injecting, case.deferrable.buses])
    signs = np.full(len(buses), -1.0)
    signs[len(buses) - len(case.deferrable.buses) :] = 1.0
    return Places(buses=buses, signs=signs)


def device_columns(builder: MixedBuilder, case: DispatchCase, discs: bool = False) -> DeviceColumns:
    """Adds columns and rows of all devices, and what DG costs; ``discs``: cones, not polygons."""
    dg_p, dg_q, size = _generators(builder, case, discs)
    sop = _soft_open_points(builder, case, discs)
    battery, battery_energy = _batteries(builder, case, discs)
    load_p, load_q, load_energy = _deferrable(builder, case)
    return DeviceColumns(
        dg_p=dg_p,
        dg_q=dg_q,
        dg_q_size=size,
        sop=sop,
        battery=battery,
        battery_energy=battery_energy,
        load_p=load_p,
        load_q=load_q,
        load_energy=load_energy,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reach:
    """How far the devices' powers can go [time, device], per unit, in the order of ``places``."""

    p_low: FloatArray
    p_high: FloatArray
    q_low: FloatArray
    q_high: FloatArray


def reach_of(case: DispatchCase) -> Reach:
    """By bounds of their own: ratings, schedules, and room for energy."""
    dg, load, rows = case.generators, case.deferrable, (case.steps, 1)
    dg_q = _reactive_reach(case)
    converters = case.sops, case.batteries
    p = [np.tile(np.minimum(some.p_max_kw, some.kva), rows) for some in converters]
    q = [np.tile(np.minimum(some.q_max_kvar, some.kva), rows) for some in converters]
    drawn = _most_consumed(case)
    p_low = [np.where(dg.curtailable, 0.0, dg.p_kw), *(-most for most in p), 0 * drawn]
    q_low = [-dg_q, *(-most for most in q), 0 * drawn]
    p_high, q_high = [dg.p_kw, *p, drawn], [dg_q, *q, drawn * load.q_per_p]
    base = case.network.s_base_kva
    low_p, high_p, low_q, high_q = (
        np.concatenate(parts, axis=1) / base for parts in (p_low, p_high, q_low, q_high)
    )
    return Reach(p_low=low_p, p_high=high_p, q_low=low_q, q_high=high_q)


def _reactive_reach(case: DispatchCase) -> FloatArray:
    """Of DG [time, generator], in kvar: exact where active power is fixed, else all capacity."""
    dg = case.generators
    left = np.sqrt(np.clip(dg.kva**2 - dg.p_kw**2, 0.0, None))
    return np.where(dg.curtailable, dg.kva, left)


def _most_consumed(case: DispatchCase) -> FloatArray:
    """By deferrable loads [time, load], in kW, as their energies allow."""
    load = case.deferrable
    before = np.vstack([np.zeros(len(load.names)), load.energy_min_kwh[:-1]])
    room = (load.energy_max_kwh - before) / case.hours
    return np.clip(np.minimum(load.p_max_kw, room), 0.0, None)


def _generators(
    builder: MixedBuilder, case: DispatchCase, discs: bool
) -> tuple[IntArray, IntArray, IntArray]:
    """(B1.a): P, Q, and what |Q| is at most."""
    dg, base, rules = case.generators, case.network.s_base_kva, case.rules
    kva, scheduled, reach = dg.kva / base, dg.p_kw / base, _reactive_reach(case) / base
    p = builder.columns(
        *scheduled.shape, lower=np.where(dg.curtailable, 0.0, scheduled), upper=scheduled
    )
    q = builder.columns(*p.shape, lower=-reach, upper=reach)
    size = builder.columns(*p.shape, upper=reach)
    may = np.flatnonzero(dg.curtailable)
    _within(builder, case, p[:, may], q[:, may], np.broadcast_to(kva, p.shape)[:, may], discs)
    for sign in (1.0, -1.0):
        builder.at_most([(q, sign), (size, -1.0)], np.zeros(p.shape))
    builder.cost(size, rules.reactive_per_kvarh * base * case.hours)
    builder.cost(p, -rules.curtailment_per_kwh * base * case.hours)
    return p, q, size


def _soft_open_points(builder: MixedBuilder, case: DispatchCase, discs: bool) -> Converters:
    """(B1.b)-(B1.e)."""
    sops = case.sops
    columns = _converters(builder, case, discs, sops)
    if len(sops.names):
        member = np.equal.outer(np.arange(len(sops.names)), sops.owner).astype(float)
        balance(builder, columns.p, columns.loss, member)
    return columns


def _batteries(
    builder: MixedBuilder, case: DispatchCase, discs: bool
) -> tuple[Converters, IntArray]:
    """(B1.f)-(B1.k); states of charge are bounds of columns, (B1.h) those of the last one."""
    units, base = case.batteries, case.network.s_base_kva
    columns = _converters(builder, case, discs, units)
    size, start = units.kwh / base, units.soc_start * units.kwh / base
    bounds = [np.tile(share * size, (case.steps, 1)) for share in (units.soc_min, units.soc_max)]
    for bound in bounds:
        bound[-1] = start
    energy = builder.columns(*columns.p.shape, lower=bounds[0], upper=bounds[1])
    drains = lossy_flow(columns.p, columns.loss)
    energy_balance(builder, energy, drains, start, case.hours)
    return columns, energy


def _deferrable(builder: MixedBuilder, case: DispatchCase) -> tuple[IntArray, IntArray, IntArray]:
    """(B2.a)-(B2.e): P, Q and the energy so far."""
    load, base = case.deferrable, case.network.s_base_kva
    most = _most_consumed(case) / base
    p = builder.columns(*most.shape, upper=most)
    q = builder.columns(*most.shape, upper=most * load.q_per_p)
    energy = builder.columns(
        *most.shape, lower=load.energy_min_kwh / base, upper=load.energy_max_kwh / base
    )
    energy_balance(builder, energy, [(p, -1.0)], np.zeros(len(load.names)), case.hours)
    builder.at_most([(q, 1.0), (p, -load.q_per_p)], np.zeros(most.shape))
    return p, q, energy


def _converters(
    builder: MixedBuilder, case: DispatchCase, discs: bool, kind: SoftOpenPoints | Batteries
) -> Converters:
    """Capacity and losses of converters. Losses up to those of full power imply the capacity."""
    base, shape, factor = case.network.s_base_kva, (case.steps, len(kind.kva)), kind.loss
    p_max, q_max = (np.minimum(one, kind.kva) / base for one in (kind.p_max_kw, kind.q_max_kvar))
    p = builder.columns(*shape, lower=-p_max, upper=p_max)
    q = builder.columns(*shape, lower=-q_max, upper=q_max)
    loss = builder.columns(*shape, upper=factor * kind.kva / base)
    lossy, free = np.flatnonzero(factor > 0), np.flatnonzero(factor <= 0)
    columns = p[:, lossy], q[:, lossy], loss[:, lossy]
    share = np.broadcast_to(factor[lossy], columns[0].shape)
    if discs:
        losses(builder, *columns, share)
    else:
        polygon_losses(builder, *columns, share, Polygon(case.rules.polygon_sides))
    size = np.broadcast_to(kind.kva[free] / base, (case.steps, len(free)))
    _within(builder, case, p[:, free], q[:, free], size, discs)
    return Converters(p=p, q=q, loss=loss)


def _within(
    builder: MixedBuilder,
    case: DispatchCase,
    p: IntArray,
    q: IntArray,
    kva: FloatArray,
    discs: bool,
) -> None:
    """(p, q) within the disc of a given size [time, device], or the polygon in it."""
    if discs:
        capacity(builder, p, q, builder.columns(*kva.shape, lower=kva, upper=kva))
    else:
        polygon_capacity(builder, p, q, kva, Polygon(case.rules.polygon_sides))
