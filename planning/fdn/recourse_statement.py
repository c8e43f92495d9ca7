"""The dispatch of one sample, written down as the cone program that it is.

Slow and readable: the judge of ``recourse``, which solves thousands of these side by side.
Branch flow equations (14) with the cone P^2 + Q^2 <= l v, converters by (17).
"""

from __future__ import annotations

from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from ...core.errors import SolveError
from ...core.units import FloatArray
from ..radial import HEAD
from .recourse_devices import Connected
from .recourse_limits import CURRENT_PRICE, voltage_price_pu


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StatedDispatch:
    """The optimum of one sample, per unit."""

    p_pu: FloatArray  #: injections [terminal]
    q_pu: FloatArray  #: [terminal]
    v_pu: FloatArray  #: [own bus]
    i_pu: FloatArray  #: [own branch]
    losses_pu: float  #: of network and converters
    relaxation_deviation: float  #: (15): the point is physical where this is about zero


class RecourseStatement:
    """The program of one set of feeders; solved for as many samples as one likes.

    Args:
        grid: feeders and converters.
        violation_aware: prices excess over limits at ``VOLTAGE_PRICE_KW`` on |V|^2, and on I^2 at
            what ``CURRENT_PRICE`` on I comes to at the limit; else there are no limits.
    """

    def __init__(self, grid: Connected, *, violation_aware: bool) -> None:
        network, converters = grid.network, grid.converters
        count, terminals = len(network.buses), len(converters.buses)
        self._base_kva, self._loss = network.s_base_kva, converters.loss
        self._p_load, self._q_load = cp.Parameter(count), cp.Parameter(count)
        self._p, self._q, self._l = (cp.Variable(count) for _ in range(3))
        self._v = cp.Variable(count)
        self._p_t, self._q_t, self._m = (cp.Variable(terminals) for _ in range(3))
        self._r = network.r_pu

        feeds = (np.arange(count)[:, None] == network.parent).astype(float)  # [bus, branch]
        stands = (np.arange(count)[:, None] == converters.buses).astype(float)
        self._up = feeds.T @ self._v + (network.parent == HEAD)
        r, x = network.r_pu, network.x_pu
        drop = 2 * (cp.multiply(r, self._p) + cp.multiply(x, self._q))
        squares = cp.vstack([2 * self._p, 2 * self._q, self._l - self._up])
        constraints = [
            self._p - cp.multiply(r, self._l)
            == self._p_load - stands @ self._p_t + feeds @ self._p,  # (14a)
            self._q - cp.multiply(x, self._l)
            == self._q_load - stands @ self._q_t + feeds @ self._q,  # (14b)
            self._v == self._up - drop + cp.multiply(r**2 + x**2, self._l),  # (14c)
            cp.SOC(self._l + self._up, squares),  # P^2 + Q^2 <= l v
            cp.SOC(self._m, cp.vstack([self._p_t, self._q_t])),  # (17b), times the loss factor
            self._m <= converters.capacity_pu,  # (17c)
            cp.abs(self._p_t) <= converters.most_p_pu,
            converters.balanced(batteries=violation_aware)
            @ (self._p_t + converters.sign * converters.loss * self._m)
            == 0,  # (17a)
        ]
        cost = network.r_pu @ self._l + converters.loss * cp.sum(self._m)
        if violation_aware:
            high, low = self._v - grid.v_max_pu**2, grid.v_min_pu**2 - self._v
            over = (self._l - grid.i_max_pu**2) / (2 * grid.i_max_pu)
            cost += voltage_price_pu(grid) * cp.sum(cp.pos(high) + cp.pos(low))
            cost += CURRENT_PRICE * cp.sum(cp.pos(over))
        self._problem = cp.Problem(cp.Minimize(cost), constraints)

    def solve(self, p_kw: FloatArray, q_kvar: FloatArray) -> StatedDispatch:
        """The optimum for net consumption without converters [own bus].

        Raises:
            SolveError: the solver did not end at an optimum.
        """
        self._p_load.value, self._q_load.value = p_kw / self._base_kva, q_kvar / self._base_kva
        self._problem.solve(solver=cp.CLARABEL)
        if self._problem.status != cp.OPTIMAL:
            raise SolveError("recourse of one sample", "Clarabel", str(self._problem.status))
        squares, up = self._l.value, self._up.value
        return StatedDispatch(
            p_pu=self._p_t.value,
            q_pu=self._q_t.value,
            v_pu=np.sqrt(self._v.value),
            i_pu=np.sqrt(np.maximum(squares, 0)),
            losses_pu=float(self._r @ squares + self._loss * self._m.value.sum()),
            relaxation_deviation=float(
                np.abs(squares * up - self._p.value**2 - self._q.value**2).max()
            ),
        )
