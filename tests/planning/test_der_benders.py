"""Benders' cuts against enumeration of every fate, on a feeder in both directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import scipy.sparse as sp

from roadvolt.core.errors import SolveError
from roadvolt.core.solve import LinearProgram, solve_linear
from roadvolt.planning.der.benders import solve_benders, worst_by_big_m
from roadvolt.planning.der.bracket import Bracket
from roadvolt.planning.der.budget_set import BudgetSet, budget_set
from roadvolt.planning.der.case import DerCase
from roadvolt.planning.der.dual import dual_of
from roadvolt.planning.der.extensive import solve_extensive
from roadvolt.planning.der.first_stage import FirstStage, all_as_one, site_by_site
from roadvolt.planning.der.operation import Weather, bus_by_bus, copperplate
from roadvolt.planning.der.program_stack import ProgramStack
from roadvolt.planning.der.recourse import Recourse, operate
from roadvolt.sims.derfile import load_der_case

Tiny = Callable[..., DerCase]
Enumeration = Callable[..., float]

#: The dearest hour: no load is worth more where only lines limit imports, as the battery behind
#: them that must charge less then loses energy.
DEAREST = 0.45


def adaptive(case: DerCase) -> list[Weather]:
    """All that nature decides is in u."""
    return [Weather()]


def adaptive_stochastic(case: DerCase) -> list[Weather]:
    days = case.scenarios
    return [Weather(pv=pv, weight=float(w)) for pv, w in zip(days.pv, days.weight, strict=True)]


def on_the_feeder(case: DerCase, weathers: list[Weather]) -> tuple[FirstStage, list[Recourse]]:
    first = site_by_site(case)
    return first, [bus_by_bus(case, first, weather) for weather in weathers]


def on_the_copperplate(case: DerCase, weathers: list[Weather]) -> tuple[FirstStage, list[Recourse]]:
    first = all_as_one(case)
    return first, [copperplate(case, first, weather) for weather in weathers]


def tariffs(case: DerCase) -> np.ndarray:
    """Of every parameter, where no limit of the network binds."""
    return np.tile(case.price_per_kwh, len(case.network.buses) + 1)


def sides(case: DerCase, budget: int, weathers: list[Weather], *, both: bool) -> BudgetSet:
    pv_budget = budget if weathers[0].pv is None else None
    return budget_set(case, budget, pv_budget, both_sides=both)


MODELS = pytest.mark.parametrize("model", [adaptive, adaptive_stochastic])


@MODELS
@pytest.mark.parametrize(("seed", "budget"), [(2, 0), (1, 1)])
def test_cuts_reach_the_optimum_that_enumeration_finds(
    tiny_der: Tiny, cheapest_by_enumeration: Enumeration, seed: int, budget: int, model: Callable
) -> None:
    case = tiny_der(seed)
    weathers = model(case)
    feeder, plate = on_the_feeder(case, weathers), on_the_copperplate(case, weathers)
    optimum = cheapest_by_enumeration(*feeder, sides(case, budget, weathers, both=True))

    by_bus = solve_benders(
        *feeder, sides(case, budget, weathers, both=False), tariffs(case), gap=1e-6
    )
    as_one = solve_benders(
        *plate, sides(case, budget, weathers, both=True), tariffs(case), gap=1e-6
    )

    for bounds in (by_bus, as_one):
        assert (bounds.lower, bounds.upper) == pytest.approx((optimum, optimum), rel=1e-5)


@MODELS
def test_cuts_reach_the_optimum_where_the_feeder_binds(
    tight_der: Tiny, cheapest_by_enumeration: Enumeration, model: Callable
) -> None:
    case = tight_der(1)
    weathers = model(case)
    first, recourses = on_the_feeder(case, weathers)
    both = sides(case, 1, weathers, both=True)
    optimum = cheapest_by_enumeration(first, recourses, both)

    found = solve_benders(
        first,
        recourses,
        sides(case, 1, weathers, both=False),
        np.full(len(both.mean), DEAREST),
        gap=1e-6,
    )

    assert (found.lower, found.upper) == pytest.approx((optimum, optimum), rel=1e-5)
    plate = solve_benders(*on_the_copperplate(case, weathers), both, tariffs(case), gap=1e-4)
    assert plate.upper < optimum * 0.95, "the feeder is in the way"


def test_two_deviations_at_once_are_as_bad_as_enumeration_finds(
    tight_der: Tiny, cheapest_by_enumeration: Enumeration
) -> None:
    case = tight_der(0)
    first, recourses = on_the_feeder(case, adaptive_stochastic(case))
    both = budget_set(case, 2, None, both_sides=True)

    found = solve_benders(
        first, recourses, budget_set(case, 2, None), np.full(9, DEAREST), gap=1e-6
    )

    optimum = cheapest_by_enumeration(first, recourses, both, [found.worst])
    assert (found.lower, found.upper) == pytest.approx((optimum, optimum), rel=1e-5)


def test_no_vertex_among_thousands_is_worse_than_the_proven_bound(tiny_der: Tiny) -> None:
    case = tiny_der(0)
    first, recourses = on_the_copperplate(case, [Weather()])
    found = solve_benders(first, recourses, budget_set(case, 2, 2), tariffs(case), gap=1e-6)
    operation = found.upper - first.cost @ found.x

    every = list(budget_set(case, 2, 2, both_sides=True).vertices())
    worst = max(operate(recourses, found.x, u).cost for u in every)

    assert len(every) == 3249  # 19 = 1 + 3 x 2 + 3 x 2 x 2 of each load, 9 of PV in two hours
    assert worst == pytest.approx(operation, rel=1e-6)
    assert found.upper == pytest.approx(46.864783, rel=1e-6), "extensive form of all vertices"


def test_bounds_only_get_closer_and_are_told_as_they_are_found(tiny_der: Tiny) -> None:
    case, told = tiny_der(1), list[Bracket]()
    first, recourses = on_the_copperplate(case, [Weather()])
    found = solve_benders(
        first, recourses, budget_set(case, 1, 1), tariffs(case), gap=1e-6, watch=told.append
    )
    assert [bracket.steps[-1] for bracket in told] == list(found.steps)
    assert [step.number for step in found.steps] == list(range(1, len(told) + 1))
    assert np.all(np.diff([step.lower_bound for step in found.steps]) >= 0)
    assert np.all(np.diff([step.upper_bound for step in found.steps]) <= 0)
    assert found.lower <= found.upper + 1e-9


def test_a_fate_held_in_the_master_saves_cuts(tiny_der: Tiny) -> None:
    case = tiny_der(1)
    first, recourses = on_the_copperplate(case, [Weather()])
    uncertainty = budget_set(case, 1, 1)

    def steps(known: Sequence[np.ndarray]) -> Bracket:
        return solve_benders(first, recourses, uncertainty, tariffs(case), gap=1e-6, known=known)

    alone = steps(())
    helped = steps([alone.worst])
    assert len(helped.steps) < len(alone.steps)
    assert helped.upper == pytest.approx(alone.upper, rel=1e-6)


def test_a_certain_day_needs_one_step_with_its_copy(tiny_der: Tiny) -> None:
    case = tiny_der(2)
    first, recourses = on_the_copperplate(case, [Weather()])
    none = budget_set(case, 0, 0)
    found = solve_benders(first, recourses, none, tariffs(case), gap=1e-6, known=[none.mean])
    assert len(found.steps) == 1
    assert found.upper == pytest.approx(
        solve_extensive(first, recourses, [none.mean], "plan", gap=1e-9).objective, rel=1e-6
    )


def test_prices_cut_off_by_a_small_big_m_hide_the_worst_case(tiny_der: Tiny) -> None:
    """Without any plant the worst case is that each bus deviates in its dearest hour."""
    case = tiny_der(0)
    first, recourses = on_the_feeder(case, [Weather()])
    uncertainty, nothing = budget_set(case, 1, 1), np.zeros(first.count)
    spread, price = case.deviations, case.price_per_kwh
    by_hand = (price * spread.load_mean_kw).sum() + (price * spread.load_up_kw).max(axis=1).sum()

    def bound(most: float) -> float:
        m = np.full(len(uncertainty.mean), most)
        return worst_by_big_m(recourses, nothing, uncertainty, m, gap=1e-9).bound

    assert by_hand == pytest.approx(89.07)
    assert bound(price.max()) == pytest.approx(by_hand)
    assert bound(5.0) == pytest.approx(by_hand)
    assert bound(0.30) < by_hand - 10


def test_the_printed_big_m_is_right_on_a_tiny_case_in_kw(
    tiny_der: Tiny, cheapest_by_enumeration: Enumeration
) -> None:
    """(17) is about 100 here and prices are below 1: loose, so it cuts nothing off."""
    case = tiny_der(2)
    first, recourses = on_the_copperplate(case, adaptive_stochastic(case))
    both = budget_set(case, 1, None, both_sides=True)
    found = solve_benders(first, recourses, both, tariffs(case), gap=1e-5, paper_big_m=True)
    optimum = cheapest_by_enumeration(first, recourses, both)
    assert found.upper == pytest.approx(optimum, rel=2e-5)


def test_the_printed_big_m_says_nothing_of_the_33_buses_in_time() -> None:
    case = load_der_case("der33")
    _, recourses = on_the_copperplate(case, [Weather()])
    x = np.array([14.0, 3600.0, 8.0, 1300.0])
    printed = budget_set(case, 10, 10, both_sides=True)
    most = tariffs(case)

    loose = worst_by_big_m(recourses, x, printed, None, gap=1e-3, seconds=2.0)
    sharp = worst_by_big_m(recourses, x, budget_set(case, 10, 10), most, gap=1e-3, seconds=2.0)

    assert sharp.bound < 1.05 * sharp.cost
    assert loose.bound > 20 * sharp.bound


def test_time_that_is_over_before_a_bound_is_an_error(tiny_der: Tiny) -> None:
    case = tiny_der(0)
    first, recourses = on_the_feeder(case, [Weather()])
    with pytest.raises(SolveError):
        solve_benders(
            first, recourses, budget_set(case, 1, 1), tariffs(case), gap=1e-6, seconds=0.0
        )


def test_a_cut_for_every_scenario_rises_above_the_optimum(
    tiny_der: Tiny, cheapest_by_enumeration: Enumeration
) -> None:
    """Algorithm 2 adds cuts of scenarios at different u: more than any shared u costs."""
    case = tiny_der(1)
    first, recourses = on_the_copperplate(case, adaptive_stochastic(case))
    uncertainty = budget_set(case, 1, None)
    optimum = cheapest_by_enumeration(first, recourses, uncertainty)
    assert naive_multicut_bound(first, recourses, uncertainty, rounds=8) > optimum * 1.01


def naive_multicut_bound(
    first: FirstStage, recourses: Sequence[Recourse], uncertainty: BudgetSet, rounds: int
) -> float:
    """The "lower bound" of Algorithm 2: eta_s >= cuts of scenario s, whatever u they are from."""
    every, cuts = list(uncertainty.vertices()), []
    for _ in range(rounds):
        stack = ProgramStack()
        stack.columns(first.cost, 0.0, first.upper, first.integer)
        etas = stack.columns(np.ones(len(recourses)), 0.0, np.inf)
        stack.rows([(first.matrix, 0)], -np.inf, first.bound)
        for scenario, constant, slope in cuts:
            eta = (sp.csr_matrix([[1.0]]), etas + scenario)
            stack.rows([eta, (sp.csr_matrix(-slope[None]), 0)], constant, np.inf)
        answer = solve_linear(stack.program(), "naive master", mip_rel_gap=1e-9)
        x = first.rounded(answer.x[: first.count])
        u = max(every, key=lambda u: operate(recourses, x, u).cost)
        for scenario, one in enumerate(recourses):
            cuts.append((scenario, *operate([one], x, u).cut([one], x, u)))
    return answer.report.objective


@pytest.mark.parametrize("make", ["tiny_der", "tight_der"])
def test_the_dual_of_an_operation_has_its_cost(make: str, request: pytest.FixtureRequest) -> None:
    case = request.getfixturevalue(make)(3, unserved_per_kwh=0.6, import_max_kw=150.0)
    first, (one,) = on_the_feeder(case, [Weather()])
    for x, u in random_plans(case, first, 10):
        dual, right_side = dual_of(one), one.right_side(x, u)
        value = dual.bounds_value.copy()
        value[: len(right_side)] += right_side
        program = LinearProgram(
            cost=-value,
            matrix=dual.matrix.tocsc(),
            row_lower=dual.row_lower,
            row_upper=dual.row_upper,
            col_lower=dual.lower,
            col_upper=dual.upper,
        )
        stated = -solve_linear(program, "dual").report.objective
        assert stated == pytest.approx(operate([one], x, u).cost, rel=1e-7)


@pytest.mark.parametrize("make", ["tiny_der", "tight_der"])
def test_a_cut_touches_the_cost_and_never_exceeds_it(
    make: str, request: pytest.FixtureRequest
) -> None:
    case = request.getfixturevalue(make)(3, unserved_per_kwh=0.6)
    first, recourses = on_the_feeder(case, adaptive_stochastic(case))
    plans = random_plans(case, first, 8)
    for x, u in plans:
        constant, slope = operate(recourses, x, u).cut(recourses, x, u)
        cost = operate(recourses, x, u).cost
        assert constant + slope @ x == pytest.approx(cost)
        for other, _ in plans:
            assert constant + slope @ other <= operate(recourses, other, u).cost + 1e-7
        step = 1e-4 * np.arange(1, first.count + 1)
        ahead, behind = (operate(recourses, x + s * step, u).cost for s in (1, -1))
        assert ahead - cost >= slope @ step - 1e-8
        assert cost - behind <= slope @ step + 1e-8
        assert (ahead - behind) / 2 == pytest.approx(slope @ step, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("make", ["tiny_der", "tight_der"])
def test_more_demand_or_less_pv_never_makes_operation_cheaper(
    make: str, request: pytest.FixtureRequest
) -> None:
    case = request.getfixturevalue(make)(4)
    first, recourses = on_the_feeder(case, [Weather()])
    loads = case.deviations.load_mean_kw.size
    for x, u in random_plans(case, first, 15):
        slope = operate(recourses, x, u).slope(recourses, x)
        assert slope[:loads].min() >= -1e-9
        assert slope[loads:].max() <= 1e-9


def random_plans(
    case: DerCase, first: FirstStage, count: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(7)
    spread, plans = case.deviations, []
    mean = np.concatenate([spread.load_mean_kw.ravel(), spread.pv_mean])
    for _ in range(count):
        x = np.ones(first.count)
        x[first.pv_kw] = rng.uniform(5, 300, len(first.pv_kw))
        x[first.battery_kwh] = rng.uniform(5, 200, len(first.battery_kwh))
        plans.append((x, mean * rng.uniform(0.7, 1.3, len(mean))))
    return plans
