"""Feeders with larger lines: their impedances and ratings, stage by stage.

Source: the paper's Case IV; halved impedances are of its authors' public code.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from ...core.units import BoolArray, FloatArray, frozen
from ..radial import RadialNetwork
from .case import FdnCase
from .plan import Plan

RATING_MULTIPLE: Final = 1.5  #: of a reinforced line's rating, over before
IMPEDANCE_MULTIPLE: Final = 0.5  #: of its resistance and reactance
LINE_PRICE_MULTIPLE: Final = 3.0  #: of its price per km, over that of a new line


def reinforced_branches(case: FdnCase, plan: Plan) -> BoolArray:
    """Which branches [stage, branch] belong to reinforced feeders."""
    zones = np.array(case.network.zones)
    stages = plan.reinforced or ((),) * len(case.stages)
    return np.array([np.isin(zones, feeders) for feeders in stages])


def ratings_pu(case: FdnCase, plan: Plan) -> FloatArray:
    """Rating [stage, branch] with what is reinforced."""
    multiple = np.where(reinforced_branches(case, plan), RATING_MULTIPLE, 1.0)
    return frozen(case.i_max_pu * multiple)


def network_at(case: FdnCase, plan: Plan, stage: int) -> RadialNetwork:
    """The network of a stage; the case's own where nothing is reinforced."""
    larger = reinforced_branches(case, plan)[stage]
    if not larger.any():
        return case.network
    multiple = np.where(larger, IMPEDANCE_MULTIPLE, 1.0)
    network = case.network
    return replace(
        network, r_ohm=frozen(network.r_ohm * multiple), x_ohm=frozen(network.x_ohm * multiple)
    )
