"""A program that grows is, at every moment, the program written down at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from roadvolt.core.growing_program import GrowingProgram
from roadvolt.core.solve import LinearProgram, solve_linear


@pytest.mark.parametrize("seed", range(5))
def test_every_answer_is_that_of_the_program_at_once(seed: int) -> None:
    draw = np.random.default_rng(seed)
    program = LinearProgram(
        cost=draw.normal(size=6),
        matrix=sp.csc_matrix((0, 6)),
        row_lower=np.zeros(0),
        row_upper=np.zeros(0),
        col_lower=np.full(6, -1.0),
        col_upper=np.ones(6),
    )
    grown = GrowingProgram(program, "a program that grows")
    for _ in range(4):
        rows, upper = sp.csr_matrix(draw.normal(size=(2, 6))), draw.uniform(0, 1, 2)
        grown.at_most(rows, upper)
        low, high = draw.uniform(-1, 0, 3), draw.uniform(0, 1, 3)
        program = replace(
            program,
            matrix=sp.vstack([program.matrix, rows], format="csc"),
            row_lower=np.concatenate([program.row_lower, [-np.inf] * 2]),
            row_upper=np.concatenate([program.row_upper, upper]),
            col_lower=np.concatenate([low, program.col_lower[3:]]),
            col_upper=np.concatenate([high, program.col_upper[3:]]),
        )
        found = grown.solve(np.arange(3), low, high)
        assert found is not None
        assert found[0] == pytest.approx(solve_linear(program, "at once").report.objective)


def test_no_point_is_none_and_wider_bounds_bring_it_back() -> None:
    program = LinearProgram(
        cost=np.ones(1),
        matrix=sp.csc_matrix((0, 1)),
        row_lower=np.zeros(0),
        row_upper=np.zeros(0),
        col_lower=np.zeros(1),
        col_upper=np.ones(1),
    )
    grown, column = GrowingProgram(program, "a program that grows"), np.zeros(1, np.int64)
    grown.at_most(sp.csr_matrix([[-1.0]]), np.array([-2.0]))  # x >= 2
    assert grown.solve(column, np.zeros(1), np.ones(1)) is None
    found = grown.solve(column, np.zeros(1), np.full(1, 3.0))
    assert found is not None
    assert found[0] == pytest.approx(2.0)
