"""Solves a plan, reads it, and checks it against exact physics."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from ...core.errors import InfeasibleError
from ...core.mixed_cone import Progress, Watch, solve_mixed_cone
from ...core.units import FloatArray, IntArray, frozen
from ..power_flow import solve_feeders
from .bounds import Bounds
from .case import FdnCase
from .draws import ExpectedFactors
from .forced_zones import forced_zones
from .infeasibility import smallest_misses
from .inputs import MONEY
from .model import PlanProgram, build_plan, injections, upstream_columns
from .options import PlanOptions
from .plan import Plan, Sop, Storage
from .reinforcement import network_at

#: Of a module. A capacity that exceeds whole modules by less is the solver's noise.
_MODULE_NOISE = 0.01
#: Of the excess of lossless voltages over true ones; below 1, so that plans can follow each other.
_EXCESS_KEPT = 0.95


_WHAT = "flexible network plan"
_REMEDY = "accept a larger risk, or allow more to be built"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dispatch:
    """What converters inject at the expected state."""

    sop_p_kw: FloatArray  #: [stage, terminal of the case]
    sop_q_kvar: FloatArray  #: [stage, terminal of the case]
    sop_loss_kw: FloatArray  #: [stage, terminal of the case]
    storage_p_kw: FloatArray  #: [stage, terminal of the case]
    storage_q_kvar: FloatArray  #: [stage, terminal of the case]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanSolution:
    """A plan, its expected state, and how far it can be trusted."""

    plan: Plan
    v_pu: FloatArray  #: [stage, bus] as planned
    i_pu: FloatArray  #: [stage, branch] as planned
    dispatch: Dispatch
    objective: float  #: (7a), capacities not yet rounded, in currency
    bound: float  #: no plan costs less
    gap: float  #: (objective - bound) / objective
    relaxation_deviation: float  #: (15), largest of all stages, pu squared
    ac_deviation: float  #: largest |v - exact v| at the expected state, pu
    v_excess: FloatArray  #: [stage, bus] for the bounds of a plan nearby
    forced_zones: tuple[tuple[str, ...], ...]  #: [stage]
    rounds: tuple[Progress, ...]  #: money in millions
    seconds: float


def solve_plan(
    case: FdnCase,
    expected: ExpectedFactors,
    bounds: Bounds,
    options: PlanOptions,
    gap: float,
    *,
    solver: str = "outer-approximation",
    seconds: float = np.inf,
    watch: Watch | None = None,
) -> PlanSolution:
    """The cheapest plan that keeps the bounds at the expected state (25).

    Args:
        case: demand, prices, candidates, rules.
        expected: means of the random factors (16).
        bounds: of the expected state, margins taken off.
        options: what may be built.
        gap: relative.
        solver, seconds, watch: see ``solve_mixed_cone``.

    Raises:
        InfeasibleError: no plan keeps the bounds; names those that a stage misses by itself.
        SolveError: the gap was not reached; names the gap that was.
    """
    begin = time.perf_counter()
    try:
        forced = forced_zones(case, expected, bounds, options) if options.forced_zones else ()
        stated = build_plan(case, expected, bounds, options, forced)
        found = solve_mixed_cone(
            stated.program, _WHAT, gap=gap, solver=solver, seconds=seconds, watch=watch
        )
    except InfeasibleError as error:
        misses = smallest_misses(case, expected, bounds, options)
        raise InfeasibleError(_WHAT, error.solver, misses, _REMEDY) from error
    plan, state = read_plan(case, stated, found.x), _State(stated, found.x)
    exact, lossless = _exact(case, plan, state)
    return PlanSolution(
        plan=plan,
        v_pu=frozen(np.sqrt(state.v)),
        i_pu=frozen(np.sqrt(state.l)),
        dispatch=_dispatch(case, stated, state),
        objective=found.objective * MONEY,
        bound=found.bound * MONEY,
        gap=found.gap,
        relaxation_deviation=state.relaxation_deviation(),
        ac_deviation=float(np.abs(exact - np.sqrt(state.v)).max()),
        v_excess=frozen(_EXCESS_KEPT * np.maximum(lossless**2 - exact**2, 0.0)),
        forced_zones=forced,
        rounds=found.rounds,
        seconds=time.perf_counter() - begin,
    )


def read_plan(case: FdnCase, stated: PlanProgram, x: FloatArray) -> Plan:
    """What stands in each stage, capacities rounded up to modules."""
    columns, base = stated.columns, case.network.s_base_kva
    stages = range(len(case.stages))
    return Plan(
        sops=tuple(_sops(case, stated, x, stage) for stage in stages),
        evcs_kva=frozen(_modules(case, x[columns.evcs.kva])),
        evcs_rated_kw=frozen(_clean(x[columns.evcs.rated] * base)),
        pv_kva=frozen(_modules(case, x[columns.pv.kva])),
        pv_rated_kw=frozen(_clean(x[columns.pv.rated] * base)),
        reinforced=tuple(_reinforced(stated, x, stage) for stage in stages),
        storages=tuple(_storages(case, stated, x, stage) for stage in stages),
    )


def _modules(case: FdnCase, capacity_pu: FloatArray) -> FloatArray:
    """kVA of whole modules."""
    module = case.rules.module_kva
    count = np.ceil(capacity_pu * case.network.s_base_kva / module - _MODULE_NOISE)
    return np.asarray(np.maximum(count, 0.0) * module)


def _clean(values: FloatArray) -> FloatArray:
    """Without the solver's tiny negatives."""
    return np.maximum(values, 0.0)


def _sops(case: FdnCase, stated: PlanProgram, x: FloatArray, stage: int) -> tuple[Sop, ...]:
    sop, buses = stated.columns.sop, stated.data.terminals
    found = []
    for slot in np.flatnonzero(x[sop.built[stage]] > 0.5):
        ends = np.flatnonzero(x[sop.attached[stage, slot]] > 0.5)
        kva = _modules(case, x[sop.slot_kva[stage, slot, ends]])
        found.append(
            Sop(
                slot=int(slot),
                buses=tuple(int(bus) for bus in buses[ends]),
                kva=tuple(float(value) for value in kva),
                line_km=float(max(x[sop.line_km[stage, slot]], 0.0)),
            )
        )
    return tuple(found)


def _reinforced(stated: PlanProgram, x: FloatArray, stage: int) -> tuple[str, ...]:
    built = x[stated.columns.lines.built[stage]] > 0.5
    return tuple(name for name, here in zip(stated.data.feeders, built, strict=True) if here)


def _storages(case: FdnCase, stated: PlanProgram, x: FloatArray, stage: int) -> tuple[Storage, ...]:
    store = stated.columns.storage
    kva, kwh = (_modules(case, x[column[stage]]) for column in (store.kva, store.kwh))
    buses = stated.data.storage_buses
    return tuple(
        Storage(bus=int(buses[k]), kva=float(kva[k]), kwh=float(kwh[k]))
        for k in np.flatnonzero(x[store.built[stage]] > 0.5)
    )


class _State:
    """The expected state of a solved program, per unit."""

    def __init__(self, stated: PlanProgram, x: FloatArray) -> None:
        self._stated, self._x = stated, x
        flow = stated.columns.flow
        self.p, self.q = x[flow.p], x[flow.q]
        self.l, self.v = _clean(x[flow.l]), x[flow.v]

    def injected(self) -> tuple[FloatArray, FloatArray]:
        """Net injections (13e), (13f) [stage, bus]."""
        data = self._stated.data
        p, q = -data.load_p, -data.load_q
        here = np.identity(p.shape[1])
        found = injections(data, self._stated.columns)
        for total, sources in ((p, found.active), (q, found.reactive)):
            for source in sources:
                columns, coefficients = source.at(here)
                total += (self._x[columns] * coefficients).sum(axis=-1)
        return p, q

    def of(self, columns: IntArray, buses: IntArray, case: FdnCase) -> FloatArray:
        """kW or kvar of columns [stage, element] at the case's terminals [stage, terminal]."""
        found = np.zeros((len(columns), len(case.terminals)))
        found[:, np.searchsorted(case.terminals, buses)] = self._x[columns]
        return frozen(found * case.network.s_base_kva)

    def relaxation_deviation(self) -> float:
        """J (15), the largest of all stages."""
        upstream = self._x[upstream_columns(self._stated.data, self._stated.columns)]
        return float(np.abs(self.l * upstream - self.p**2 - self.q**2).max())


def _dispatch(case: FdnCase, stated: PlanProgram, state: _State) -> Dispatch:
    sop, store, data = stated.columns.sop, stated.columns.storage, stated.data
    return Dispatch(
        sop_p_kw=state.of(sop.p, data.terminals, case),
        sop_q_kvar=state.of(sop.q, data.terminals, case),
        sop_loss_kw=state.of(sop.loss, data.terminals, case),
        storage_p_kw=state.of(store.p, data.storage_buses, case),
        storage_q_kvar=state.of(store.q, data.storage_buses, case),
    )


def _exact(case: FdnCase, plan: Plan, state: _State) -> tuple[FloatArray, FloatArray]:
    """Exact and lossless voltages [stage, bus] at the injections of the expected state."""
    p, q = state.injected()
    exact, lossless = np.empty(p.shape), np.empty(p.shape)
    for stage in range(len(p)):
        network, base = network_at(case, plan, stage), case.network.s_base_kva
        flow = solve_feeders(network, -p[[stage]] * base, -q[[stage]] * base)
        exact[stage] = flow.v_pu[0]
        squared = 1 + 2 * (network.shared_r_pu @ p[stage] + network.shared_x_pu @ q[stage])
        lossless[stage] = np.sqrt(squared)
    return exact, lossless
