"""The clearing iteration compiled by numba: the same numbers as ``kernels_numpy``, for big shards.

Stations are worked through in chunks that stay in the cache, and the links in one pass for each
iteration that updates their copies, makes the new trades and sums them up at the stations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba as nb
import numpy as np

from ..core.units import IntArray
from .splitting import Tables, Work

#: Stations in one chunk: 64 stations' buffers of 24 hours fill about half a level-2 cache.
CHUNK = 64

Compiled = TypeVar("Compiled", bound=Callable[..., Any])


def _compiled(function: Compiled) -> Compiled:
    """Compiled when first called, and kept on disk between runs."""
    compiled: Compiled = nb.njit(cache=True, fastmath=True)(function)
    return compiled


@_compiled
def run(
    tables: Tables,
    plan: Work,
    copy_a: Work,
    copy_b: Work,
    border_kw: Work,
    balance_dual: Work,
    energy_dual: Work,
    steps: int,
) -> Any:
    """Makes ``steps`` iterations in place; see ``kernels_numpy.run``."""
    received = border_kw.copy()
    shift = np.empty_like(border_kw)
    _receive(tables, copy_a, copy_b, received)
    primal, dual = 0.0, 0.0
    for _ in range(steps):
        primal = _move_plans(tables, plan, received, balance_dual, energy_dual, shift)
        received[:] = border_kw
        primal_links, dual = _move_copies(tables, copy_a, copy_b, shift, received)
        primal += primal_links
    return primal, dual


@_compiled
def _clip(value: Any, low: Any, high: Any) -> Any:
    return min(max(value, low), high)


@_compiled
def _trade(meeting: Any, fee: Any, capacity: Any) -> Any:
    return _clip(meeting - _clip(meeting, -fee, fee), -capacity, capacity)


@_compiled
def _receive(tables: Tables, copy_a: Work, copy_b: Work, received: Work) -> None:
    """Adds the reflected copies 2 z - w at both ends of every inner link."""
    for link in range(len(tables.link_a)):
        a, b = tables.link_a[link], tables.link_b[link]
        weight_a, weight_b = tables.weight_a[link], tables.weight_b[link]
        fee, capacity = tables.fee_kw[link], tables.capacity_kw[link]
        for t in range(copy_a.shape[1]):
            at_a, at_b = copy_a[link, t], copy_b[link, t]
            trade = _trade(weight_a * at_a - weight_b * at_b, fee, capacity)
            received[a, t] += trade + trade - at_a
            received[b, t] -= trade + trade + at_b


@_compiled
def _move_copies(tables: Tables, copy_a: Work, copy_b: Work, shift: Work, received: Work) -> Any:
    """Moves both copies of every inner link; adds the next iteration's reflected copies."""
    primal, dual = 0.0, 0.0
    relaxation = tables.relaxation
    for link in range(len(tables.link_a)):
        a, b = tables.link_a[link], tables.link_b[link]
        weight_a, weight_b = tables.weight_a[link], tables.weight_b[link]
        fee, capacity = tables.fee_kw[link], tables.capacity_kw[link]
        square = square_trade = 0.0
        for t in range(copy_a.shape[1]):
            at_a, at_b = copy_a[link, t], copy_b[link, t]
            trade = _trade(weight_a * at_a - weight_b * at_b, fee, capacity)
            move_a = trade - at_a + shift[a, t]
            move_b = shift[b, t] - trade - at_b
            at_a += relaxation * move_a
            at_b += relaxation * move_b
            copy_a[link, t], copy_b[link, t] = at_a, at_b
            new = _trade(weight_a * at_a - weight_b * at_b, fee, capacity)
            received[a, t] += new + new - at_a
            received[b, t] -= new + new + at_b
            square += move_a * move_a + move_b * move_b
            square_trade += (new - trade) * (new - trade)
        primal += square
        dual += square_trade
    return primal, dual


@_compiled
def _move_plans(
    tables: Tables, plan: Work, received: Work, balance_dual: Work, energy_dual: Work, shift: Work
) -> float:
    """Projects the reflected plans on the balance rows and relaxes; returns the sum of squares."""
    hours = plan.shape[2]
    near = np.empty((CHUNK, 4, hours))
    balance = np.empty((CHUNK, hours))
    energy = np.empty((CHUNK, hours))
    solved = np.empty((CHUNK, hours))
    primal = 0.0
    for group in range(len(tables.balance)):
        stop = tables.group_start[group + 1]
        for start in range(tables.group_start[group], stop, CHUNK):
            members = tables.order[start : min(start + CHUNK, stop)]
            count = len(members)
            _nearest(tables, plan, members, near)
            for k in range(count):
                if tables.limit_row[members[k]] >= 0:
                    _keep_limits(tables, plan, members[k], near[k])
            _residuals(tables, plan, received, members, near, balance, energy)
            _eliminate(energy, balance, tables.cross[group] / tables.balance[group])
            np.dot(energy[:count], tables.inverse[group], solved[:count])
            _eliminate(balance, solved, tables.cross[group])
            balance /= tables.balance[group]
            primal += _relax(tables, plan, members, near, balance, solved)
            for k in range(count):
                h = members[k]
                for t in range(hours):
                    balance_dual[h, t] = balance[k, t]
                    energy_dual[h, t] = solved[k, t]
                    shift[h, t] = -tables.spread[h] * balance[k, t]
    return primal


@_compiled
def _eliminate(rows: Work, others: Work, factor: Any) -> None:
    for k in range(len(rows)):
        for t in range(rows.shape[1]):
            rows[k, t] -= factor * others[k, t]


@_compiled
def _nearest(tables: Tables, plan: Work, members: IntArray, near: Work) -> None:
    """The nearest plans of a chunk within bounds; see ``kernels_numpy.nearest_plan``."""
    last, voll = plan.shape[2] - 1, tables.unserved_kw
    for k in range(len(members)):
        h = members[k]
        grid, battery = tables.grid_limit_kw[h], tables.battery_kw[h]
        e_min, e_max = tables.e_min_kwh[h], tables.e_max_kwh[h]
        for t in range(plan.shape[2]):
            wanted, pv, need = plan[0, h, t], tables.pv_kw[h, t], tables.need_kw[h, t]
            beyond = wanted - pv
            own = _clip(wanted + grid, 0.0, pv)
            own += _clip(beyond - grid - voll, 0.0, max(need, 0.0))
            sell = _clip(tables.sell_kw[t] - beyond, 0.0, grid)
            near[k, 0, t] = own - sell + _clip(beyond - tables.buy_kw[t], 0.0, grid)
        for t in range(plan.shape[2]):
            near[k, 1, t] = _clip(plan[1, h, t], 0.0, battery)
            near[k, 2, t] = _clip(plan[2, h, t], 0.0, battery)
            near[k, 3, t] = _clip(plan[3, h, t], e_min, e_max)
        near[k, 3, last] = _clip(plan[3, h, last], tables.e_last_kwh[h], e_max)


@_compiled
def _residuals(
    tables: Tables,
    plan: Work,
    received: Work,
    members: IntArray,
    near: Work,
    balance: Work,
    energy: Work,
) -> None:
    """What the reflected plans 2 z - w - cost/rho of a chunk miss their rows by."""
    for k in range(len(members)):
        h = members[k]
        gain, drain = tables.gain[h], tables.drain[h]
        charge_cost, discharge_cost = tables.charge_kw[h], tables.discharge_kw[h]
        for t in range(plan.shape[2]):
            supply = near[k, 0, t] + near[k, 0, t] - plan[0, h, t]
            charge = near[k, 1, t] + near[k, 1, t] - plan[1, h, t] - charge_cost
            discharge = near[k, 2, t] + near[k, 2, t] - plan[2, h, t] - discharge_cost
            stored = near[k, 3, t] + near[k, 3, t] - plan[3, h, t]
            balance[k, t] = supply - charge + discharge + received[h, t] - tables.need_kw[h, t]
            energy[k, t] = stored - gain * charge + drain * discharge
        energy[k, 0] -= tables.e_start_kwh[h]
        for t in range(1, plan.shape[2]):
            energy[k, t] -= near[k, 3, t - 1] + near[k, 3, t - 1] - plan[3, h, t - 1]


@_compiled
def _relax(
    tables: Tables, plan: Work, members: IntArray, near: Work, price: Work, worth: Work
) -> float:
    """Moves a chunk's plans by the relaxed projection; returns the sum of squares."""
    step, energy_step, relaxation = tables.step, tables.energy_step, tables.relaxation
    primal = 0.0
    for k in range(len(members)):
        h = members[k]
        gain, drain = tables.gain[h], tables.drain[h]
        charge_cost, discharge_cost = tables.charge_kw[h], tables.discharge_kw[h]
        for t in range(plan.shape[2] - 1):
            near[k, 3, t] += energy_step * worth[k, t + 1]
        square = 0.0
        for t in range(plan.shape[2]):
            supply = near[k, 0, t] - plan[0, h, t] - step * price[k, t]
            charge = near[k, 1, t] - plan[1, h, t] - charge_cost
            charge += step * (price[k, t] + gain * worth[k, t])
            discharge = near[k, 2, t] - plan[2, h, t] - discharge_cost
            discharge -= step * (price[k, t] + drain * worth[k, t])
            stored = near[k, 3, t] - plan[3, h, t] - energy_step * worth[k, t]
            plan[0, h, t] += relaxation * supply
            plan[1, h, t] += relaxation * charge
            plan[2, h, t] += relaxation * discharge
            plan[3, h, t] += relaxation * stored
            square += supply * supply + charge * charge + discharge * discharge + stored * stored
        primal += square
    return primal


@_compiled
def _keep_limits(tables: Tables, plan: Work, h: int, near: Work) -> None:
    """Replaces the hours of one station whose withdrawal breaks a limit; see ``limit_prox``."""
    row, grid, battery = tables.limit_row[h], tables.grid_limit_kw[h], tables.battery_kw[h]
    for t in range(plan.shape[2]):
        need, pv = tables.need_kw[h, t], tables.pv_kw[h, t]
        supply, charge, discharge = plan[0, h, t], plan[1, h, t], plan[2, h, t]
        sell, buy, voll = tables.sell_kw[t], tables.buy_kw[t], tables.unserved_kw
        station = (supply, charge, discharge, need, pv, battery, grid, sell, buy, voll)
        withdrawal = _withdrawal(station, 0.0, False)
        target = _clip(withdrawal, tables.limit_min_kw[row, t], tables.limit_max_kw[row, t])
        if target != withdrawal:
            shift = _limit_shift(station, target)
            near[0, t] = _supply(station, shift)
            near[1, t] = _clip(charge - shift, 0.0, battery)
            near[2, t] = _clip(discharge + shift, 0.0, battery)


@_compiled
def _limit_shift(station: Any, target: Any) -> Any:
    """The multiplier over rho at which the withdrawal meets its limit."""
    supply, charge, discharge, need, pv, battery, grid, sell, buy, voll = station
    kinks = np.empty(20, np.float64)
    kinks[0], kinks[1] = charge, charge - battery
    kinks[2], kinks[3] = -discharge, battery - discharge
    beyond = voll + pv - supply
    for k in range(3):
        offset = (1 - k) * grid
        kinks[4 + 4 * k], kinks[5 + 4 * k] = -supply - offset, pv - supply - offset
        kinks[6 + 4 * k] = beyond - offset
        kinks[7 + 4 * k] = beyond + max(need, 0.0) - offset
    kinks[16], kinks[17], kinks[18], kinks[19] = -sell, -buy, voll - sell, voll - buy
    low = high = miss_low = miss_high = 0.0
    low_known = high_known = False
    for kink in kinks:
        before = _withdrawal(station, kink, True) - target
        after = _withdrawal(station, kink, False) - target
        if before >= 0 and (kink > low or not low_known):
            low, miss_low, low_known = kink, after, True
        if after <= 0 and (kink < high or not high_known):
            high, miss_high, high_known = kink, before, True
    if not high_known:
        return low
    if not low_known:
        return high
    if high > low and miss_low > miss_high:
        return low + (high - low) * miss_low / (miss_low - miss_high)
    return low


@_compiled
def _own(station: Any, shift: Any, before: bool) -> Any:
    """PV used plus demand unserved, just before or just after the jumps."""
    supply, _, _, need, pv, _, grid, sell, buy, voll = station
    pv_order, unserved_order = 1, 1
    for price in (sell, buy):
        pv_order -= 1 if shift < -price or (before and shift == -price) else 0
        unserved_order -= 1 if shift < voll - price or (before and shift == voll - price) else 0
    used = _clip(supply + shift + pv_order * grid, 0.0, pv)
    return used + _clip(supply - voll + shift - pv + unserved_order * grid, 0.0, max(need, 0.0))


@_compiled
def _withdrawal(station: Any, shift: Any, before: bool) -> Any:
    _, charge, discharge, need, _, battery, _, _, _, _ = station
    stored = _clip(charge - shift, 0.0, battery) - _clip(discharge + shift, 0.0, battery)
    return need + stored - _own(station, shift, before)


@_compiled
def _supply(station: Any, shift: Any) -> Any:
    """g = pv - sell + buy + unserved at this multiplier."""
    supply, _, _, need, pv, _, grid, sell, buy, voll = station
    most = max(need, 0.0)
    before_sell = (pv if shift >= -sell else 0.0) + (most if shift >= voll - sell else 0.0)
    before_buy = (pv if shift >= -buy else 0.0) + (most if shift >= voll - buy else 0.0)
    sold = _clip(sell - (supply - before_sell), 0.0, grid)
    bought = _clip(supply - before_buy - buy, 0.0, grid)
    return _own(station, shift, False) - sold + bought
