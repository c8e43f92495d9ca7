"""Voltage and current limits as the violation-aware recourse sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.units import BoolArray, FloatArray, IntArray
from ..power_flow import Flow
from .recourse_devices import Connected
from .recourse_model import LossModel, Point, entering_pu, stacked
from .recourse_splitting import Band, Discs

#: What excess is worth in losses: of |V|^2 [kW for 1 pu^2], of a branch's current [kW per kVA].
#: On the 84-bus system a tenth of it, or five times as much, cures the same samples.
VOLTAGE_PRICE_KW, CURRENT_PRICE = 2e4, 1.0

#: The dispatch aims this far inside the limits, so that what linearisation and a finite number of
#: steps leave undone does not count as a violation.
_VOLTAGE_MARGIN_PU, _CURRENT_MARGIN = 2e-4, 1e-3
#: Limits are watched where some sample comes this near to them; elsewhere a dispatch that cures
#: violations does not reach them.
_VOLTAGE_WATCH_PU, _CURRENT_WATCH = 0.01, 0.12

#: The splitting's metric on the rows, over the mean curvature of losses; found by trial.
_ROW_WEIGHT = 10.0


def violating(grid: Connected, flow: Flow) -> BoolArray:
    """Whether any limit is exceeded [scenario]."""
    v_pu = flow.v_pu
    voltage = (v_pu < grid.v_min_pu) | (v_pu > grid.v_max_pu)
    return np.asarray(voltage.any(axis=1) | (flow.i_pu > grid.i_max_pu).any(axis=1))


def voltage_price_pu(grid: Connected) -> float:
    """``VOLTAGE_PRICE_KW`` in losses per unit."""
    return VOLTAGE_PRICE_KW / grid.network.s_base_kva


def merit(grid: Connected, point: Point) -> FloatArray:
    """Exact losses plus the priced excess over limits [scenario], per unit."""
    v2, i_pu = np.square(point.flow.v_pu), point.flow.i_pu
    losses = np.square(i_pu) @ grid.network.r_pu
    losses += grid.converters.loss * np.abs(point.injection_pu).sum(axis=1)
    beyond = np.maximum(np.maximum(v2 - grid.v_max_pu**2, grid.v_min_pu**2 - v2), 0)
    over = np.maximum(i_pu - grid.i_max_pu, 0)
    priced = voltage_price_pu(grid) * beyond.sum(axis=1) + CURRENT_PRICE * over.sum(axis=1)
    return np.asarray(losses + priced)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WatchedLimits:
    """Limits that samples of a batch come near to, as rows of x = (P, Q, m)."""

    model: LossModel
    buses: IntArray  #: watched for voltage
    branches: IntArray  #: watched for current
    voltage_rows: FloatArray  #: [watched bus, x], each of length one
    voltage_scale: FloatArray  #: what it was divided by, |V|^2 for one unit of the row [.., 1]
    current_rows: FloatArray  #: [P, then Q, of watched branches, x]

    @classmethod
    def near(cls, model: LossModel, flow: Flow) -> WatchedLimits:
        """Those that come near in some sample."""
        grid, network = model.grid, model.grid.network
        v_pu, terminals = flow.v_pu, grid.converters.buses
        lowest, highest = v_pu.min(axis=0), v_pu.max(axis=0)
        low, high = grid.v_min_pu + _VOLTAGE_WATCH_PU, grid.v_max_pu - _VOLTAGE_WATCH_PU
        shared = network.shared_r_pu[:, terminals].any(axis=1)
        buses = np.flatnonzero(((lowest < low) | (highest > high)) & shared)
        near = flow.i_pu.max(axis=0) > (1 - _CURRENT_WATCH) * grid.i_max_pu
        branches = np.flatnonzero(near & model.carried.any(axis=1))
        block = np.ix_(buses, terminals)
        zero = np.zeros((len(buses), len(terminals)))
        raw = np.hstack([2 * network.shared_r_pu[block], 2 * network.shared_x_pu[block], zero])
        scale = np.linalg.norm(raw, axis=1, keepdims=True)
        carried = model.carried[branches]
        zero = np.zeros_like(carried)
        return cls(
            model=model,
            buses=buses,
            branches=branches,
            voltage_rows=raw / scale,
            voltage_scale=scale,
            current_rows=np.block([[carried, zero, zero], [zero, carried, zero]]),
        )

    @property
    def rows(self) -> FloatArray:
        """A [row, x]: voltages, then currents."""
        return np.vstack([self.voltage_rows, self.current_rows])

    @property
    def weight(self) -> FloatArray:
        """Diagonal of the metric [row]."""
        return np.full(len(self.rows), self._row_weight)

    @property
    def _row_weight(self) -> float:
        return float(_ROW_WEIGHT * self.model.scale.mean())

    def functions(self, point: Point) -> tuple[Band, Discs]:
        """Prices on the rows, with limits as they stand around the point."""
        return self._band(point), self._discs(point)

    def _band(self, point: Point) -> Band:
        grid, x = self.model.grid, stacked(point.injection_pu)
        now = np.square(point.flow.v_pu[:, self.buses].T) / self.voltage_scale
        without = now - self.voltage_rows @ x
        low = np.square(grid.v_min_pu + _VOLTAGE_MARGIN_PU) / self.voltage_scale
        high = np.square(grid.v_max_pu - _VOLTAGE_MARGIN_PU) / self.voltage_scale
        return Band(
            lower=low - without,
            upper=high - without,
            reach=voltage_price_pu(grid) * self.voltage_scale / self._row_weight,
        )

    def _discs(self, point: Point) -> Discs:
        grid, x = self.model.grid, stacked(point.injection_pu)
        entering = entering_pu(grid.network, point.flow)[:, self.branches].T
        current = point.flow.i_pu[:, self.branches].T
        upstream = np.abs(entering) / np.maximum(current, 1e-12)
        rating = (1 - _CURRENT_MARGIN) * grid.i_max_pu[self.branches][:, None]
        return Discs(
            centre=np.concatenate([entering.real, entering.imag]) + self.current_rows @ x,
            radius=rating * upstream,
            reach=CURRENT_PRICE / self._row_weight,
        )
