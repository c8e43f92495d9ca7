"""The optimal power flow as a program: one line a constraint family, network rows left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.units import FloatArray, IntArray
from .cone_builder import ProgramBuilder, RowBlock
from .devices import (
    BatteryColumns,
    GeneratorColumns,
    UpstreamColumns,
    add_batteries,
    add_generators,
    add_upstream,
)
from .feeder import Battery, Generator
from .limited_solve import LimitedProblem
from .opf_model import OpfModel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlexibleLoad:
    """Withdrawals that are variables: what they add to network rows and to the balance."""

    columns: IntArray  #: [time, effect]
    effects: FloatArray  #: [row, effect]
    balance: FloatArray  #: [effect], kW drawn per unit of the variable


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PosedOpf:
    """The variables of a dispatch problem, its balances, and how they act on the network."""

    generators: GeneratorColumns
    batteries: BatteryColumns
    upstream: UpstreamColumns
    p_balance: RowBlock  #: [time]
    q_balance: RowBlock  #: [time]
    flexible: FlexibleLoad
    limited: LimitedProblem


def pose_opf(
    model: OpfModel,
    program: ProgramBuilder,
    p_load_kw: FloatArray,
    *,
    flexible: FlexibleLoad | None = None,
    backoff_kw: float = 0.0,
) -> PosedOpf:
    """Variables, costs and rows of everything but the network's limits.

    Args:
        model: from ``build_opf``.
        program: what is written into; may hold the flexible load's variables already.
        p_load_kw: fixed net active load [time, node].
        flexible: withdrawals that are decided here.
        backoff_kw: every network limit is kept for so much more load, or less, at any one bus.
    """
    flexible = flexible or _nothing_flexible(model)
    generators = add_generators(program, model.feeder.generators, model.margins)
    batteries = add_batteries(program, model.feeder.batteries, model.margins)
    upstream = add_upstream(program, model.day, model.options.upstream_share_max)
    alpha = np.hstack([generators.alpha, batteries.alpha])
    _share_errors(program, upstream, alpha)
    return PosedOpf(
        generators=generators,
        batteries=batteries,
        upstream=upstream,
        p_balance=_add_active_balance(
            program, generators, batteries, upstream, flexible, p_load_kw.sum(axis=1)
        ),
        q_balance=_add_reactive_balance(
            program, generators, batteries, upstream, model.q_load_kvar.sum(axis=1)
        ),
        flexible=flexible,
        limited=LimitedProblem(
            program=program,
            columns=np.hstack([_device_columns(generators, batteries), flexible.columns]),
            effects=np.hstack([_device_effects(model), flexible.effects]),
            bound=_bounds(model, p_load_kw) - _backoff(model, backoff_kw),
            alpha=alpha,
            batteries=batteries,
        ),
    )


def device_nodes(model: OpfModel, devices: tuple[Generator | Battery, ...]) -> IntArray:
    """[device, phase] -> node."""
    buses = [model.feeder.buses.index(device.bus) for device in devices]
    return np.asarray(model.linear.node_of[np.array(buses, dtype=np.int64)])


def _nothing_flexible(model: OpfModel) -> FlexibleLoad:
    hours, rows = len(model.p_load_kw), len(model.limits.limit)
    return FlexibleLoad(
        columns=np.zeros((hours, 0), dtype=np.int64),
        effects=np.zeros((rows, 0)),
        balance=np.zeros(0),
    )


def _share_errors(program: ProgramBuilder, upstream: UpstreamColumns, alpha: IntArray) -> None:
    """The shares of an hour sum to one: errors are balanced whole."""
    program.equal([(upstream.alpha, 1.0), (alpha, 1.0)], np.ones(len(alpha)))


def _add_active_balance(
    program: ProgramBuilder,
    generators: GeneratorColumns,
    batteries: BatteryColumns,
    upstream: UpstreamColumns,
    flexible: FlexibleLoad,
    load_kw: FloatArray,
) -> RowBlock:
    """Bought - sold + produced - charged = drawn, without losses."""
    hours = len(load_kw)
    terms = [
        (upstream.buy, 1.0),
        (upstream.sell, -1.0),
        (generators.total, 1.0),
        (batteries.discharge.reshape(hours, -1), 1.0),
        (batteries.charge.reshape(hours, -1), -1.0),
        (flexible.columns, -flexible.balance),
    ]
    return program.equal(terms, load_kw)


def _add_reactive_balance(
    program: ProgramBuilder,
    generators: GeneratorColumns,
    batteries: BatteryColumns,
    upstream: UpstreamColumns,
    load_kvar: FloatArray,
) -> RowBlock:
    """What devices do not produce is drawn from upstream; a surplus returns for nothing."""
    hours = len(load_kvar)
    terms = [
        (upstream.q, -1.0),
        (generators.q.reshape(hours, -1), -1.0),
        (batteries.q.reshape(hours, -1), -1.0),
    ]
    return program.at_most(terms, -load_kvar)


def _device_columns(generators: GeneratorColumns, batteries: BatteryColumns) -> IntArray:
    """[time, effect] in the order of ``_device_effects``."""
    hours = len(generators.total)
    parts = (generators.p, batteries.discharge, batteries.charge, generators.q, batteries.q)
    return np.hstack([part.reshape(hours, -1) for part in parts])


def _device_effects(model: OpfModel) -> FloatArray:
    """[row, effect]: production counts as negative load."""
    made = device_nodes(model, model.feeder.generators).ravel()
    stored = device_nodes(model, model.feeder.batteries).ravel()
    p, q = model.limits.by_p, model.limits.by_q
    return np.hstack([-p[:, made], -p[:, stored], p[:, stored], -q[:, made], -q[:, stored]])


def _bounds(model: OpfModel, p_load_kw: FloatArray) -> FloatArray:
    """What the rows leave to devices, stations and margins [time, row]."""
    used = p_load_kw @ model.limits.by_p.T + model.q_load_kvar @ model.limits.by_q.T
    return np.asarray(model.limits.limit - used - model.w_offset @ model.limits.by_w.T)


def _backoff(model: OpfModel, backoff_kw: float) -> FloatArray:
    """The most that ``backoff_kw`` at one bus, a third on each phase, can do to each row."""
    full = np.nan_to_num(model.linear.to_buses(model.limits.by_p))
    return np.asarray(backoff_kw * np.abs(full.mean(axis=2)).max(axis=1))
