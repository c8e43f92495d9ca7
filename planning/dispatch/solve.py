"""The dispatch of a day: the plan, then what requirements make of it."""

from __future__ import annotations

import time

from ...core.units import frozen
from .case import DispatchCase
from .flow import exact_flow
from .misses import check_devices
from .outcome import (
    costs_of,
    delivery_of,
    exact_of,
    linear_of,
    polygon_error,
    setpoints_of,
)
from .promises import promises
from .settle import Settling, Watch, idle
from .solution import Dispatch


def solve_dispatch(case: DispatchCase, *, watch: Watch | None = None) -> Dispatch:
    """Dispatches a day.

    Args:
        case: the day; prices are at least 0.
        watch: called after each pass with its name and by how much anchored and exact voltages
            differ [pu].

    Raises:
        InfeasibleError: limits that no dispatch keeps, with element, time and by how much.
        PowerFlowError: the day has no exact power flow without devices.
        SolveError: a solver failed, or the passes did not come to an end.
    """
    begin, watch = time.perf_counter(), watch or _nobody
    check_devices(case)
    drawn = idle(case)
    plan = Settling(case, drawn, exact_flow(case.network, drawn), (), watch, "plan").run()
    made = promises(case, plan.exact_import_kw)
    final = plan
    if made:
        final = Settling(case, plan.drawn, plan.flow, made, watch, "requirements").run()
    points = setpoints_of(final)
    return Dispatch(
        setpoints=points,
        linear=linear_of(final),
        exact=exact_of(final),
        costs=costs_of(final, made),
        plan=costs_of(plan, ()),
        plan_setpoints=setpoints_of(plan),
        plan_import_kw=frozen(plan.exact_import_kw),
        deliveries=tuple(delivery_of(final, plan.exact_import_kw, one) for one in made),
        polygon=polygon_error(case, points),
        bound=final.bound,
        passes=plan.passes + (final.passes if made else 0),
        first_deviation_pu=plan.first_deviation_pu,
        seconds=time.perf_counter() - begin,
    )


def _nobody(_: str, __: float) -> None:
    """Nobody watches."""
