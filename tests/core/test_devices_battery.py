"""Batteries against simulations by hand, optima by hand, and what must not matter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadvolt.core.devices.battery import (
    end_charged,
    energy_balance,
    loss_of_power,
    lossy_flow,
    split_flows,
    stay_charged,
)
from roadvolt.core.devices.rows import Size
from roadvolt.core.errors import InfeasibleError
from roadvolt.core.linear_rows import LinearRows
from roadvolt.core.solve import solve_cone, solve_linear
from roadvolt.core.units import FloatArray, IntArray
from roadvolt.grid.cone_builder import ProgramBuilder
from roadvolt.planning.der.device_rows import DeviceRows, of_plan
from roadvolt.planning.der.recourse import RecourseWriter, operate
from roadvolt.planning.mixed_builder import MixedBuilder

STEPS, BATTERIES, PHASES = 5, 2, 3
PRICES = np.array([3.0, 1.0, 2.0, 5.0, 4.0])
ETA_C, ETA_D = 0.9, 0.8


def columns_of(*shapes: tuple[int, ...]) -> list[IntArray]:
    """Columns of these shapes, one after the other."""
    stops = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
    return [
        first + np.arange(np.prod(s)).reshape(s) for first, s in zip(stops, shapes, strict=False)
    ]


def missed(rows: LinearRows, *values: FloatArray) -> FloatArray:
    """By how much each row of an equation is missed at a point."""
    x = np.concatenate([np.ravel(value) for value in values])
    matrix, lower, upper = rows.stack(len(x))
    np.testing.assert_array_equal(lower, upper)
    return np.asarray(matrix @ x - lower)


seeds = st.integers(0, 10**6)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, hours=st.sampled_from([0.25, 1.0]))
def test_energy_adds_up_charges_and_discharges_of_all_phases(seed: int, hours: float) -> None:
    rng = np.random.default_rng(seed)
    flow, shape = (STEPS, BATTERIES, PHASES), (STEPS, BATTERIES)
    charged, discharged = rng.uniform(0, 9, flow), rng.uniform(0, 9, flow)
    start, eta_c, eta_d = rng.uniform(0, 50, 2), rng.uniform(0.7, 1, 2), rng.uniform(0.7, 1, 2)
    stored = np.zeros(shape)
    for k in range(BATTERIES):
        level = start[k]
        for t in range(STEPS):
            level += hours * charged[t, k].sum() * eta_c[k]
            level -= hours * discharged[t, k].sum() / eta_d[k]
            stored[t, k] = level
    energy, charge, discharge = columns_of(shape, flow, flow)
    rows = LinearRows()
    drains = split_flows(charge, discharge, eta_c[:, None], eta_d[:, None])
    energy_balance(rows, energy, drains, start, hours)
    np.testing.assert_allclose(missed(rows, stored, charged, discharged), 0, atol=1e-9)
    assert np.abs(missed(rows, stored, discharged, charged)).max() > 1e-3
    elsewhere = stored.copy()
    elsewhere[rng.integers(STEPS), rng.integers(BATTERIES)] += 1
    assert np.abs(missed(rows, elsewhere, charged, discharged)).max() > 0.9


@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_giving_power_and_losing_power_both_drain_the_store(seed: int) -> None:
    rng = np.random.default_rng(seed)
    given_kw, lost_kw = rng.uniform(-9, 9, STEPS), rng.uniform(0, 1, STEPS)
    energy, power, loss = columns_of((STEPS,), (STEPS,), (STEPS,))
    rows = LinearRows()
    energy_balance(rows, energy, lossy_flow(power, loss), 30.0, 0.5)
    stored = 30 - 0.5 * np.cumsum(given_kw + lost_kw)
    np.testing.assert_allclose(missed(rows, stored, given_kw, lost_kw), 0, atol=1e-9)
    gained = 30 - 0.5 * np.cumsum(given_kw - lost_kw)
    assert np.abs(missed(rows, gained, given_kw, lost_kw)).max() > 0.5 * lost_kw.max() - 1e-9


@dataclass
class Arbitrage:
    """A battery that buys and sells; prices per kWh [time]."""

    prices: FloatArray
    kwh: float | None = 10.0  #: None: chosen, at ``per_kwh``
    start: float | None = 0.0  #: share; None: as at the end
    low: float = 0.0
    high: float = 1.0
    power_kw: float = 6.0
    room_kwh: float = 0.0
    returns: bool = False
    as_columns: bool = False
    per_kwh: float = 0.0

    def best(self) -> tuple[float, FloatArray]:
        """Profit, and energy [time]."""
        program = MixedBuilder()
        steps = len(self.prices)
        energy = program.columns(steps)
        charge, discharge = (program.columns(steps, upper=self.power_kw) for _ in range(2))
        size, start = self._sizes(program)
        energy_balance(program, energy, split_flows(charge, discharge, ETA_C, ETA_D), start)
        margin = program.columns(steps, lower=self.room_kwh, upper=self.room_kwh)
        stay_charged(program, energy, size, self.low, self.high, [(margin, 1.0)])
        if self.returns:
            assert start is not None
            end_charged(program, energy, start)
        program.cost(charge, self.prices)
        program.cost(discharge, -self.prices)
        answer = solve_linear(program.build().linear, "arbitrage")
        return -answer.report.objective, answer.x[energy]

    def _sizes(self, program: MixedBuilder) -> tuple[Size, Size | None]:
        if self.kwh is not None and not self.as_columns:
            return self.kwh, None if self.start is None else self.start * self.kwh
        fixed = {} if self.kwh is None else {"lower": self.kwh, "upper": self.kwh}
        column = program.columns(1, **fixed)
        program.cost(column, self.per_kwh)
        return (column, 1.0), None if self.start is None else (column[0], self.start)


def test_buying_cheap_and_selling_dear_earns_what_one_reckons() -> None:
    profit, energy = Arbitrage(np.array([1.0, 3.0]), power_kw=100.0).best()
    assert profit == pytest.approx(3 * 10 * ETA_D - 10 / ETA_C)
    np.testing.assert_allclose(energy, [10, 0], atol=1e-9)


def test_one_price_all_day_is_worth_no_cycle() -> None:
    profit, energy = Arbitrage(np.full(4, 2.0)).best()
    assert profit == pytest.approx(0)
    np.testing.assert_allclose(energy, 0, atol=1e-9)


@pytest.mark.parametrize("start", [0.0, 0.4, None])
def test_a_size_given_and_the_same_size_as_a_column_are_one(start: float | None) -> None:
    given_kwh = Arbitrage(PRICES, start=start, low=0.1, high=0.9).best()
    column = Arbitrage(PRICES, start=start, low=0.1, high=0.9, as_columns=True).best()
    assert given_kwh[0] == pytest.approx(column[0])
    np.testing.assert_allclose(given_kwh[1], column[1], atol=1e-7)
    assert given_kwh[0] > 1


def test_the_size_chosen_is_the_best_of_all_sizes() -> None:
    chosen, _ = Arbitrage(PRICES, kwh=None, start=None, low=0.1, high=0.9, per_kwh=1.0).best()
    sizes = np.arange(0, 30, 0.05)
    tried = [
        Arbitrage(PRICES, kwh=float(kwh), start=None, low=0.1, high=0.9).best()[0] - kwh
        for kwh in sizes
    ]
    assert 0 < np.argmax(tried) < len(sizes) - 1
    assert max(tried) <= chosen + 1e-9
    assert chosen == pytest.approx(max(tried), abs=0.1)


def test_a_day_that_begins_as_it_ends_may_begin_at_any_hour() -> None:
    profit, energy = Arbitrage(PRICES, start=None).best()
    assert profit > 1
    for shift in range(1, STEPS):
        turned, other = Arbitrage(np.roll(PRICES, shift), start=None).best()
        assert turned == pytest.approx(profit)
        np.testing.assert_allclose(other, np.roll(energy, shift), atol=1e-7)
    starts = np.arange(0, 1.01, 0.1)
    best_start = max(Arbitrage(PRICES, start=start, returns=True).best()[0] for start in starts)
    assert best_start == pytest.approx(profit)


def test_a_day_of_one_step_that_begins_as_it_ends_drains_nothing() -> None:
    energy, power, loss = columns_of((1,), (1,), (1,))
    rows = LinearRows()
    energy_balance(rows, energy, lossy_flow(power, loss), None)
    assert missed(rows, np.array([7.0]), np.array([-2.0]), np.array([2.0])) == pytest.approx(0)
    assert missed(rows, np.array([7.0]), np.array([2.0]), np.array([2.0])) == pytest.approx(4)


def test_a_battery_is_sold_empty_unless_it_must_give_back_what_it_had() -> None:
    emptied = Arbitrage(PRICES, start=0.5, low=0.1).best()
    kept = Arbitrage(PRICES, start=0.5, low=0.1, returns=True).best()
    columns = Arbitrage(PRICES, start=0.5, low=0.1, returns=True, as_columns=True).best()
    assert emptied[1][-1] == pytest.approx(1)
    assert kept[1][-1] == pytest.approx(5)
    assert emptied[0] > kept[0] == pytest.approx(columns[0])


@settings(max_examples=40, deadline=None)
@given(kwh=st.floats(1, 100), low=st.floats(0, 0.4), high=st.floats(0.6, 1), part=st.floats(0, 1.2))
def test_states_of_charge_keep_off_both_ends_by_the_room(
    kwh: float, low: float, high: float, part: float
) -> None:
    room = part * (high - low) * kwh / 2
    for size, low_kwh, high_kwh in ((kwh, low, high), (1.0, low * kwh, high * kwh)):
        ends = []
        for price in (1.0, -1.0):
            program = MixedBuilder()
            energy = program.columns(1, lower=-np.inf)
            margin = program.columns(1, lower=room, upper=room)
            stay_charged(program, energy, size, low_kwh, high_kwh, [(margin, 1.0)])
            program.cost(energy, price)
            if part > 1 + 1e-3:
                with pytest.raises(InfeasibleError):
                    solve_linear(program.build().linear, "room")
                continue
            if part <= 1:
                ends.append(solve_linear(program.build().linear, "room").x[0])
        if part <= 1:
            assert ends == pytest.approx([low * kwh + room, high * kwh - room], abs=1e-6)


def test_shares_may_differ_from_step_to_step() -> None:
    least = np.array([0.1, 0.1, 0.7, 0.1, 0.1])
    program = MixedBuilder()
    energy = program.columns(STEPS, BATTERIES)
    kwh = program.columns(BATTERIES, lower=[10.0, 20.0], upper=[10.0, 20.0])
    stay_charged(program, energy, (kwh, 1.0), least[:, None], 1.0)
    program.cost(energy, 1.0)
    answer = solve_linear(program.build().linear, "shares")
    np.testing.assert_allclose(answer.x[energy], np.outer(least, [10, 20]))


def test_losses_of_power_are_its_size_times_their_factor_either_way() -> None:
    power_kw, factors = np.array([[-4.0, 3.0], [0.0, 5.0]]), np.array([0.1, 0.02])
    program = MixedBuilder()
    power = program.columns(2, 2, lower=power_kw, upper=power_kw)
    loss = program.columns(2, 2, lower=-np.inf)
    loss_of_power(program, power, loss, factors)
    program.cost(loss, 1.0)
    answer = solve_linear(program.build().linear, "losses")
    np.testing.assert_allclose(answer.x[loss], [[0.4, 0.06], [0.0, 0.1]], atol=1e-12)


def test_the_operators_program_and_the_plans_second_stage_take_the_same_battery() -> None:
    profit, energy = Arbitrage(PRICES, start=0.5, low=0.1, high=0.9, returns=True).best()
    for other_profit, other_energy in (in_a_cone_program(), in_a_second_stage()):
        assert other_profit == pytest.approx(profit, rel=1e-5)
        np.testing.assert_allclose(other_energy, energy, atol=1e-3)


def in_a_cone_program() -> tuple[float, FloatArray]:
    program = ProgramBuilder()
    energy, charge, discharge = (program.variables(STEPS, unit=1.0) for _ in range(3))
    energy_balance(program, energy, split_flows(charge, discharge, ETA_C, ETA_D), 5.0)
    stay_charged(program, energy, 10.0, 0.1, 0.9)
    end_charged(program, energy, 5.0)
    for columns, sign in ((charge, 1.0), (discharge, -1.0)):
        program.between(columns, 0.0, 6.0)
        program.add_cost(columns, sign * PRICES)
    stated, scaling = program.build()
    answer = solve_cone(stated, "arbitrage")
    return -answer.report.objective, scaling.values(answer)[energy]


def in_a_second_stage() -> tuple[float, FloatArray]:
    writer = RecourseWriter(1, 0)
    energy = writer.columns(1, STEPS)
    charge = writer.columns(1, STEPS, upper=6.0, cost=PRICES)
    discharge = writer.columns(1, STEPS, upper=6.0, cost=-PRICES)
    rows, kwh = DeviceRows(writer), of_plan(np.array([0]))
    flows = split_flows(charge.T, discharge.T, ETA_C, ETA_D)
    energy_balance(rows, energy.T, flows, (kwh, 0.5))
    stay_charged(rows, energy.T, (kwh, 1.0), 0.1, 0.9)
    writer.rows([(energy[:, -1], -1.0)], np.zeros(1), plan=[(np.array([0]), -0.5)])
    recourse = writer.build(1.0, np.zeros(0, np.int64))
    answer = operate([recourse], np.array([10.0]), np.zeros(0))
    return -answer.cost, answer.y[0][energy[0]]
