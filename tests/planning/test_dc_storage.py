"""Plans of ports and storage: every lattice point tried, the whole as one program, exact flows."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from roadvolt.core.errors import InfeasibleError
from roadvolt.core.units import FloatArray, frozen
from roadvolt.planning.dc_storage.case import DcStorageCase
from roadvolt.planning.dc_storage.decomposition import Found, Search
from roadvolt.planning.dc_storage.first_stage import plan_of
from roadvolt.planning.dc_storage.limits import nominal_limits
from roadvolt.planning.dc_storage.monolithic import solve_monolithic
from roadvolt.planning.dc_storage.operated import operate
from roadvolt.planning.dc_storage.operation import Day
from roadvolt.planning.dc_storage.parts import standing
from roadvolt.planning.dc_storage.problem import Problem
from roadvolt.planning.dc_storage.recourse import Recourse, answer
from roadvolt.planning.dc_storage.relaxation import relax
from roadvolt.planning.dc_storage.solution import Cut, DcSolution, Step
from roadvolt.planning.dc_storage.solve import solve_dc_storage
from roadvolt.planning.der.mapper import IN_TURN
from roadvolt.planning.fdn.risks import wilson

TinyDc = Callable[..., DcStorageCase]
MONEY = 1e4
# Of plans and of programs without margins; whole numbers within 0 to 4, 0 to 4, 0 to 2.
CASES: dict[str, dict[str, Any]] = {
    "profitable": {},
    "undervoltage forces a port": {"load": 1.35, "modules": {"converter_price": 4e4}},
    "return binds": {"return_min": 0.38},
    "return out of reach": {"return_min": 1.5},
    "evenness": {"evenness_price": 2000.0},
    "dear converters": {"modules": {"converter_price": 4e5}},
}


# Converters dear enough that voltages are kept just so.
BINDING: dict[str, Any] = {"load": 1.4, "modules": {"converter_price": 4e4}}


def problem_of(case: DcStorageCase) -> Problem:
    """Under the grid's own limits."""
    limits = nominal_limits(case)
    days = range(len(case.scenarios.names))
    return Problem.of(
        [Day(case=case, scenario=k, limits=limits, imports=False, money=MONEY) for k in days]
    )


def search(problem: Problem, gap: float = 1e-3) -> Found:
    relaxation = relax(problem)
    assert relaxation is not None
    return Search(problem, relaxation, IN_TURN, lambda step: None, 0.0).run(gap, np.inf)


@dataclass(frozen=True)
class Tried:
    """What a plan earns, and whether it may be built."""

    profit: float
    returns: bool


def lattice(problem: Problem) -> list[FloatArray]:
    sides = (range(int(most) + 1) for most in problem.first.most)
    return [np.array(point, float) for point in itertools.product(*sides)]


def tried(problem: Problem, modules: FloatArray) -> Tried:
    """By the operation of just what stands, without any cut."""
    case = problem.days[0].case
    plan = plan_of(case, modules)
    kept = modules[np.concatenate([plan.converter_modules > 0, [True]])]
    days = [operate(replace(day, case=standing(case, plan)), kept) for day in problem.days]
    costs = [np.inf if day is None else day.cost for day in days]
    income = problem.before - sum(costs)
    return Tried(
        profit=income - problem.first.yearly(modules) / MONEY,
        returns=income >= problem.first.wanted(modules) / MONEY - 1e-9,
    )


@pytest.fixture(scope="module")
def brute_force(tiny_dc: TinyDc) -> Callable[[str], tuple[Problem, dict[tuple[float, ...], Tried]]]:
    @lru_cache
    def by_name(name: str) -> tuple[Problem, dict[tuple[float, ...], Tried]]:
        problem = problem_of(tiny_dc(**CASES[name]))
        return problem, {tuple(point): tried(problem, point) for point in lattice(problem)}

    return by_name


@pytest.mark.parametrize("name", CASES)
def test_decomposition_monolith_and_every_point_tried_agree(brute_force: Any, name: str) -> None:
    problem, points = brute_force(name)
    best = max(one.profit for one in points.values() if one.returns)
    found = search(problem)
    assert found.profit == pytest.approx(best, abs=2e-3 * max(best, 1e-3))
    assert points[tuple(np.abs(found.modules))].returns
    assert found.bound >= best - 1e-6
    assert found.bound - best <= 1e-3 * best + 1e-6
    judged = solve_monolithic(problem, gap=1e-6)
    assert judged.profit == pytest.approx(best, abs=1e-4)
    assert judged.bound >= best - 1e-6


def test_infeasible_plans_are_cut_off_and_no_feasible_one_is(brute_force: Any) -> None:
    problem, points = brute_force("undervoltage forces a port")
    assert not problem.empty_allowed
    found = search(problem)
    assert any(step.cut is Cut.FEASIBILITY for step in found.steps)
    bad = [point for point, one in points.items() if one.profit == -np.inf]
    good = [point for point in points if point not in bad]
    assert bad
    assert good
    for point in bad[1:]:
        for recourse in problem.recourses:
            said = answer(recourse, np.array(point))
            if said.feasible:
                continue
            bounds = said.bounds
            for other in good:
                # With the batteries at rest the hours' bounds must leave room for what they can do.
                power = np.abs(bounds.by_power).sum(axis=1) * 0.1 * other[-1]
                value = bounds.constant + bounds.by_modules @ np.array(other)
                assert (value <= power + 1e-7 * np.abs(bounds.constant).max()).all()


def test_cuts_bound_every_point_from_below_and_touch_their_own(brute_force: Any) -> None:
    problem, _ = brute_force("profitable")
    for recourse, day in zip(problem.recourses, problem.days, strict=True):
        for modules in (np.array([1.0, 3.0, 1.0]), np.array([0.0, 2.0, 0.0])):
            said = answer(recourse, modules)
            for other in lattice(problem)[::7]:
                cost, power, loss = _operated(recourse, other)
                assert _bound(said, recourse, other, power, loss) <= cost + 1e-6
            cost, power, loss = _operated(recourse, modules)
            assert _bound(said, recourse, modules, power, loss) == pytest.approx(cost, abs=1e-3)
            assert said.cost == pytest.approx(cost, abs=1e-3)
        assert day.scenario == recourse.day.scenario


def _operated(recourse: Recourse, modules: FloatArray) -> tuple[float, FloatArray, float]:
    """Cost, batteries' power and what their losses cost, just what stands operated."""
    day, plan = recourse.day, plan_of(recourse.day.case, modules)
    kept = modules[np.concatenate([plan.converter_modules > 0, [True]])]
    solved = operate(replace(day, case=standing(day.case, plan)), kept)
    assert solved is not None
    store, cost = solved.program.columns.store, solved.program.program.linear.cost
    return (
        solved.cost,
        solved.x[store.power],
        float(cost[store.loss[0, 0]] * solved.x[store.loss].sum()),
    )


def _bound(
    said: Any, recourse: Recourse, modules: FloatArray, power: FloatArray, loss: float
) -> float:
    bounds = said.bounds
    hours = bounds.constant + bounds.by_modules @ modules + (bounds.by_power * power).sum(axis=1)
    return float(hours.sum() + loss)


def test_a_larger_least_return_only_lowers_profit(tiny_dc: TinyDc) -> None:
    asked = (0.0, 0.25, 0.36, 0.38, 0.45, 1.5)
    found = [search(problem_of(tiny_dc(return_min=xi))) for xi in asked]
    profits = [one.profit for one in found]
    assert (np.diff(profits) <= 1e-3 * profits[0]).all()
    assert profits[0] == pytest.approx(profits[1], rel=1e-3)
    assert not found[0].return_binding
    assert profits[4] < 0.99 * profits[0]
    assert found[4].return_binding
    assert profits[-1] == 0


def test_nothing_is_built_where_everything_is_too_dear(tiny_dc: TinyDc) -> None:
    dear = {"converter_price": 1e7, "battery_price": 1e7}
    found = solve_dc_storage(tiny_dc(modules=dear, v_min_pu=0.9), samples=64)
    assert not found.plan.converter_modules.any()
    assert not found.plan.battery_modules.any()
    assert found.objective == found.gap == 0
    assert found.money.return_rate is None
    assert found.money.income == pytest.approx(0, abs=1)


def test_limits_that_nothing_can_keep_are_named(tiny_dc: TinyDc) -> None:
    with pytest.raises(InfeasibleError, match="lowest voltage of bus a2 in high, sunny, hour 3"):
        solve_dc_storage(tiny_dc(load=2.5), samples=64)


@pytest.fixture(scope="module")
def solved(tiny_dc: TinyDc) -> tuple[DcStorageCase, DcSolution, list[Step]]:
    case, steps = tiny_dc(**BINDING), list[Step]()
    return case, solve_dc_storage(case, samples=512, watch=steps.append), steps


def test_money_is_that_of_the_operation_shown(solved: Any) -> None:
    case, found, steps = solved
    days, rules = case.days_per_year * case.hours, case.rules
    for shown, electricity, carbon in (
        (found.operated, found.money.electricity, found.money.carbon),
        (found.before, found.money.electricity_before, found.money.carbon_before),
    ):
        bought = np.array([day.import_kw for day in shown])
        used = np.array([day.res_p_kw.sum(axis=1) for day in shown])
        assert electricity == pytest.approx(days @ (bought * case.scenarios.price_per_kwh).sum(1))
        kg = rules.carbon_grid_kg_per_kwh * bought + rules.carbon_res_kg_per_kwh * used
        assert carbon == pytest.approx(rules.carbon_price_per_kg * (days @ kg.sum(1)))
    assert found.objective == pytest.approx(found.money.profit - found.penalties)
    assert _penalties(case, found.operated) - _penalties(case, found.before) == pytest.approx(
        found.penalties, abs=1e-4 * abs(found.money.profit)
    )
    assert steps[-1].number == len(steps) == len(found.steps)
    assert steps[-1].upper_bound >= found.objective


def _penalties(case: DcStorageCase, shown: Any) -> float:
    """Hand formula: mu times losses, and the mean of sum I^2 / I_max^2 at its price."""
    rules, total = case.rules, 0.0
    i_max = np.sqrt(3) * 10 * rules.i_max_a / 1e3
    for days, weight, day in zip(case.days_per_year, case.scenarios.weight, shown, strict=True):
        lost = day.port_loss_kw.sum() + day.battery_loss_kw.sum()
        total += days * case.hours * rules.loss_penalty_per_kwh * lost
        even = ((day.i_pu / i_max) ** 2).sum(axis=1).mean()
        total += rules.evenness_price * weight * even
    return float(total)


def test_links_balance_and_batteries_return_to_where_they_began(solved: Any) -> None:
    case, found, _ = solved
    rules = case.modules
    kwh = found.plan.battery_modules * rules.battery_kwh
    kva = found.plan.converter_modules * rules.converter_kva
    assert kwh.any()
    for day in found.operated:
        given = (day.port_p_kw + day.port_loss_kw).sum(axis=1)
        np.testing.assert_allclose(given, day.battery_p_kw[:, 0], atol=1e-3)
        np.testing.assert_allclose(day.dc_current_a.sum(axis=1) * 20, given, atol=1e-3)
        before = np.roll(day.battery_kwh, 1, axis=0)
        out = case.hours * (day.battery_p_kw + day.battery_loss_kw)
        np.testing.assert_allclose(day.battery_kwh, before - out, atol=1e-2)
        assert (day.battery_kwh <= rules.soc_max * kwh + 1e-3).all()
        assert (day.battery_kwh >= rules.soc_min * kwh - 1e-3).all()
        size = np.hypot(day.port_p_kw, day.port_q_kvar)
        assert (size <= kva + 1e-3).all()
        np.testing.assert_allclose(day.port_loss_kw, rules.converter_loss * size, atol=0.05)


def test_states_are_those_of_power_grid_model(solved: Any) -> None:
    case, found, _ = solved
    assert found.relaxation_deviation < 1e-5
    assert found.ac_deviation < 1e-5
    for scenario, day in enumerate(found.operated):
        exact = _newton(case, scenario, day)
        np.testing.assert_allclose(day.v_pu, exact, atol=1e-5)


def _newton(case: DcStorageCase, scenario: int, day: Any) -> FloatArray:
    """Voltages [time, bus] of another program, from the operation shown."""
    pgm = pytest.importorskip("power_grid_model")
    network, days = case.network, case.scenarios
    count = len(network.buses)
    node = pgm.initialize_array("input", "node", count + 1)
    node["id"], node["u_rated"] = np.arange(count + 1), network.vn_kv * 1e3
    line = pgm.initialize_array("input", "line", count)
    line["id"] = 100 + np.arange(count)
    line["from_node"] = np.where(network.parent < 0, count, network.parent)
    line["to_node"] = np.arange(count)
    line["from_status"] = line["to_status"] = 1
    line["r1"], line["x1"], line["c1"], line["tan1"] = network.r_ohm, network.x_ohm, 0.0, 0.0
    source = pgm.initialize_array("input", "source", 1)
    source["id"], source["node"], source["status"], source["u_ref"] = 200, count, 1, 1.0
    source["sk"] = 1e20
    load = pgm.initialize_array("input", "sym_load", count)
    load["id"], load["node"] = 300 + np.arange(count), np.arange(count)
    load["status"], load["type"] = 1, 0
    p, q = days.load_p_kw[scenario].copy(), days.load_q_kvar[scenario].copy()
    for k, bus in enumerate(days.res_buses):
        p[:, bus] -= day.res_p_kw[:, k]
    for k, bus in enumerate(case.links.port_buses):
        p[:, bus] -= day.port_p_kw[:, k]
        q[:, bus] -= day.port_q_kvar[:, k]
    found = []
    for hour in range(len(p)):
        load["p_specified"], load["q_specified"] = p[hour] * 1e3, q[hour] * 1e3
        model = pgm.PowerGridModel({"node": node, "line": line, "source": source, "sym_load": load})
        found.append(model.calculate_power_flow(error_tolerance=1e-12)["node"]["u_pu"][:count])
    return np.array(found)


def test_the_relaxation_stays_exact_where_voltages_are_too_high(tiny_dc: TinyDc) -> None:
    case = tiny_dc(load=0.3, v_min_pu=0.9, v_max_pu=1.02)
    sunny = replace(case.scenarios, res_kw=frozen(4 * case.scenarios.res_kw))
    found = solve_dc_storage(replace(case, scenarios=sunny), samples=64)
    curtailed = sunny.res_kw - np.array([day.res_p_kw for day in found.operated])
    assert curtailed.max() > 100
    assert max(float(day.v_pu.max()) for day in found.before) > 1.01
    assert found.relaxation_deviation < 1e-5
    assert found.ac_deviation < 1e-5


def test_answers_do_not_depend_on_where_days_are_solved(tiny_dc: TinyDc) -> None:
    case = tiny_dc()
    one, other = (
        solve_dc_storage(case, samples=64, mapper=mapper) for mapper in (IN_TURN, _Elsewhere())
    )
    assert one.objective == other.objective
    assert one.bound == other.bound
    assert (one.operated[0].v_pu == other.operated[0].v_pu).all()


class _Elsewhere:
    """Tasks that come back from another process: copies of everything."""

    def share(self, value: Any) -> Any:
        return pickle.loads(pickle.dumps(value))

    def map(self, function: Any, tasks: Any) -> Any:
        copied = pickle.loads(pickle.dumps((function, list(tasks))))
        return [copied[0](*task) for task in copied[1]]


def test_limits_are_violated_as_rarely_as_allowed(solved: Any, tiny_dc: TinyDc) -> None:
    case, found, _ = solved
    least, _ = wilson(found.chance.worst, found.chance.samples, 0.9999)
    assert least <= 1 - case.rules.confidence
    assert found.chance.worst > 0.005  # the limit binds: without margins half would be violated
    lowest = min(float(day.v_pu.min()) for day in found.operated)
    assert lowest > case.rules.v_min_pu + 1e-3
    surer = solve_dc_storage(tiny_dc(**BINDING, confidence=0.99), samples=512)
    assert surer.chance.worst < found.chance.worst
    assert surer.objective <= found.objective * (1 + 1e-3)


def test_no_forecast_errors_need_no_margins(tiny_dc: TinyDc) -> None:
    case = tiny_dc(load=1.3, load_error=0.0, res_error=0.0)
    found = solve_dc_storage(case, samples=8)
    assert found.chance.worst == 0
    plain = search(problem_of(case))
    assert found.objective == pytest.approx(plain.profit * MONEY, rel=2e-3)


def test_dearer_carbon_is_emitted_less(tiny_dc: TinyDc) -> None:
    prices = (0.0, 0.1, 0.4)
    found = [
        solve_dc_storage(tiny_dc(load=1.25, carbon_price_per_kg=price), samples=64, gap=1e-4)
        for price in prices
    ]
    kg = [
        one.money.carbon / price if price else np.inf
        for one, price in zip(found, prices, strict=True)
    ]
    assert kg[2] <= kg[1] * (1 + 1e-6)


def test_order_of_ports_and_scenarios_changes_nothing(tiny_dc: TinyDc) -> None:
    case = tiny_dc(load=1.25)
    links, days = case.links, case.scenarios
    turned = replace(
        case,
        links=replace(links, port_buses=frozen(links.port_buses[::-1], np.int64)),
        scenarios=replace(
            days,
            names=days.names[::-1],
            weight=frozen(days.weight[::-1]),
            load_p_kw=frozen(days.load_p_kw[::-1]),
            load_q_kvar=frozen(days.load_q_kvar[::-1]),
            res_kw=frozen(days.res_kw[::-1]),
        ),
    )
    one, other = (solve_dc_storage(each, samples=64, gap=1e-4) for each in (case, turned))
    assert one.objective == pytest.approx(other.objective, rel=2e-4)
    assert (one.plan.converter_modules == other.plan.converter_modules[::-1]).all()


def test_limits_of_imports_join_all_feeders(tiny_dc: TinyDc) -> None:
    case = _with_third_feeder(tiny_dc(load=1.1))
    free = solve_dc_storage(case, samples=64)
    most = max(float(day.import_kw.max()) for day in free.operated)
    loose = replace(case, rules=replace(case.rules, import_max_kw=most + 1))
    assert solve_dc_storage(loose, samples=64).objective == pytest.approx(free.objective)
    tight = replace(case, rules=replace(case.rules, import_max_kw=most - 100))
    joined = solve_dc_storage(tight, samples=64)
    assert max(float(day.import_kw.max()) for day in joined.operated) <= most - 100 + 1e-3


def _with_third_feeder(case: DcStorageCase) -> DcStorageCase:
    """One more feeder, of a bus without a port."""
    network, days = case.network, case.scenarios
    extra: dict[str, Any] = {
        name: frozen(np.append(getattr(network, name), 1.0))
        for name in ("r_ohm", "x_ohm", "length_km", "load_p_kw", "load_q_kvar", "x_km", "y_km")
    }
    third = replace(
        network, buses=(*network.buses, "c1"), zones=(*network.zones, "C"),
        heads={**network.heads, "C": "c0"}, parent=frozen([*network.parent, -1], np.int64),
        **extra,
    )  # fmt: skip
    loads = {
        name: frozen(np.concatenate([getattr(days, name), 0.1 * getattr(days, name)[..., :1]], 2))
        for name in ("load_p_kw", "load_q_kvar")
    }
    return replace(case, network=third, scenarios=replace(days, **loads))
