"""The published decomposition, put right: a cut of the plan's program from every worst case.

    master       min cost'x + eta  s.t.  eta >= constant_k + slope_k'x  for the cuts so far,
                                         eta >= the cost of operation in every fate known
    subproblem   max over u and the dual of the operation at x: prices pi, deviations z in {0, 1}

The subproblem's products gain = pi z are columns e bounded by big-M (16),

    low z <= e <= high z,    gain - high (1 - z) <= e <= gain - low (1 - z)

Sound means, where Algorithms 1 and 2 are not: the upper bound is the investment plus the proven
bound of the subproblem; all scenarios share a cut, as they share u (cuts of single scenarios at
different u add up to more than any u costs); M bounds prices; copies of fates in the master are
linked to eta. ``paper_big_m`` has the subproblem as printed instead: M by (17), the largest load or
profile, which has another unit than the prices that it is to bound, and a product for every bus,
hour and scenario. As a bound it is far too loose for a solver to close the gap.

Source: García-Muñoz and Duran-Mateluna, Adaptive robust optimization models for DER planning
(arXiv 2503.17839), section 5, Algorithms 1 and 2.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from ...core.errors import SolveError
from ...core.mixed_integer import solve_mixed_integer
from ...core.solve import Ending
from ...core.units import FloatArray, IntArray
from .bracket import Bracket, Watcher
from .budget_set import BudgetSet
from .dual import dual_of
from .extensive import solve_extensive
from .first_stage import FirstStage
from .program_stack import ProgramStack
from .recourse import Recourse, operate
from .separation import Worst
from .solution import Separation


def solve_benders(
    first: FirstStage,
    recourses: Sequence[Recourse],
    uncertainty: BudgetSet,
    price_bound: FloatArray,
    *,
    gap: float,
    seconds: float = np.inf,
    watch: Watcher | None = None,
    known: Sequence[FloatArray] = (),
    begun: Bracket | None = None,
    paper_big_m: bool = False,
) -> Bracket:
    """Cuts until the bounds are within ``gap``, or time is over.

    Args:
        first: what may be built.
        recourses: operation of every scenario; whatever is built, load can be served.
        uncertainty: where u may be. A parameter that can only rise must not make operation
            cheaper by that, nor one that can only fall.
        price_bound: what a kW is worth at most [parameter], of demand or of PV, whatever is built.
        gap: (upper - lower) / upper.
        seconds: after which the bounds reached are returned; those before ``begun`` count.
        watch: told of every step.
        known: fates whose operation the master holds, linked to its cost.
        begun: where an interrupted search stood, to go on from; it has its known fates.
        paper_big_m: M and products as printed; ``uncertainty`` should then have both sides.

    Raises:
        InfeasibleError: no plan serves the load in a known fate, or a plan fails to in another.
        SolveError: time was over before any worst case was bounded.
    """
    at = begun or Bracket(
        x=first.upper, upper=np.inf, lower=-np.inf, fates=tuple(known), worst=uncertainty.mean
    )
    run = _Cutting(
        first, tuple(recourses), uncertainty, None if paper_big_m else price_bound, gap, at
    )
    return run.until(time.perf_counter() - at.seconds + seconds, watch or (lambda bracket: None))


def worst_by_big_m(
    recourses: Sequence[Recourse],
    x: FloatArray,
    uncertainty: BudgetSet,
    price_bound: FloatArray | None,
    *,
    gap: float,
    seconds: float = np.inf,
) -> Worst:
    """The worst fate of a plan by the published subproblem, and its proven bound.

    Too small a ``price_bound`` makes the bound wrong; None takes M and products as printed.

    Raises:
        SolveError: time was over before a point was found.
    """
    return _Subproblem(recourses, x, uncertainty, price_bound).solve(gap, seconds)


class _Cutting:
    """Rounds of plans against cuts, and cuts from plans."""

    def __init__(
        self,
        first: FirstStage,
        recourses: tuple[Recourse, ...],
        uncertainty: BudgetSet,
        price_bound: FloatArray | None,
        gap: float,
        at: Bracket,
    ) -> None:
        self._first, self._recourses, self._uncertainty = first, recourses, uncertainty
        self._price_bound, self._gap, self._at = price_bound, gap, at
        self._begin = time.perf_counter() - at.seconds

    def until(self, end: float, watch: Watcher) -> Bracket:
        """Rounds until the bounds meet or the clock shows ``end``."""
        while not self._at.closed(self._gap):
            try:
                self._at = self._after_round(end)
            except SolveError as error:
                if error.ending != Ending.LIMIT or not self._at.steps:
                    raise
                break
            watch(self._at)
        return self._at

    def _after_round(self, end: float) -> Bracket:
        """A plan, its worst case, a cut."""
        master = solve_extensive(
            self._first,
            self._recourses,
            self._at.fates,
            "plan against cuts",
            cuts=self._at.cuts,
            gap=self._gap / 10,
            seconds=max(end - time.perf_counter(), 0.0),
        )
        self._at = replace(self._at, lower=max(self._at.lower, master.bound))
        worst = worst_by_big_m(
            self._recourses,
            master.x,
            self._uncertainty,
            self._price_bound,
            gap=self._gap / 10,
            seconds=max(end - time.perf_counter(), 0.0),
        )
        operation = operate(self._recourses, master.x, worst.u)
        cut = operation.cut(self._recourses, master.x, worst.u)
        at = replace(self._at, cuts=(*self._at.cuts, cut))
        upper = float(self._first.cost @ master.x) + worst.bound
        if upper < at.upper:
            at = replace(at, x=master.x, upper=upper, worst=worst.u)
        return at.noted(Separation.EXACT, time.perf_counter() - self._begin)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Products:
    """Columns e = gain z to be, all [product]; ``gains`` gives gain by the columns of pi."""

    gains: tuple[tuple[sp.csr_matrix, int], ...]  #: [product, pi of a scenario], its first column
    move: IntArray  #: which z
    size: FloatArray  #: of the deviation
    low: FloatArray
    high: FloatArray


class _Subproblem:
    """Minus the worst cost of a plan x, as a program to minimise."""

    def __init__(
        self,
        recourses: Sequence[Recourse],
        x: FloatArray,
        uncertainty: BudgetSet,
        price_bound: FloatArray | None,
    ) -> None:
        self._recourses, self._x, self._set = recourses, x, uncertainty
        up, down = np.flatnonzero(uncertainty.up), np.flatnonzero(uncertainty.down)
        self._parameter = np.concatenate([up, down])
        self._sign = np.repeat([1.0, -1.0], [len(up), len(down)])
        self._size = np.concatenate([uncertainty.up[up], uncertainty.down[down]])
        self._stack = ProgramStack()
        self._z = self._stack.columns(np.zeros(len(self._size)), 0.0, 1.0, True)
        self._add_budgets()
        starts = [self._add_dual(one) for one in recourses]
        slopes = [self._gain_of_moves(one) for one in recourses]
        if price_bound is not None:
            self._add_products(self._by_parameter(slopes, starts, price_bound))
        else:
            for products in self._as_printed(slopes, starts):
                self._add_products(products)

    def solve(self, gap: float, seconds: float) -> Worst:
        """The worst fate found, and the proven bound.

        Raises:
            SolveError: time was over before a point was found.
        """
        answer = solve_mixed_integer(
            self._stack.program(), "worst case by Benders", gap=gap, seconds=seconds, early=True
        )
        z = np.round(answer.x[self._z : self._z + len(self._size)])
        u = self._set.mean.copy()
        np.add.at(u, self._parameter, self._sign * self._size * z)
        return Worst(u=u, cost=-answer.objective, bound=-answer.bound)

    def _add_budgets(self) -> None:
        """(14c) to (14f)."""
        for members, budget in self._set.groups:
            row = sp.csr_matrix(np.isin(self._parameter, members)[None].astype(float))
            self._stack.rows([(row, self._z)], -np.inf, float(budget))
        moves = np.arange(len(self._size))
        shape = (len(self._set.mean), len(moves))
        sides = sp.csr_matrix((np.ones(len(moves)), (self._parameter, moves)), shape=shape)
        self._stack.rows([(sides, self._z)], -np.inf, 1.0)

    def _add_dual(self, one: Recourse) -> int:
        """A scenario's dual at the mean; returns its first column."""
        dual = dual_of(one)
        value = dual.bounds_value.copy()
        value[: len(one.fixed)] += one.right_side(self._x, self._set.mean)
        start = self._stack.columns(-value, dual.lower, dual.upper)
        self._stack.rows([(dual.matrix, start)], dual.row_lower, dual.row_upper)
        return start

    def _gain_of_moves(self, one: Recourse) -> sp.csr_matrix:
        """What a unit of each move costs by the scenario's prices [move, row]."""
        slope = one.nature_at(self._x).T.tocsr()[self._parameter]
        return sp.csr_matrix(sp.diags(self._sign) @ slope)

    def _by_parameter(
        self, slopes: list[sp.csr_matrix], starts: list[int], price_bound: FloatArray
    ) -> _Products:
        """One product for each move: its parameter's prices at all rows and scenarios together."""
        high = np.zeros(len(self._size))
        for one, slope in zip(self._recourses, slopes, strict=True):
            touched = np.asarray(np.abs(slope).sum(axis=1)).ravel()
            high += one.weight * touched * price_bound[self._parameter]
        twofold = (self._set.up * self._set.down > 0)[self._parameter]
        return _Products(
            gains=tuple(zip(slopes, starts, strict=True)),
            move=np.arange(len(high)),
            size=self._size,
            low=-high * twofold,
            high=high,
        )

    def _as_printed(self, slopes: list[sp.csr_matrix], starts: list[int]) -> Iterator[_Products]:
        """A product for each bus, hour and scenario, with M by (17)."""
        m = (self._set.mean + self._set.up).max()
        for slope, start in zip(slopes, starts, strict=True):
            entries = slope.tocoo()
            count = entries.nnz
            places = (np.arange(count), entries.col)
            gain = sp.csr_matrix((entries.data, places), shape=(count, slope.shape[1]))
            high = m * np.abs(entries.data)
            yield _Products(
                gains=((gain, start),),
                move=entries.row.astype(np.int64),
                size=self._size[entries.row],
                low=-high,
                high=high,
            )

    def _add_products(self, products: _Products) -> None:
        """(16): the four sides of e = gain z for gain within low and high and z yes or no."""
        low, high, count = products.low, products.high, len(products.move)
        e = self._stack.columns(-products.size, np.minimum(low, 0.0), np.maximum(high, 0.0))
        places = (np.arange(count), products.move)
        z = sp.csr_matrix((np.ones(count), places), shape=(count, len(self._size)))
        pick = sp.identity(count, format="csr")
        gains = [(-gain, start) for gain, start in products.gains]
        for bound, other, sign in ((high, low, 1.0), (low, high, -1.0)):
            at_bound, at_other = (-sign * sp.diags(end) @ z for end in (bound, other))
            flipped = [(sign * gain, start) for gain, start in gains]
            self._stack.rows([(sign * pick, e), (at_bound, self._z)], -np.inf, 0.0)
            self._stack.rows(
                [(sign * pick, e), *flipped, (at_other, self._z)], -np.inf, -sign * other
            )
