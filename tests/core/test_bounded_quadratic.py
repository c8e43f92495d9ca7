"""Quadratic programs with a proven bound, against formulas, OSQP, and bounds moved by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from roadvolt.core.bounded_quadratic import NormCones, solve_bounded, value
from roadvolt.core.errors import InfeasibleError
from roadvolt.core.quadratic import QuadraticProgram, solve_quadratic


def drawn_program(seed: int, columns: int = 8, rows: int = 6) -> QuadraticProgram:
    """Convex, of no full rank, with a point inside, a fixed column, and a row that cannot bind."""
    draw = np.random.default_rng(seed).normal
    root, matrix = draw(size=(columns // 2, columns)), draw(size=(rows, columns))
    inside = np.clip(draw(size=columns), -1, 1)
    lower, upper = np.full(columns, -2.0), np.full(columns, 2.0)
    lower[2] = upper[2] = inside[2]
    above = matrix @ inside + np.abs(draw(size=rows))
    below = np.full(rows, -np.inf)
    above[0] = below[0] = matrix[0] @ inside
    below[1] = matrix[1] @ inside - 0.1
    above[2] = 1e3
    return QuadraticProgram(
        quadratic=sp.csc_matrix(np.triu(root.T @ root)),
        cost=draw(size=columns),
        matrix=sp.csc_matrix(matrix),
        row_lower=below,
        row_upper=above,
        col_lower=lower,
        col_upper=upper,
    )


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_the_optimum_is_that_of_another_solver(seed: int) -> None:
    program = drawn_program(seed)
    found = solve_bounded(program, "test", tolerance=1e-8)
    other = solve_quadratic(program, "test")
    assert found.objective == pytest.approx(other.report.objective, rel=1e-5, abs=1e-5)
    assert found.x[2] == program.col_lower[2]
    assert found.objective == value(program, found.x)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_bounds_hold_at_any_tolerance_and_close_in(seed: int) -> None:
    program = drawn_program(seed)
    optimum = solve_quadratic(program, "test").report.objective
    for tolerance in (0.5, 1e-2, 1e-5):
        assert solve_bounded(program, "test", tolerance=tolerance).bound <= optimum + 1e-5
    assert solve_bounded(program, "test", tolerance=1e-9).bound == pytest.approx(optimum, abs=1e-4)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), more=st.floats(0.0, 0.5))
def test_prices_of_rows_bound_what_more_room_brings(seed: int, more: float) -> None:
    program = drawn_program(seed)
    found = solve_bounded(program, "test")
    room = np.zeros(len(program.row_upper))
    room[3:] = more
    wider = replace(program, row_upper=program.row_upper + room)
    better = solve_quadratic(wider, "test").report.objective
    assert np.all(found.row_price >= 0)
    assert found.bound - found.row_price @ room <= better + 1e-5


def test_cones_bind_and_their_bound_holds() -> None:
    # min x + y within the unit disc: -sqrt(2).
    program = QuadraticProgram(
        quadratic=sp.csc_matrix((3, 3)),
        cost=np.array([1.0, 1.0, 0.0]),
        matrix=sp.csc_matrix((0, 3)),
        row_lower=np.zeros(0),
        row_upper=np.zeros(0),
        col_lower=np.array([-2.0, -2.0, 1.0]),
        col_upper=np.array([2.0, 2.0, 1.0]),
    )
    disc = NormCones(matrix=sp.csr_matrix(np.eye(3)[[2, 0, 1]]), sizes=np.array([3]))
    for tolerance in (1e-2, 1e-8):
        found = solve_bounded(program, "test", cones=disc, tolerance=tolerance)
        assert found.bound <= -np.sqrt(2) + 1e-12
    assert found.objective == pytest.approx(-np.sqrt(2), abs=1e-6)
    assert found.bound == pytest.approx(-np.sqrt(2), abs=1e-6)


def test_what_cannot_be_is_said() -> None:
    program = drawn_program(1)
    none = replace(program, row_lower=np.where(np.arange(6) == 3, 1e3, program.row_lower))
    with pytest.raises(InfeasibleError):
        solve_bounded(replace(none, row_upper=program.row_upper + 2e3), "test")
