"""Which limits no plan keeps, and by how much they are missed at least."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...core.errors import LimitMiss
from ...core.mixed_cone_program import Relaxed, solve_relaxed
from ...core.units import FloatArray, IntArray
from ..mixed_builder import MixedBuilder
from .bounds import Bounds
from .case import FdnCase
from .columns import plan_columns
from .draws import ExpectedFactors
from .inputs import plan_inputs
from .model import exactness, injections, installations, power_flow, sop_balance, sop_operation
from .options import PlanOptions

#: Squared per unit. A limit that is missed by less is met.
_MET = 1e-6
#: What a miss of the whole squared rating weighs against one of 1 pu squared voltage.
_CURRENT_WEIGHT = 0.1


def smallest_misses(
    case: FdnCase, expected: ExpectedFactors, bounds: Bounds, options: PlanOptions
) -> tuple[LimitMiss, ...]:
    """Names the limits of every stage that must be missed where anything may be built.

    Of the squared quantities' excesses, the weighted sum is the smallest there is. Nothing where
    each stage by itself has a point, or where limits on voltage and current are not to blame.
    """
    stages = range(len(case.stages))
    return tuple(
        miss for u in stages for miss in _misses_of_stage(case, expected, bounds, options, u)
    )


def _misses_of_stage(
    case: FdnCase, expected: ExpectedFactors, bounds: Bounds, options: PlanOptions, stage: int
) -> list[LimitMiss]:
    limited = plan_inputs(case, expected, bounds, options, [stage])
    loose = replace(
        limited,
        v_min=0 * limited.v_min + 0.5,
        v_max=0 * limited.v_max + 2.0,
        i_max=limited.i_max + 99,
    )
    builder = MixedBuilder()
    columns = plan_columns(builder, loose, options)
    low, high, over = (builder.columns(*limited.v_min.shape) for _ in range(3))
    flow, injected = columns.flow, injections(loose, columns)
    sop_balance(builder, loose, columns)
    installations(builder, loose, columns)
    power_flow(builder, loose, columns, injected)
    sop_operation(builder, loose, columns)
    exactness(builder, limited, columns, injected, high)
    builder.at_least([(flow.v, 1.0), (low, 1.0)], limited.v_min**2)
    builder.at_most([(flow.v, 1.0), (high, -1.0)], limited.v_max**2)
    builder.at_most([(flow.l, 1.0), (over, -1.0)], limited.i_max**2)
    builder.cost(low, 1.0)
    builder.cost(high, 1.0)
    builder.cost(over, _CURRENT_WEIGHT / limited.rating**2)
    program = builder.build()
    answer = solve_relaxed(
        program, "smallest misses", program.linear.col_lower, program.linear.col_upper
    )
    if not isinstance(answer, Relaxed):
        return []
    return _named(case, stage, bounds, *(answer.x[slack[0]] for slack in (low, high, over)))


def _named(
    case: FdnCase,
    stage: int,
    bounds: Bounds,
    low: FloatArray,
    high: FloatArray,
    over: FloatArray,
) -> list[LimitMiss]:
    """Squared excesses [bus | branch] as misses in per unit and ampere."""
    ampere = case.rules.i_max_a / case.i_max_pu
    v_min, v_max, i_max = (
        limit[stage] for limit in (bounds.v_min_pu, bounds.v_max_pu, bounds.i_max_pu)
    )
    kinds = (
        ("lowest voltage of bus", low, v_min - np.sqrt(np.maximum(v_min**2 - low, 0)), "pu"),
        ("highest voltage of bus", high, np.sqrt(v_max**2 + high) - v_max, "pu"),
        ("current to bus", over, (np.sqrt(i_max**2 + over) - i_max) * ampere, "A"),
    )
    return [
        LimitMiss(f"{name} {case.network.buses[bus]} in stage {stage + 1}", float(miss[bus]), unit)
        for name, squared, miss, unit in kinds
        for bus in _missed(squared)
    ]


def _missed(squared: FloatArray) -> IntArray:
    return np.flatnonzero(squared > _MET)
