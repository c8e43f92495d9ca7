"""Limits of voltages and branches, as rows on what devices draw, where these can reach them.

v_min^2 <= v <= v_max^2,    (P_l, Q_l) within the polygon of sqrt(3) V_l i_max
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ...core.devices.polygon import Polygon
from ...core.units import BoolArray, FloatArray, IntArray
from ..power_flow import Flow
from .case import DispatchCase
from .devices import Places, Reach
from .flow import Anchor, Drawn, anchored_state

#: By how much dispatch stays within limits, so that what a pass leaves of the difference between
#: anchored and exact state does not exceed them.
MARGIN_PU = 2e-5
MARGIN_CURRENT = 1e-4  #: of the rating
#: Limits are near, and stated, if a state was seen that comes as close.
NEAR_PU = 0.01
NEAR_CURRENT = 0.75  #: of the rating


class Quantity(StrEnum):
    """What is limited."""

    LOW_VOLTAGE = "v_min_pu"
    HIGH_VOLTAGE = "v_max_pu"
    CURRENT = "i_max_a"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LimitRows:
    """Rows sum(by_p p + by_q q) <= bound on the devices' powers."""

    quantity: Quantity
    time: IntArray  #: [row]
    element: IntArray  #: [row] bus, or branch by the bus where it ends
    by_p: FloatArray  #: [row, device]
    by_q: FloatArray  #: [row, device]
    bound: FloatArray  #: [row]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """The extremes of the states that were met so far: limits far from all of them can wait.

    Whether all limits are kept is checked by exact power flow in the end, and one that is not is
    seen then.
    """

    v_low: FloatArray  #: [time, bus] pu
    v_high: FloatArray
    i_share: FloatArray  #: [time, branch] of the rating

    @classmethod
    def of(cls, case: DispatchCase, flow: Flow) -> Seen:
        """A state."""
        full = rated_pu(case)
        return cls(v_low=flow.v_pu, v_high=flow.v_pu, i_share=flow.i_pu / full)

    def and_also(self, other: Seen) -> Seen:
        """Both."""
        return Seen(
            v_low=np.minimum(self.v_low, other.v_low),
            v_high=np.maximum(self.v_high, other.v_high),
            i_share=np.maximum(self.i_share, other.i_share),
        )


def rated_pu(case: DispatchCase) -> float:
    """sqrt(3) V i_max at 1 pu: the current of 1 pu that i_max is."""
    ampere = case.network.s_base_kva / (np.sqrt(3) * case.network.vn_kv)
    return float(case.rules.i_max_a / ampere)


def rating(case: DispatchCase, anchor: Anchor) -> FloatArray:
    """sqrt(3) V i_max [time, branch], per unit, at the end of the branch."""
    return np.asarray(rated_pu(case) * anchor.v_pu)


def voltage_rows(
    case: DispatchCase,
    fixed: Drawn,
    where: Places,
    reach: Reach,
    anchor: Anchor,
    seen: Seen | None = None,
) -> list[LimitRows]:
    """Of both bounds, where devices can reach them or what is fixed breaks them.

    With what was ``seen`` only those that were not far.
    """
    network, rules = case.network, case.rules
    v = anchored_state(network, fixed, anchor).v
    by_p = -2 * network.shared_r_pu[:, where.buses] * where.signs
    by_q = -2 * network.shared_x_pu[:, where.buses] * where.signs
    high = (rules.v_max_pu - MARGIN_PU) ** 2 - v
    low = v - (rules.v_min_pu + MARGIN_PU) ** 2
    near_high = seen is None or seen.v_high > rules.v_max_pu - NEAR_PU
    near_low = seen is None or seen.v_low < rules.v_min_pu + NEAR_PU
    return [
        _reached(Quantity.HIGH_VOLTAGE, by_p, by_q, high, reach, near_high),
        _reached(Quantity.LOW_VOLTAGE, -by_p, -by_q, low, reach, near_low),
    ]


def branch_rows(
    case: DispatchCase,
    fixed: Drawn,
    where: Places,
    reach: Reach,
    anchor: Anchor,
    seen: Seen | None = None,
) -> list[LimitRows]:
    """Of every side of the branches' polygons, likewise."""
    state, polygon = anchored_state(case.network, fixed, anchor), Polygon(case.rules.polygon_sides)
    carried = case.network.carries[:, where.buses] * where.signs
    size = (1 - MARGIN_CURRENT) * polygon.inner * rating(case, anchor)
    near = seen is None or seen.i_share > NEAR_CURRENT
    return [
        _reached(
            Quantity.CURRENT,
            cos * carried,
            sin * carried,
            size - cos * state.p - sin * state.q,
            reach,
            near,
        )
        for cos, sin in zip(polygon.cos, polygon.sin, strict=True)
    ]


def _reached(
    quantity: Quantity,
    by_p: FloatArray,
    by_q: FloatArray,
    bound: FloatArray,
    reach: Reach,
    near: BoolArray | bool,
) -> LimitRows:
    """Rows for coefficients [element, device] and bounds [time, element]."""
    time, element = np.nonzero((_most(by_p, by_q, reach) > bound) & near)
    return LimitRows(
        quantity=quantity,
        time=time,
        element=element,
        by_p=by_p[element],
        by_q=by_q[element],
        bound=bound[time, element],
    )


def _most(by_p: FloatArray, by_q: FloatArray, reach: Reach) -> FloatArray:
    """The most that the rows' left sides come to [time, element]."""
    most = reach.p_high @ np.maximum(by_p, 0).T + reach.p_low @ np.minimum(by_p, 0).T
    most += reach.q_high @ np.maximum(by_q, 0).T + reach.q_low @ np.minimum(by_q, 0).T
    return np.asarray(most)
