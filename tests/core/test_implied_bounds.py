"""Judge: bounds worked out by hand; and that no optimum changes (see ``test_mixed_cone``)."""

import numpy as np
import scipy.sparse as sp

from roadvolt.core.implied_bounds import implied_bounds
from roadvolt.core.solve import LinearProgram


def implied(rows, row_lower, row_upper, lower, upper, cones=()):
    columns = len(lower)
    linear = LinearProgram(
        cost=np.zeros(columns),
        matrix=sp.csc_matrix(np.array(rows, float).reshape(-1, columns)),
        row_lower=np.array(row_lower, float),
        row_upper=np.array(row_upper, float),
        col_lower=np.array(lower, float),
        col_upper=np.array(upper, float),
    )
    sizes = np.array([len(cone) for cone in cones], int)
    stacked = np.array([row for cone in cones for row in cone], float).reshape(-1, columns)
    return implied_bounds(
        linear,
        sp.csr_matrix(stacked),
        np.cumsum(sizes) - sizes,
        np.repeat(np.arange(len(sizes)), sizes),
        linear.col_lower,
        linear.col_upper,
    )


def test_a_switch_that_is_off_takes_capacity_flow_and_cone_with_it():
    # Columns: switch = 0, capacity <= 9 switch, p and q with |(p, q)| <= capacity.
    found = implied(
        [[-9, 1, 0, 0]], [-np.inf], [0], [0, 0, -5, -5], [0, 9, 5, 5],
        cones=[[[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]],
    )  # fmt: skip
    np.testing.assert_array_equal(found.lower, 0)
    np.testing.assert_array_equal(found.upper, 0)
    assert not found.rows.any()


def test_a_switch_that_is_on_leaves_room():
    found = implied([[-9, 1]], [-np.inf], [0], [1, 0], [1, 9])
    np.testing.assert_array_equal(found.free, [False, True])


def test_shares_of_nothing_are_nothing_and_the_last_of_all_is_all():
    # x + y + z = 0 with x, y, z >= 0; u + v = 1 with v = 0.
    found = implied(
        [[1, 1, 1, 0, 0], [0, 0, 0, 1, 1]], [0, 1], [0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 0]
    )
    np.testing.assert_array_equal(found.lower, [0, 0, 0, 1, 0])
    assert not found.free.any()


def test_a_row_at_least_as_large_as_it_can_be_holds_its_columns():
    found = implied([[1, -2]], [3], [np.inf], [0, 0], [3, 4])
    np.testing.assert_array_equal(found.lower, [3, 0])
    assert not found.free.any()


def test_contradictions_are_left_to_the_solver():
    found = implied([[1, 1]], [5], [5], [0, 0], [0, 1])
    assert found.rows.all()
    assert (found.lower <= found.upper).all()
    fixed = implied([[1]], [5], [5], [1], [1])
    assert fixed.rows.all()


def test_free_columns_force_nothing():
    found = implied([[1, 1]], [0], [0], [-np.inf, 0], [np.inf, 1])
    assert found.free.all()
