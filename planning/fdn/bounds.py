"""The limits that the expected state must keep: those of the grid, less margins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.units import FloatArray, frozen
from .case import FdnCase


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bounds:
    """Limits (18) on the expected state, per unit.

    ``i_max_pu`` is of the lines as they are; in a reinforced feeder the plan adds what the rating
    gains. ``v_excess`` is what lossless squared voltages may exceed the squared upper limit by,
    see ``model.exactness``: 0 is always safe, 0.95 times the true excess of a plan nearby is
    better.
    """

    v_min_pu: FloatArray  #: [stage, bus]
    v_max_pu: FloatArray  #: [stage, bus]
    i_max_pu: FloatArray  #: [stage, branch]
    v_excess: FloatArray  #: [stage, bus]


def nominal_bounds(case: FdnCase) -> Bounds:
    """The grid's own limits, without margins."""
    shape, rules = (len(case.stages), len(case.network.buses)), case.rules
    return Bounds(
        v_min_pu=frozen(np.full(shape, rules.v_min_pu)),
        v_max_pu=frozen(np.full(shape, rules.v_max_pu)),
        i_max_pu=frozen(np.full(shape, case.i_max_pu)),
        v_excess=frozen(np.zeros(shape)),
    )
