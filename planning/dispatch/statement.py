"""The dispatch written down as it stands in the source: the judge of the fast form.

Appendix A as matrices, appendix B device by device, with its misprints put right: |Q| of DG is
split by Qabs >= Q and Qabs >= -Q, and alpha_c2 = -cos(pi / K), so that (B1.c) and (B1.d) bound from
above. Ours: losses of converters are at most those of full power, limits, prices, requirements, and
what an anchor adds (``flow``). Arrays are [time, ...], powers in MW and Mvar, energies in MWh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cvxpy as cp
import numpy as np

from ...core.errors import InfeasibleError, SolveError
from ...core.units import FloatArray, IntArray
from ..radial import HEAD, RadialNetwork
from .case import Batteries, Direction, DispatchCase, SoftOpenPoints
from .flow import Anchor, Drawn
from .promises import Promise

_WHAT = "stated dispatch"
_MW = 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What the statement comes to."""

    cost: float
    short_kwh: float  #: of all requirements together


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """Of the program: what is drawn at buses, what it costs, and constraints."""

    buses: IntArray
    p: Any  #: drawn [time, device]
    q: Any
    constraints: list[Any]
    cost: Any = 0.0


def stated_dispatch(
    case: DispatchCase,
    anchor: Anchor,
    made: Sequence[Promise] = (),
    plan: Drawn | None = None,
    *,
    discs: bool = False,
    solver: str = "CLARABEL",
    **options: Any,
) -> Stated:
    """Least cost of a day.

    Args:
        case: the day.
        anchor: of the network; ``flow.not_anchored`` for (A1) alone.
        made: requirements, if any.
        plan: where losses are taken the tangent of, for requirements of more import.
        discs: exact discs in place of polygons.
        solver: cvxpy's name of it.
        options: of the solver.

    Raises:
        InfeasibleError: no dispatch keeps all limits.
        SolveError: the solver did not end at an optimum.
    """
    parts = [
        _generators(case, discs),
        _soft_open_points(case, discs),
        _batteries(case, discs),
        _deferrable(case),
    ]
    p = case.load_p_kw / _MW + sum(part.p @ _place(case, part.buses) for part in parts)
    q = case.load_q_kvar / _MW + sum(part.q @ _place(case, part.buses) for part in parts)
    network = _Network(case, anchor, p, q)
    short, kept = _requirements(case, network, made, plan)
    price = case.price_per_kwh * case.hours * _MW
    cost = network.energy(price) + sum(part.cost for part in parts)
    cost += case.rules.shortfall_per_kwh * case.hours * _MW * short
    rows = [row for part in parts for row in part.constraints]
    problem = cp.Problem(cp.Minimize(cost), [*rows, *network.limits(discs), *kept])
    problem.solve(solver=solver, **options)
    if problem.status in (cp.INFEASIBLE, cp.INFEASIBLE_INACCURATE):
        raise InfeasibleError(_WHAT, solver, ())
    if problem.status != cp.OPTIMAL:
        raise SolveError(_WHAT, solver, str(problem.status))
    missed = short.value if made else 0.0
    return Stated(cost=float(problem.value), short_kwh=float(missed) * case.hours * _MW)


def subtree(network: RadialNetwork) -> FloatArray:
    """A (A1.a) [bus, bus]: 1 where the second belongs to the sub-tree of the first.

    As a bus and the branch that ends there share an index, it is M (A1.b), too.
    """
    below = np.zeros((len(network.buses),) * 2)
    for bus, parent in enumerate(network.parent):
        if parent != HEAD:
            below[parent, bus] = 1.0
    return np.asarray(np.linalg.inv(np.eye(len(below)) - below).round())


class _Network:
    """(A1), and what an anchor adds to it."""

    def __init__(self, case: DispatchCase, anchor: Anchor, p: Any, q: Any) -> None:
        self._case, self._anchor, self._drawn = case, anchor, (p, q)
        network = case.network
        m, base = subtree(network), network.s_base_kva / _MW
        self._flows = p @ m.T, q @ m.T
        r, x = np.diag(network.r_pu / base), np.diag(network.x_pu / base)
        self._r, self._v = network.r_pu / base, 1 - 2 * (p @ (m.T @ r @ m) + q @ (m.T @ x @ m))
        self._shift_mw = anchor.shift.loss * base

    def energy(self, price: FloatArray) -> Any:
        """Of all import, losses included; ``price`` of a MW for a step [time]."""
        weight = np.sqrt(np.outer(price, self._r))
        losses = sum(cp.sum_squares(cp.multiply(weight, flow)) for flow in self._flows)
        return price @ cp.sum(self._drawn[0] + self._shift_mw, axis=1) + losses

    def limits(self, discs: bool) -> list[Any]:
        """Voltages and currents."""
        case, rules, base = self._case, self._case.rules, self._case.network.s_base_kva / _MW
        v, shift = self._v + self._anchor.shift.v, self._anchor.shift
        full = np.sqrt(3) * case.network.vn_kv * rules.i_max_a / _MW * self._anchor.v_pu
        arriving = self._flows[0] + shift.p * base, self._flows[1] + shift.q * base
        kept = _within(case, *arriving, full, discs)
        return [v >= rules.v_min_pu**2, v <= rules.v_max_pu**2, *kept]

    def less(self, made: Promise, step: int) -> Any:
        """Import at a step, losses as they are."""
        inside = self._inside(made)
        losses = sum(
            cp.sum_squares(cp.multiply(np.sqrt(self._r * inside), flow[step]))
            for flow in self._flows
        )
        return inside @ (self._drawn[0][step] + self._shift_mw[step]) + losses

    def more(self, made: Promise, step: int, plan: Drawn) -> Any:
        """Import at a step, losses as the tangent at the plan."""
        inside, m = self._inside(made), subtree(self._case.network)
        base = self._case.network.s_base_kva / _MW
        losses = 0.0
        for flow, at in zip(self._flows, (plan.p, plan.q), strict=True):
            there = m @ at[step] * base
            losses += (self._r * inside * there) @ (2 * flow[step] - there)
        return inside @ (self._drawn[0][step] + self._shift_mw[step]) + losses

    def _inside(self, made: Promise) -> FloatArray:
        """1 for buses, and branches, of the requirement's feeders."""
        names = [
            name
            for name, counted in zip(self._case.network.heads, made.feeders, strict=True)
            if counted
        ]
        return np.isin(self._case.network.zones, names).astype(float)


def _requirements(
    case: DispatchCase, network: _Network, made: Sequence[Promise], plan: Drawn | None
) -> tuple[Any, list[Any]]:
    """Shortfall of all steps together, and what relates it to imports."""
    shorts, rows = [], []
    for one in made:
        short = cp.Variable(len(one.steps), nonneg=True)
        for k, step in enumerate(one.steps):
            bound = one.bound_kw[k] / _MW
            if one.requirement.direction is Direction.LESS:
                rows.append(network.less(one, step) <= bound + short[k])
            else:
                assert plan is not None, "requirements of more import need the plan"
                rows.append(network.more(one, step, plan) >= bound - short[k])
        shorts.append(cp.sum(short))
    return sum(shorts) if shorts else 0.0, rows


def _generators(case: DispatchCase, discs: bool) -> _Part:
    """(B1.a); what may be curtailed is at most as scheduled."""
    dg, shape = case.generators, case.generators.p_kw.shape
    if not shape[1]:
        return _nothing(case)
    p, q, size = cp.Variable(shape), cp.Variable(shape), cp.Variable(shape)
    scheduled, kva = dg.p_kw / _MW, np.broadcast_to(dg.kva / _MW, shape)
    least = np.where(dg.curtailable, 0.0, scheduled)
    rows = [p >= least, p <= scheduled, size >= q, size >= -q]
    for k in range(shape[1]):
        if dg.curtailable[k]:
            rows += _within(case, p[:, k], q[:, k], kva[:, k], discs)
        else:
            rows.append(cp.abs(q[:, k]) <= np.sqrt(kva[:, k] ** 2 - scheduled[:, k] ** 2))
    hours, rules = case.hours * _MW, case.rules
    cost = rules.curtailment_per_kwh * hours * cp.sum(scheduled - p)
    cost += rules.reactive_per_kvarh * hours * cp.sum(size)
    return _Part(buses=dg.buses, p=-p, q=-q, constraints=rows, cost=cost)


def _soft_open_points(case: DispatchCase, discs: bool) -> _Part:
    """(B1.b)-(B1.e)."""
    sops = case.sops
    if not len(sops.kva):
        return _nothing(case)
    p, q, loss, rows = _converters(case, sops, discs)
    for sop in range(len(sops.names)):
        own = (sops.owner == sop).astype(float)
        rows.append((p + loss) @ own == 0)
    return _Part(buses=sops.buses, p=-p, q=-q, constraints=rows)


def _batteries(case: DispatchCase, discs: bool) -> _Part:
    """(B1.f)-(B1.k)."""
    units = case.batteries
    if not len(units.kva):
        return _nothing(case)
    p, q, loss, rows = _converters(case, units, discs)
    kwh = units.kwh / _MW
    energy = cp.Variable(p.shape)
    before = units.soc_start * kwh
    for t in range(case.steps):
        rows.append(energy[t] == before - (p[t] + loss[t]) * case.hours)
        before = energy[t]
    rows += [energy[t] >= units.soc_min * kwh for t in range(case.steps)]
    rows += [energy[t] <= units.soc_max * kwh for t in range(case.steps)]
    rows.append(energy[case.steps - 1] == units.soc_start * kwh)
    return _Part(buses=units.buses, p=-p, q=-q, constraints=rows)


def _deferrable(case: DispatchCase) -> _Part:
    """(B2.a)-(B2.e)."""
    load = case.deferrable
    if not len(load.names):
        return _nothing(case)
    p, q = cp.Variable(load.p_max_kw.shape), cp.Variable(load.p_max_kw.shape)
    energy = cp.cumsum(p, axis=0) * case.hours
    rows = [
        p >= 0,
        p <= load.p_max_kw / _MW,
        energy >= load.energy_min_kwh / _MW,
        energy <= load.energy_max_kwh / _MW,
        q >= 0,
        q <= cp.multiply(p, np.broadcast_to(load.q_per_p, p.shape)),
    ]
    return _Part(buses=load.buses, p=p, q=q, constraints=rows)


def _converters(
    case: DispatchCase, kind: SoftOpenPoints | Batteries, discs: bool
) -> tuple[Any, Any, Any, list[Any]]:
    """P, Q, the loss; capacity (B1.c), (B1.j), losses (B1.d), (B1.k), bounds (B1.e), (B1.i)."""
    shape = (case.steps, len(kind.kva))
    p, q, loss = (cp.Variable(shape) for _ in range(3))
    full = np.broadcast_to(kind.kva / _MW, shape)
    share = np.broadcast_to(kind.loss, shape)
    rows = [
        cp.abs(p) <= np.broadcast_to(kind.p_max_kw / _MW, shape),
        cp.abs(q) <= np.broadcast_to(kind.q_max_kvar / _MW, shape),
        loss <= share * full,
        *_within(case, p, q, full, discs),
        *_within(case, cp.multiply(share, p), cp.multiply(share, q), loss, discs),
    ]
    return p, q, loss, rows


def _within(case: DispatchCase, p: Any, q: Any, size: Any, discs: bool) -> list[Any]:
    """(p, q) within a disc, or the polygon inscribed in it."""
    if discs:
        stacked = cp.vstack([cp.vec(p, order="F"), cp.vec(q, order="F")])
        return [cp.norm(stacked, axis=0) <= cp.vec(size, order="F")]
    sides = case.rules.polygon_sides
    angles = (2 * np.arange(1, sides + 1) - 1) * np.pi / sides
    inner = np.cos(np.pi / sides)
    return [np.cos(angle) * p + np.sin(angle) * q <= inner * size for angle in angles]


def _nothing(case: DispatchCase) -> _Part:
    """No such device."""
    none = np.zeros((case.steps, 1))
    return _Part(buses=np.zeros(1, np.int64), p=none, q=none, constraints=[])


def _place(case: DispatchCase, buses: IntArray) -> FloatArray:
    """[device, bus]: 1 where the device is."""
    return np.equal.outer(buses, np.arange(len(case.network.buses))).astype(float)
