"""Dispatched days against arithmetic, the laws of devices, and another power flow engine."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from roadvolt.core.devices.polygon import Polygon
from roadvolt.core.errors import InfeasibleError, SolveError
from roadvolt.core.units import FloatArray, frozen
from roadvolt.planning.dispatch import limits
from roadvolt.planning.dispatch.case import (
    Batteries,
    DeferrableLoads,
    Direction,
    DispatchCase,
    Generators,
    Requirement,
    SoftOpenPoints,
)
from roadvolt.planning.dispatch.disc import drawn_by, exact_disc
from roadvolt.planning.dispatch.pins import LOOSE_KW
from roadvolt.planning.dispatch.settle import AGREE_PU
from roadvolt.planning.dispatch.solution import Dispatch, ExactState
from roadvolt.planning.dispatch.solve import solve_dispatch
from roadvolt.planning.radial import RadialNetwork
from roadvolt.sims.dispatchfile.load import load_dispatch_case

SmallDay = Callable[..., DispatchCase]
Newton = Callable[[RadialNetwork, FloatArray, FloatArray], tuple[FloatArray, FloatArray]]


@pytest.fixture(scope="module")
def day() -> DispatchCase:
    return load_dispatch_case("tpc84-dispatch")


@pytest.fixture(scope="module")
def dispatched(day: DispatchCase) -> Dispatch:
    return solve_dispatch(day)


@pytest.fixture
def bare(small_day: SmallDay) -> DispatchCase:
    """Four hours, two buses on wires that lose next to nothing, 100 kW each, and no device."""
    return _bare(small_day(0))


def _bare(case: DispatchCase) -> DispatchCase:
    network = replace(
        case.network.part({"A"}).part({"A"}),
        r_ohm=frozen(np.full(3, 1e-6)),
        x_ohm=frozen(np.full(3, 1e-6)),
    )
    none, empty = frozen(np.zeros(0)), frozen(np.zeros((4, 0)))
    at = frozen([], np.int64)
    return replace(
        case,
        network=network,
        load_p_kw=frozen(np.full((4, 3), 100.0)),
        load_q_kvar=frozen(np.zeros((4, 3))),
        price_per_kwh=frozen([0.1, 0.4, 0.2, 0.4]),
        generators=Generators(
            names=(), buses=at, kva=none, p_kw=empty, curtailable=frozen([], np.bool_)
        ),
        sops=SoftOpenPoints(
            names=(), owner=at, buses=at, kva=none, p_max_kw=none, q_max_kvar=none, loss=none
        ),
        batteries=battery(names=()),
        deferrable=DeferrableLoads(
            names=(), buses=at, p_max_kw=empty, energy_min_kwh=empty, energy_max_kwh=empty,
            q_per_p=none,
        ),
        requirements=(),
    )  # fmt: skip


def battery(names: tuple[str, ...] = ("ESS",), **values: float) -> Batteries:
    """All alike, at bus 2."""
    usual = {"kva": 100.0, "p_max_kw": 50.0, "q_max_kvar": 100.0, "kwh": 200.0, "soc_min": 0.1,
             "soc_max": 0.9, "soc_start": 0.5, "loss": 0.0}  # fmt: skip
    columns: dict[str, Any] = {
        name: frozen(np.full(len(names), value)) for name, value in (usual | values).items()
    }
    return Batteries(names=names, buses=frozen([1] * len(names), np.int64), **columns)


def test_a_battery_buys_cheap_and_sells_dear_by_hand(bare: DispatchCase) -> None:
    # At 5 %, 50 kW taken fill the store with 47.5, and 50 kW given drain it by 52.5. Charge at 0.1
    # and 0.2, which makes 95; give 50 kW at 0.5, and at 0.4 what then is left, 42.5 / 1.05.
    price = frozen([0.1, 0.4, 0.2, 0.5])
    found = solve_dispatch(replace(bare, price_per_kwh=price, batteries=battery(loss=0.05)))
    rest = 42.5 / 1.05
    np.testing.assert_allclose(found.setpoints.battery_p_kw[:, 0], [-50, rest, -50, 50], atol=0.01)
    expected = 300 * 1.2 + 50 * 0.1 - rest * 0.4 + 50 * 0.2 - 50 * 0.5
    assert found.costs.total == pytest.approx(expected, abs=0.01)


def test_a_load_that_may_wait_waits_for_the_cheapest_hours_before_its_deadline(
    bare: DispatchCase,
) -> None:
    # 100 kWh at most 60 kW from hour 1 on, half of it by the end of hour 1: 50 at 0.4 are due, and
    # the other 50 are cheapest in hour 2, at 0.2.
    load = DeferrableLoads(
        names=("fleet",),
        buses=frozen([1], np.int64),
        p_max_kw=frozen([[0.0], [60.0], [60.0], [60.0]]),
        energy_min_kwh=frozen([[0.0], [50.0], [50.0], [100.0]]),
        energy_max_kwh=frozen([[0.0], [100.0], [100.0], [100.0]]),
        q_per_p=frozen([0.2]),
    )
    found = solve_dispatch(replace(bare, deferrable=load))
    np.testing.assert_allclose(found.setpoints.load_p_kw[:, 0], [0, 50, 50, 0], atol=0.01)
    assert found.costs.total == pytest.approx(300 * 1.1 + 50 * 0.4 + 50 * 0.2, abs=0.01)


def test_a_requirement_falls_short_by_what_brute_force_says(bare: DispatchCase) -> None:
    # 80 kW less in hours 1 and 2 from 50 kW and 80 kWh above the lowest state of charge.
    asked = Requirement(name="less", feeder="A", direction=Direction.LESS, kw=80.0, first=1, last=2)
    flat = frozen(np.full(4, 0.3))
    case = replace(bare, price_per_kwh=flat, batteries=battery(), requirements=(asked,))
    grid = np.arange(-50, 51, 5)
    short = min(
        max(80 - p[1], 0) + max(80 - p[2], 0)
        for p in itertools.product(grid, repeat=4)
        if sum(p) == 0 and all(20 <= 100 - e <= 180 for e in np.cumsum(p))
    )
    found = solve_dispatch(case).deliveries[0]
    assert short > 0
    assert not found.feasible
    assert found.shortfall_kw.sum() == pytest.approx(short, abs=0.01)
    np.testing.assert_allclose(found.planned_kw, 300, atol=0.01)
    np.testing.assert_allclose(found.import_kw, 300 - 80 + found.shortfall_kw, atol=0.01)


def test_more_import_is_what_a_battery_can_take_and_not_what_it_could_pretend_to_lose(
    bare: DispatchCase,
) -> None:
    asked = Requirement(
        name="more", feeder=None, direction=Direction.MORE, kw=70.0, first=0, last=3
    )
    flat = frozen(np.full(4, 0.3))
    case = replace(bare, price_per_kwh=flat, batteries=battery(loss=0.05), requirements=(asked,))
    found = solve_dispatch(case)
    own = found.setpoints
    losses = 0.05 * Polygon(12).radius(own.battery_p_kw, own.battery_q_kvar)
    assert np.all(own.battery_loss_kw <= losses + LOOSE_KW)
    # All the day it can only waste: at most the loss of full power, 5 % of 100 kVA.
    taken = -own.battery_p_kw.sum()
    assert taken == pytest.approx(own.battery_loss_kw.sum(), abs=0.01)
    assert taken <= 4 * 5.0 + 0.01
    assert found.deliveries[0].shortfall_kw.sum() == pytest.approx(4 * 70 - taken, abs=0.1)


def test_soft_open_points_pay_for_what_they_lose(small_day: SmallDay) -> None:
    found = solve_dispatch(small_day(5, i_max_a=60.0))
    own = found.setpoints
    np.testing.assert_allclose(own.sop_p_kw.sum(axis=1), -own.sop_loss_kw.sum(axis=1), atol=1e-4)
    exact = np.array([0.02, 0.03]) * np.hypot(own.sop_p_kw, own.sop_q_kvar)
    assert np.all(own.sop_loss_kw >= exact - 1e-4)
    assert np.abs(own.sop_p_kw).max() > 10


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10_000))
def test_every_device_keeps_its_own_laws(small_day: SmallDay, seed: int) -> None:
    case = small_day(seed)
    try:
        found = solve_dispatch(case)
    except InfeasibleError:
        reject()
    own, units, load, dg = found.setpoints, case.batteries, case.deferrable, case.generators
    drained = own.battery_p_kw + own.battery_loss_kw
    start = units.soc_start * units.kwh
    np.testing.assert_allclose(own.battery_kwh, start - np.cumsum(drained, axis=0), atol=1e-2)
    np.testing.assert_allclose(own.battery_kwh[-1], start, atol=1e-3)
    assert np.all(own.battery_kwh >= units.soc_min * units.kwh - 1e-2)
    assert np.all(own.battery_kwh <= units.soc_max * units.kwh + 1e-2)
    np.testing.assert_allclose(own.load_kwh, np.cumsum(own.load_p_kw, axis=0), atol=1e-2)
    assert np.all(own.load_kwh >= load.energy_min_kwh - 1e-2)
    assert np.all(own.load_kwh <= load.energy_max_kwh + 1e-2)
    assert np.all(own.load_p_kw <= load.p_max_kw + 1e-3)
    assert np.all(own.load_q_kvar <= own.load_p_kw * load.q_per_p + 1e-3)
    for p, q, kind in (
        (own.sop_p_kw, own.sop_q_kvar, case.sops),
        (own.battery_p_kw, own.battery_q_kvar, units),
    ):
        assert np.all(np.hypot(p, q) <= kind.kva + 1e-3)
        assert np.all(np.abs(p) <= kind.p_max_kw + 1e-3)
        assert np.all(np.abs(q) <= kind.q_max_kvar + 1e-3)
    assert np.all(np.hypot(own.dg_p_kw, own.dg_q_kvar) <= dg.kva + 1e-3)
    assert np.all(own.dg_p_kw <= dg.p_kw + 1e-3)
    np.testing.assert_allclose(own.dg_p_kw[:, 1], dg.p_kw[:, 1])
    assert found.gap >= -1e-9


@settings(deadline=None, max_examples=6)
@given(seed=st.integers(0, 10_000))
def test_the_exact_state_is_that_of_another_engine_and_within_all_limits(
    small_day: SmallDay, newton_flow: Newton, seed: int
) -> None:
    case = small_day(seed, v_min_pu=0.97, i_max_a=90.0)
    try:
        found = solve_dispatch(case)
    except InfeasibleError:
        reject()
    drawn, base = drawn_by(case, found.setpoints), case.network.s_base_kva
    for t in range(case.steps):
        v_pu, i_a = newton_flow(case.network, drawn.p[t] * base, drawn.q[t] * base)
        np.testing.assert_allclose(found.exact.v_pu[t], v_pu, atol=1e-7)
        np.testing.assert_allclose(found.exact.i_a[t], i_a, atol=1e-3)
        assert v_pu.min() >= 0.97 - 1e-7
        assert v_pu.max() <= 1.05 + 1e-7
        assert i_a.max() <= 90.0 + 1e-3


@pytest.mark.parametrize(
    ("load", "rules", "left"),
    [
        (1.0, {"v_min_pu": 0.985}, lambda exact: exact.v_pu.min() - 0.985),
        (0.1, {"v_max_pu": 1.001}, lambda exact: 1.001 - exact.v_pu.max()),
        (1.0, {"i_max_a": 60.0, "polygon_sides": 96}, lambda exact: 1 - exact.i_a.max() / 60.0),
    ],
)
def test_limits_that_bind_are_reached_and_never_exceeded(
    small_day: SmallDay,
    load: float,
    rules: dict[str, float],
    left: Callable[[ExactState], float],
) -> None:
    case = _without_requirements(small_day(5, **rules), load)
    assert 0 <= left(solve_dispatch(case).exact) <= 5e-4


def _without_requirements(case: DispatchCase, load: float = 1.0) -> DispatchCase:
    loads = {
        "load_p_kw": frozen(load * case.load_p_kw),
        "load_q_kvar": frozen(load * case.load_q_kvar),
    }
    return replace(case, requirements=(), **loads)


def test_a_limit_that_the_program_was_not_told_of_is_not_exceeded_in_silence(
    small_day: SmallDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "NEAR_PU", -1.0)
    with pytest.raises(SolveError, match="12 passes without agreement within limits"):
        solve_dispatch(_without_requirements(small_day(5, v_min_pu=0.985)))


def test_costs_are_those_of_the_setpoints_by_hand(small_day: SmallDay) -> None:
    case = _without_requirements(small_day(5, v_max_pu=0.999, reactive_per_kvarh=0.5), 0.1)
    found = solve_dispatch(case)
    curtailed = case.generators.p_kw - found.setpoints.dg_p_kw
    assert curtailed.sum() > 50
    assert found.costs.curtailment == pytest.approx(0.05 * curtailed.sum(), rel=1e-9)
    reactive = np.abs(found.setpoints.dg_q_kvar).sum()
    assert reactive > 50
    assert found.costs.reactive == pytest.approx(0.5 * reactive, rel=1e-9)
    energy = found.exact.import_kw.sum(axis=1) @ case.price_per_kwh
    assert found.costs.energy == pytest.approx(energy, abs=0.2)
    assert 0 <= found.gap < 1e-4


@pytest.mark.parametrize(
    ("seed", "v_max_pu", "curtailment", "reactive"),
    [(5, 0.997, 5.0, 1.0), (8, 0.997, 5.0, 1.0), (8, 0.995, 0.05, 0.001)],
)
def test_converters_lose_no_more_than_they_do_where_voltages_are_too_high(
    small_day: SmallDay, seed: int, v_max_pu: float, curtailment: float, reactive: float
) -> None:
    # Power is a burden there: (B1.d) alone would let soft open points make it vanish.
    rules = {"curtailment_per_kwh": curtailment, "reactive_per_kvarh": reactive}
    case = _without_requirements(small_day(seed, v_max_pu=v_max_pu, **rules), 0.1)
    found = solve_dispatch(case)
    own = found.setpoints
    losses = case.sops.loss * Polygon(12).radius(own.sop_p_kw, own.sop_q_kvar)
    np.testing.assert_allclose(own.sop_loss_kw, losses, atol=LOOSE_KW)
    assert found.gap > 1e-5  # against the bound of what would be without pins


def test_requirements_cost_and_are_delivered_as_measured_by_another_engine(
    small_day: SmallDay, newton_flow: Newton
) -> None:
    case = small_day(3)
    found = solve_dispatch(case)
    assert found.costs.total > found.plan.total
    imports = [
        np.array([_import_kw(case, points, newton_flow, t) for t in range(case.steps)])
        for points in (found.plan_setpoints, found.setpoints)
    ]
    less, more = found.deliveries
    assert less.feasible
    change = imports[1] - imports[0]
    assert np.all(change[1:3].sum(axis=1) <= -case.requirements[0].kw)
    np.testing.assert_allclose(imports[1][1:3].sum(axis=1), less.import_kw, atol=1e-2)
    np.testing.assert_allclose(imports[0][1:3].sum(axis=1), less.planned_kw, atol=1e-2)
    assert change[3, 0] + more.shortfall_kw[0] >= case.requirements[1].kw - 1e-2


def _import_kw(case: DispatchCase, points: Any, newton_flow: Newton, t: int) -> FloatArray:
    """Of feeders A and B, losses of every branch from its current."""
    drawn, base = drawn_by(case, points), case.network.s_base_kva
    _, i_a = newton_flow(case.network, drawn.p[t] * base, drawn.q[t] * base)
    loss_kw = 3e-3 * case.network.r_ohm * i_a**2
    taken = drawn.p[t] * base + loss_kw
    return np.array([taken[:3].sum(), taken[3:].sum()])


def test_linear_voltages_deviate_alone_and_agree_when_anchored(dispatched: Dispatch) -> None:
    assert dispatched.first_deviation_pu > 1e-3
    assert np.abs(dispatched.linear.v_pu - dispatched.exact.v_pu).max() <= AGREE_PU
    assert np.abs(dispatched.linear.import_kw - dispatched.exact.import_kw).max() <= 0.2


def test_the_order_of_devices_does_not_matter(small_day: SmallDay) -> None:
    case = replace(small_day(6), batteries=_three_batteries())
    found, turned = solve_dispatch(case), solve_dispatch(_turned(case))
    assert turned.costs.total == pytest.approx(found.costs.total, rel=1e-6)
    np.testing.assert_allclose(
        turned.setpoints.sop_p_kw[:, ::-1], found.setpoints.sop_p_kw, atol=1.0
    )
    np.testing.assert_allclose(
        turned.setpoints.battery_p_kw[:, ::-1], found.setpoints.battery_p_kw, atol=1.0
    )


def _three_batteries() -> Batteries:
    return replace(
        battery(names=("a", "b", "c"), loss=0.03),
        buses=frozen([1, 3, 4], np.int64),
        p_max_kw=frozen([40.0, 60.0, 80.0]),
    )


def _turned(case: DispatchCase) -> DispatchCase:
    """All devices in reverse."""

    def turn(devices: Any, *names: str) -> Any:
        columns = {
            name: frozen(getattr(devices, name)[..., ::-1], getattr(devices, name).dtype)
            for name in devices.__slots__
            if name != "names" and name not in names
        }
        return replace(devices, **columns)

    return replace(
        case,
        generators=turn(case.generators),
        sops=turn(case.sops),
        batteries=turn(case.batteries),
        deferrable=turn(case.deferrable),
    )


def test_voltages_that_nothing_can_lift_are_named_with_bus_hour_and_size(
    small_day: SmallDay, newton_flow: Newton
) -> None:
    case = small_day(0)
    loads = case.load_p_kw.copy()
    loads[2, 2] = 12_000.0
    with pytest.raises(InfeasibleError) as caught:
        solve_dispatch(replace(case, load_p_kw=frozen(loads), requirements=()))
    worst = caught.value.misses[0]
    assert "at 02:00" in worst.limit
    assert any("v_min_pu of bus 3 at 02:00" in miss.limit for miss in caught.value.misses)
    assert any("i_max_a of the branch to bus 3" in miss.limit for miss in caught.value.misses)


def test_an_excess_is_what_exact_power_flow_says_where_no_device_helps(
    bare: DispatchCase, newton_flow: Newton
) -> None:
    long = replace(bare.network, r_ohm=frozen(np.full(3, 2.0)), x_ohm=frozen(np.full(3, 2.0)))
    loads = frozen(np.full((4, 3), 900.0) * np.array([1.0, 0.1, 0.1, 0.1])[:, None])
    case = replace(bare, network=long, load_p_kw=loads)
    with pytest.raises(InfeasibleError) as caught:
        solve_dispatch(case)
    v_pu, i_a = newton_flow(long, loads[0], np.zeros(3))
    assert [miss.limit for miss in caught.value.misses if miss.unit == "A"] == [
        "i_max_a of the branch to bus 1 at 00:00"
    ]
    found = {miss.limit: miss.excess for miss in caught.value.misses}
    for bus in range(3):
        excess = found.get(f"v_min_pu of bus {bus + 1} at 00:00", 0.0)
        assert excess == pytest.approx(max(0.95 - v_pu[bus], 0.0), rel=0.05)
    assert found["i_max_a of the branch to bus 1 at 00:00"] == pytest.approx(
        i_a[0] - 150.0, rel=0.25
    )


def test_energy_that_cannot_come_in_time_is_named(small_day: SmallDay) -> None:
    case = small_day(0)
    load = replace(case.deferrable, p_max_kw=frozen(case.deferrable.p_max_kw * 0.1))
    with pytest.raises(InfeasibleError, match=r"energy_min_kwh of fleet at 04:00 .* kWh") as caught:
        solve_dispatch(replace(case, deferrable=load))
    missing = case.deferrable.energy_min_kwh[3, 0] - 3 * 30.0
    assert caught.value.misses[0].excess == pytest.approx(missing)


def test_the_built_in_day_is_solved_to_a_proven_gap(
    day: DispatchCase, dispatched: Dispatch
) -> None:
    assert 0 <= dispatched.gap <= 1e-4
    assert dispatched.costs.total > dispatched.plan.total
    assert dispatched.exact.v_pu.min() >= day.rules.v_min_pu
    assert dispatched.exact.v_pu.max() <= day.rules.v_max_pu
    assert dispatched.exact.i_a.max() <= day.rules.i_max_a
    assert 0 < dispatched.polygon.losses < dispatched.polygon.largest / Polygon(12).inner
    disc = exact_disc(day, dispatched)
    assert 0 < dispatched.costs.total / disc - 1 < 1e-3


def test_the_built_in_day_is_the_same_by_another_engine(
    day: DispatchCase, dispatched: Dispatch, newton_flow: Newton
) -> None:
    drawn, base = drawn_by(day, dispatched.setpoints), day.network.s_base_kva
    for t in (3, 12, 19):
        v_pu, i_a = newton_flow(day.network, drawn.p[t] * base, drawn.q[t] * base)
        np.testing.assert_allclose(dispatched.exact.v_pu[t], v_pu, atol=1e-7)
        np.testing.assert_allclose(dispatched.exact.i_a[t], i_a, atol=1e-3)


def test_a_day_without_requirements_is_its_own_plan(small_day: SmallDay) -> None:
    found = solve_dispatch(replace(small_day(3), requirements=()))
    assert found.deliveries == ()
    assert found.costs == found.plan
    assert found.setpoints.sop_p_kw is not None
    np.testing.assert_array_equal(found.setpoints.sop_p_kw, found.plan_setpoints.sop_p_kw)


def test_passes_are_watched(small_day: SmallDay) -> None:
    seen: list[tuple[str, float]] = []
    found = solve_dispatch(small_day(3), watch=lambda name, off: seen.append((name, off)))
    assert len(seen) == found.passes
    assert seen[0][0] == "plan, pass 1"
    assert seen[-1][0].startswith("requirements, pass ")
    assert seen[-1][1] <= AGREE_PU < seen[0][1]
