"""Which limits no dispatch keeps, and by how much they are missed at least."""

from __future__ import annotations

import numpy as np

from ...core.errors import InfeasibleError, LimitMiss
from ...core.quadratic import QuadraticProgram
from ...core.solve import LinearProgram, solve_linear
from ...core.units import FloatArray, IntArray
from .case import DispatchCase
from .flow import Anchor, Drawn
from .limits import LimitRows, Quantity
from .program import Draft

#: Misses by less, in pu of voltage or of power, are not named.
_MET = 1e-6


def least_misses(case: DispatchCase, anchor: Anchor) -> tuple[tuple[LimitMiss, ...], Drawn]:
    """Limits that are exceeded where the sum of all excesses is least, largest first; and there.

    Requirements are left aside: they may fall short.
    """
    draft = Draft(case, anchor)
    rows = draft.limits()
    slacks = [draft.builder.columns(len(one.bound), upper=1e3) for one in rows]
    for one, slack in zip(rows, slacks, strict=True):
        draft.keep(one, slack)
    x = solve_linear(_sum_of(draft.build()[0], np.concatenate(slacks)), "limits of a dispatch").x
    misses = [
        miss
        for one, slack in zip(rows, slacks, strict=True)
        for miss in _named(case, anchor, one, x[slack])
    ]
    return tuple(sorted(misses, key=lambda miss: -miss.excess)), draft.drawn(x)


def check_devices(case: DispatchCase) -> None:
    """Raises InfeasibleError where a device cannot do what it must, whatever the network."""
    misses = [*_generator_misses(case), *_battery_misses(case), *_load_misses(case)]
    if misses:
        remedy = "allow more power or time, or less energy"
        raise InfeasibleError("devices of a dispatch", "schedule", tuple(misses), remedy)


def _sum_of(program: QuadraticProgram, columns: IntArray) -> LinearProgram:
    cost = np.zeros(len(program.cost))
    cost[columns] = 1.0
    return LinearProgram(
        cost=cost,
        matrix=program.matrix,
        row_lower=program.row_lower,
        row_upper=program.row_upper,
        col_lower=program.col_lower,
        col_upper=program.col_upper,
    )


def _named(
    case: DispatchCase, anchor: Anchor, rows: LimitRows, excess: FloatArray
) -> list[LimitMiss]:
    network, named = case.network, []
    ampere = network.s_base_kva / (np.sqrt(3) * network.vn_kv)
    for k in np.flatnonzero(excess > _MET):
        time, element = int(rows.time[k]), int(rows.element[k])
        bus, when = network.buses[element], clock(case, time)
        v = anchor.v_pu[time, element]
        if rows.quantity is Quantity.CURRENT:
            name, size, unit = f"i_max_a of the branch to bus {bus}", excess[k] * ampere / v, "A"
        else:
            name, size, unit = f"{rows.quantity.value} of bus {bus}", excess[k] / (2 * v), "pu"
        named.append(LimitMiss(f"{name} at {when}", float(size), unit))
    return named


def clock(case: DispatchCase, step: int) -> str:
    """When a step begins, as hh:mm."""
    minutes = round(step * case.hours * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _generator_misses(case: DispatchCase) -> list[LimitMiss]:
    dg = case.generators
    return [
        LimitMiss(
            f"kva of {dg.names[k]} at {clock(case, t)}", float(dg.p_kw[t, k] - dg.kva[k]), "kW"
        )
        for t, k in np.argwhere((dg.p_kw > dg.kva * (1 + 1e-9)) & ~dg.curtailable)
    ]


def _battery_misses(case: DispatchCase) -> list[LimitMiss]:
    units = case.batteries
    outside = np.maximum(units.soc_start - units.soc_max, units.soc_min - units.soc_start)
    return [
        LimitMiss(f"state of charge of {units.names[k]} at the start", float(outside[k]), "of kwh")
        for k in np.flatnonzero(outside > 1e-9)
    ]


def _load_misses(case: DispatchCase) -> list[LimitMiss]:
    """Energy that a load must have and cannot have by then, the first time for each load."""
    load, missed = case.deferrable, dict[int, LimitMiss]()
    low = high = np.zeros(len(load.names))
    for t in range(case.steps):
        high = np.minimum(high + load.p_max_kw[t] * case.hours, load.energy_max_kwh[t])
        low = np.maximum(low, load.energy_min_kwh[t])
        for k in np.flatnonzero(low > high + 1e-6 * (1 + low)):
            name = f"energy_min_kwh of {load.names[k]} at {clock(case, t + 1)}"
            missed.setdefault(int(k), LimitMiss(name, float(low[k] - high[k]), "kWh"))
    return list(missed.values())
