"""What is built: the columns x of an investment, site by site or all sites as one.

Site by site x = (PV stands [site], PV kW [site], battery stands [site], battery kWh [site]).
As one x = (PV sites, PV kW, battery sites, battery kWh), four numbers; sites are then alike, at the
least of their costs.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...core.units import BoolArray, FloatArray, IntArray, frozen
from .case import DerCase


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FirstStage:
    """min cost'x over the points with matrix x <= bound."""

    cost: FloatArray  #: [x] for a day
    upper: FloatArray  #: [x]; all are >= 0
    integer: BoolArray  #: [x]
    matrix: sp.csr_matrix
    bound: FloatArray  #: [row]
    pv_built: IntArray  #: columns [site]
    pv_kw: IntArray
    battery_built: IntArray
    battery_kwh: IntArray

    @property
    def count(self) -> int:
        """Of columns."""
        return len(self.cost)

    def rounded(self, x: FloatArray) -> FloatArray:
        """The point with whole numbers where they must be, nothing where nothing stands."""
        found = np.maximum(np.where(self.integer, np.round(x), x), 0.0)
        for built, size in ((self.pv_built, self.pv_kw), (self.battery_built, self.battery_kwh)):
            found[size[found[built] == 0]] = 0.0
        return found


def site_by_site(case: DerCase) -> FirstStage:
    """Every candidate bus by itself."""
    rules, pv, batteries = case.rules, len(case.pv_sites), len(case.battery_sites)
    return _first_stage(case, np.ones(pv), np.ones(batteries), rules.pv_sites_max)


def all_as_one(case: DerCase) -> FirstStage:
    """Copperplate: how many, and how much together."""
    rules = case.rules
    most_pv = min(len(case.pv_sites), rules.pv_sites_max)
    most_batteries = min(len(case.battery_sites), rules.battery_sites_max)
    return _first_stage(case, np.array([most_pv]), np.array([most_batteries]), None)


def in_groups(case: DerCase, batteries: int) -> FirstStage:
    """Copperplate with several sizes of batteries: all PV as one, a column for each size."""
    rules = case.rules
    return _first_stage(
        case,
        np.array([len(case.pv_sites)]),
        np.full(batteries, min(len(case.battery_sites), rules.battery_sites_max)),
        None,
    )


def _first_stage(
    case: DerCase, most_pv: FloatArray, most_batteries: FloatArray, limited: int | None
) -> FirstStage:
    """``most``: how many sites a column of each kind stands for at most."""
    rules, pv, batteries = case.rules, len(most_pv), len(most_batteries)
    starts = np.cumsum([0, pv, pv, batteries, batteries])
    pv_built, pv_kw, battery_built, battery_kwh = (
        frozen(np.arange(a, b), np.int64) for a, b in itertools.pairwise(starts)
    )
    rows, bounds = [], []
    for built, size in ((pv_built, pv_kw), (battery_built, battery_kwh)):
        rows += [_row(starts[-1], {j: 1.0, k: -rules.size_max}) for k, j in _pairs(built, size)]
        rows += [_row(starts[-1], {j: -1.0, k: rules.size_min}) for k, j in _pairs(built, size)]
        bounds += [0.0] * (2 * len(built))
    if limited is not None:
        for built, most in (
            (pv_built, rules.pv_sites_max), (battery_built, rules.battery_sites_max),
        ):  # fmt: skip
            rows.append(_row(starts[-1], dict.fromkeys(built.tolist(), 1.0)))
            bounds.append(float(most))
    return FirstStage(
        cost=frozen(
            np.repeat(
                [rules.pv_site, rules.pv_per_kw, rules.battery_site, rules.battery_per_kwh],
                [pv, pv, batteries, batteries],
            )
        ),
        upper=frozen(
            np.concatenate(
                [most_pv, most_pv * rules.size_max, most_batteries, most_batteries * rules.size_max]
            )
        ),
        integer=frozen(
            np.repeat([True, False, True, False], [pv, pv, batteries, batteries]), np.bool_
        ),
        matrix=sp.csr_matrix(np.array(rows).reshape(-1, starts[-1])),
        bound=frozen(bounds),
        pv_built=pv_built,
        pv_kw=pv_kw,
        battery_built=battery_built,
        battery_kwh=battery_kwh,
    )


def _pairs(built: IntArray, size: IntArray) -> list[tuple[int, int]]:
    return list(zip(built.tolist(), size.tolist(), strict=True))


def _row(count: int, entries: dict[int, float]) -> FloatArray:
    row = np.zeros(count)
    row[list(entries)] = list(entries.values())
    return row
