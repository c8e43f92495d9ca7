"""How fast a day of the 84-bus network is dispatched, and by the statement of the source instead.

Run: python benchmarks/dispatch.py [--repeats N] [--stated]. CPU seconds on one thread, the median
of N runs and the spread. A dispatch is everything: two programs (plan, requirements), the passes
that anchor each to exact power flow, and the exact state. What one would do otherwise is the same
program written in cvxpy, all rows of all buses, branches and steps, for Clarabel; ``--stated``
does this for 96 steps too, which takes minutes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from roadvolt.core.bounded_quadratic import solve_bounded
from roadvolt.planning.dispatch.case import DispatchCase
from roadvolt.planning.dispatch.disc import drawn_by, exact_disc
from roadvolt.planning.dispatch.flow import anchored_at, exact_flow
from roadvolt.planning.dispatch.program import Draft
from roadvolt.planning.dispatch.promises import keep_promises, promises
from roadvolt.planning.dispatch.solution import Dispatch
from roadvolt.planning.dispatch.solve import solve_dispatch
from roadvolt.planning.dispatch.statement import stated_dispatch
from roadvolt.sims.dispatchfile.load import load_dispatch_case

Result = TypeVar("Result")


def timed(repeats: int, call: Callable[..., Result], *arguments: Any) -> tuple[str, Result]:
    """CPU seconds as words, and what the call returned."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        result = call(*arguments)
        taken.append(time.process_time() - start)
    return f"{np.median(taken):.2f} s ({min(taken):.2f} to {max(taken):.2f})", result


def day(steps: int, sides: int) -> DispatchCase:
    settings = {"time.step_min": str(1440 // steps), "devices.polygon_sides": str(sides)}
    return load_dispatch_case("tpc84-dispatch", overrides=settings)


def report(case: DispatchCase, repeats: int) -> Dispatch:
    seconds, found = timed(repeats, solve_dispatch, case)
    disc_seconds, disc = timed(1, exact_disc, case, found)
    deviation = np.abs(found.linear.v_pu - found.exact.v_pu).max()
    print(f"{case.steps} steps, {case.rules.polygon_sides} sides: {seconds}, {found.passes} passes")
    print(
        f"  costs {found.costs.total:,.1f}, gap {found.gap:.1e}, deviation from AC "
        f"{found.first_deviation_pu:.1e} before, {deviation:.1e} pu after"
    )
    print(
        f"  polygon: losses {found.polygon.losses:.2%} over exact ones, costs "
        f"{found.costs.total / disc - 1:.3%} over the disc's ({disc_seconds})"
    )
    return found


def compare(case: DispatchCase, found: Dispatch, repeats: int) -> None:
    """One program with requirements at one anchor, ours and the statement."""
    drawn, plan = (drawn_by(case, one) for one in (found.setpoints, found.plan_setpoints))
    anchor = anchored_at(case.network, drawn, exact_flow(case.network, drawn))
    made = promises(case, found.plan_import_kw)

    def ours() -> float:
        draft = Draft(case, anchor)
        for rows in draft.limits():
            draft.keep(rows)
        keep_promises(draft, made, plan)
        program, cones = draft.build()
        return solve_bounded(program, "benchmark", cones=cones).objective + draft.constant()

    seconds, cost = timed(repeats, ours)
    print(f"  one program of it, all limits within reach: {seconds}, costs {cost:,.1f}")
    seconds, stated = timed(1, stated_dispatch, case, anchor, made, plan)
    print(f"  its statement in cvxpy, Clarabel: {seconds}, costs {stated.cost:,.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--stated", action="store_true")
    options = parser.parse_args()
    with threadpool_limits(1):
        for steps in (24, 96):
            for sides in (12, 24):
                case = day(steps, sides)
                found = report(case, options.repeats)
                if sides == 12 and (steps == 24 or options.stated):
                    compare(case, found, options.repeats)


if __name__ == "__main__":
    main()
