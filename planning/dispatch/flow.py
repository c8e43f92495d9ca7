"""The network by (A1), anchored to exact power flow at a point.

    P_l = sum_i M_li p_i,    Q_l = sum_i M_li q_i,    v = 1 - 2 (R p + X q),
    loss = sum_l r_l (P_l^2 + Q_l^2) = p'R p + q'R q,    R = M' diag(r) M,  X = M' diag(x) M

for consumption p, q at buses. An anchor adds to each of them what exact power flow says beyond it
at one point, so that there both agree. Per unit, v squared. Branch flows are those that arrive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.units import FloatArray
from ..power_flow import Flow, solve_feeders
from ..radial import RadialNetwork


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """Net consumption of the buses, per unit."""

    p: FloatArray  #: [time, bus]
    q: FloatArray  #: [time, bus]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class State:
    """A state of the network, linear or exact; per unit."""

    v: FloatArray  #: [time, bus] squared
    p: FloatArray  #: [time, branch] arriving
    q: FloatArray  #: [time, branch]
    loss: FloatArray  #: [time, branch]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Anchor:
    """What is added to (A1), and where that was found."""

    at: Drawn
    shift: State
    v_pu: FloatArray  #: [time, bus] exact voltage there, which turns power into current


def linear_state(network: RadialNetwork, drawn: Drawn) -> State:
    """(A1) alone."""
    carries = network.carries
    p, q = drawn.p @ carries.T, drawn.q @ carries.T
    return State(
        v=1 - 2 * (p * network.r_pu + q * network.x_pu) @ carries,
        p=p,
        q=q,
        loss=network.r_pu * (p**2 + q**2),
    )


def anchored_state(network: RadialNetwork, drawn: Drawn, anchor: Anchor) -> State:
    """(A1) with what the anchor adds."""
    linear, shift = linear_state(network, drawn), anchor.shift
    return State(
        v=linear.v + shift.v,
        p=linear.p + shift.p,
        q=linear.q + shift.q,
        loss=linear.loss + shift.loss,
    )


def exact_flow(network: RadialNetwork, drawn: Drawn) -> Flow:
    """AC power flow at a point."""
    kva = network.s_base_kva
    return solve_feeders(network, drawn.p * kva, drawn.q * kva)


def exact_state(network: RadialNetwork, flow: Flow) -> State:
    """AC power flow in the terms of (A1)."""
    arriving = flow.voltage_pu * flow.current_pu.conj()
    return State(
        v=flow.v_pu**2,
        p=arriving.real,
        q=arriving.imag,
        loss=flow.i_pu**2 * network.r_pu,
    )


def anchored_at(network: RadialNetwork, drawn: Drawn, flow: Flow) -> Anchor:
    """The anchor at a point, for its exact flow."""
    exact, linear = exact_state(network, flow), linear_state(network, drawn)
    shift = State(
        v=exact.v - linear.v,
        p=exact.p - linear.p,
        q=exact.q - linear.q,
        loss=exact.loss - linear.loss,
    )
    return Anchor(at=drawn, shift=shift, v_pu=flow.v_pu)


def not_anchored(network: RadialNetwork, drawn: Drawn) -> Anchor:
    """(A1) alone; losses of requirements are tangents at the point."""
    zero = np.zeros_like(drawn.p)
    none = State(v=zero, p=zero, q=zero, loss=zero)
    return Anchor(at=drawn, shift=none, v_pu=np.ones_like(zero))


def by_feeder(network: RadialNetwork, values: FloatArray) -> FloatArray:
    """Sums [time, feeder] of what buses or branches have [time, bus]."""
    return np.stack([values[:, buses].sum(axis=1) for buses in network.feeders.values()], axis=1)
