"""Exact power flow of radial feeders, for many samples at once.

Feeders share nothing but their head, which is held at 1 pu, so each is solved by itself. With
constant-power loads a feeder is a small dense fixed point (backward and forward sweep written as
one matrix, "DLF" in the literature):

    V = 1 - Z conj(S / V),    Z = M' diag(r + jx) M,    I = M conj(S / V),

a contraction for any load a feeder can carry with a normal voltage.

Source: Teng, A direct approach for distribution system load flow solutions, IEEE Transactions on
Power Delivery 18(3), 2003.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..core.errors import PowerFlowError
from ..core.units import BoolArray, FloatArray
from .radial import RadialNetwork

ComplexArray: TypeAlias = npt.NDArray[np.complex128]

#: Largest last step of a voltage's real or imaginary part. Steps shrink by about ten each: what is
#: left is below 1e-8.
TOLERANCE_PU = 1e-7
_MAX_STEPS = 100
#: Samples solved together: a feeder's arrays then stay in the processor's cache.
_CHUNK = 512


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flow:
    """Solved power flows. Columns of feeders that were not asked for are NaN."""

    voltage_pu: ComplexArray  #: [scenario, bus], against the head's 1 + 0j
    current_pu: ComplexArray  #: [scenario, branch], towards the branch's own bus

    @property
    def v_pu(self) -> FloatArray:
        """Voltage magnitude [scenario, bus]."""
        return np.abs(self.voltage_pu)

    @property
    def i_pu(self) -> FloatArray:
        """Current magnitude [scenario, branch]."""
        return np.abs(self.current_pu)


def solve_feeders(
    network: RadialNetwork,
    p_kw: FloatArray,
    q_kvar: FloatArray,
    zones: Collection[str] | None = None,
    tolerance_pu: float = TOLERANCE_PU,
) -> Flow:
    """Voltages and currents of every sample.

    Args:
        network: radial feeders, heads at 1 pu.
        p_kw: net consumption [scenario, bus]; production is negative.
        q_kvar: likewise [scenario, bus].
        zones: names of the feeders to solve; all by default.
        tolerance_pu: largest last step of any voltage's real or imaginary part.

    Raises:
        PowerFlowError: with the number of samples in which some feeder has no solution.
    """
    shape = np.shape(p_kw)
    voltage, current = (np.empty(shape, dtype=np.complex128) for _ in range(2))
    if zones is not None:
        voltage[:] = current[:] = np.nan
    failed = np.zeros(shape[0], dtype=bool)
    for zone in network.feeders if zones is None else zones:
        feeder = _Feeder.of(network, zone)
        for rows in chunks(shape[0]):
            s_pu = feeder.taken_pu(p_kw[rows], q_kvar[rows])
            voltage[rows, feeder.buses], failed_here = _fixed_point(feeder, s_pu, tolerance_pu)
            current[rows, feeder.buses] = feeder.currents(s_pu, voltage[rows, feeder.buses])
            failed[rows] |= failed_here
    if failed.any():
        raise PowerFlowError("power flow of the feeders", int(failed.sum()), len(failed))
    return Flow(voltage_pu=voltage, current_pu=current)


def network_loss_kw(network: RadialNetwork, i_pu: FloatArray) -> FloatArray:
    """Sum over branches of r i^2 [scenario]; ``i_pu`` is [scenario, branch]."""
    loss: FloatArray = np.square(i_pu) @ network.r_pu * network.s_base_kva
    return loss


def chunks(count: int, size: int = _CHUNK) -> tuple[slice, ...]:
    """Consecutive slices that cover ``count`` samples."""
    return tuple(slice(start, min(start + size, count)) for start in range(0, count, size))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Feeder:
    """One feeder's matrices, transposed: samples are rows."""

    buses: slice | npt.NDArray[np.int64]
    impedance: ComplexArray  #: Z' [bus, bus]
    carries: ComplexArray  #: M' [bus, branch]; complex, so that a product makes no copy of it
    s_base_kva: float

    @classmethod
    def of(cls, network: RadialNetwork, zone: str) -> _Feeder:
        buses = network.feeders[zone]
        block = np.ix_(buses, buses)
        impedance = network.shared_r_pu[block] + 1j * network.shared_x_pu[block]
        return cls(
            buses=_as_slice(buses),
            impedance=np.ascontiguousarray(impedance.T),
            carries=network.carries[block].T.astype(np.complex128),
            s_base_kva=network.s_base_kva,
        )

    def taken_pu(self, p_kw: FloatArray, q_kvar: FloatArray) -> ComplexArray:
        """conj(S): the load of the feeder's buses [scenario, bus]."""
        taken = (p_kw[:, self.buses] - 1j * q_kvar[:, self.buses]) / self.s_base_kva
        return np.asarray(taken, dtype=np.complex128)

    def currents(self, s_pu: ComplexArray, voltage: ComplexArray) -> ComplexArray:
        """Of the branches, from what is drawn at the buses below them."""
        return np.asarray((s_pu / voltage.conj()) @ self.carries)


def _as_slice(indices: npt.NDArray[np.int64]) -> slice | npt.NDArray[np.int64]:
    """Feeders mostly are consecutive on the bus axis; a slice then avoids copying."""
    first, last = int(indices[0]), int(indices[-1])
    return slice(first, last + 1) if last - first + 1 == len(indices) else indices


def _fixed_point(
    feeder: _Feeder, s_pu: ComplexArray, tolerance_pu: float
) -> tuple[ComplexArray, BoolArray]:
    """Voltages [scenario, bus], and which samples did not settle [scenario]."""
    voltage = 1 - s_pu @ feeder.impedance
    with np.errstate(all="ignore"):  # a sample without a solution may pass through anything
        for _ in range(_MAX_STEPS):
            following = 1 - (s_pu / voltage.conj()) @ feeder.impedance
            step, voltage = following - voltage, following
            if np.abs(step.view(np.float64)).max() < tolerance_pu:
                return voltage, np.zeros(len(s_pu), dtype=bool)
        return voltage, ~(np.abs(step).max(axis=1) < tolerance_pu)
