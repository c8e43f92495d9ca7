"""What a plan leads to in every sample: the states behind risks and operating costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from ...core.units import FloatArray, IntArray, frozen
from ..power_flow import network_loss_kw, solve_feeders
from .case import FdnCase
from .draws import FactorDraws
from .plan import Plan
from .recourse import Recourse, redispatch
from .recourse_devices import Connected, connect
from .reinforcement import network_at, ratings_pu


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StageState:
    """The network in one stage, in every sample."""

    v_pu: FloatArray  #: magnitude [scenario, bus]
    i_pu: FloatArray  #: magnitude [scenario, branch]
    i_max_pu: FloatArray  #: rating [branch]
    network_loss_kw: FloatArray  #: [scenario]
    sop_loss_kw: FloatArray  #: of all converters of soft open points and storages [scenario]
    terminals: IntArray  #: [terminal] buses of the converters, in the order of the plan
    p_kw: FloatArray  #: injected by the converters [scenario, terminal]
    q_kvar: FloatArray  #: [scenario, terminal]


def propagate(
    case: FdnCase,
    plan: Plan,
    draws: FactorDraws,
    recourse: Recourse = Recourse.VIOLATION_AWARE,
) -> tuple[StageState, ...]:
    """The exact state of each stage in each sample, with converters dispatched anew.

    Raises:
        PowerFlowError: a feeder cannot carry some sample.
    """
    # Many small products: a second thread costs more than it brings.
    with threadpool_limits(1):
        return tuple(
            stage_state(case, plan, stage, draws, recourse) for stage in range(len(case.stages))
        )


def net_load(
    case: FdnCase, plan: Plan, stage: int, draws: FactorDraws
) -> tuple[FloatArray, FloatArray]:
    """(13e)-(13f) without converters and substation: what buses draw [scenario, bus], kW, kvar.

    PV injects at its fixed power factor; charging draws at unity.
    """
    p_kw = draws.load * case.load_p_kw[stage]
    q_kvar = draws.load * case.load_q_kvar[stage]
    tangent = np.tan(np.arccos(case.rules.pv_power_factor))
    for k, site in enumerate(case.evcs_sites):
        p_kw[:, site.bus] += draws.ev[:, k] * plan.evcs_rated_kw[stage, k]
    for k, site in enumerate(case.pv_sites):
        produced = draws.pv[:, k] * plan.pv_rated_kw[stage, k]
        p_kw[:, site.bus] -= produced
        q_kvar[:, site.bus] -= tangent * produced
    return p_kw, q_kvar


def stage_state(
    case: FdnCase, plan: Plan, stage: int, draws: FactorDraws, recourse: Recourse
) -> StageState:
    """One stage of ``propagate``."""
    p_kw, q_kvar = net_load(case, plan, stage, draws)
    network, grid = network_at(case, plan, stage), connect(case, plan, stage)
    apart = set(network.heads) - set(grid.network.heads if grid else ())
    flow = solve_feeders(network, p_kw, q_kvar, zones=sorted(apart))
    v_pu, i_pu = flow.v_pu, flow.i_pu
    injection_kva = np.zeros((len(draws), 0), dtype=np.complex128)
    if grid:
        point = redispatch(grid, p_kw[:, grid.buses], q_kvar[:, grid.buses], recourse)
        v_pu[:, grid.buses], i_pu[:, grid.buses] = point.flow.v_pu, point.flow.i_pu
        injection_kva = point.injection_pu * network.s_base_kva
    return StageState(
        v_pu=v_pu,
        i_pu=i_pu,
        i_max_pu=ratings_pu(case, plan)[stage],
        network_loss_kw=network_loss_kw(network, i_pu),
        sop_loss_kw=case.rules.sop_loss * np.abs(injection_kva).sum(axis=1),
        terminals=frozen(_terminals(grid), np.int64),
        p_kw=injection_kva.real,
        q_kvar=injection_kva.imag,
    )


def _terminals(grid: Connected | None) -> IntArray:
    if grid is None:
        return np.empty(0, dtype=np.int64)
    return np.asarray(grid.buses[grid.converters.buses])
