"""Plans on a feeder whose limits bind: bounds against enumeration and the whole feeder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from roadvolt.core.errors import SolveError
from roadvolt.core.units import frozen
from roadvolt.planning.der.bracket import Bracket
from roadvolt.planning.der.budget_set import budget_set
from roadvolt.planning.der.case import DerCase
from roadvolt.planning.der.choices import DerModel
from roadvolt.planning.der.fast import RobustProblem, solve_fast
from roadvolt.planning.der.first_stage import FirstStage, site_by_site
from roadvolt.planning.der.limits import limits_of, reach_of
from roadvolt.planning.der.nodal import FeederProblem, solve_nodal
from roadvolt.planning.der.operation import Weather, bus_by_bus
from roadvolt.planning.der.recourse import Recourse, operate
from roadvolt.planning.der.solve import adversarial
from roadvolt.sims.derfile import load_der_case

Tiny = Callable[..., DerCase]
Enumeration = Callable[..., float]
ARSO_1 = (DerModel.ADAPTIVE_STOCHASTIC, 1, 1)
MODELS = pytest.mark.parametrize("model", [DerModel.ADAPTIVE, DerModel.ADAPTIVE_STOCHASTIC])


def on_the_feeder(problem: RobustProblem) -> tuple[FirstStage, list[Recourse]]:
    case = problem.case
    first = site_by_site(case)
    weathers = [
        Weather(pv=pv, weight=one.weight)
        for pv, one in zip(problem.profiles, problem.recourses, strict=True)
    ]
    return first, [bus_by_bus(case, first, weather) for weather in weathers]


def random_plan(first: FirstStage, rng: np.random.Generator, most: float) -> np.ndarray:
    x = np.zeros(first.count)
    for built, size in (
        (first.pv_built, first.pv_kw), (first.battery_built, first.battery_kwh),
    ):  # fmt: skip
        x[built] = rng.integers(0, 2, len(built))
        x[size] = x[built] * rng.uniform(5, most, len(size))
    return x


def random_fate(problem: RobustProblem, rng: np.random.Generator) -> np.ndarray:
    loads = problem.case.deviations.load_mean_kw.size
    sign = np.where(np.arange(len(problem.uncertainty.mean)) < loads, 1.0, -1.0)
    return problem.uncertainty.worst(sign * rng.uniform(0, 1, len(sign)))


@MODELS
@pytest.mark.parametrize("seed", [0, 2])
def test_bounds_on_a_tight_feeder_are_what_enumeration_finds(
    tight_der: Tiny, cheapest_by_enumeration: Enumeration, seed: int, model: DerModel
) -> None:
    case = tight_der(seed)
    problem = adversarial(case, model, 1, 1)
    plate = solve_fast(problem, gap=1e-6)

    found = solve_nodal(problem, plate, gap=1e-6)

    both = budget_set(case, 1, 1 if model is DerModel.ADAPTIVE else None, both_sides=True)
    optimum = cheapest_by_enumeration(*on_the_feeder(problem), both, found.fates)
    assert (found.lower, found.upper) == pytest.approx((optimum, optimum), rel=1e-5)
    assert plate.upper < optimum * 0.95, "the copperplate does not know of the limits"


@MODELS
def test_two_deviations_on_a_tight_feeder_are_what_enumeration_finds(
    tight_der: Tiny, cheapest_by_enumeration: Enumeration, model: DerModel
) -> None:
    problem = adversarial(tight_der(3), model, 2, 2)
    found = solve_nodal(problem, solve_fast(problem, gap=1e-6), gap=1e-6)
    feeder = on_the_feeder(problem)
    optimum = cheapest_by_enumeration(*feeder, problem.uncertainty, found.fates)
    assert (found.lower, found.upper) == pytest.approx((optimum, optimum), rel=1e-5)


def test_limits_on_imports_are_respected(
    tight_der: Tiny, cheapest_by_enumeration: Enumeration
) -> None:
    """Voltages low enough that batteries cannot charge as they like."""
    case = replace(tight_der(1, battery_per_kwh=0.01), s_max_kva=frozen([230.0, 125.0]))
    problem = adversarial(case, DerModel.ADAPTIVE, 1, 1)
    feeder = FeederProblem(problem)
    least, most = problem.uncertainty.mean, problem.uncertainty.mean + problem.uncertainty.up
    reach = reach_of(
        case, feeder.first, feeder.first.upper, (least[:6].reshape(2, 3), most[:6].reshape(2, 3)),
        most[6:],
    )  # fmt: skip
    assert limits_of(case, reach).importing.any()

    found = solve_nodal(problem, solve_fast(problem, gap=1e-6), gap=1e-6)

    optimum = cheapest_by_enumeration(*on_the_feeder(problem), problem.uncertainty, found.fates)
    assert (found.lower, found.upper) == pytest.approx((optimum, optimum), rel=1e-5)


@pytest.mark.parametrize("unserved", [0.3, 2.0])
def test_load_may_stay_unserved_where_the_feeder_cannot_carry_it(
    tight_der: Tiny, cheapest_by_enumeration: Enumeration, unserved: float
) -> None:
    case = tight_der(1, unserved_per_kwh=unserved, import_max_kw=120.0)
    problem = adversarial(case, DerModel.ADAPTIVE_STOCHASTIC, 1, 1)
    plate = replace(solve_fast(adversarial(tight_der(1), *ARSO_1), gap=1e-3), lower=0.0)

    found = solve_nodal(problem, plate, gap=1e-6)

    optimum = cheapest_by_enumeration(*on_the_feeder(problem), problem.uncertainty, found.fates)
    assert (found.lower, found.upper) == pytest.approx((optimum, optimum), rel=1e-5)


@MODELS
def test_the_limits_that_can_be_reached_are_all_that_matters(model: DerModel) -> None:
    problem = adversarial(load_der_case("der33-tight"), model, 10, 10)
    feeder = FeederProblem(problem)
    first, stated = on_the_feeder(problem)
    rng = np.random.default_rng(3)
    for _ in range(3):
        x, u = random_plan(first, rng, 500.0), random_fate(problem, rng)
        cost = operate(stated, x, u).cost
        settled = [one.recourse for one in feeder.settled(x)]
        assert operate(feeder.recourses, x, u).cost == pytest.approx(cost, rel=1e-9)
        assert operate(settled, x, u).cost == pytest.approx(cost, rel=1e-9)
        assert len(settled[0].fixed) < len(stated[0].fixed)


@pytest.mark.parametrize("make", ["tiny_der", "tight_der"])
def test_prices_lie_within_their_bounds(make: str, request: pytest.FixtureRequest) -> None:
    """Differences quotients of the cost in every fate, forward and backward."""
    problem = adversarial(request.getfixturevalue(make)(2), DerModel.ADAPTIVE, 2, 2)
    feeder = FeederProblem(problem)
    first, stated = on_the_feeder(problem)
    rng, step, certain = np.random.default_rng(4), 1e-3, 0
    for _ in range(12):
        x, u = random_plan(first, rng, 60.0), random_fate(problem, rng)
        (settled,) = feeder.settled(x)
        cost = operate(stated, x, u).cost
        for k in range(len(u)):
            ahead = u + step * (np.arange(len(u)) == k)
            slope = (operate(stated, x, ahead).cost - cost) / step
            assert settled.prices.lower[k] - 1e-6 <= slope <= settled.prices.upper[k] + 1e-6
        certain += int((settled.prices.lower == settled.prices.upper).sum())
    assert certain > 12, "some prices are settled by the plan"


def test_a_limit_that_nothing_reaches_has_no_row(tiny_der: Tiny) -> None:
    case = tiny_der(0)
    first, spread = site_by_site(case), case.deviations
    load = (spread.load_mean_kw, spread.load_mean_kw + spread.load_up_kw)
    reach = reach_of(case, first, first.upper, load, spread.pv_mean)
    assert len(limits_of(case, reach).bound) == 0
    # Behind the second branch 140 kW of PV and 60 of a battery, 85 of load; then 140 and 93.
    assert load[0][1].tolist() == [21.0, 85.0, 93.0]
    narrow = replace(case, s_max_kva=frozen([4000.0, 100.0]))
    limits = limits_of(narrow, reach)
    assert limits.hour[~limits.importing].tolist() == [1]


def test_time_that_is_over_leaves_the_bounds_reached(tight_der: Tiny) -> None:
    problem, told = adversarial(tight_der(0), DerModel.ADAPTIVE, 1, 1), list[Bracket]()
    plate = solve_fast(problem, gap=1e-6)
    with pytest.raises(SolveError):
        solve_nodal(problem, plate, gap=1e-6, seconds=0.0, watch=told.append)
    assert not told
    found = solve_nodal(problem, plate, gap=1e-6, watch=told.append)
    assert [bracket.steps[-1] for bracket in told] == list(found.steps)
    assert np.all(np.diff([step.lower_bound for step in found.steps]) >= 0)


def test_a_feeder_that_cannot_carry_its_load_alone_has_no_bounds_of_prices(
    tight_der: Tiny,
) -> None:
    case = replace(tight_der(0), s_max_kva=frozen([120.0, 60.0]))
    with pytest.raises(SolveError, match="without DER"):
        FeederProblem(adversarial(case, DerModel.ADAPTIVE, 1, 1))
