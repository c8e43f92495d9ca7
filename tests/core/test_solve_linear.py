"""Judges: programs solved by hand; every ending but the optimum raises."""

import numpy as np
import pytest
import scipy.sparse as sp

from roadvolt.core.errors import InfeasibleError, SolveError
from roadvolt.core.solve import Ending, LinearProgram, solve_linear

INF = np.inf


def program(cost, matrix, rows, columns, integer=None):
    row_lower, row_upper = np.array(rows, dtype=float).T
    col_lower, col_upper = np.array(columns, dtype=float).T
    return LinearProgram(
        cost=np.array(cost, dtype=float),
        matrix=sp.csc_matrix(np.array(matrix, dtype=float)),
        row_lower=row_lower,
        row_upper=row_upper,
        col_lower=col_lower,
        col_upper=col_upper,
        integer=integer,
    )


def test_a_hand_worked_program_and_its_duals():
    # min x + 3y, x + y >= 4, x <= 3: x = 3, y = 1. One more of the sum costs 3; one more of the
    # bound lets x replace y and saves 2.
    solution = solve_linear(program([1, 3], [[1, 1]], [(4, INF)], [(0, 3), (0, INF)]), "hand")
    np.testing.assert_allclose(solution.x, [3, 1])
    np.testing.assert_allclose(solution.row_dual, [3])
    np.testing.assert_allclose(solution.col_dual, [-2, 0])
    assert solution.report.objective == pytest.approx(6)
    assert solution.report.ending is Ending.OPTIMAL


def test_integer_columns_are_whole():
    # max x + y with 2x + 2y <= 5: 2.5 relaxed, 2 in whole numbers.
    whole = program([-1, -1], [[2, 2]], [(-INF, 5)], [(0, 9), (0, 9)], np.array([True, True]))
    assert solve_linear(whole, "whole").report.objective == pytest.approx(-2)


def test_an_infeasible_program_raises_with_its_name():
    with pytest.raises(InfeasibleError, match="impossible") as caught:
        solve_linear(program([0], [[1]], [(2, 3)], [(0, 1)]), "impossible")
    assert caught.value.solver == "HiGHS"


def test_an_unbounded_program_raises_and_is_not_called_infeasible():
    # Presolve cannot tell the two apart, and says so; without it HiGHS can.
    endless = program([-1, 0], [[1, -1]], [(0, 0)], [(0, INF), (0, INF)])
    with pytest.raises(SolveError) as caught:
        solve_linear(endless, "endless", presolve="off")
    assert caught.value.ending == Ending.UNBOUNDED


@pytest.mark.parametrize("option", ["time_limit", "mip_max_nodes"])
def test_a_limit_is_never_an_answer(option):
    # A market split: whole-number equations that take branching, with a feasible point at hand.
    rng = np.random.default_rng(0)
    matrix = np.hstack([rng.integers(0, 100, (4, 30)), np.eye(4), -np.eye(4)])
    half = matrix[:, :30].sum(axis=1) // 2
    hard = program(
        [0] * 30 + [1] * 8,
        matrix,
        [(v, v) for v in half],
        [(0, 1)] * 30 + [(0, INF)] * 8,
        np.arange(38) < 30,
    )
    with pytest.raises(SolveError, match="hard") as caught:
        solve_linear(hard, "hard", **{option: 0})
    assert caught.value.ending == Ending.LIMIT
