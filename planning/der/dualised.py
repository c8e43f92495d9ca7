"""An upper bound, and a plan for it, in a single program: the relaxed worst case dualised.

The worst case with deviations between yes and no (``relaxed_bound``) is a linear program; its dual
is written into the plan's own program. In words: of a deviation ``size`` the part b is covered by
operation whatever happens, the rest is bought at the tariff when it happens, priced by the budget:

    min  cost'x + sum_s cost_s'y_s + sum_groups (budget g + sum over members r)
    s.t. operation of scenario s with the mean and its b_s,
         g + r_k >= sum_s high_ks (size_k - b_ks),   0 <= b_ks <= size_k,   g, r >= 0

which bounds the adaptive robust optimum from above for any x. PV deviates by size times what is
built, so there b is energy rather than share.

Source: Bertsimas and Sim, The price of robustness, Operations Research 52, 2004, for the duals of a
budget; its use on the relaxed separation is our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...core.mixed_integer import solve_mixed_integer
from ...core.units import FloatArray, IntArray
from .budget_set import BudgetSet
from .case import DerCase
from .first_stage import FirstStage
from .program_stack import ProgramStack
from .recourse import Recourse


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dualised:
    """A plan, and what it costs at most in any fate."""

    x: FloatArray
    bound: float


def solve_dualised(
    case: DerCase,
    first: FirstStage,
    recourses: Sequence[Recourse],
    uncertainty: BudgetSet,
    *,
    gap: float,
) -> Dualised:
    """The least upper bound; on the copperplate (``all_as_one``), higher loads and lower PV only.

    Raises:
        InfeasibleError: no plan serves the load.
        SolveError: the gap was not reached.
    """
    stack = ProgramStack()
    stack.columns(first.cost, 0.0, first.upper, first.integer)
    stack.rows([(first.matrix, 0)], -np.inf, first.bound)
    loads = case.deviations.load_mean_kw.size
    rising, falling = np.flatnonzero(uncertainty.up), np.flatnonzero(uncertainty.down)
    assert rising.max(initial=-1) < loads <= falling.min(initial=loads), "one-sided sets only"
    covered, pv_covered = [], []
    for one in recourses:
        b = stack.columns(0.0, 0.0, uncertainty.up[rising])
        pv_b = stack.columns(np.zeros(len(falling)), 0.0, np.inf)
        _add_operation(stack, one, uncertainty, (rising, b), (falling, pv_b))
        covered.append(b)
        pv_covered.append(pv_b)
    weights = [one.weight for one in recourses]
    tariff = np.tile(case.price_per_kwh, len(case.network.buses))
    _add_budget(stack, uncertainty, rising, tariff[rising], weights, covered, None)
    used = np.maximum(case.price_per_kwh - case.rules.pv_per_kwh_used, 0.0)[falling - loads]
    if len(falling):
        (pv_b,), kw = pv_covered, int(first.pv_kw[0])
        _add_budget(stack, uncertainty, falling, used, weights, [pv_b], kw)
        size, at_kw = uncertainty.down[falling], sp.csr_matrix(np.ones((len(falling), 1)))
        pick = sp.identity(len(falling), format="csr")
        stack.rows([(pick, pv_b), (-sp.diags(size) @ at_kw, kw)], -np.inf, 0.0)
    answer = solve_mixed_integer(stack.program(), "dualised robust plan", gap=gap)
    return Dualised(x=first.rounded(answer.x[: first.count]), bound=answer.objective)


def _add_operation(
    stack: ProgramStack,
    one: Recourse,
    uncertainty: BudgetSet,
    loads: tuple[IntArray, int],
    profiles: tuple[IntArray, int],
) -> None:
    """A scenario at the mean, with the deviations that it covers."""
    y = stack.columns(one.cost, one.lower, one.upper)
    bound = one.fixed + one.by_nature @ uncertainty.mean
    blocks = [(one.matrix, y), (-one.plan_at(uncertainty.mean), 0)]
    rising, b = loads
    blocks.append((-one.by_nature.tocsc()[:, rising].tocsr(), b))
    falling, pv_b = profiles
    if len(falling):
        terms = one.products
        shape = (len(one.fixed), len(uncertainty.mean))
        less = sp.csr_matrix((terms.coefficient, (terms.row, terms.parameter)), shape=shape)
        blocks.append((less.tocsc()[:, falling].tocsr(), pv_b))
    stack.rows(blocks, np.where(one.equal, bound, -np.inf), bound)


def _add_budget(
    stack: ProgramStack,
    uncertainty: BudgetSet,
    members: IntArray,
    price: FloatArray,
    weights: Sequence[float],
    covered: Sequence[int],
    scale: int | None,
) -> None:
    """g + r_k + sum_s high_ks b_ks >= sum_s high_ks size_k, sizes times x[scale] if given."""
    group_of = np.full(len(uncertainty.mean), -1)
    for number, (parameters, _) in enumerate(uncertainty.groups):
        group_of[parameters] = number
    groups, at = np.unique(group_of[members], return_inverse=True)
    budgets = np.array([float(uncertainty.groups[number][1]) for number in groups])
    g = stack.columns(budgets, 0.0, np.inf)
    r = stack.columns(np.ones(len(members)), 0.0, np.inf)
    pick = sp.identity(len(members), format="csr")
    at_group = sp.csr_matrix(
        (np.ones(len(members)), (np.arange(len(members)), at)), shape=(len(members), len(groups))
    )
    blocks = [(at_group, g), (pick, r)]
    blocks += [
        (sp.diags(weight * price) @ pick, b) for weight, b in zip(weights, covered, strict=True)
    ]
    size = (uncertainty.up + uncertainty.down)[members] * price * sum(weights)
    if scale is None:
        stack.rows(blocks, size, np.inf)
    else:
        stack.rows([*blocks, (sp.csr_matrix(-size[:, None]), scale)], 0.0, np.inf)
