"""One program at many right-hand sides: the same optima as one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from roadvolt.core.errors import InfeasibleError
from roadvolt.core.linear_family import LinearFamily
from roadvolt.core.solve import LinearProgram, solve_linear


def program() -> LinearProgram:
    """min c'x, A x >= b with c, A >= 0: feasible for every b."""
    rng = np.random.default_rng(1)
    return LinearProgram(
        cost=rng.uniform(1, 2, 8),
        matrix=sp.csc_matrix(rng.uniform(0, 1, (5, 8))),
        row_lower=np.ones(5),
        row_upper=np.full(5, np.inf),
        col_lower=np.zeros(8),
        col_upper=np.full(8, 50.0),
    )


def test_every_member_has_the_optimum_that_it_has_alone() -> None:
    one, rng = program(), np.random.default_rng(2)
    family = LinearFamily(one, "test")
    for _ in range(20):
        lower = rng.uniform(-1, 9, 5)
        objective, x = family.solve(lower, one.row_upper)
        alone = solve_linear(replace(one, row_lower=lower), "alone")
        assert objective == pytest.approx(alone.report.objective)
        assert one.cost @ x == pytest.approx(objective)
        assert (one.matrix @ x >= lower - 1e-7).all()


def test_a_member_without_a_point_says_so_and_does_not_harm_the_next() -> None:
    one = program()
    family = LinearFamily(one, "test")
    first, _ = family.solve(one.row_lower, one.row_upper)
    with pytest.raises(InfeasibleError):
        family.solve(np.full(5, 1e4), one.row_upper)
    again, _ = family.solve(one.row_lower, one.row_upper)
    assert again == pytest.approx(first)
