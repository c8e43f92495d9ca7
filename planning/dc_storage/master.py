"""Whole numbers under what operation is known to cost at least: a mixed-integer linear program.

    min  (annuity + upkeep) investment + sum theta_st + mu loss_ES - cost before
    s.t. alpha <= alpha_max beta,  sum beta >= 1: nothing at all is known without
         theta_st >= a + b'alpha + c'P_ES_st          optimality cuts, one for each hour
         0 >= a + b'alpha + c'P_ES_st                 feasibility cuts, likewise
         cost before - sum theta - mu loss_ES - upkeep >= xi investment
         the batteries' days (linear, so exact)

Hours meet only in the batteries; with these in the master a solved day gives a cut for each of its
hours, which bounds far better than their sum. The row of the return counts penalties as paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from ...core.mixed_integer import solve_mixed_integer
from ...core.solve import LinearProgram
from ...core.units import FloatArray, IntArray
from ..mixed_builder import MixedBuilder
from .first_stage import FirstStage
from .operation import Day, store_columns, store_cost, store_operation
from .standard import HourBounds

_WHAT = "numbers of modules"
#: Rows of cuts whose largest coefficient is below say nothing.
_NOTHING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """The master's best numbers, and what its cuts prove."""

    modules: FloatArray  #: [site], whole
    bound: float  #: no plan's cost is lower, in units of money


class Master:
    """Collects cuts; ``solve`` answers with the best numbers under them."""

    def __init__(self, first: FirstStage, days: Sequence[Day], before: float) -> None:
        builder = MixedBuilder()
        self._count, self._scenarios = len(first.most), len(days)
        self._alpha = builder.columns(self._count, upper=first.most, integer=True)
        self._beta = builder.columns(self._count, upper=1.0, integer=True)
        self._theta = builder.columns(self._scenarios, days[0].hours, lower=-np.inf)
        self._stores = [store_columns(builder, day.case) for day in days]
        money = days[0].money
        _investment(builder, first, self._alpha, self._beta, before, money)
        builder.cost(self._theta, 1.0)
        links = self._alpha[len(days[0].case.links.port_buses) :]
        for day, store in zip(days, self._stores, strict=True):
            store_operation(builder, day.case, store, links)
            store_cost(builder, day, store)
        self._base = builder.build().linear
        self._return = self._row_of_return(first, before, money)
        self._cuts: list[sp.csr_matrix] = []
        self._bounds: list[FloatArray] = []

    def cut(self, scenario: int, bounds: HourBounds, feasible: bool) -> None:
        """Adds what is proven of a scenario's hours: of their cost, or of missed limits."""
        hours = len(bounds.constant)
        power = self._stores[scenario].power
        columns = [np.tile(self._alpha, (hours, 1)), power]
        values = [bounds.by_modules, bounds.by_power]
        scale = np.ones(hours)
        if feasible:
            columns.append(self._theta[scenario][:, None])
            values.append(-np.ones((hours, 1)))
        column, value = np.hstack(columns), np.hstack(values)
        if not feasible:
            size = np.maximum(np.abs(value).max(axis=1), np.abs(bounds.constant))
            scale = np.where(size > _NOTHING, 1 / np.maximum(size, _NOTHING), 0.0)
        rows = np.broadcast_to(np.arange(hours)[:, None], column.shape)
        entries = (scale[:, None] * value).ravel()
        shape = (hours, len(self._base.cost))
        self._cuts.append(sp.csr_matrix((entries, (rows.ravel(), column.ravel())), shape=shape))
        self._bounds.append(-scale * bounds.constant)

    def solve(self, gap: float, with_return: bool = True) -> Choice:
        """The numbers of the least cost that the cuts allow, and the return if asked for.

        Raises:
            InfeasibleError: none do.
        """
        found = solve_mixed_integer(self._program(with_return), _WHAT, gap=gap)
        return Choice(modules=np.round(found.x[self._alpha]), bound=found.bound)

    def _program(self, with_return: bool) -> LinearProgram:
        base, (row, most) = self._base, self._return
        cuts, bounds = list(self._cuts), list(self._bounds)
        if with_return:
            cuts.append(row)
            bounds.append(np.array([most]))
        bound = np.concatenate([np.zeros(0), *bounds])
        return replace(
            base,
            matrix=sp.vstack([base.matrix, *cuts], format="csc"),
            row_lower=np.concatenate([base.row_lower, np.full(len(bound), -np.inf)]),
            row_upper=np.concatenate([base.row_upper, bound]),
        )

    def _row_of_return(
        self, first: FirstStage, before: float, money: float
    ) -> tuple[sp.csr_matrix, float]:
        """sum theta + mu loss_ES + upkeep + xi investment <= cost before."""
        wanted = (first.upkeep + first.return_min) / money
        row = np.zeros(len(self._base.cost))
        row[self._alpha], row[self._beta] = wanted * first.module_price, wanted * first.site_price
        row[self._theta] = 1.0
        for store in self._stores:
            row[store.loss] = self._base.cost[store.loss]
        return sp.csr_matrix(row[None]), before


def _investment(
    builder: MixedBuilder,
    first: FirstStage,
    alpha: IntArray,
    beta: IntArray,
    before: float,
    money: float,
) -> None:
    """Annuity and upkeep; alpha <= alpha_max beta; anything at all."""
    yearly, one = (first.annuity + first.upkeep) / money, builder.columns(1, lower=1.0, upper=1.0)
    builder.cost(alpha, yearly * first.module_price)
    builder.cost(beta, yearly * first.site_price)
    builder.cost(one, -before)
    builder.at_most([(alpha, 1.0), (beta, -first.most)], np.zeros(len(alpha)))
    builder.at_most([(beta, 1.0), (alpha, -1.0)], np.zeros(len(alpha)))
    builder.at_least([(beta[None], 1.0)], np.ones(1))
