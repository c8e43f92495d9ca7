"""The compact forms of operation and plan against the paper's equations as they stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from roadvolt.core.errors import InfeasibleError
from roadvolt.core.units import frozen
from roadvolt.planning.der.case import DerCase
from roadvolt.planning.der.extensive import Master, solve_extensive
from roadvolt.planning.der.first_stage import all_as_one, site_by_site
from roadvolt.planning.der.operation import Weather, bus_by_bus, copperplate
from roadvolt.planning.der.recourse import Recourse, operate
from roadvolt.planning.der.statement import stated_deterministic, stated_stochastic
from roadvolt.sims.derfile import load_der_case

Tiny = Callable[..., DerCase]


def plan_of(case: DerCase, weathers: list[Weather]) -> Master:
    first = site_by_site(case)
    recourses = [bus_by_bus(case, first, weather) for weather in weathers]
    return solve_extensive(first, recourses, [mean_of(case)], "plan", gap=1e-9)


def mean_of(case: DerCase) -> np.ndarray:
    return np.concatenate([case.deviations.load_mean_kw.ravel(), case.deviations.pv_mean])


def expected_days(case: DerCase) -> list[Weather]:
    days = case.scenarios
    rows = zip(days.pv, days.load_kw, days.weight, strict=True)
    return [Weather(pv=pv, load_kw=load, weight=float(weight)) for pv, load, weight in rows]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("tight", [False, True])
def test_a_plan_for_one_day_costs_what_the_papers_equations_say(
    tiny_der: Tiny, tight_der: Tiny, seed: int, tight: bool
) -> None:
    case = tight_der(seed) if tight else tiny_der(seed)
    spread = case.deviations

    found = plan_of(case, [Weather()])

    stated = stated_deterministic(case, spread.pv_mean, spread.load_mean_kw)
    assert found.objective == pytest.approx(stated, rel=1e-6)
    free = plan_of(tiny_der(seed), [Weather()]).objective
    assert (found.objective > free * 1.001) == tight, "the tight feeder is in the way, if any"


@pytest.mark.parametrize("tight", [False, True])
def test_a_plan_for_scenarios_costs_what_the_papers_equations_say(
    tiny_der: Tiny, tight_der: Tiny, tight: bool
) -> None:
    case = tight_der(3) if tight else tiny_der(3)

    found = plan_of(case, expected_days(case))

    assert found.objective == pytest.approx(stated_stochastic(case), rel=1e-6)


def test_load_that_may_stay_unserved_costs_what_the_papers_equations_say(tiny_der: Tiny) -> None:
    case = tiny_der(1, unserved_per_kwh=0.2, import_max_kw=90.0)
    spread = case.deviations

    found = plan_of(case, [Weather()])

    stated = stated_deterministic(case, spread.pv_mean, spread.load_mean_kw)
    assert found.objective == pytest.approx(stated, rel=1e-6)
    served = tiny_der(1, import_max_kw=90.0)
    assert found.objective < plan_of(served, [Weather()]).objective - 0.1


def test_a_feeder_that_cannot_carry_its_load_is_infeasible_in_both(tiny_der: Tiny) -> None:
    case = replace(tiny_der(0), s_max_kva=frozen([10.0, 10.0]))
    spread = case.deviations
    with pytest.raises(InfeasibleError):
        plan_of(case, [Weather()])
    with pytest.raises(InfeasibleError):
        stated_deterministic(case, spread.pv_mean, spread.load_mean_kw)


@pytest.mark.parametrize("seed", [0, 4])
def test_the_binary_that_forbids_charging_while_discharging_changes_nothing(
    tight_der: Tiny, seed: int
) -> None:
    case = tight_der(seed)
    spread = case.deviations
    with_switch = stated_deterministic(case, spread.pv_mean, spread.load_mean_kw, switch=True)
    without = stated_deterministic(case, spread.pv_mean, spread.load_mean_kw)
    assert with_switch == pytest.approx(without, rel=1e-6)


def test_no_battery_charges_while_it_discharges(tiny_der: Tiny) -> None:
    case = tiny_der(2)
    first = site_by_site(case)
    one = bus_by_bus(case, first, Weather())
    rng = np.random.default_rng(5)
    most = 0.0
    for _ in range(20):
        x = np.array([1, 1, *rng.uniform(5, 200, 2), 1, 1, *rng.uniform(5, 200, 2)])
        u = mean_of(case) * rng.uniform(0.7, 1.3, 9)
        charge, discharge = charge_and_discharge(one, operate([one], x, u).y[0])
        most = max(most, np.minimum(charge, discharge).max())
        assert discharge.max() > 1.0, "batteries are of use here"
    assert most <= 1e-7


def charge_and_discharge(one: Recourse, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of 2 batteries and 3 hours: columns after those of 2 x 3 PV."""
    assert set(one.cost[12:18]) == {0.002}, "the columns of discharge are where they are read"
    return y[6:12], y[12:18]


def test_half_a_site_can_only_make_a_plan_cheaper(tiny_der: Tiny) -> None:
    case = tiny_der(0, size_min=120.0, pv_site=4.0)
    spread = case.deviations
    relaxed = stated_deterministic(case, spread.pv_mean, spread.load_mean_kw, relaxed=True)
    assert relaxed < stated_deterministic(case, spread.pv_mean, spread.load_mean_kw) - 0.01


def test_without_an_end_of_day_charge_batteries_are_sold_empty(tiny_der: Tiny) -> None:
    case, gift = tiny_der(0), tiny_der(0, terminal_soc=False)
    honest, sold = plan_of(case, [Weather()]), plan_of(gift, [Weather()])
    kwh = site_by_site(case).battery_kwh
    assert sold.x[kwh].sum() > honest.x[kwh].sum()
    assert sold.objective < honest.objective


def test_on_33_buses_the_charge_that_is_given_away_fills_every_site_with_batteries() -> None:
    """423 kWh if a day must end as it began; else as many as the rules allow, 25 of 250 kWh."""
    honest = load_der_case("der33")
    gift = replace(honest, rules=replace(honest.rules, terminal_soc=False))
    plans = [plate_plan_of(case) for case in (honest, gift)]
    kwh = all_as_one(honest).battery_kwh
    assert plans[0].objective == pytest.approx(2701.947, rel=1e-6)
    assert [plan.x[kwh].sum() for plan in plans] == pytest.approx([423.0, 6250.0], abs=1.0)
    assert plans[1].objective < plans[0].objective * 0.98


def plate_plan_of(case: DerCase) -> Master:
    first = all_as_one(case)
    recourse = copperplate(case, first, Weather())
    return solve_extensive(first, [recourse], [mean_of(case)], "plan", gap=1e-9)


def test_a_copperplate_costs_what_a_feeder_without_binding_limits_costs(tiny_der: Tiny) -> None:
    case = tiny_der(1)

    found = plate_plan_of(case)

    spread = case.deviations
    stated = stated_deterministic(case, spread.pv_mean, spread.load_mean_kw)
    assert found.objective == pytest.approx(stated, rel=1e-6)


def test_one_bus_and_one_hour_as_by_hand(tiny_der: Tiny) -> None:
    """Load 100, 20 more if demand deviates; PV 0.8, 0.3 less; PV pays from the first kWh."""
    assert one_hour_plan(tiny_der, load_kw=100.0, pv=0.8) == pytest.approx((7.25, 125.0))
    assert one_hour_plan(tiny_der, load_kw=120.0, pv=0.5) == pytest.approx((13.0, 240.0))


def one_hour_plan(tiny_der: Tiny, load_kw: float, pv: float) -> tuple[float, float]:
    """Cost: 1 for the site, 0.05 for each of load / pv kW."""
    case = replace(
        tiny_der(0, pv_per_kw=0.05, pv_site=1.0, pv_per_kwh_used=0.0, battery_per_kwh=9.0,
                 battery_site=9.0, size_min=0.0, size_max=1000.0),
        price_per_kwh=frozen([0.2, 0.2, 0.2]),
    )  # fmt: skip
    load = np.array([[load_kw, 0.0, 0.0], [0.0, 0.0, 0.0]])
    profile = np.array([pv, 0.0, 0.0])
    first = site_by_site(case)
    one = bus_by_bus(case, first, Weather(pv=profile, load_kw=load))
    found = solve_extensive(first, [one], [mean_of(case)], "plan", gap=1e-9)
    assert found.objective == pytest.approx(stated_deterministic(case, profile, load), rel=1e-6)
    return found.objective, found.x[first.pv_kw].sum()
