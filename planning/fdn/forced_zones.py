"""Feeders that no plan can leave as they are.

A stage by itself, with any number of terminals but none in one feeder, is a cone program of which
every plan without that terminal is a point. Where it has none, the feeder needs a terminal (or
larger lines, where these may be built); that cut brings the bound of the whole program close to
its optimum.
"""

from __future__ import annotations

import numpy as np

from ...core.errors import InfeasibleError
from ...core.mixed_cone_program import Excluded, solve_relaxed
from .bounds import Bounds
from .case import FdnCase
from .draws import ExpectedFactors
from .model import PlanProgram, build_stage
from .options import PlanOptions


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
    feeders = tuple(stage.data.network.heads)
    if _possible(stage, without=feeders):
        return ()
    if not _possible(stage, without=()):
        raise InfeasibleError(f"stage {number + 1} of the plan", "Clarabel", ())
    return tuple(name for name in feeders if not _possible(stage, without=(name,)))


def _possible(stage: PlanProgram, without: tuple[str, ...]) -> bool:
    """Whether the stage has a point with these feeders as they are."""
    linear, columns, data = stage.program.linear, stage.columns, stage.data
    upper = linear.col_upper.copy()
    bare = np.isin(data.terminal_zones, without)
    upper[columns.sop.kva[0, bare]] = 0.0
    lines = columns.lines.built[0, np.isin(data.feeders, without)]
    upper[lines] = linear.col_lower[lines]
    answer = solve_relaxed(stage.program, "stage of a plan", linear.col_lower, upper)
    return not isinstance(answer, Excluded)
