"""The builder's rows, scaling and duals against answers known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from roadvolt.core.solve import solve_cone
from roadvolt.grid.cone_builder import ProgramBuilder


def solved(program):
    built, scaling = program.build()
    solution = solve_cone(built, "test", tolerance=1e-9)
    return scaling.values(solution), scaling, solution


@pytest.mark.parametrize("unit", [1.0, 1000.0])
def test_units_change_neither_the_answer_nor_the_duals(unit):
    # min x^2 - 8 x + 2 y  with  x + y >= 5, x <= 3, y >= 0:  x = 3, y = 2.
    program = ProgramBuilder()
    x, y = program.variables(1, unit=unit), program.variables(1, unit=1.0)
    program.add_cost(x, -8.0, 1.0)
    program.add_cost(y, 2.0)
    both = program.at_most([(x, -1.0), (y, -1.0)], np.array([-5.0]))
    cap = program.at_most([(x, 1.0)], np.array([3.0]))
    program.at_most([(y, -1.0)], np.zeros(1))
    values, scaling, solution = solved(program)
    np.testing.assert_allclose(values, [3, 2], atol=1e-6)
    assert scaling.duals(solution, both) == pytest.approx([2.0], abs=1e-5)  # one more: 2 of y
    assert scaling.duals(solution, cap) == pytest.approx([4.0], abs=1e-5)  # -(2x - 8) + 2


def test_a_norm_row_is_a_ball_and_its_dual_the_price_of_its_radius():
    # max 3 x + 4 y  with  2 + || x - 1, y || <= 7:  5 more along (3, 4) / 5, worth 5 per unit.
    program = ProgramBuilder()
    columns = program.variables(2, unit=10.0)
    program.add_cost(columns, [-3.0, -4.0])
    fixed = program.variables(1, unit=1.0)
    program.equal([(fixed, 1.0)], np.array([2.0]))
    tail = [([(columns[:1], 1.0)], -1.0), ([(columns[1:], 1.0)], 0.0)]
    ball = program.at_most_with_norm([(fixed, 1.0)], tail, np.array([7.0]))
    values, scaling, solution = solved(program)
    np.testing.assert_allclose(values[:2], [1 + 3, 4], atol=1e-5)
    assert scaling.duals(solution, ball) == pytest.approx([5.0], abs=1e-4)


def test_trailing_axes_of_a_term_are_summed_and_coefficients_spread():
    # Each row: 2 (a + b + c) = bound; least squares share it evenly.
    program = ProgramBuilder()
    columns = program.variables(2, 3, unit=1.0)
    program.add_cost(columns, 0.0, 1.0)
    program.equal([(columns, 2.0)], np.array([6.0, 12.0]))
    values, _, _ = solved(program)
    np.testing.assert_allclose(values.reshape(2, 3), [[1] * 3, [2] * 3], atol=1e-6)


def test_costs_can_be_weighed_and_dropped():
    program = ProgramBuilder()
    x = program.variables(1, unit=1.0)
    program.add_cost(x, 10.0)
    program.weigh_costs(0.2)  # min 2 x + x^2: x = -1
    program.add_cost(x, 0.0, 1.0)
    program.at_most([(x, 1.0)], np.array([9.0]))
    assert solved(program)[0] == pytest.approx([-1.0], abs=1e-5)
    program.drop_costs()
    program.add_cost(x, -1.0)
    assert solved(program)[0] == pytest.approx([9.0], abs=1e-5)
