"""Recourse against the cone program of a single sample, and against the laws of converters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from roadvolt.core.devices import converter
from roadvolt.core.linear_rows import LinearRows
from roadvolt.core.mixed_cone_program import Relaxed, solve_relaxed
from roadvolt.core.units import FloatArray
from roadvolt.planning.fdn.case import FdnCase, SopSign
from roadvolt.planning.fdn.draws import FactorDraws, draw_factors
from roadvolt.planning.fdn.plan import Plan, Storage
from roadvolt.planning.fdn.propagation import net_load
from roadvolt.planning.fdn.recourse import Recourse, redispatch
from roadvolt.planning.fdn.recourse_balance import balance
from roadvolt.planning.fdn.recourse_devices import Connected, connect
from roadvolt.planning.fdn.recourse_limits import (
    CURRENT_PRICE,
    merit,
    violating,
    voltage_price_pu,
)
from roadvolt.planning.fdn.recourse_model import LossModel, Point, Samples
from roadvolt.planning.fdn.recourse_splitting import Band, Discs, Triangle
from roadvolt.planning.fdn.recourse_statement import RecourseStatement, StatedDispatch
from roadvolt.planning.mixed_builder import MixedBuilder
from roadvolt.planning.power_flow import Flow, network_loss_kw
from roadvolt.uncertainty.seeds import generator

SAMPLES = 600
STAGES_WITH_SOPS = (1, 2, 3)


@pytest.fixture(scope="module")
def draws(tpc84: FdnCase) -> FactorDraws:
    return draw_factors(tpc84, 7, SAMPLES)


class Stage:
    """A stage of a plan in all samples, with both dispatches."""

    def __init__(self, case: FdnCase, plan: Plan, stage: int, draws: FactorDraws) -> None:
        grid = connect(case, plan, stage)
        assert grid is not None
        p_kw, q_kvar = net_load(case, plan, stage, draws)
        self.grid, self.p_kw, self.q_kvar = grid, p_kw[:, grid.buses], q_kvar[:, grid.buses]
        with threadpool_limits(1):
            self.loss_minimal = self.dispatched(Recourse.LOSS_MINIMAL)
            self.aware = self.dispatched(Recourse.VIOLATION_AWARE)

    def dispatched(self, recourse: Recourse) -> Point:
        return redispatch(self.grid, self.p_kw, self.q_kvar, recourse)

    @property
    def samples(self) -> Samples:
        return Samples(grid=self.grid, p_kw=self.p_kw, q_kvar=self.q_kvar)


@pytest.fixture(scope="module")
def stages(tpc84: FdnCase, published_plan: Plan, draws: FactorDraws) -> dict[int, Stage]:
    return {u: Stage(tpc84, published_plan, u, draws) for u in STAGES_WITH_SOPS}


@pytest.fixture(scope="module")
def storage_stage(tpc84: FdnCase, published_plan: Plan, draws: FactorDraws) -> Stage:
    """Stage IV with three storages in place of soft open points, one of them short of energy."""
    index = tpc84.network.index
    storages = (
        Storage(bus=index("72"), kva=2000.0, kwh=500.0),
        Storage(bus=index("83"), kva=1500.0, kwh=2500.0),
        Storage(bus=index("64"), kva=2000.0, kwh=2500.0),
    )
    plan = replace(published_plan, sops=((),) * 4, storages=((), (), (), storages))
    return Stage(tpc84, plan, 3, draws)


def losses_pu(grid: Connected, point: Point) -> FloatArray:
    """Exact losses of network and converters [scenario]."""
    network = network_loss_kw(grid.network, point.flow.i_pu) / grid.network.s_base_kva
    return network + grid.converters.loss * np.abs(point.injection_pu).sum(axis=1)


def stated_merit(grid: Connected, stated: StatedDispatch) -> float:
    """What ``merit`` would say of the cone program's answer."""
    v2 = stated.v_pu**2
    beyond = np.maximum(np.maximum(v2 - grid.v_max_pu**2, grid.v_min_pu**2 - v2), 0).sum()
    over = np.maximum(stated.i_pu - grid.i_max_pu, 0).sum()
    return stated.losses_pu + voltage_price_pu(grid) * beyond + CURRENT_PRICE * over


@pytest.mark.parametrize("stage", STAGES_WITH_SOPS)
def test_loss_minimal_dispatch_is_the_optimum_of_the_cone_program(
    stages: dict[int, Stage], stage: int
) -> None:
    here = stages[stage]
    statement = RecourseStatement(here.grid, violation_aware=False)
    losses = losses_pu(here.grid, here.loss_minimal)
    for k in range(8):
        stated = statement.solve(here.p_kw[k], here.q_kvar[k])
        assert stated.relaxation_deviation < 1e-3
        assert losses[k] == pytest.approx(stated.losses_pu, rel=5e-4)


@pytest.mark.parametrize("stage", STAGES_WITH_SOPS)
def test_violation_aware_dispatch_leaves_the_same_violations_as_the_cone_program(
    stages: dict[int, Stage], stage: int
) -> None:
    here = stages[stage]
    statement = RecourseStatement(here.grid, violation_aware=True)
    reached, still = merit(here.grid, here.aware), violating(here.grid, here.aware.flow)
    gaps = []
    for k in np.flatnonzero(violating(here.grid, here.loss_minimal.flow))[:15]:
        stated = statement.solve(here.p_kw[k], here.q_kvar[k])
        if stated.relaxation_deviation > 1e-3:  # over-voltage: not a physical point
            continue
        flow = Flow(voltage_pu=stated.v_pu[None] + 0j, current_pu=stated.i_pu[None] + 0j)
        slack = replace(
            here.grid,
            v_min_pu=here.grid.v_min_pu - 1e-5,
            v_max_pu=here.grid.v_max_pu + 1e-5,
            i_max_pu=here.grid.i_max_pu + 1e-4,
        )
        assert still[k] == violating(slack, flow)[0]
        gaps.append(reached[k] / stated_merit(here.grid, stated) - 1)
    assert len(gaps) >= 10
    assert np.median(gaps) < 1e-3
    assert max(gaps) < 3e-2


def test_over_voltage_is_cured_at_the_cost_a_general_solver_finds(storage_stage: Stage) -> None:
    # Where the cone program inflates currents to lower voltages, the exact power flow must judge.
    here = storage_stage
    over = here.loss_minimal.flow.v_pu.max(axis=1) > here.grid.v_max_pu
    cured = np.flatnonzero(over & ~violating(here.grid, here.aware.flow))[:2]
    assert len(cured) == 2
    for k in cured:
        best = cheapest_within_limits(here, k)
        assert losses_pu(here.grid, here.aware)[k] == pytest.approx(best, rel=5e-3)


def cheapest_within_limits(here: Stage, k: int) -> float:
    """Least losses by SLSQP on the exact power flow, from the converters at rest."""
    sample, converters = here.samples.rows(slice(k, k + 1)), here.grid.converters
    count = len(converters.buses)

    def point(x: FloatArray) -> Point:
        return sample.at((x[:count] + 1j * x[count:])[None])

    def room(x: FloatArray) -> FloatArray:
        flow = point(x).flow
        low, high = flow.v_pu[0] - here.grid.v_min_pu, here.grid.v_max_pu - flow.v_pu[0]
        disc = converters.capacity_pu**2 - x[:count] ** 2 - x[count:] ** 2
        energy = converters.most_p_pu**2 - x[:count] ** 2
        return np.concatenate([low, high, here.grid.i_max_pu - flow.i_pu[0], disc, energy])

    answer = minimize(
        lambda x: losses_pu(here.grid, point(x))[0],
        np.full(2 * count, -0.1),
        method="SLSQP",
        constraints={"type": "ineq", "fun": room},
        options={"maxiter": 200, "ftol": 1e-10},
    )
    assert room(answer.x).min() > -1e-6
    return float(answer.fun)


@pytest.mark.parametrize("stage", STAGES_WITH_SOPS)
def test_awareness_of_violations_never_makes_a_sample_worse(
    stages: dict[int, Stage], stage: int
) -> None:
    here = stages[stage]
    assert (merit(here.grid, here.aware) <= merit(here.grid, here.loss_minimal) + 1e-12).all()
    fine = ~violating(here.grid, here.loss_minimal.flow)
    np.testing.assert_array_equal(
        here.aware.injection_pu[fine], here.loss_minimal.injection_pu[fine]
    )
    before, after = merit(here.grid, here.loss_minimal), merit(here.grid, here.aware)
    assert after[~fine].mean() < before[~fine].mean()
    left = {1: 1.0, 2: 0.3, 3: 0.3}[stage]  # Stage II has 0.2 MVA, too little to cure anything
    assert violating(here.grid, here.aware.flow).sum() <= left * (~fine).sum()


@pytest.mark.parametrize("stage", STAGES_WITH_SOPS)
def test_every_soft_open_point_balances_within_its_capacity(
    stages: dict[int, Stage], stage: int
) -> None:
    here = stages[stage]
    converters = here.grid.converters
    s = here.aware.injection_pu
    lost = converters.loss * np.abs(s)
    np.testing.assert_allclose((s.real + lost) @ converters.member.T, 0, atol=1e-8)
    assert (np.abs(s) <= converters.capacity_pu + 1e-9).all()
    assert np.abs(s).max() > 0.9 * converters.capacity_pu.min()


def test_losses_are_created_with_the_papers_sign(
    tpc84: FdnCase, published_plan: Plan, draws: FactorDraws, stages: dict[int, Stage]
) -> None:
    rules = replace(tpc84.rules, sop_sign=SopSign.PAPER)
    here = Stage(replace(tpc84, rules=rules), published_plan, 3, draws)
    s, converters = here.loss_minimal.injection_pu, here.grid.converters
    created = converters.loss * np.abs(s) @ converters.member.T
    np.testing.assert_allclose(s.real @ converters.member.T, created, atol=1e-8)
    assert created.mean() > 0.01
    free, paid = (
        losses_pu(here.grid, here.loss_minimal),
        losses_pu(stages[3].grid, stages[3].loss_minimal),
    )
    assert (free < paid).mean() > 0.7  # not where PV leaves power in plenty
    assert free.mean() < paid.mean()


def test_without_recourse_all_converters_rest(stages: dict[int, Stage]) -> None:
    here = stages[3]
    rest = here.dispatched(Recourse.NONE)
    assert not rest.injection_pu.any()
    assert (losses_pu(here.grid, here.loss_minimal) <= losses_pu(here.grid, rest)).all()


def test_a_storage_gives_power_only_against_violations_and_no_more_than_its_battery_holds(
    storage_stage: Stage,
) -> None:
    here = storage_stage
    idle, aware = here.loss_minimal.injection_pu, here.aware.injection_pu
    np.testing.assert_allclose(idle.real, -here.grid.converters.loss * np.abs(idle), atol=1e-8)
    bad = violating(here.grid, here.loss_minimal.flow)
    np.testing.assert_array_equal(aware[~bad], idle[~bad])
    assert np.abs(aware.real).max(axis=0) == pytest.approx([0.4, 1.5, 2.0], rel=0.1)
    assert (np.abs(aware.real) <= here.grid.converters.most_p_pu + 1e-9).all()
    assert violating(here.grid, here.aware.flow).mean() < 0.6 * bad.mean()


def test_the_gradient_is_that_of_the_exact_losses(stages: dict[int, Stage]) -> None:
    here = stages[3]
    samples, network = here.samples.rows(slice(0, 20)), here.grid.network
    model, start = LossModel(here.grid), here.loss_minimal.rows(slice(0, 20))
    count = len(here.grid.converters.buses)
    x = np.concatenate([start.injection_pu.real, start.injection_pu.imag], axis=1)
    gradient = model.quadratic[: 2 * count, : 2 * count] @ x.T - model.pull(start)[: 2 * count]
    step = 1e-3
    for k in range(2 * count):
        move = np.zeros(count, dtype=complex)
        move[k % count] = step if k < count else 1j * step
        ahead, behind = (samples.at(start.injection_pu + sign * move) for sign in (1, -1))
        rise = network_loss_kw(network, ahead.flow.i_pu) - network_loss_kw(
            network, behind.flow.i_pu
        )
        slope = rise / network.s_base_kva / (2 * step)
        np.testing.assert_allclose(gradient[k], slope, atol=3e-4)


def test_the_base_power_is_a_matter_of_writing(
    tpc84: FdnCase, published_plan: Plan, draws: FactorDraws, stages: dict[int, Stage]
) -> None:
    network = replace(tpc84.network, s_base_kva=8000.0)
    here = Stage(replace(tpc84, network=network), published_plan, 3, draws)
    for mine, other in (
        (here.loss_minimal, stages[3].loss_minimal),
        (here.aware, stages[3].aware),
    ):
        np.testing.assert_allclose(8 * mine.injection_pu, other.injection_pu, atol=1e-3)
        np.testing.assert_allclose(mine.flow.v_pu, other.flow.v_pu, atol=1e-5)


def test_a_terminal_without_capacity_stays_out(stages: dict[int, Stage]) -> None:
    here = stages[2]
    capacity = here.grid.converters.capacity_pu * [1, 0, 1]
    converters = replace(here.grid.converters, capacity_pu=capacity, most_p_pu=capacity)
    grid, few = replace(here.grid, converters=converters), slice(0, 100)
    point = redispatch(grid, here.p_kw[few], here.q_kvar[few], Recourse.VIOLATION_AWARE)
    assert not point.injection_pu[:, 1].any()
    assert point.injection_pu[:, [0, 2]].any(axis=0).all()


def test_balance_moves_a_balanced_dispatch_not_at_all(stages: dict[int, Stage]) -> None:
    here = stages[3]
    s = here.aware.injection_pu.T
    np.testing.assert_allclose(balance(here.grid.converters, s, batteries=True), s, atol=1e-7)


numbers = st.floats(-3, 3, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(point=st.tuples(numbers, numbers, numbers), capacity=st.floats(0.05, 2))
def test_the_triangles_map_is_the_projection(
    point: tuple[float, float, float], capacity: float
) -> None:
    a = np.array(point)
    z = Triangle(capacity=np.array([[capacity]])).nearest(a[:, None])[:, 0]
    assert np.hypot(z[0], z[1]) <= z[2] + 1e-9
    assert z[2] <= capacity + 1e-9
    rng = generator(5, "directions")
    size = rng.uniform(0, 1, 200) * capacity
    bound = size + rng.uniform(0, 1, 200) * (capacity - size)
    angle = rng.uniform(0, 2 * np.pi, 200)
    others = np.array([size * np.cos(angle), size * np.sin(angle), bound])
    assert ((a - z) @ (others - z[:, None]) <= 1e-9).all()  # no point of the set is nearer


@settings(max_examples=25, deadline=None)
@given(point=st.tuples(numbers, numbers, numbers), capacity=st.floats(0.05, 2))
def test_the_triangles_map_is_the_nearest_point_that_the_shared_converter_allows(
    point: tuple[float, float, float], capacity: float
) -> None:
    """m stands for the loss over its factor, so in the converter's rows it is loss / factor."""
    factor, program = 0.02, MixedBuilder()
    p, q, loss = (program.columns(1, lower=-np.inf) for _ in range(3))
    kva = program.columns(1, lower=capacity, upper=capacity)
    converter.capacity(program, p, q, kva)
    converter.losses(program, p, q, loss, factor)
    converter.most_losses(program, loss, (kva, 1.0), factor)
    away = program.columns(3, lower=-np.inf)
    for k, (column, scale) in enumerate(((p, 1.0), (q, 1.0), (loss, 1 / factor))):
        program.equal([(column, scale), (away[[k]], -1.0)], point[k])
    across, distance = program.columns(1), program.columns(1)
    program.norm_at_most(away[[0]], away[[1]], across, 1.0)
    program.norm_at_most(across, away[[2]], distance, 1.0)
    program.cost(distance, 1.0)
    built = program.build()
    judged = solve_relaxed(built, "nearest", built.linear.col_lower, built.linear.col_upper)
    assert isinstance(judged, Relaxed)
    z = Triangle(capacity=np.array([[capacity]])).nearest(np.array(point)[:, None])[:, 0]
    assert np.linalg.norm(z - point) == pytest.approx(judged.objective, abs=1e-5)
    stated = [judged.x[p[0]], judged.x[q[0]], judged.x[loss[0]] / factor]
    np.testing.assert_allclose(z, stated, atol=5e-3)  # distance is flat across the direction


@pytest.mark.parametrize("sign", list(SopSign))
def test_balances_are_the_rows_of_the_shared_converter(
    stages: dict[int, Stage], sign: SopSign
) -> None:
    converters = replace(stages[3].grid.converters, sign=sign.factor)
    count = len(converters.buses)
    rows, columns = LinearRows(), np.arange(2 * count)
    member = converters.balanced(batteries=False)
    converter.balance(rows, columns[:count], columns[count:], member, sign=sign.factor)
    stated, lower, upper = rows.stack(2 * count)
    fast = LossModel(replace(stages[3].grid, converters=converters)).balances(batteries=False)
    by_loss = fast[:, 2 * count :] / converters.loss
    np.testing.assert_allclose(stated.toarray(), np.hstack([fast[:, :count], by_loss]))
    assert not fast[:, count : 2 * count].any()
    assert not lower.any()
    assert not upper.any()


@settings(max_examples=60, deadline=None)
@given(a=numbers, middle=numbers, half=st.floats(0, 1), reach=st.floats(0.01, 2))
def test_the_bands_map_pays_for_excess_as_far_as_it_is_worth(
    a: float, middle: float, half: float, reach: float
) -> None:
    low, high = np.array([[middle - half]]), np.array([[middle + half]])
    z = Band(lower=low, upper=high, reach=np.array([[reach]])).nearest(np.array([[a]]))[0, 0]
    tried = np.linspace(-8, 8, 4001)

    def cost(x: FloatArray) -> FloatArray:
        return reach * np.maximum(np.abs(x - middle) - half, 0) + 0.5 * (x - a) ** 2

    assert cost(np.array(z)) <= cost(tried).min() + 1e-9


@settings(max_examples=60, deadline=None)
@given(a=st.tuples(numbers, numbers), radius=st.floats(0.1, 2), reach=st.floats(0.01, 2))
def test_the_discs_map_pays_for_excess_as_far_as_it_is_worth(
    a: tuple[float, float], radius: float, reach: float
) -> None:
    centre = np.array([[0.3], [-0.7]])
    disc = Discs(centre=centre, radius=np.array([[radius]]), reach=reach)
    z = disc.nearest(np.array(a)[:, None])
    tried = np.stack(np.meshgrid(np.linspace(-4, 4, 161), np.linspace(-4, 4, 161))).reshape(2, -1)

    def cost(x: FloatArray) -> FloatArray:
        excess = np.maximum(np.hypot(*(x - centre)) - radius, 0)
        return reach * excess + 0.5 * np.square(x - np.array(a)[:, None]).sum(axis=0)

    assert cost(z)[0] <= cost(tried).min() + 1e-9
