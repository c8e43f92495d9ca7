"""The worst fate of a plan: max over u in the budget set of the cost of operation.

``climb`` alternates: the operation at u gives prices, the prices a worse u, until none is found;
every point is a lower bound. ``separate`` is exact: the dual of the operation, in which a price
times a yes-or-no z (does the parameter deviate?) is a column e with

    e <= high z,    e <= gain - low (1 - z),    low <= gain <= high

(``PriceBounds``). Products are written scenario by scenario, as sum of e_s <= sum of min(..) is far
sharper than for the sum of prices; where low = high there is no product at all.

Source: Zeng and Zhao, Solving two-stage robust optimization problems using a column-and-constraint
generation method, Operations Research Letters 41, 2013; the bounds and their use are our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...core.mixed_integer import solve_mixed_integer
from ...core.solve import LinearProgram, solve_linear
from ...core.units import FloatArray, IntArray
from ..mapper import IN_TURN, Mapper
from .budget_set import BudgetSet
from .dual import Dual, dual_of
from .prices import PriceBounds
from .program_stack import ProgramStack
from .recourse import Recourse, operate

_WHAT = "worst case of a plan"
#: Climbs find good points in milliseconds; the solver's own search for them takes a third of it.
_NO_NEIGHBOURHOODS = {
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_root_reduced_cost": False,
}
#: A climb ends where a step gains less than this part.
_GAIN = 1e-7
#: Climbs that are one task of a mapper: enough to be worth the way there and back.
_CLIMBS = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Worst:
    """A fate, what operation costs in it, and what it costs at most in any."""

    u: FloatArray
    cost: float
    bound: float


def climb(
    recourses: Sequence[Recourse], x: FloatArray, uncertainty: BudgetSet, start: FloatArray
) -> Worst:
    """A fate from which no exchange of prices and deviations leads to a worse one."""
    u, found = start, operate(recourses, x, start)
    while True:
        following = uncertainty.worst(found.slope(recourses, x))
        higher = operate(recourses, x, following)
        if higher.cost <= found.cost + _GAIN * max(1.0, abs(found.cost)):
            return Worst(u=u, cost=found.cost, bound=np.inf)
        u, found = following, higher


def climb_from(
    recourses: Sequence[Recourse],
    x: FloatArray,
    uncertainty: BudgetSet,
    starts: Sequence[FloatArray],
    mapper: Mapper = IN_TURN,
) -> Worst:
    """The worst fate that any of the starts leads to, the first one if several are as bad."""
    shared = mapper.share(recourses), x, mapper.share(uncertainty)
    blocks = [(*shared, starts[k : k + _CLIMBS]) for k in range(0, len(starts), _CLIMBS)]
    return _worst(mapper.map(_climb_in_turn, blocks))


def _climb_in_turn(
    recourses: Sequence[Recourse],
    x: FloatArray,
    uncertainty: BudgetSet,
    starts: Sequence[FloatArray],
) -> Worst:
    return _worst([climb(recourses, x, uncertainty, start) for start in starts])


def _worst(found: Sequence[Worst]) -> Worst:
    return max(found, key=lambda one: one.cost)


def separate(
    recourses: Sequence[Recourse],
    x: FloatArray,
    uncertainty: BudgetSet,
    prices: Sequence[PriceBounds],
    *,
    gap: float,
    seconds: float = np.inf,
) -> Worst:
    """The worst fate, to a relative gap; ``bound`` is proven even where time runs out.

    Args:
        recourses: operation of every scenario.
        x: the plan.
        uncertainty: where u may be.
        prices: bounds that hold at x, of every scenario.
        gap: relative.
        seconds: time limit.

    Raises:
        SolveError: no point was found in time.
    """
    program, deviates = _program(recourses, x, uncertainty, prices, whole=True)
    answer = solve_mixed_integer(
        program, _WHAT, gap=gap, seconds=seconds, early=True, **_NO_NEIGHBOURHOODS
    )
    u = uncertainty.mean + deviates @ np.round(answer.x)
    return Worst(u=u, cost=operate(recourses, x, u).cost, bound=-answer.bound)


def relaxed_bound(
    recourses: Sequence[Recourse],
    x: FloatArray,
    uncertainty: BudgetSet,
    prices: Sequence[PriceBounds],
) -> float:
    """An upper bound of the worst cost: ``separate`` with deviations between yes and no."""
    program, _ = _program(recourses, x, uncertainty, prices, whole=False)
    return -solve_linear(program, _WHAT).report.objective


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Moves:
    """What may deviate, and how, all [move]."""

    parameter: IntArray
    sign: FloatArray
    size: FloatArray

    def gains(self, bounds: PriceBounds) -> tuple[FloatArray, FloatArray]:
        """Least and most that a unit of each move can cost."""
        ends = self.sign * np.array([bounds.lower[self.parameter], bounds.upper[self.parameter]])
        return ends.min(axis=0), ends.max(axis=0)


def _program(
    recourses: Sequence[Recourse],
    x: FloatArray,
    uncertainty: BudgetSet,
    prices: Sequence[PriceBounds],
    *,
    whole: bool,
) -> tuple[LinearProgram, sp.csr_matrix]:
    """Minus the worst cost as a program to minimise; and deviations of u by its columns."""
    moves = _moves(uncertainty, prices)
    stack, count = ProgramStack(), len(moves.size)
    certain = np.zeros(count)
    for bounds in prices:
        low, high = moves.gains(bounds)
        certain += np.where(low == high, high, 0.0)
    z = stack.columns(-moves.size * certain, 0.0, 1.0, whole)
    for one, bounds in zip(recourses, prices, strict=True):
        _add_scenario(stack, one, x, uncertainty, bounds, moves, z)
    _add_budgets(stack, uncertainty, moves, z)
    deviates = sp.csr_matrix(
        (moves.sign * moves.size, (moves.parameter, z + np.arange(count))),
        shape=(len(uncertainty.mean), stack.width),
    )
    return stack.program(), deviates


def _moves(uncertainty: BudgetSet, prices: Sequence[PriceBounds]) -> _Moves:
    """Deviations that may gain something."""
    worth = sum(np.maximum(bounds.upper, -bounds.lower) for bounds in prices)
    rising, falling = (
        np.flatnonzero((worth > 1e-12) & (size > 1e-9))
        for size in (uncertainty.up, uncertainty.down)
    )
    return _Moves(
        parameter=np.concatenate([rising, falling]),
        sign=np.repeat([1.0, -1.0], [len(rising), len(falling)]),
        size=np.concatenate([uncertainty.up[rising], uncertainty.down[falling]]),
    )


def _add_scenario(
    stack: ProgramStack,
    one: Recourse,
    x: FloatArray,
    uncertainty: BudgetSet,
    bounds: PriceBounds,
    moves: _Moves,
    z: int,
) -> None:
    """The dual of one scenario and its products."""
    dual, slope = dual_of(one), one.nature_at(x).T.tocsr()
    value = dual.bounds_value.copy()
    value[: len(one.fixed)] += one.right_side(x, uncertainty.mean)
    lower, upper = _within(dual, slope, bounds)
    pi = stack.columns(-value, lower, upper)
    stack.rows([(dual.matrix, pi)], dual.row_lower, dual.row_upper)
    low, high = moves.gains(bounds)
    open_moves = np.flatnonzero(low < high)
    low, high = low[open_moves], high[open_moves]
    gain = sp.diags(moves.sign[open_moves]) @ slope[moves.parameter[open_moves]]
    e = stack.columns(-moves.size[open_moves], np.minimum(low, 0), np.maximum(high, 0))
    pick = sp.identity(len(open_moves), format="csr")
    at_z = sp.identity(len(moves.size), format="csr")[open_moves]
    stack.rows([(pick, e), (-sp.diags(high) @ at_z, z)], -np.inf, 0.0)
    stack.rows([(pick, e), (-gain, pi), (-sp.diags(low) @ at_z, z)], -np.inf, -low)


def _within(dual: Dual, slope: sp.csr_matrix, bounds: PriceBounds) -> tuple[FloatArray, FloatArray]:
    """Bounds of the dual columns, tightened where a price is one column times a number."""
    lower, upper = dual.lower.copy(), dual.upper.copy()
    alone = np.flatnonzero(np.diff(slope.indptr) == 1)
    column, factor = slope.indices[slope.indptr[alone]], slope.data[slope.indptr[alone]]
    useful = np.abs(factor) > 1e-12
    alone, column, factor = alone[useful], column[useful], factor[useful]
    ends = np.array([bounds.lower[alone], bounds.upper[alone]]) / factor
    np.maximum.at(lower, column, ends.min(axis=0))
    np.minimum.at(upper, column, ends.max(axis=0))
    return lower, upper


def _add_budgets(stack: ProgramStack, uncertainty: BudgetSet, moves: _Moves, z: int) -> None:
    """So many of each group, and each parameter in one direction only."""
    rows = []
    for members, _ in uncertainty.groups:
        rows.append(np.isin(moves.parameter, members).astype(float))
    if rows:
        budgets = np.array([float(budget) for _, budget in uncertainty.groups])
        stack.rows([(sp.csr_matrix(np.array(rows)), z)], -np.inf, budgets)
    twice = np.flatnonzero(np.bincount(moves.parameter, minlength=1) == 2)
    if len(twice):
        pairs = [(moves.parameter == k).astype(float) for k in twice]
        stack.rows([(sp.csr_matrix(np.array(pairs)), z)], -np.inf, 1.0)
