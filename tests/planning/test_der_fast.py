"""The fast method against reference optima, theory, and operation on the feeder itself.

Reference optima (EUR/day) are of an independent prototype on the same synthetic year, seed 1.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from roadvolt.core.units import frozen
from roadvolt.planning.der.case import DerCase
from roadvolt.planning.der.choices import DerModel
from roadvolt.planning.der.dualised import solve_dualised
from roadvolt.planning.der.first_stage import site_by_site
from roadvolt.planning.der.models import perfect_information, stated, wait_and_see
from roadvolt.planning.der.operation import Weather, bus_by_bus
from roadvolt.planning.der.placement import place
from roadvolt.planning.der.prices import PriceBounds
from roadvolt.planning.der.recourse import operate
from roadvolt.planning.der.separation import relaxed_bound
from roadvolt.planning.der.solution import Certificate, DerSolution
from roadvolt.planning.der.solve import adversarial, solve_der
from roadvolt.sims.derfile import load_der_case

ARO, ARSO = DerModel.ADAPTIVE, DerModel.ADAPTIVE_STOCHASTIC
OPTIMA = {
    (DerModel.DETERMINISTIC, 0): 2701.947,
    (DerModel.STOCHASTIC, 0): 2908.874,
    (DerModel.SINGLE_STAGE, 0): 3707.834,
    (ARO, 0): 2701.947,
    (ARO, 20): 3701.402,
    (ARO, 24): 3707.834,
    (ARSO, 0): 2865.306,
    (ARSO, 10): 3263.890,
    (ARSO, 20): 3361.141,
    (ARSO, 24): 3381.244,
}


@pytest.fixture(scope="module")
def der33() -> DerCase:
    return load_der_case("der33")


@pytest.fixture(scope="module")
def solved(der33: DerCase) -> dict[tuple[DerModel, int], DerSolution]:
    return {
        (model, budget): solve_der(der33, model, load_budget=budget) for model, budget in OPTIMA
    }


@pytest.mark.parametrize(("model", "budget"), OPTIMA)
def test_the_reference_optimum_lies_between_the_bounds(
    solved: dict[tuple[DerModel, int], DerSolution], model: DerModel, budget: int
) -> None:
    found, reference = solved[model, budget], OPTIMA[model, budget]
    assert found.gap <= 1e-3
    assert found.lower_bound - 2e-3 <= reference <= found.objective + 2e-3
    assert found.certificate is Certificate.NETWORK
    assert found.investment + found.operation == pytest.approx(found.objective)


def test_more_budget_is_never_cheaper_and_robust_never_cheaper_than_scenarios(
    solved: dict[tuple[DerModel, int], DerSolution],
) -> None:
    for model in (ARO, ARSO):
        budgets = [budget for one, budget in OPTIMA if one is model]
        for less, more in itertools.pairwise(budgets):
            assert solved[model, less].lower_bound <= solved[model, more].objective
    assert solved[ARO, 20].objective >= solved[ARSO, 20].lower_bound
    whole = solved[ARO, 24]
    assert whole.objective == pytest.approx(solved[DerModel.SINGLE_STAGE, 0].objective, rel=1e-6)
    none = solved[ARO, 0]
    assert none.objective == pytest.approx(solved[DerModel.DETERMINISTIC, 0].objective, rel=1e-6)


def test_the_feeder_operates_a_placed_plan_at_the_cost_of_the_copperplate(
    der33: DerCase, solved: dict[tuple[DerModel, int], DerSolution]
) -> None:
    # (5) bus by bus with every limit, in fates at random and in the worst one known.
    found, rng = solved[ARO, 20], np.random.default_rng(5)
    problem, first = adversarial(der33, ARO, 20, 20), site_by_site(der33)
    feeder = [bus_by_bus(der33, first, Weather())]
    x, whole = found.plan.columns(der33, first), found.plan.columns(der33, problem.first)
    fates = [problem.guess(rng.uniform(0, 1, 24)) for _ in range(4)]
    assert found.worst is not None
    for u in (found.worst, *fates):
        on_feeder, on_plate = operate(feeder, x, u), operate(problem.recourses, whole, u)
        assert on_feeder.cost == pytest.approx(on_plate.cost, rel=1e-9)


def test_no_fate_at_random_costs_more_than_the_objective(
    der33: DerCase, solved: dict[tuple[DerModel, int], DerSolution]
) -> None:
    rng = np.random.default_rng(3)
    for budget in (10, 20):
        found, problem = solved[ARSO, budget], adversarial(der33, ARSO, budget, budget)
        x = found.plan.columns(der33, problem.first)
        for _ in range(5):
            u = problem.uncertainty.worst(rng.normal(1.0, 1.0, len(problem.uncertainty.mean)))
            cost = problem.investment(x) + operate(problem.recourses, x, u).cost
            assert cost <= found.objective + 1e-6


def test_bounds_of_one_plan_stand_in_order(der33: DerCase) -> None:
    problem = adversarial(der33, ARO, 20, 20)
    x = np.array([16.0, 3900.0, 4.0, 600.0])
    climbed = problem.climbed(x, [problem.guess()])
    proven = problem.proven(x, 1e-4, np.inf)
    assert max(climbed.cost, proven.cost) <= proven.bound + 1e-6
    assert proven.bound <= problem.relaxed(x) + 1e-6
    assert proven.bound - proven.cost <= 2e-4 * proven.bound


def test_the_dualised_program_is_the_relaxed_worst_case_of_its_own_plan(der33: DerCase) -> None:
    for model in (ARO, ARSO):
        problem = adversarial(der33, model, 10, 10)
        found = solve_dualised(
            der33, problem.first, problem.recourses, problem.uncertainty, gap=1e-7
        )
        huge = np.array([0.0, found.x[1], 1e6, 1e6])
        # Prices anywhere between 0 and the tariff: what the dualised program knows of them.
        loose = [
            PriceBounds(lower=np.minimum(ends, 0), upper=np.maximum(ends, 0))
            for ends in (part.lower + part.upper for part in problem.price_bounds(huge))
        ]
        bound = relaxed_bound(problem.recourses, found.x, problem.uncertainty, loose)
        assert found.bound == pytest.approx(problem.investment(found.x) + bound, rel=1e-6)


def test_knowing_the_days_is_worth_something(der33: DerCase) -> None:
    _, in_a_row = perfect_information(der33).solve(der33, 1e-5)
    assert in_a_row.objective / 9 == pytest.approx(2952.27, abs=0.3)
    assert in_a_row.x == pytest.approx([12, 2941, 7, 1027], abs=2)
    assert wait_and_see(der33) == pytest.approx(2848.6, abs=0.1)


def test_a_feeder_too_narrow_for_the_plan_gives_no_placement(der33: DerCase) -> None:
    narrow = replace(der33, s_max_kva=frozen(0.12 * der33.s_max_kva))
    model = stated(narrow, DerModel.SINGLE_STAGE)
    whole, best = model.solve(narrow, 1e-6)
    assert place(narrow, whole, best.x, model.extent) is None


def test_where_the_feeder_is_in_the_way_it_is_planned_bus_by_bus() -> None:
    tight = load_der_case("der33-tight")
    found = solve_der(tight, DerModel.SINGLE_STAGE)
    assert found.certificate is Certificate.NODAL
    assert found.gap <= 1e-3
    first, spread = site_by_site(tight), tight.deviations
    worst = np.concatenate(
        [(spread.load_mean_kw + spread.load_up_kw).ravel(), spread.pv_mean - spread.pv_down]
    )
    cost = operate([bus_by_bus(tight, first, Weather())], found.plan.columns(tight, first), worst)
    assert found.investment + cost.cost == pytest.approx(found.objective, rel=1e-6)
