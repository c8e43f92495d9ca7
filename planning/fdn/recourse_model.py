"""What every recourse program is made of: exact points, and losses around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.units import FloatArray, IntArray
from ..power_flow import ComplexArray, Flow, solve_feeders
from ..radial import HEAD, RadialNetwork
from .recourse_devices import Connected

_ADJOINT_STEPS = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Point:
    """A dispatch of all converters in each sample, and the exact state that it leads to."""

    injection_pu: ComplexArray  #: [scenario, terminal]
    flow: Flow

    def rows(self, which: slice | IntArray) -> Point:
        """Some of the samples."""
        flow = Flow(voltage_pu=self.flow.voltage_pu[which], current_pu=self.flow.current_pu[which])
        return Point(injection_pu=self.injection_pu[which], flow=flow)

    def put(self, which: slice | IntArray, other: Point) -> None:
        """Overwrites some of the samples."""
        self.injection_pu[which] = other.injection_pu
        self.flow.voltage_pu[which] = other.flow.voltage_pu
        self.flow.current_pu[which] = other.flow.current_pu


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Samples:
    """Net consumption without converters."""

    grid: Connected
    p_kw: FloatArray  #: [scenario, own bus]
    q_kvar: FloatArray  #: [scenario, own bus]

    def rows(self, which: slice | IntArray) -> Samples:
        """Some of the samples."""
        return Samples(grid=self.grid, p_kw=self.p_kw[which], q_kvar=self.q_kvar[which])

    def at_rest(self) -> Point:
        """No converter injects anything."""
        terminals = len(self.grid.converters.buses)
        return self.at(np.zeros((len(self.p_kw), terminals), dtype=np.complex128))

    def at(self, injection_pu: ComplexArray) -> Point:
        """The exact state with injections [scenario, terminal]."""
        network, converters = self.grid.network, self.grid.converters
        stands = np.arange(len(network.buses)) == converters.buses[:, None]
        injected_kva = injection_pu @ stands.astype(np.complex128) * network.s_base_kva
        flow = solve_feeders(
            network, self.p_kw - injected_kva.real, self.q_kvar - injected_kva.imag
        )
        return Point(injection_pu=injection_pu, flow=flow)


class LossModel:
    """Network losses around a point, in x = (P, Q, m) of all terminals.

    m bounds the apparent power: converter losses are loss m. The curvature is the same for all
    samples: it takes every voltage as 1 pu, which the gradient, exact at the point, makes up for
    in the next round.
    """

    def __init__(self, grid: Connected) -> None:
        network, terminals = grid.network, grid.converters.buses
        self.grid = grid
        self.carried = network.carries[:, terminals]  #: M [branch, terminal]
        self.curvature = 2 * self.carried.T * network.r_pu @ self.carried  #: [terminal, terminal]
        self.scale = np.diag(self.curvature)  #: [terminal]
        self._impedance = network.shared_r_pu + 1j * network.shared_x_pu  # Z, symmetric
        leaves = np.arange(len(network.buses))[:, None] == network.parent  # [bus, branch]
        self._splits = np.eye(len(leaves)) - leaves.T  # [branch, bus]: I -> y

    @property
    def quadratic(self) -> FloatArray:
        """H [x, x]."""
        count = len(self.scale)
        hessian = np.zeros((3 * count, 3 * count))
        hessian[:count, :count] = hessian[count : 2 * count, count : 2 * count] = self.curvature
        return hessian

    def device_weight(self, multiple: float) -> FloatArray:
        """Diagonal of a metric on x: a multiple of each terminal's curvature, for P, Q and m."""
        return np.tile(multiple * self.scale, 3)

    def balances(self, *, batteries: bool) -> FloatArray:
        """E [group, x] of (17a)."""
        converters = self.grid.converters
        groups = converters.balanced(batteries=batteries)
        lost = converters.sign * converters.loss * groups
        return np.hstack([groups, np.zeros_like(groups), lost])

    def pull(self, point: Point) -> FloatArray:
        """b [x, scenario]: the gradient of all losses is H x - b, exactly so at the point."""
        whole = self.curvature @ point.injection_pu.T + self._relief(point).T
        price = np.full(whole.shape, -self.grid.converters.loss)
        return np.concatenate([whole.real, whole.imag, price])

    def _relief(self, point: Point) -> ComplexArray:
        """-dL/dP - j dL/dQ of network losses L, by injection [scenario, terminal].

        With y = conj(S / V) the bus currents, L = y* R y and V = 1 - Z y. Adjoint to how y
        reacts on itself through V, the vector u = R y + conj(Z (conj(y) / V u)) gives
        dL = -2 Re(u / V ds); two steps of its fixed point leave some 1e-4 of it.
        """
        voltage = point.flow.voltage_pu
        drawn = point.flow.current_pu @ self._splits
        reacts = drawn.conj() / voltage
        direct = drawn @ self._impedance.real
        u = direct
        for _ in range(_ADJOINT_STEPS):
            u = direct + ((reacts * u) @ self._impedance).conj()
        terminals = self.grid.converters.buses
        return np.asarray(2 * (u[:, terminals] / voltage[:, terminals]).conj())


def entering_pu(network: RadialNetwork, flow: Flow) -> ComplexArray:
    """Power that enters each branch at its upstream end [scenario, branch]."""
    return np.asarray(_upstream(network, flow) * flow.current_pu.conj())


def _upstream(network: RadialNetwork, flow: Flow) -> ComplexArray:
    """Voltage at the upstream end of each branch [scenario, branch]."""
    return np.where(network.parent == HEAD, 1.0, flow.voltage_pu[:, network.parent])


def stacked(injection_pu: ComplexArray) -> FloatArray:
    """x [x, scenario] of injections [scenario, terminal], m at its least."""
    s = injection_pu.T
    return np.concatenate([s.real, s.imag, np.abs(s)])


def unstacked(x: FloatArray) -> ComplexArray:
    """Injections [terminal, scenario] of x [x, scenario]."""
    p, q, _ = np.split(x, 3)
    return np.asarray(p + 1j * q)
