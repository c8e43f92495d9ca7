"""Searches that are interrupted after any step, and go on from there; and in any order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from roadvolt.planning.der.bracket import Bracket, Stage
from roadvolt.planning.der.case import DerCase
from roadvolt.planning.der.choices import DerMethod, DerModel
from roadvolt.planning.der.fast import solve_fast
from roadvolt.planning.der.solution import DerSolution, Separation, Step
from roadvolt.planning.der.solve import adversarial, solve_der

Tiny = Callable[..., DerCase]
ARO = DerModel.ADAPTIVE
METHODS = pytest.mark.parametrize("method", DerMethod)


def solve(case: DerCase, method: DerMethod, **how: Any) -> DerSolution:
    return solve_der(case, ARO, load_budget=1, method=method, gap=1e-6, **how)


def without_time(steps: tuple[Step, ...]) -> list[Step]:
    return [replace(step, seconds=0.0) for step in steps]


def assert_same_to_the_last_bit(one: DerSolution, other: DerSolution) -> None:
    assert without_time(one.steps) == without_time(other.steps)
    assert (one.objective, one.lower_bound) == (other.objective, other.lower_bound)
    assert one.certificate is other.certificate
    assert one.worst is not None
    assert other.worst is not None
    np.testing.assert_array_equal(one.worst, other.worst)
    np.testing.assert_array_equal(one.fates, other.fates)
    np.testing.assert_array_equal(one.plan.pv_kw, other.plan.pv_kw)
    np.testing.assert_array_equal(one.plan.battery_kwh, other.plan.battery_kwh)


class Kill:
    """A watcher that interrupts the search after so many steps."""

    def __init__(self, after: int) -> None:
        self.left, self.begun = after, dict[Stage, Bracket]()

    def __call__(self, stage: Stage, bracket: Bracket) -> None:
        self.begun[stage] = bracket
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


@METHODS
def test_a_plan_killed_after_any_step_ends_as_if_it_never_had_been(
    tight_der: Tiny, method: DerMethod
) -> None:
    case = tight_der(0)
    whole = solve(case, method)
    assert len(whole.steps) >= 6
    assert [step.number for step in whole.steps].count(1) == 2, "on the copperplate and the feeder"
    for after in range(1, len(whole.steps) + 1):
        kill = Kill(after)
        with pytest.raises(KeyboardInterrupt):
            solve(case, method, watch=kill)
        told = list[tuple[Stage, Bracket]]()
        again = solve(case, method, begun=kill.begun, watch=lambda *step, to=told: to.append(step))
        assert_same_to_the_last_bit(again, whole)
        assert len(told) == len(whole.steps) - after
        for stage, bracket in told:
            before = kill.begun.get(stage)
            assert bracket.lower >= max(one.lower for one in kill.begun.values())
            assert before is None or bracket.upper <= before.upper


def test_time_before_the_interruption_counts(tiny_der: Tiny) -> None:
    problem = adversarial(tiny_der(0), ARO, 1, 1)
    found = solve_fast(problem, gap=1e-6)
    open_still = replace(found, lower=0.0, ended=False)
    assert solve_fast(problem, gap=1e-6, seconds=found.seconds, begun=open_still) is open_still
    assert solve_fast(problem, gap=1e-6, seconds=60.0, begun=open_still).lower > 0


def test_a_step_is_only_the_last_if_no_fate_is_new_or_the_bounds_have_met() -> None:
    u, other = np.zeros(3), np.ones(3)
    at = Bracket(x=u, upper=10.0, lower=8.0, fates=(u,), worst=u)
    assert [one.sum() for one in at.with_fate(other, gap=0.1).fates] == [0, 3]
    assert not at.with_fate(other, gap=0.1).ended
    assert at.with_fate(u, gap=0.1).ended
    assert at.with_fate(other, gap=0.2).ended
    step = at.noted(Separation.CLIMB, 1.5).noted(Separation.EXACT, 2.5)
    assert [one.number for one in step.steps] == [1, 2]
    assert step.seconds == 2.5


class Backwards:
    """Solves the last subproblem first, and hands nothing over but through ``share``."""

    def __init__(self) -> None:
        self.tasks, self.shared = 0, list[Any]()

    def share(self, value: Any) -> Any:
        self.shared.append(value)
        return value

    def map(self, function: Callable[..., Any], tasks: Any) -> list[Any]:
        self.tasks += len(tasks)
        return [function(*task) for task in reversed(tasks)][::-1]


@METHODS
def test_the_order_of_subproblems_changes_no_bit(tight_der: Tiny, method: DerMethod) -> None:
    case, mapper = tight_der(0), Backwards()
    found = solve(case, method, mapper=mapper)
    assert_same_to_the_last_bit(found, solve(case, method))
    assert mapper.tasks > 10
    assert mapper.shared
