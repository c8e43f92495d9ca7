"""Rounds of planning and sampling on the 84-bus network in one stage, and what makes them end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roadvolt.core.errors import InfeasibleError
from roadvolt.planning.fdn.case import FdnCase
from roadvolt.planning.fdn.choices import Algorithm
from roadvolt.planning.fdn.draws import draw_factors
from roadvolt.planning.fdn.iteration import (
    FdnRun,
    RoundDone,
    RunOptions,
    _flipped,
    evaluate_on,
    run_iterations,
    terminals,
)
from roadvolt.planning.fdn.plan import Plan, Sop
from roadvolt.planning.fdn.variants import in_one_stage

OPTIONS = RunOptions(samples=1000, fresh_samples=2000, gap=0.02)


@pytest.fixture(scope="module")
def case(tpc84: FdnCase) -> FdnCase:
    return in_one_stage(tpc84)


@pytest.fixture(scope="module")
def told() -> list[RoundDone]:
    return []


@pytest.fixture(scope="module")
def run(case: FdnCase, told: list[RoundDone]) -> FdnRun:
    return run_iterations(case, OPTIONS, told.append)


def test_rounds_end_where_every_promise_is_kept_on_samples_never_seen(run: FdnRun) -> None:
    first, last = run.iterations[0], run.iterations[-1]
    assert first.worst > 0.3, "without margins the grid is unsafe"
    assert last.worst <= 0.05
    assert run.kept
    assert run.reason == ""
    assert run.solution is last.solution
    planning = draw_factors(run.case, OPTIONS.seed, OPTIONS.samples, stream="planning")
    fresh = run.certificate.draws
    assert len(fresh) == 2000
    assert not np.isin(fresh.load[:, 0], planning.load[:, 0]).any()


def test_the_certificate_can_be_had_again_from_plan_and_draws(run: FdnRun) -> None:
    again = evaluate_on(run.case, run.plan, run.certificate.draws, OPTIONS.recourse)
    assert np.array_equal(again.risks.overload, run.certificate.risks.overload)
    assert np.array_equal(again.operation.total, run.certificate.operation.total)


def test_all_rounds_are_kept_and_told(run: FdnRun, told: list[RoundDone]) -> None:
    assert [one.number for one in run.iterations] == list(range(len(run.iterations)))
    assert [event.iteration for event in told] == list(run.iterations)
    assert all(len(event.states) == 1 for event in told)
    tightened = run.iterations[1].bounds
    broken = run.iterations[0].risks.overload > OPTIONS.risk
    assert (tightened.i_max_pu[broken] < run.case.i_max_pu).all()
    assert (tightened.i_max_pu[~broken] == run.case.i_max_pu).all()


def test_plans_that_keep_promises_cost_more_than_the_one_that_does_not(run: FdnRun) -> None:
    assert run.solution.bound > run.iterations[0].solution.objective


def test_a_plan_that_fails_on_fresh_samples_is_planned_anew_on_them(case: FdnCase) -> None:
    few = replace(OPTIONS, samples=100, fresh_samples=3000, seed=4)
    run = run_iterations(case, few)
    assert run.kept
    assert run.certifications > 1
    sizes = [one.samples for one in run.iterations]
    assert sizes[0] == 100
    assert sizes[-1] == 3000


def test_without_rounds_left_the_plan_of_least_risk_is_shown_with_a_reason(case: FdnCase) -> None:
    run = run_iterations(case, replace(OPTIONS, max_rounds=1))
    assert not run.kept
    assert run.best == 0
    assert "after 1 round" in run.reason
    assert run.certificate.risks.worst > 0.3


def test_every_algorithm_keeps_the_promise(case: FdnCase, run: FdnRun) -> None:
    for algorithm in (Algorithm.GENERAL, Algorithm.ALL_CONSTRAINTS):
        other = run_iterations(case, replace(OPTIONS, algorithm=algorithm))
        assert other.kept
        assert other.solution.objective == pytest.approx(run.solution.objective, rel=0.05)
        if algorithm is Algorithm.GENERAL:
            assert len(other.iterations) > len(run.iterations)


def test_a_grid_without_any_plan_says_so(case: FdnCase) -> None:
    narrow = replace(case, rules=replace(case.rules, i_max_a=50.0))
    with pytest.raises(InfeasibleError):
        run_iterations(narrow, OPTIONS)


def with_terminals(*buses: tuple[int, ...]) -> Plan:
    """A plan of one stage each."""
    none = np.zeros((len(buses), 0))
    sops = tuple(
        (Sop(slot=0, buses=one, kva=(1.0,) * len(one), line_km=0.0),) if one else ()
        for one in buses
    )
    return Plan(sops=sops, evcs_kva=none, evcs_rated_kw=none, pv_kva=none, pv_rated_kw=none)


def test_a_stage_flips_if_its_terminals_return_to_those_before_the_last() -> None:
    one, other = with_terminals((1, 2), (3, 4)), with_terminals((1, 5), (3, 4))
    assert terminals(one, 0) == ((1, 2),)
    assert _flipped([one, other, one]).tolist() == [True, False]
    assert _flipped([one, other, other]).tolist() == [False, False]
    assert _flipped([one, other]).tolist() == [False, False]
