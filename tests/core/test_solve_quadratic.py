"""Judges: hand-worked programs, and Clarabel through the other door."""

import numpy as np
import pytest
import scipy.sparse as sp

from roadvolt.core.errors import InfeasibleError, SolveError
from roadvolt.core.quadratic import QuadraticProgram, solve_quadratic
from roadvolt.core.solve import Cone, ConeKind, ConeProgram, solve_cone


def program(quadratic, cost, matrix, rows, columns):
    row_lower, row_upper = np.array(rows, dtype=float).T
    col_lower, col_upper = np.array(columns, dtype=float).T
    return QuadraticProgram(
        quadratic=sp.csc_matrix(np.triu(quadratic)),
        cost=np.array(cost, dtype=float),
        matrix=sp.csc_matrix(np.array(matrix, dtype=float)),
        row_lower=row_lower,
        row_upper=row_upper,
        col_lower=col_lower,
        col_upper=col_upper,
    )


FREE = (-np.inf, np.inf)


def test_a_hand_worked_program_and_its_duals():
    # min 1/2 (x^2 + y^2) - 3x  s.t. x + y = 2, x <= 1.5: x = 1.5, y = 0.5. One more unit of the
    # sum costs y = 0.5; one more of the bound is worth 3 - x + y = 2.
    solution = solve_quadratic(
        program(np.eye(2), [-3, 0], [[1, 1]], [(2, 2)], [(-np.inf, 1.5), FREE]), "hand"
    )
    np.testing.assert_allclose(solution.x, [1.5, 0.5], atol=1e-8)
    np.testing.assert_allclose(solution.row_dual, [0.5], atol=1e-7)
    np.testing.assert_allclose(solution.col_dual, [-2, 0], atol=1e-7)
    assert solution.report.objective == pytest.approx(1.25 - 4.5)


def test_the_upper_triangle_stands_for_the_whole_matrix():
    # 1/2 x'Px with P = [[2, 1], [1, 2]] and cost (-3, -3) is least at (1, 1).
    solution = solve_quadratic(
        program([[2, 1], [1, 2]], [-3, -3], [[1, 0]], [FREE], [FREE, FREE]), "coupled"
    )
    np.testing.assert_allclose(solution.x, [1, 1], atol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_random_programs_cost_what_clarabel_finds(seed):
    rng = np.random.default_rng(seed)
    root, matrix, cost = rng.normal(size=(8, 8)), rng.normal(size=(5, 8)), rng.normal(size=8)
    inside = rng.normal(size=8)
    rows = [(value - 0.1, value + 0.2) for value in matrix @ inside]
    columns = [(value - 0.3, value + 0.3) for value in inside]
    quadratic = program(root @ root.T, cost, matrix, rows, columns)
    both = np.vstack([matrix, np.eye(8)])
    (low, high) = np.array(rows + columns).T
    cone = ConeProgram(
        quadratic=quadratic.quadratic,
        cost=cost,
        matrix=sp.csc_matrix(np.vstack([both, -both])),
        bound=np.concatenate([high, -low]),
        cones=(Cone(ConeKind.NONNEGATIVE, 26),),
    )
    judged = solve_cone(cone, "random")
    solution = solve_quadratic(quadratic, "random")
    assert solution.report.objective == pytest.approx(judged.report.objective, rel=1e-6)
    np.testing.assert_allclose(solution.x, judged.x, atol=1e-4)


def test_starting_from_the_solution_takes_fewer_iterations():
    rng = np.random.default_rng(1)
    root, matrix = rng.normal(size=(30, 20)), rng.normal(size=(15, 30))
    rows = [(value - 0.01, value) for value in matrix @ rng.normal(size=30)]
    # Of rank 20, it is not strongly convex: the rows and bounds have to decide.
    problem = program(root @ root.T, rng.normal(size=30), matrix, rows, [(-3, 3)] * 30)
    cold = solve_quadratic(problem, "cold")
    warm = solve_quadratic(problem, "warm", cold)
    assert warm.report.iterations < cold.report.iterations / 2
    assert warm.report.objective == pytest.approx(cold.report.objective, rel=1e-7)


def test_an_infeasible_program_raises_with_its_name():
    with pytest.raises(InfeasibleError, match="impossible") as caught:
        solve_quadratic(program(np.eye(1), [0], [[1]], [(2, 3)], [(0, 1)]), "impossible")
    assert caught.value.solver == "OSQP"


def test_an_unbounded_program_raises():
    with pytest.raises(SolveError, match="unbounded"):
        solve_quadratic(program(np.zeros((1, 1)), [-1], [[1]], [FREE], [FREE]), "endless")
