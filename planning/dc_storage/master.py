"""What is known of all plans: prices, and cuts that operation costs at least so much.

    min  (annuity + upkeep) investment + sum theta_st + mu loss_ES - cost before
    s.t. alpha <= alpha_max beta,  beta <= alpha,  sum beta >= 1 (nothing at all is known without)
         theta_st >= a + b'alpha + c'P_ES_st          optimality cuts, one for each hour
         0 >= a + b'alpha + c'P_ES_st                 feasibility cuts, likewise
         cost before - sum theta - mu loss_ES - upkeep >= xi investment
         the batteries' days (linear, so exact)

Hours meet only in the batteries; with these in the master a solved day gives a cut for each of its
hours, which bounds far better than their sum. The row of the return counts penalties as paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...core.growing_program import GrowingProgram
from ...core.units import FloatArray, IntArray
from ..mixed_builder import MixedBuilder
from .first_stage import FirstStage
from .operation import Day, store_columns, store_cost, store_operation
from .standard import HourBounds

_WHAT = "numbers of modules"
#: Rows of cuts whose largest coefficient is below say nothing.
_NOTHING = 1e-9
#: Relative: the return's row counts as active with less room.
_ACTIVE = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Box:
    """Where whole numbers may be; [site: beta, then site: alpha]."""

    lower: FloatArray
    upper: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Guess:
    """The best of a box by what is known, numbers not necessarily whole."""

    profit: float  #: no plan of the box has more, in units of money
    numbers: FloatArray  #: [beta, then alpha]
    return_active: bool


class Master:
    """Collects cuts; ``guess`` answers for a box."""

    def __init__(self, first: FirstStage, days: Sequence[Day], before: float) -> None:
        builder, count, money = MixedBuilder(), len(first.most), days[0].money
        self._beta = builder.columns(count, upper=1.0)
        self._alpha = builder.columns(count, upper=first.most)
        self._theta = builder.columns(len(days), days[0].hours, lower=-np.inf)
        self._stores = [store_columns(builder, day.case) for day in days]
        _investment(builder, first, self._alpha, self._beta, before, money)
        builder.cost(self._theta, 1.0)
        links = self._alpha[len(days[0].case.links.port_buses) :]
        for day, store in zip(days, self._stores, strict=True):
            store_operation(builder, day.case, store, links)
            store_cost(builder, day, store)
        base = builder.build().linear
        self._program, self._columns = GrowingProgram(base, _WHAT), len(base.cost)
        self._return = self._row_of_return(first, base.cost, money)
        self._before, self._asks_return = before, False
        self.whole = Box(
            lower=np.zeros(2 * count), upper=np.concatenate([np.ones(count), first.most])
        )

    def ask_return(self) -> None:
        """From now on only of plans that return enough."""
        self._program.at_most(self._return, np.array([self._before]))
        self._asks_return = True

    def cut(self, scenario: int, bounds: HourBounds, feasible: bool) -> None:
        """Adds what is proven of a scenario's hours: of their cost, or of missed limits."""
        hours = len(bounds.constant)
        columns = [np.tile(self._alpha, (hours, 1)), self._stores[scenario].power]
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
        shape = (hours, self._columns)
        cuts = sp.csr_matrix((entries, (rows.ravel(), column.ravel())), shape=shape)
        kept = np.flatnonzero(scale)
        self._program.at_most(cuts[kept], -(scale * bounds.constant)[kept])

    def guess(self, box: Box) -> Guess | None:
        """The best that cuts allow in a box; None: nothing."""
        columns = np.concatenate([self._beta, self._alpha])
        found = self._program.solve(columns, box.lower, box.upper)
        if found is None:
            return None
        cost, x = found
        room = self._before - float((self._return @ x)[0])
        return Guess(
            profit=-cost,
            numbers=x[columns],
            return_active=self._asks_return and room <= _ACTIVE * abs(self._before),
        )

    def _row_of_return(self, first: FirstStage, cost: FloatArray, money: float) -> sp.csr_matrix:
        """sum theta + mu loss_ES + upkeep + xi investment, at most the cost before."""
        wanted = (first.upkeep + first.return_min) / money
        row = np.zeros(len(cost))
        row[self._alpha], row[self._beta] = wanted * first.module_price, wanted * first.site_price
        row[self._theta] = 1.0
        for store in self._stores:
            row[store.loss] = cost[store.loss]
        return sp.csr_matrix(row[None])


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
