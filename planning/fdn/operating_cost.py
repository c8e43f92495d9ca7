"""The revised operating cost (19): what losses, and load that is not served safely, cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.units import FloatArray
from .case import HOURS_PER_YEAR, FdnCase
from .draws import FactorDraws
from .propagation import StageState


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OperatingCost:
    """Expected cost of a year in each stage [stage], in the case's currency."""

    network_loss: FloatArray  #: (19b), first part
    sop_loss: FloatArray  #: (19b), second part
    voltage: FloatArray  #: (19c)
    overload: FloatArray  #: (19d)

    @property
    def loss(self) -> FloatArray:
        """(19b)."""
        return self.network_loss + self.sop_loss

    @property
    def total(self) -> FloatArray:
        """(19a)."""
        return self.loss + self.voltage + self.overload


def operating_cost(
    case: FdnCase, states: Sequence[StageState], draws: FactorDraws
) -> OperatingCost:
    """Prices the states of all stages.

    Conventional load at a bus counts while its voltage is beyond the limits, and once for every
    overloaded branch that it is fed through. ``draws`` are those behind the states.
    """
    prices = np.array([stage.electricity_per_kwh for stage in case.stages]) * HOURS_PER_YEAR
    stages = range(len(states))
    return OperatingCost(
        network_loss=prices * [state.network_loss_kw.mean() for state in states],
        sop_loss=prices * [state.sop_loss_kw.mean() for state in states],
        voltage=prices * [_voltage_kw(case, states[u], _load_kw(case, u, draws)) for u in stages],
        overload=prices * [_overload_kw(case, states[u], _load_kw(case, u, draws)) for u in stages],
    )


def _load_kw(case: FdnCase, stage: int, draws: FactorDraws) -> FloatArray:
    """Conventional load [scenario, bus]."""
    return np.asarray(draws.load * case.load_p_kw[stage])


def _voltage_kw(case: FdnCase, state: StageState, load_kw: FloatArray) -> float:
    """Mean load at voltages beyond the limits."""
    rules = case.rules
    beyond = (state.v_pu < rules.v_min_pu) | (state.v_pu > rules.v_max_pu)
    return float((load_kw * beyond).sum() / len(load_kw))


def _overload_kw(case: FdnCase, state: StageState, load_kw: FloatArray) -> float:
    """Mean over samples of the load below overloaded branches, summed over branches."""
    over = state.i_pu > state.i_max_pu
    ever = np.flatnonzero(over.any(axis=0))
    below = load_kw @ case.network.carries[ever].T
    return float((below * over[:, ever]).sum() / len(load_kw))
