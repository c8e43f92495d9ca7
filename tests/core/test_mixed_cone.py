"""Judges: every whole-number choice tried, a problem solved by hand, cvxpy in front of Clarabel."""

import importlib.util
import itertools
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from roadvolt.core.errors import InfeasibleError, SolveError, SolverMissing
from roadvolt.core.mixed_cone import _cvxpy_problem, solve_mixed_cone
from roadvolt.core.mixed_cone_program import Excluded, MixedConeProgram, solve_relaxed
from roadvolt.core.solve import LinearProgram


def program(cost, rows, row_upper, col_lower, col_upper, integer, cones):
    """min cost'x  s.t.  rows x <= row_upper, bounds, cones (each a list of rows)."""
    columns = len(cost)
    linear = LinearProgram(
        cost=np.array(cost, float),
        matrix=sp.csc_matrix(np.array(rows, float).reshape(-1, columns)),
        row_lower=np.full(len(row_upper), -np.inf),
        row_upper=np.array(row_upper, float),
        col_lower=np.array(col_lower, float),
        col_upper=np.array(col_upper, float),
        integer=np.array(integer, bool),
    )
    return MixedConeProgram(
        linear=linear,
        cone_matrix=sp.csr_matrix(np.array([row for cone in cones for row in cone], float)),
        cone_sizes=np.array([len(cone) for cone in cones]),
    )


def best_of_all_choices(stated):
    whole = np.flatnonzero(stated.integer)
    lower, upper = stated.linear.col_lower, stated.linear.col_upper
    ranges = [np.arange(lower[k], upper[k] + 1) for k in whole]
    best = np.inf
    for choice in itertools.product(*ranges):
        low, high = lower.copy(), upper.copy()
        low[whole] = high[whole] = choice
        answer = solve_relaxed(stated, "one choice", low, high)
        if not isinstance(answer, Excluded):
            best = min(best, answer.objective)
    return best


def farthest_lattice_point():
    # min -3a - 2b  s.t.  |(a, b)| <= r, r = 4.3, a and b whole: (4, 1) gives 14, (3, 3) gives 15.
    return program(
        [-3, -2, 0],
        np.zeros((0, 3)),
        [],
        [-9, -9, 4.3],
        [9, 9, 4.3],
        [1, 1, 0],
        [[[0, 0, 1], [1, 0, 0], [0, 1, 0]]],
    )


def random_program(seed):
    """Costs of facilities that must carry a load over quadratic roads: x_k^2 <= t_k v_k."""
    rng = np.random.default_rng(seed)
    count = 5
    zero, one = np.zeros((count, count)), np.identity(count)
    # Columns: open (0 or 1), flow x, loss t, voltage v.
    cost = np.concatenate(
        [rng.uniform(0.5, 2, count), np.zeros(count), rng.uniform(1, 4, count), np.zeros(count)]
    )
    links = np.hstack([-one * rng.uniform(0.5, 1.5, count), one, zero, zero])
    demand = np.concatenate([np.zeros(count), -np.ones(count), np.zeros(2 * count)])[None]
    cones = []
    for k in range(count):
        head, x, difference = np.zeros((3, 4 * count))
        head[[2 * count + k, 3 * count + k]] = 1
        x[count + k] = 2
        difference[[2 * count + k, 3 * count + k]] = 1, -1
        cones.append([head, x, np.zeros(4 * count), difference])
    return program(
        cost,
        np.vstack([links, demand]),
        np.append(np.zeros(count), -rng.uniform(1, 2.4)),
        np.concatenate([np.zeros(3 * count), np.full(count, 0.8)]),
        np.concatenate([np.ones(count), np.full(2 * count, 9.0), np.full(count, 1.2)]),
        np.arange(4 * count) < count,
        cones,
    )


def test_the_farthest_lattice_point_of_a_disc():
    found = solve_mixed_cone(farthest_lattice_point(), "lattice", gap=1e-6)
    np.testing.assert_allclose(found.x, [3, 3, 4.3], atol=1e-6)
    assert found.objective == pytest.approx(-15)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_the_optimum_is_that_of_the_best_choice_of_whole_numbers(seed):
    stated = random_program(seed)
    found = solve_mixed_cone(stated, "facilities", gap=1e-5)
    expected = best_of_all_choices(stated)
    assert found.objective == pytest.approx(expected, rel=2e-5)
    assert found.bound <= expected * (1 + 1e-7)
    assert found.gap <= 1e-5


def test_choices_that_the_cones_forbid_are_cut_off_by_the_proof_of_it():
    # 0/1 columns a, b, c with |(a + b - 0.5, c - 0.5)| <= 0.75: not both a and b, but a or b and c.
    stated = program(
        [-2, -2, -1, 0],
        np.zeros((0, 4)),
        [],
        [0, 0, 0, 1],
        [1, 1, 1, 1],
        [1, 1, 1, 0],
        [[[0, 0, 0, 0.75], [1, 1, 0, -0.5], [0, 0, 1, -0.5]]],
    )
    found = solve_mixed_cone(stated, "three switches", gap=1e-6)
    assert found.objective == pytest.approx(-3)


def test_the_bound_rises_and_the_objective_falls():
    seen = []
    found = solve_mixed_cone(random_program(3), "facilities", gap=1e-6, watch=seen.append)
    bounds, objectives = [[getattr(p, n) for p in seen] for n in ("bound", "objective")]
    assert bounds == sorted(bounds)
    assert objectives == sorted(objectives, reverse=True)
    assert seen[-1].gap == found.gap
    assert seen[0].gap == np.inf


def test_a_start_is_an_upper_bound_from_the_beginning():
    seen = []
    stated = random_program(3)
    best = solve_mixed_cone(stated, "facilities", gap=1e-6)
    solve_mixed_cone(stated, "facilities", gap=1e-6, start=best.x, watch=seen.append)
    assert seen[1].objective == pytest.approx(best.objective)


def stated_in_cvxpy(stated):
    problem, _ = _cvxpy_problem(stated)
    return problem.solve(solver="CLARABEL")


def test_a_program_without_whole_numbers_is_solved_as_a_cone_program():
    stated = program(
        [1, 1, 0], np.zeros((0, 3)), [], [-9, -9, 1], [9, 9, 1], [0, 0, 0],
        [[[0, 0, 1], [1, 0, 0], [0, 1, 0]]],
    )  # fmt: skip
    found = solve_mixed_cone(stated, "disc", gap=1e-6)
    assert found.objective == pytest.approx(-np.sqrt(2))
    assert stated_in_cvxpy(stated) == pytest.approx(-np.sqrt(2), rel=1e-6)


def test_cvxpy_states_rows_bounds_and_cones_alike():
    stated = random_program(7)
    linear = stated.linear
    relaxed = solve_relaxed(stated, "relaxed", linear.col_lower, linear.col_upper)
    continuous = replace(stated, linear=replace(linear, integer=None))
    assert stated_in_cvxpy(continuous) == pytest.approx(relaxed.objective, rel=1e-6)


def test_what_has_no_point_says_so():
    none = random_program(1)
    none.linear.row_upper[-1] = -50.0
    with pytest.raises(InfeasibleError, match="facilities"):
        solve_mixed_cone(none, "facilities", gap=1e-3)


def test_whole_numbers_may_be_what_leaves_no_point():
    # |a - 0.5| <= 0.4 holds no whole number.
    stated = program(
        [1, 0, 0], np.zeros((0, 3)), [], [0, 1, 0], [1, 1, 0], [1, 0, 0],
        [[[0, 0.4, 0], [1, -0.5, 0], [0, 0, 1]]],
    )  # fmt: skip
    with pytest.raises(InfeasibleError):
        solve_mixed_cone(stated, "half", gap=1e-3)


def test_a_time_limit_is_an_error_that_names_the_gap_reached():
    with pytest.raises(SolveError, match=r"facilities.*limit.*gap (inf|\d)"):
        solve_mixed_cone(random_program(2), "facilities", gap=1e-6, seconds=1e-9)


@pytest.mark.parametrize(("solver", "package"), [("mosek", "mosek"), ("gurobi", "gurobipy")])
def test_a_solver_that_is_not_installed_is_named(solver, package):
    if importlib.util.find_spec(package):
        pytest.skip(f"{package} is installed")
    with pytest.raises(SolverMissing, match=solver):
        solve_mixed_cone(farthest_lattice_point(), "lattice", gap=1e-3, solver=solver)


@pytest.mark.parametrize("solver", ["scip", "mosek", "gurobi"])
def test_other_solvers_agree_where_installed(solver):
    try:
        found = solve_mixed_cone(random_program(3), "facilities", gap=1e-6, solver=solver)
    except SolverMissing:
        pytest.skip(f"{solver} is not installed")
    assert found.objective == pytest.approx(best_of_all_choices(random_program(3)), rel=1e-5)
