"""What of a feeder can be in the way: its limits as rows on production at candidate buses.

The flow of a branch is the demand less the production behind it, and a squared voltage is linear in
the same (``RadialNetwork.carries``, ``shared_r_pu``). So each limit is a row

    sum over buses of weight (production - demand) <= bound      at an hour,

    weight = 1 behind the branch      p >= least         weight = -1 behind it         p <= most
    weight = R of the bus             v <= v_max^2       weight = -R                   v >= v_min^2

and only those rows matter that production and demand can reach at all. A voltage above that of the
bus upstream needs production behind the bus; where no candidate is behind, the bus upstream is the
one that matters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.units import BoolArray, FloatArray, IntArray, frozen
from ..radial import HEAD
from .case import DerCase
from .first_stage import FirstStage
from .operation import Limits, flow_limits

#: Limits that are missed by less than this, in kW and as a part of themselves, count as reached.
_SAFE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reach:
    """How far demand and production may go [bus, time]."""

    load_low_kw: FloatArray
    load_high_kw: FloatArray
    charged_kw: FloatArray  #: by batteries, at most
    produced_kw: FloatArray  #: by PV and batteries, at most

    @property
    def bought(self) -> BoolArray:
        """In which hours something must be bought, whatever is produced [time]."""
        return np.asarray((self.load_low_kw - self.produced_kw).sum(axis=0) > _SAFE)

    def import_kw(self) -> float:
        """Most that is ever bought at once."""
        return float((self.load_high_kw + self.charged_kw).sum(axis=0).max())


def reach_of(
    case: DerCase,
    first: FirstStage,
    x: FloatArray,
    load_kw: tuple[FloatArray, FloatArray],
    pv_high: FloatArray,
) -> Reach:
    """With a plan x of ``site_by_site``.

    Args:
        case: the case.
        first: ``site_by_site``.
        x: the plan, or what is above every plan.
        load_kw: least and most demand [bus, time].
        pv_high: most production [time] of a kW.
    """
    rules, shape = case.rules, load_kw[0].shape
    charged, produced = np.zeros(shape), np.zeros(shape)
    energy = (rules.soc_max - rules.soc_min) * x[first.battery_kwh]
    power = rules.battery_kw * x[first.battery_built]
    charge = np.minimum(power, energy / rules.efficiency_charge)
    discharge = np.minimum(power, energy * rules.efficiency_discharge)
    charged[case.battery_sites] += charge[:, None]
    produced[case.battery_sites] += discharge[:, None]
    produced[case.pv_sites] += np.outer(x[first.pv_kw], pv_high)
    return Reach(
        load_low_kw=load_kw[0], load_high_kw=load_kw[1], charged_kw=charged, produced_kw=produced
    )


def limits_of(case: DerCase, reach: Reach) -> Limits:
    """The limits that can be reached."""
    network, kva = case.network, case.network.s_base_kva
    q_kvar = network.carries @ case.load_q_kvar
    least, most = flow_limits(case, q_kvar)
    sunk = network.shared_x_pu @ case.load_q_kvar
    rise = (case.v_max_pu**2 - 1) * kva / 2 + sunk
    fall = (1 - case.v_min_pu**2) * kva / 2 - sunk
    own = ~_follows_upstream(case, q_kvar)
    parts = [
        _reached(network.carries, -least, reach, np.ones(len(own), np.bool_)),
        _reached(network.shared_r_pu, rise, reach, own),
        _reached(-network.carries, most, reach, np.ones(len(own), np.bool_)),
        _reached(-network.shared_r_pu, fall, reach, np.ones(len(own), np.bool_)),
    ]
    weight, bound, hour = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Limits(
        weight=frozen(weight),
        bound=frozen(bound),
        hour=frozen(hour, np.int64),
        importing=frozen(weight.sum(axis=1) < 0, np.bool_),
    )


def _reached(
    weight: FloatArray, bound: FloatArray, reach: Reach, own: BoolArray
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Rows for weight [row, bus] and bound [row, time], as far as they can be reached."""
    high = reach.produced_kw - reach.load_low_kw
    low = -reach.charged_kw - reach.load_high_kw
    most = np.maximum(weight, 0) @ high + np.minimum(weight, 0) @ low
    row, hour = np.nonzero((most > bound - _SAFE * (1 + np.abs(bound))) & own[:, None])
    return weight[row], bound[row, hour], hour


def _follows_upstream(case: DerCase, q_kvar: FloatArray) -> BoolArray:
    """Buses whose voltage is never above that of the bus upstream, as nothing produces there."""
    sites = np.union1d(case.pv_sites, case.battery_sites)
    empty = case.network.carries[:, sites].sum(axis=1) == 0
    return np.asarray(empty & (q_kvar.min(axis=1) >= 0) & (case.network.parent != HEAD))
