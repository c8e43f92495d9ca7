"""Converters: discs and polygons by geometry, losses and balances by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadvolt.core.devices import converter
from roadvolt.core.devices.battery import energy_balance, lossy_flow, stay_charged
from roadvolt.core.devices.polygon import Polygon
from roadvolt.core.linear_rows import LinearRows
from roadvolt.core.mixed_cone_program import Relaxed, solve_relaxed
from roadvolt.core.solve import solve_linear
from roadvolt.core.units import FloatArray, IntArray
from roadvolt.planning.mixed_builder import MixedBuilder

SIDES = [4, 6, 12, 24, 48]
#: 1 - cos(pi / K), as a percentage.
PUBLISHED_ERROR = {12: 3.4, 24: 0.86}

angles = st.floats(0, 2 * np.pi)


def solved(program: MixedBuilder) -> FloatArray:
    """The optimum; by Clarabel if there are cones."""
    built = program.build()
    if not len(built.cone_sizes):
        return solve_linear(built.linear, "test").x
    answer = solve_relaxed(built, "test", built.linear.col_lower, built.linear.col_upper)
    assert isinstance(answer, Relaxed)
    return answer.x


def free(program: MixedBuilder, *shape: int) -> IntArray:
    return program.columns(*shape, lower=-np.inf)


def given_columns(program: MixedBuilder, values: FloatArray | list[float]) -> IntArray:
    return program.columns(*np.shape(values), lower=values, upper=values)


@settings(max_examples=15, deadline=None)
@given(angle=angles, kva=st.floats(0.1, 50))
def test_a_converter_reaches_its_apparent_power_in_every_direction(
    angle: float, kva: float
) -> None:
    program = MixedBuilder()
    p, q = free(program, 1), free(program, 1)
    converter.capacity(program, p, q, given_columns(program, [kva]))
    program.cost(p, -np.cos(angle))
    program.cost(q, -np.sin(angle))
    x = solved(program)
    np.testing.assert_allclose(x[[p[0], q[0]]] / kva, [np.cos(angle), np.sin(angle)], atol=2e-4)


@pytest.mark.parametrize("sides", SIDES)
def test_a_polygon_reaches_as_far_as_its_corners_on_the_circle(sides: int) -> None:
    corners = 2 * np.pi * np.arange(sides) / sides
    for angle in np.linspace(0.01, 6.28, 23):
        for as_column in (False, True):
            program = MixedBuilder()
            p, q = free(program, 1), free(program, 1)
            size = (given_columns(program, [7.0]), 1.0) if as_column else 7.0
            converter.polygon_capacity(program, p, q, size, Polygon(sides))
            program.cost(p, -np.cos(angle))
            program.cost(q, -np.sin(angle))
            x = solved(program)
            reach = np.cos(angle) * x[p[0]] + np.sin(angle) * x[q[0]]
            assert reach == pytest.approx(7 * np.cos(angle - corners).max())


@pytest.mark.parametrize("sides", SIDES)
def test_a_polygon_gives_away_at_most_one_less_the_cosine(sides: int) -> None:
    polygon, angle = Polygon(sides), np.linspace(0, 2 * np.pi, 24 * sides + 1)
    within = 1 / polygon.radius(np.cos(angle), np.sin(angle))  # the edge, in every direction
    assert within.max() == pytest.approx(1)
    assert 1 - within.min() == pytest.approx(1 - np.cos(np.pi / sides))
    assert polygon.largest_error == pytest.approx(1 - within.min())
    if sides in PUBLISHED_ERROR:
        assert 100 * polygon.largest_error == pytest.approx(PUBLISHED_ERROR[sides], abs=0.02)


@given(angle=angles, sides=st.sampled_from(SIDES))
def test_twice_the_sides_are_never_worse(angle: float, sides: int) -> None:
    p, q = np.cos(angle), np.sin(angle)
    few, many = Polygon(sides).radius(p, q), Polygon(2 * sides).radius(p, q)
    assert 1 - 1e-12 <= many <= few + 1e-12


@given(angle=angles, sides=st.sampled_from(SIDES))
def test_a_polygon_is_the_same_for_injecting_and_for_drawing(angle: float, sides: int) -> None:
    p, q, polygon = np.cos(angle), np.sin(angle), Polygon(sides)
    for other in (polygon.radius(-p, q), polygon.radius(p, -q), polygon.radius(-p, -q)):
        assert other == pytest.approx(polygon.radius(p, q))


@pytest.mark.parametrize("sides", [2, 5, 0, -6])
def test_a_polygon_needs_an_even_number_of_sides(sides: int) -> None:
    with pytest.raises(ValueError, match="even number"):
        Polygon(sides)


def test_losses_that_have_a_price_are_their_share_of_apparent_power() -> None:
    p_kw, q_kvar = np.array([3.0, -4.0, 0.0, 1.0]), np.array([4.0, -3.0, 2.0, 0.0])
    factor, polygon = np.array([0.02, 0.05, 0.1, 0.01]), Polygon(12)
    exact = factor * np.hypot(p_kw, q_kvar)
    least = {}
    for name in ("cone", "polygon"):
        program = MixedBuilder()
        p, q = given_columns(program, p_kw), given_columns(program, q_kvar)
        loss = free(program, 4)
        if name == "cone":
            converter.losses(program, p, q, loss, factor)
        else:
            converter.polygon_losses(program, p, q, loss, factor, polygon)
        program.cost(loss, 1.0)
        least[name] = solved(program)[loss]
    np.testing.assert_allclose(least["cone"], exact, rtol=1e-5)
    np.testing.assert_allclose(least["polygon"], factor * polygon.radius(p_kw, q_kvar))
    assert (least["polygon"] <= exact / polygon.inner + 1e-12).all()
    assert (least["polygon"] >= exact - 1e-12).all()


def test_a_converter_without_losses_loses_nothing() -> None:
    program = MixedBuilder()
    p, q = given_columns(program, [3.0]), given_columns(program, [4.0])
    loss = free(program, 1)
    converter.polygon_losses(program, p, q, loss, 0.0, Polygon(12))
    program.cost(loss, 1.0)
    assert solved(program)[loss] == pytest.approx(0)


def test_losses_without_a_price_end_at_those_of_full_power() -> None:
    for as_column in (False, True):
        program = MixedBuilder()
        loss, kva = free(program, 2), np.array([100.0, 50.0])
        size = (given_columns(program, kva), 1.0) if as_column else kva
        converter.most_losses(program, loss, size, 0.02)
        program.cost(loss, -1.0)
        np.testing.assert_allclose(solved(program)[loss], [2.0, 1.0])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), sign=st.sampled_from([1.0, -1.0]))
def test_what_terminals_inject_and_lose_comes_from_the_dc_side(seed: int, sign: float) -> None:
    rng = np.random.default_rng(seed)
    owner = np.array([0, 1, 1, 0, 1])
    p_kw, lost_kw = rng.uniform(-9, 9, (4, 5)), rng.uniform(0.5, 1, (4, 5))
    supplied = np.zeros((4, 2))
    for t in range(4):
        for k, group in enumerate(owner):
            supplied[t, group] += p_kw[t, k] + sign * lost_kw[t, k]
    rows, columns = LinearRows(), np.arange(48)
    p, loss = columns[:20].reshape(4, 5), columns[20:40].reshape(4, 5)
    member = np.equal.outer(np.arange(2), owner).astype(float)
    converter.balance(rows, p, loss, member, [(columns[40:].reshape(4, 2), 1.0)], sign)
    matrix, lower, upper = rows.stack(48)
    np.testing.assert_array_equal(lower, upper)

    def missed(p_kw: FloatArray, lost_kw: FloatArray) -> FloatArray:
        x = np.concatenate([np.ravel(part) for part in (p_kw, lost_kw, supplied)])
        return np.asarray(matrix @ x - lower)

    np.testing.assert_allclose(missed(p_kw, lost_kw), 0, atol=1e-9)
    assert np.abs(missed(p_kw, -lost_kw)).min() > 1  # 2 x 2 terminals x 0.5 kW or more
    elsewhere = p_kw.copy()
    elsewhere[2, 3] += 1
    assert np.flatnonzero(np.abs(missed(elsewhere, lost_kw)) > 0.5).tolist() == [4]  # t 2, group 0


def test_physical_losses_are_paid_by_the_grid_and_printed_ones_are_a_gift() -> None:
    net = {}
    for sign in (1.0, -1.0):
        program = MixedBuilder()
        p, q, loss = free(program, 2), free(program, 2), free(program, 2)
        converter.capacity(program, p, q, given_columns(program, [100.0, 100.0]))
        converter.losses(program, p, q, loss, 0.02)
        converter.most_losses(program, loss, 100.0, 0.02)
        converter.balance(program, p, loss, np.ones((1, 2)), sign=sign)
        program.cost(p, [-5.0, -1.0])  # power is worth more at the first terminal
        net[sign] = solved(program)[p].sum()
    assert net[1.0] == pytest.approx(-4, abs=0.1)  # 2 % of 100 kW, twice
    assert net[-1.0] == pytest.approx(4, abs=0.1)


@dataclass
class Link:
    """Terminals on a DC link with a battery, run at prices [time, terminal]."""

    prices: FloatArray
    kva: FloatArray
    factor: FloatArray
    polygon: Polygon | None = None  #: None: discs

    def best(self) -> tuple[float, FloatArray]:
        """Cost, and p [time, terminal]."""
        program = MixedBuilder()
        steps, terminals = self.prices.shape
        p, q, loss = (free(program, steps, terminals) for _ in range(3))
        kva = given_columns(program, np.tile(self.kva, (steps, 1)))
        if self.polygon is None:
            converter.capacity(program, p, q, kva)
            converter.losses(program, p, q, loss, np.tile(self.factor, (steps, 1)))
        else:
            converter.polygon_capacity(program, p, q, (kva, 1.0), self.polygon)
            converter.polygon_losses(program, p, q, loss, self.factor, self.polygon)
        given_kw, lost_kw = free(program, steps, 1), program.columns(steps, 1)
        energy = program.columns(steps, 1)
        energy_balance(program, energy, lossy_flow(given_kw, lost_kw), None)
        stay_charged(program, energy, 80.0, 0.1, 0.9)
        converter.balance(program, p, loss, np.ones((1, terminals)), [(given_kw, 1.0)])
        program.at_least([(q, 1.0)], np.full(steps, 30.0))  # reactive power is asked for
        program.cost(p, -self.prices)
        program.cost(lost_kw, 1e-3)
        x = solved(program)
        np.testing.assert_allclose(
            x[p].sum(), -x[loss].sum() - x[lost_kw].sum(), atol=1e-4
        )  # over a day nothing is made or kept
        return float(program.build().linear.cost @ x), x[p]


@pytest.fixture(scope="module")
def link() -> Link:
    rng = np.random.default_rng(4)
    return Link(
        prices=rng.uniform(1, 3, (6, 3)),
        kva=np.array([40.0, 60.0, 25.0]),
        factor=np.array([0.02, 0.03, 0.01]),
    )


def with_polygon(link: Link, sides: int) -> Link:
    return Link(link.prices, link.kva, link.factor, Polygon(sides))


def test_more_sides_come_nearer_to_the_disc_from_above(link: Link) -> None:
    exact, _ = link.best()
    costs = [with_polygon(link, sides).best()[0] for sides in (6, 12, 24, 48, 96)]
    assert exact < 0
    assert (np.diff(costs) < 0).all()
    assert exact <= costs[-1] + 1e-4
    errors = np.array(costs) - exact
    assert errors[1] < 0.06 * -exact
    assert errors[3] < 0.15 * errors[1]  # a quarter as wide: a sixteenth of the error


@pytest.mark.parametrize("sides", [None, 12])
def test_the_order_of_terminals_does_not_matter(link: Link, sides: int | None) -> None:
    one = link if sides is None else with_polygon(link, sides)
    cost, p_kw = one.best()
    order = [2, 0, 1]
    turned = Link(one.prices[:, order], one.kva[order], one.factor[order], one.polygon)
    other_cost, other_kw = turned.best()
    assert other_cost == pytest.approx(cost, rel=1e-6)
    np.testing.assert_allclose(other_kw, p_kw[:, order], atol=1e-2)
