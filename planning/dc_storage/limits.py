"""Limits that the forecast state must keep: those of the grid, less margins for errors."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ...core.units import FloatArray, IntArray, frozen
from .case import DcStorageCase

#: What is always left of a line's rating, and between the two limits of a voltage [pu].
_LEAST_SHARE, _LEAST_BAND_PU = 0.01, 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Limits:
    """Per unit; axes [scenario, time, bus].

    ``v_excess`` is what lossless squared voltages may exceed the squared upper limit by, see
    ``operation.exactness``: 0 is always safe, what a state nearby has is better.
    """

    v_min: FloatArray
    v_max: FloatArray
    i_max: FloatArray  #: of the branch that ends at the bus
    v_excess: FloatArray

    def at_buses(self, buses: IntArray) -> Limits:
        """Those of some buses."""
        return Limits(
            **{field.name: frozen(getattr(self, field.name)[..., buses]) for field in fields(self)}
        )


def i_max_pu(case: DcStorageCase) -> float:
    """Rating of every branch: sqrt(3) V I over the base power."""
    network = case.network
    return float(np.sqrt(3) * network.vn_kv * case.rules.i_max_a / network.s_base_kva)


def nominal_limits(case: DcStorageCase) -> Limits:
    """The grid's own limits, without margins."""
    shape = case.scenarios.load_p_kw.shape
    return Limits(
        v_min=frozen(np.full(shape, case.rules.v_min_pu)),
        v_max=frozen(np.full(shape, case.rules.v_max_pu)),
        i_max=frozen(np.full(shape, i_max_pu(case))),
        v_excess=frozen(np.zeros(shape)),
    )


def tightened(
    case: DcStorageCase, low: FloatArray, high: FloatArray, over: FloatArray, excess: FloatArray
) -> Limits:
    """The grid's limits less margins [scenario, time, bus], something always left between them."""
    rules, rating = case.rules, i_max_pu(case)
    middle = (rules.v_min_pu + rules.v_max_pu) / 2
    return Limits(
        v_min=frozen(np.minimum(rules.v_min_pu + low, middle - _LEAST_BAND_PU / 2)),
        v_max=frozen(np.maximum(rules.v_max_pu - high, middle + _LEAST_BAND_PU / 2)),
        i_max=frozen(np.maximum(rating - over, _LEAST_SHARE * rating)),
        v_excess=frozen(excess),
    )


def tighter(first: Limits, second: Limits) -> Limits:
    """The tighter of both, limit by limit."""
    return Limits(
        v_min=frozen(np.maximum(first.v_min, second.v_min)),
        v_max=frozen(np.minimum(first.v_max, second.v_max)),
        i_max=frozen(np.minimum(first.i_max, second.i_max)),
        v_excess=frozen(np.minimum(first.v_excess, second.v_excess)),
    )
