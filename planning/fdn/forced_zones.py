"""Feeders that no plan can leave without a soft open point.

A stage by itself, with any number of terminals but none in one feeder, is a cone program of which
every plan without that terminal is a point. Where it has none, the feeder needs a terminal; that
cut brings the bound of the whole program close to its optimum.
"""

from __future__ import annotations

import numpy as np

from ...core.errors import InfeasibleError
from ...core.mixed_cone_program import Excluded, solve_relaxed
from ...core.units import IntArray
from .bounds import Bounds
from .case import FdnCase
from .draws import ExpectedFactors
from .model import PlanProgram, build_stage
from .options import PlanOptions

_REMEDY = "no choice of terminals keeps the limits: accept a larger risk, or allow more sites"


def forced_zones(
    case: FdnCase, expected: ExpectedFactors, bounds: Bounds, options: PlanOptions
) -> tuple[tuple[str, ...], ...]:
    """Names of the feeders that need a terminal [stage].

    Raises:
        InfeasibleError: a stage has no plan at all.
    """
    if not options.sops:
        return ((),) * len(case.stages)
    stages = range(len(case.stages))
    return tuple(_needed(build_stage(case, expected, bounds, options, u), u) for u in stages)


def _needed(stage: PlanProgram, number: int) -> tuple[str, ...]:
    zones = stage.data.terminal_zones
    everywhere = np.arange(len(zones))
    if _possible(stage, everywhere[:0]):
        return ()
    if not _possible(stage, everywhere):
        raise InfeasibleError(f"stage {number + 1} of the plan", "Clarabel", (), _REMEDY)
    return tuple(
        zone
        for zone in stage.data.network.heads
        if zone in zones
        and not _possible(stage, everywhere[np.array([name != zone for name in zones])])
    )


def _possible(stage: PlanProgram, terminals: IntArray) -> bool:
    """Whether the stage has a point with capacity at these terminals only."""
    linear, kva = stage.program.linear, stage.columns.sop.kva[0]
    upper = linear.col_upper.copy()
    upper[np.delete(kva, terminals)] = 0.0
    answer = solve_relaxed(stage.program, "stage of a plan", linear.col_lower, upper)
    return not isinstance(answer, Excluded)
