"""The whole with sizes that need not be whole numbers, as one cone program: where search begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...core.solve import Cone, ConeKind, ConeProgram, ConeSolution
from ...core.units import BoolArray, FloatArray
from .first_stage import FirstStage
from .recourse import NUDGE, solve_finely
from .standard import HourBounds, StandardDay, hour_bounds, into_dual_cone

_WHAT = "ports and storage of any size"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relaxation:
    """The optimum over continuous sizes."""

    modules: FloatArray  #: [site]
    cost: float  #: operation, annuity and upkeep, in units of money
    bounds: tuple[HourBounds, ...]  #: [scenario]
    x: tuple[FloatArray, ...]  #: [scenario] all columns of its program; sizes 0


def relax(
    first: FirstStage,
    days: Sequence[StandardDay],
    before: float,
    money: float,
    sites: BoolArray | None = None,
) -> Relaxation | None:
    """Solves it; None where no sizes keep the limits and the return.

    Args:
        first: what modules cost.
        days: every scenario's program.
        before: cost of operation without ports and storage, which returns are counted from;
            infinite: no return is asked for.
        money: the programs' unit of it.
        sites: where modules may be, every one of these paid for; None: anywhere, and every site
            paid for in proportion to its modules.
    """
    prices = _Prices.of(first, money, sites)
    found = solve_finely(_joint(prices, days, before), _WHAT)
    if not isinstance(found, ConeSolution):
        return None
    count = len(first.most)
    rows = np.cumsum([0, *(len(day.bound) for day in days)])
    columns = count + np.cumsum([0, *(len(day.cost) for day in days)])
    # The return's row prices operation once more.
    of_return = 1 + (max(found.z[rows[-1]], 0.0) if np.isfinite(before) else 0.0)
    bounds, values = [], []
    for k, day in enumerate(days):
        z = found.z[rows[k] : rows[k + 1]] / of_return
        bounds.append(hour_bounds(day, into_dual_cone(day, z)))
        values.append(day.values(found.x[columns[k] : columns[k + 1]]))
    return Relaxation(
        modules=np.clip(found.x[:count], 0.0, first.most),
        cost=found.report.objective + prices.yearly_sites,
        bounds=tuple(bounds),
        x=tuple(values),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Prices:
    """Of modules [site], in units of money, and of the sites that are paid for anyway."""

    most: FloatArray
    yearly: FloatArray
    wanted: FloatArray  #: of income, for the return
    yearly_sites: float
    wanted_sites: float

    @classmethod
    def of(cls, first: FirstStage, money: float, sites: BoolArray | None) -> _Prices:
        if sites is None:
            module = first.module_price + first.site_price / np.maximum(first.most, 1)
            most, paid = first.most, np.zeros(len(module))
        else:
            # Sizes that may be nothing but 0 would leave no inside.
            module, most = first.module_price, np.where(sites, first.most, NUDGE)
            paid = np.where(sites, first.site_price, 0.0)
        yearly, wanted = first.annuity + first.upkeep, first.upkeep + first.return_min
        return cls(
            most=most,
            yearly=yearly * module / money,
            wanted=wanted * module / money,
            yearly_sites=float(yearly @ paid) / money,
            wanted_sites=float(wanted @ paid) / money,
        )


def _joint(prices: _Prices, days: Sequence[StandardDay], before: float) -> ConeProgram:
    """Columns sizes, then days; rows days, then the return, then bounds of sizes."""
    operation = np.concatenate([day.cost for day in days])
    count, one = len(prices.most), sp.identity(len(prices.most))
    by_size = sp.vstack([day.by_modules for day in days])
    rows = [sp.hstack([by_size, sp.block_diag([day.matrix for day in days])])]
    bounds = [day.bound for day in days]
    if np.isfinite(before):
        rows.append(sp.csr_matrix(np.concatenate([prices.wanted, operation])[None]))
        bounds.append(np.array([before - prices.wanted_sites]))
    for sign, bound in ((1.0, prices.most), (-1.0, np.zeros(count))):
        rows.append(sp.hstack([sign * one, sp.csr_matrix((count, len(operation)))]))
        bounds.append(bound)
    own = sum(len(bound) for bound in bounds[len(days) :])
    return ConeProgram(
        quadratic=sp.csc_matrix((count + len(operation),) * 2),
        cost=np.concatenate([prices.yearly, operation]),
        matrix=sp.vstack(rows).tocsc(),
        bound=np.concatenate(bounds),
        cones=(*(cone for day in days for cone in day.cones), Cone(ConeKind.NONNEGATIVE, own)),
    )
