"""Which limits no dispatch keeps, and by how much they are missed at least."""

from __future__ import annotations

import numpy as np

from ...core.devices.polygon import Polygon
from ...core.errors import InfeasibleError, LimitMiss
from ...core.quadratic import QuadraticProgram
from ...core.solve import LinearProgram, solve_linear
from ...core.units import FloatArray, IntArray
from .case import DispatchCase
from .flow import Anchor, Drawn
from .limits import Quantity
from .program import Draft

#: Misses by less, in pu of voltage or of power, are not named.
_MET = 1e-6


def least_misses(case: DispatchCase, anchor: Anchor) -> tuple[tuple[LimitMiss, ...], Drawn]:
    """Limits that are exceeded where the sum of all excesses is least, largest first; and there.

    Requirements are left aside: they may fall short.
    """
    draft = Draft(case, anchor)
    slacks = dict[Quantity, IntArray]()
    for rows in draft.limits():
        if rows.quantity not in slacks:
            slacks[rows.quantity] = draft.builder.columns(*case.load_p_kw.shape, upper=1e3)
        draft.keep(rows, slacks[rows.quantity][rows.time, rows.element])
    every = np.concatenate([slack.ravel() for slack in slacks.values()])
    x = solve_linear(_sum_of(draft.build()[0], every), "limits of a dispatch").x
    misses = [
        miss for name, slack in slacks.items() for miss in _named(case, anchor, name, x[slack])
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
    case: DispatchCase, anchor: Anchor, quantity: Quantity, excess: FloatArray
) -> list[LimitMiss]:
    """Of excesses [time, element], of squared voltage or of power."""
    network, named = case.network, []
    ampere = network.s_base_kva / (np.sqrt(3) * network.vn_kv)
    for time, element in np.argwhere(excess > _MET):
        size, v = excess[time, element], anchor.v_pu[time, element]
        at = f"{network.buses[element]} at {clock(case, time)}"
        if quantity is Quantity.CURRENT:
            inner = Polygon(case.rules.polygon_sides).inner
            name, much, unit = f"{quantity} of the branch to bus {at}", size / inner / v, "A"
            much *= ampere
        else:
            name, much, unit = f"{quantity} of bus {at}", size / (2 * v), "pu"
        named.append(LimitMiss(name, float(much), unit))
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
