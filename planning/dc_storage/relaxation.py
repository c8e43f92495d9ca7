"""The whole with sizes that need not be whole numbers, as one cone program: where search begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...core.solve import Cone, ConeKind, ConeProgram, ConeSolution
from ...core.units import FloatArray
from .first_stage import FirstStage
from .problem import Problem
from .recourse import solve_finely
from .standard import HourBounds, StandardDay, hour_bounds, into_dual_cone

_WHAT = "ports and storage of any size"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relaxation:
    """The optimum over continuous sizes, every site paid for in proportion to its modules."""

    modules: FloatArray  #: [site]
    cost: float  #: operation, annuity and upkeep, in units of money
    bounds: tuple[HourBounds, ...]  #: [scenario]
    x: tuple[FloatArray, ...]  #: [scenario] all columns of its program; sizes 0


def relax(problem: Problem, with_return: bool = True) -> Relaxation | None:
    """Solves it; None where no sizes keep the limits and, if asked for, the return."""
    days = [recourse.cost for recourse in problem.recourses]
    first, before = problem.first, problem.before if with_return else np.inf
    found = solve_finely(_joint(first, days, before, problem.money), _WHAT)
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
        cost=found.report.objective,
        bounds=tuple(bounds),
        x=tuple(values),
    )


def _joint(
    first: FirstStage, days: Sequence[StandardDay], before: float, money: float
) -> ConeProgram:
    """Columns sizes, then days; rows days, then the return, then bounds of sizes."""
    price = (first.module_price + first.site_price / np.maximum(first.most, 1)) / money
    wanted = (first.upkeep + first.return_min) * price
    operation = np.concatenate([day.cost for day in days])
    count, one = len(price), sp.identity(len(price))
    by_size = sp.vstack([day.by_modules for day in days])
    rows = [sp.hstack([by_size, sp.block_diag([day.matrix for day in days])])]
    bounds = [day.bound for day in days]
    if np.isfinite(before):
        rows.append(sp.csr_matrix(np.concatenate([wanted, operation])[None]))
        bounds.append(np.array([before]))
    for sign, bound in ((1.0, first.most), (-1.0, np.zeros(count))):
        rows.append(sp.hstack([sign * one, sp.csr_matrix((count, len(operation)))]))
        bounds.append(bound)
    own = sum(len(bound) for bound in bounds[len(days) :])
    return ConeProgram(
        quadratic=sp.csc_matrix((count + len(operation),) * 2),
        cost=np.concatenate([(first.annuity + first.upkeep) * price, operation]),
        matrix=sp.vstack(rows).tocsc(),
        bound=np.concatenate(bounds),
        cones=(*(cone for day in days for cone in day.cones), Cone(ConeKind.NONNEGATIVE, own)),
    )
