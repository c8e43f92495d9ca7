"""Judges: programs solved by hand, and cvxpy in front of another solver."""

import importlib.util

import numpy as np
import pytest
import scipy.sparse as sp

from roadvolt.core.errors import InfeasibleError, SolveError, SolverMissing
from roadvolt.core.solve import (
    Cone,
    ConeKind,
    ConeProgram,
    Ending,
    solve_cone,
    solve_cone_through_cvxpy,
)


def program(quadratic, cost, matrix, bound, *cones):
    return ConeProgram(
        quadratic=sp.csc_matrix(np.triu(quadratic).astype(float)),
        cost=np.array(cost, dtype=float),
        matrix=sp.csc_matrix(np.array(matrix, dtype=float)),
        bound=np.array(bound, dtype=float),
        cones=tuple(Cone(kind, size) for kind, size in cones),
    )


def disc_and_line():
    # min x^2 + y^2 + xy - 4x - 6y + z  s.t.  x + y = z,  y <= 0.7,  |(x, y)| <= 1.
    return program(
        [[2, 1, 0], [1, 2, 0], [0, 0, 0]],
        [-4, -6, 1],
        [[1, 1, -1], [0, 1, 0], [0, 0, 0], [-1, 0, 0], [0, -1, 0]],
        [0, 0.7, 1, 0, 0],
        (ConeKind.ZERO, 1),
        (ConeKind.NONNEGATIVE, 1),
        (ConeKind.SECOND_ORDER, 3),
    )


def test_the_farthest_point_of_a_disc_and_its_dual():
    # min 3x + 4y on |(x, y)| <= 2 is -10 at (-1.2, -1.6); one more of the radius is worth 5.
    disc = program(
        np.zeros((2, 2)), [3, 4], [[0, 0], [-1, 0], [0, -1]], [2, 0, 0], (ConeKind.SECOND_ORDER, 3)
    )
    solution = solve_cone(disc, "disc")
    np.testing.assert_allclose(solution.x, [-1.2, -1.6], atol=1e-5)
    np.testing.assert_allclose(solution.z, [5, 3, 4], atol=1e-4)
    assert solution.report.objective == pytest.approx(-10, rel=1e-6)


def test_the_way_through_cvxpy_gives_the_same_point_and_duals():
    direct = solve_cone(disc_and_line(), "both")
    other = solve_cone_through_cvxpy(disc_and_line(), "both", "SCS")
    np.testing.assert_allclose(other.x, direct.x, atol=1e-3)
    np.testing.assert_allclose(other.z, direct.z, atol=1e-2)
    assert np.all(np.abs(direct.z[[0, 1, 2]]) > 0.1)  # every dual has a sign to get wrong
    assert other.report.objective == pytest.approx(direct.report.objective, rel=1e-4)


@pytest.mark.parametrize(
    ("solve", "solver"), [(solve_cone, "clarabel"), (solve_cone_through_cvxpy, "CLARABEL")]
)
def test_an_infeasible_program_raises_with_its_name(solve, solver):
    impossible = program([[0]], [1], [[1], [-1]], [0, -1], (ConeKind.NONNEGATIVE, 2))
    with pytest.raises(InfeasibleError, match="impossible"):
        solve(impossible, "impossible", solver)


def test_an_unbounded_program_raises_and_is_not_called_infeasible():
    endless = program([[0]], [1], [[1]], [0], (ConeKind.NONNEGATIVE, 1))
    with pytest.raises(SolveError, match="endless") as caught:
        solve_cone(endless, "endless")
    assert caught.value.ending == Ending.UNBOUNDED


def test_a_tolerance_out_of_reach_is_never_an_answer():
    with pytest.raises(SolveError) as caught:
        solve_cone(disc_and_line(), "too fine", tolerance=1e-30)
    assert caught.value.ending in (Ending.INEXACT, Ending.LIMIT)


def test_absent_and_unknown_solvers_are_named_with_a_remedy(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SolverMissing, match=r"MOSEK.*roadvolt\[mosek\]"):
        solve_cone(disc_and_line(), "licensed", "mosek")
    with pytest.raises(SolverMissing, match=r"gurobi.*'clarabel' or 'mosek'"):
        solve_cone(disc_and_line(), "unknown", "gurobi")
