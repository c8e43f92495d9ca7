"""The whole as one mixed-integer cone program: the judge of the decomposition, for small cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...core.mixed_cone import MixedConeProgram, solve_mixed_cone
from ...core.solve import LinearProgram
from ...core.units import FloatArray
from .operation import module_sizes
from .problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """The best plan, in units of money."""

    modules: FloatArray
    profit: float
    bound: float


def solve_monolithic(
    problem: Problem, *, gap: float, solver: str = "outer-approximation", seconds: float = np.inf
) -> Judged:
    """The plan of the largest profit, to a gap relative to the yearly cost of everything.

    Raises:
        InfeasibleError: no plan keeps the limits and returns enough.
        SolveError: the gap was not reached.
    """
    found = solve_mixed_cone(
        whole_program(problem), "ports and storage as a whole", gap=gap, solver=solver,
        seconds=seconds,
    )  # fmt: skip
    count = len(problem.first.most)
    return Judged(
        modules=np.round(found.x[:count]),
        profit=problem.before - found.objective,
        bound=problem.before - found.bound,
    )


def whole_program(problem: Problem) -> MixedConeProgram:
    """Columns alpha, beta, then every scenario's; rows of scenarios, sizes, sites, return."""
    first, days = problem.first, [one.program for one in problem.programs]
    count, widths = len(first.most), [len(day.linear.cost) for day in days]
    none = sp.csr_matrix((sum(day.linear.matrix.shape[0] for day in days), 2 * count))
    operation = np.concatenate([day.linear.cost for day in days])
    yearly = (first.annuity + first.upkeep) / problem.money
    wanted = (first.upkeep + first.return_min) / problem.money
    prices = np.concatenate([first.module_price, first.site_price])
    rows = sp.vstack(
        [
            sp.hstack([none, sp.block_diag([day.linear.matrix for day in days])]),
            _sizes(problem, sum(widths)),
            sp.hstack(
                [sp.identity(count), -sp.diags(first.most), sp.csr_matrix((count, sum(widths)))]
            ),
            sp.csr_matrix(np.concatenate([np.tile(wanted, 2) * prices, operation])[None]),
        ]
    )
    sized = count * len(days)
    ends = [
        np.concatenate([*(getattr(day.linear, name) for day in days), np.zeros(sized), tail])
        for name, tail in (
            ("row_lower", np.full(count + 1, -np.inf)),
            ("row_upper", np.append(np.zeros(count), problem.before)),
        )
    ]
    cones = sp.block_diag([day.cone_matrix for day in days])
    whole = np.arange(2 * count + sum(widths)) < 2 * count
    return MixedConeProgram(
        linear=LinearProgram(
            cost=np.concatenate([np.tile(yearly, 2) * prices, operation]),
            matrix=rows.tocsc(),
            row_lower=ends[0],
            row_upper=ends[1],
            col_lower=np.concatenate(
                [np.zeros(2 * count), *(day.linear.col_lower for day in days)]
            ),
            col_upper=np.concatenate(
                [first.most, np.ones(count), *(day.linear.col_upper for day in days)]
            ),
            integer=whole,
        ),
        cone_matrix=sp.hstack([sp.csr_matrix((cones.shape[0], 2 * count)), cones]).tocsr(),
        cone_sizes=np.concatenate([day.cone_sizes for day in days]),
    )


def _sizes(problem: Problem, width: int) -> sp.csr_matrix:
    """Rows size - unit alpha = 0 of every scenario."""
    units, start, blocks = module_sizes(problem.days[0].case), 0, []
    for one in problem.programs:
        own = sp.lil_matrix((len(units), width))
        own[np.arange(len(units)), start + one.columns.sizes] = 1.0
        none = sp.csr_matrix((len(units), len(units)))
        blocks.append(sp.hstack([-sp.diags(units), none, own]))
        start += len(one.program.linear.cost)
    return sp.vstack(blocks).tocsr()
