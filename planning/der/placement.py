"""Where to put what the copperplate wants, so that the feeder carries every dispatch of it.

With PV shared among sites in proportion to their kW and batteries alike, each dispatch of the
copperplate is one of the feeder. A branch then carries p = load behind it - (its share of the PV)
pv + (its share of the batteries) (charge - discharge), and squared voltages are linear in the same
shares; (pv, charge, discharge) lies in a polygon whose corners depend on load and sun. So "every
limit holds at every corner, for the least and the most load" is linear in the shares: a small
mixed-integer program. If it has a point, the network adds nothing to the cost of the copperplate in
any fate, and its optimum is the network's.

Source: our own; it is checked by comparing both operations in random fates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ...core.errors import InfeasibleError
from ...core.solve import LinearProgram, solve_linear
from ...core.units import FloatArray
from .case import DerCase
from .first_stage import FirstStage, site_by_site
from .operation import flow_limits
from .solution import DerPlan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Extent:
    """How far loads and PV may go in any fate."""

    load_low_kw: FloatArray  #: [bus, time]
    load_high_kw: FloatArray  #: [bus, time]
    pv_high: FloatArray  #: [time] kW per kW


def place(case: DerCase, whole: FirstStage, x: FloatArray, extent: Extent) -> DerPlan | None:
    """Sites for a plan of the copperplate; None if no placement carries every dispatch of it.

    Args:
        case: feeder and candidates.
        whole: ``all_as_one``.
        x: its columns.
        extent: of all fates that the plan must meet.
    """
    first = site_by_site(case)
    pv_sites, pv_kw, batteries, battery_kwh = (
        float(x[columns].sum())
        for columns in (whole.pv_built, whole.pv_kw, whole.battery_built, whole.battery_kwh)
    )
    # A solver's last digit must not ask for more than the sites hold.
    pv_kw = min(pv_kw, pv_sites * case.rules.size_max)
    battery_kwh = min(battery_kwh, batteries * case.rules.size_max)
    matrix, bound = _carried(case, first, extent, pv_kw, batteries, battery_kwh)
    totals = np.zeros((4, first.count))
    columns = (first.pv_built, first.pv_kw, first.battery_built, first.battery_kwh)
    for row, part in zip(totals, columns, strict=True):
        row[part] = 1.0
    target = np.array([pv_sites, pv_kw, batteries, battery_kwh])
    alike = np.zeros((len(first.battery_built), first.count))
    each = battery_kwh / batteries if batteries else 0.0
    for row, built, kwh in zip(alike, first.battery_built, first.battery_kwh, strict=True):
        row[kwh], row[built] = 1.0, -each
    fixed = np.concatenate([target, np.zeros(len(alike))])
    program = LinearProgram(
        cost=np.zeros(first.count),
        matrix=sp.vstack([first.matrix, matrix, totals, alike]).tocsc(),
        row_lower=np.concatenate([np.full(len(first.bound) + len(bound), -np.inf), fixed - 1e-7]),
        row_upper=np.concatenate([first.bound, bound, fixed + 1e-7]),
        col_lower=np.zeros(first.count),
        col_upper=first.upper,
        integer=first.integer,
    )
    try:
        answer = solve_linear(program, "placement")
    except InfeasibleError:
        return None
    return DerPlan.of(case, first, first.rounded(answer.x))


def _carried(
    case: DerCase,
    first: FirstStage,
    extent: Extent,
    pv_kw: float,
    batteries: float,
    battery_kwh: float,
) -> tuple[sp.csr_matrix, FloatArray]:
    """Rows matrix x <= bound: every limit at every corner of every hour."""
    limits = _Limits.of(case)
    blocks, bounds = [], []
    for hour in range(case.hours):
        low, high = (
            limits.behind @ part[:, hour] for part in (extent.load_low_kw, extent.load_high_kw)
        )
        corners = _corners(case, extent, hour, pv_kw, batteries, battery_kwh)
        for produced, stored in corners:
            share = np.zeros((len(limits.behind), first.count))
            if pv_kw:
                share[:, first.pv_kw] = -produced / pv_kw * limits.behind[:, case.pv_sites]
            if batteries:
                at = limits.behind[:, case.battery_sites]
                share[:, first.battery_built] = stored / batteries * at
            blocks += [share, -share]
            bounds += [limits.most[:, hour] - high, low - limits.least[:, hour]]
    matrix, bound = np.vstack(blocks), np.concatenate(bounds)
    matters = np.isfinite(bound) & (_most(matrix, first, case, pv_kw, batteries) > bound - 1e-9)
    return sp.csr_matrix(matrix[matters]), bound[matters]


def _most(
    matrix: FloatArray, first: FirstStage, case: DerCase, pv_kw: float, batteries: float
) -> FloatArray:
    """The largest value that a row can have: all PV and all batteries at the worst sites."""
    pv = np.maximum(matrix[:, first.pv_kw].max(axis=1, initial=0.0), 0.0) * pv_kw
    stored = np.maximum(matrix[:, first.battery_built].max(axis=1, initial=0.0), 0.0) * batteries
    return np.asarray(pv + stored)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Limits:
    """least <= behind @ (net load of the buses) <= most, of branches, then of squared voltages."""

    behind: FloatArray  #: [row, bus]
    least: FloatArray  #: [row, time]
    most: FloatArray  #: [row, time]

    @classmethod
    def of(cls, case: DerCase) -> _Limits:
        network = case.network
        flow_least, flow_most = flow_limits(case, network.carries @ case.load_q_kvar)
        drop = 2 * network.shared_r_pu / network.s_base_kva
        reactive = 2 * network.shared_x_pu / network.s_base_kva @ case.load_q_kvar
        return cls(
            behind=np.vstack([network.carries, drop]),
            least=np.vstack([flow_least, 1 - case.v_max_pu**2 - reactive]),
            most=np.vstack([flow_most, 1 - case.v_min_pu**2 - reactive]),
        )


def _corners(
    case: DerCase,
    extent: Extent,
    hour: int,
    pv_kw: float,
    batteries: float,
    battery_kwh: float,
) -> list[tuple[float, float]]:
    """(PV, charge - discharge) that no dispatch of the copperplate lies outside of.

    PV between 0 and what the sun gives, storage between its powers, nothing sold upstream: the
    corners of a box cut by PV <= load + charge - discharge.
    """
    rules, span = case.rules, case.rules.soc_max - case.rules.soc_min
    power = batteries * rules.battery_kw
    charge = min(power, span * battery_kwh / rules.efficiency_charge)
    discharge = min(power, span * battery_kwh * rules.efficiency_discharge)
    sun, load = float(extent.pv_high[hour] * pv_kw), float(extent.load_high_kw[:, hour].sum())
    discharge = min(discharge, load)
    corners = {(0.0, -discharge), (0.0, charge)}
    for stored in (-discharge, charge):
        corners.add((min(sun, load + stored), stored))
    if load - discharge < sun < load + charge:
        corners.add((sun, sun - load))
    return sorted(corners)
