"""From a negotiated plan to one that can be carried out, trades fixed: the upper bound."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.units import FloatArray
from .block import StationBlock

#: Rounding that a limit may be missed by [kW].
_ROUNDING_KW = 1e-9


class Recourse(NamedTuple):
    """A feasible day of each station, given its trades. Arrays [station, time] in kW."""

    buy: FloatArray
    sell: FloatArray
    pv: FloatArray
    charge: FloatArray
    discharge: FloatArray
    energy: FloatArray  #: kWh at the end of each hour
    unserved: FloatArray
    cost: FloatArray  #: [station], infinite where these trades leave no feasible day


def repair(
    block: StationBlock, trade_kw: FloatArray, charge_kw: FloatArray, discharge_kw: FloatArray
) -> Recourse:
    """The feasible day nearest to the batteries' wishes, cheapest for them.

    Batteries follow the net stored energy they wish as far as their bounds, the withdrawal limits
    and a return to the starting energy allow; then PV is used first, the rest bought or
    sold, and demand left unserved only where a limit asks for it.

    Args:
        block: the stations.
        trade_kw: net purchase from peers [station, time].
        charge_kw: wished [station, time].
        discharge_kw: wished [station, time].
    """
    charge, discharge, energy = _follow(block, trade_kw, charge_kw, discharge_kw)
    need = block.need_kw + charge - discharge
    grid_limit = block.grid_limit_kw[:, None]
    supply = need - trade_kw
    # Own supply (PV + unserved) that bounds, limits on withdrawal and the grid limit allow.
    least = np.maximum(np.maximum(need - block.withdrawal_max_kw, supply - grid_limit), 0)
    most = np.minimum(need - block.withdrawal_min_kw, supply + grid_limit)
    most = np.minimum(most, block.pv_kw + block.unserved_max_kw)
    own = np.clip(block.pv_kw, np.minimum(least, most), most)
    pv = np.clip(own, 0, block.pv_kw)
    unserved = own - pv
    buy, sell = np.maximum(supply - own, 0), np.maximum(own - supply, 0)
    impossible = (least > most + _ROUNDING_KW) | (own < -_ROUNDING_KW)
    impossible |= np.maximum(buy, sell) > grid_limit + _ROUNDING_KW
    tariff = block.tariff
    cost = buy @ tariff.buy_per_kwh - sell @ tariff.sell_per_kwh
    cost += tariff.unserved_per_kwh * unserved.sum(axis=1)
    cost += block.charge_per_kwh * charge.sum(axis=1)
    cost += block.discharge_per_kwh * discharge.sum(axis=1)
    cost = np.where(impossible.any(axis=1), np.inf, cost)
    return Recourse(buy, sell, pv, charge, discharge, energy, unserved, cost)


def _follow(
    block: StationBlock, trade_kw: FloatArray, charge_kw: FloatArray, discharge_kw: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Charge, discharge and energy nearest to the wished; never both charge and discharge."""
    gain, drain = block.efficiency_charge[:, None], 1 / block.efficiency_discharge[:, None]
    most_charge, most_discharge = _battery_room(block, trade_kw)
    stored = np.clip(
        gain * charge_kw - drain * discharge_kw, -drain * most_discharge, gain * most_charge
    )
    stored_most = gain * most_charge
    floor = _reachable_floor(block, stored_most)
    # Hour by hour over contiguous rows.
    stored, stored_most = np.ascontiguousarray(stored.T), np.ascontiguousarray(stored_most.T)
    energy, before = np.empty_like(stored), block.e_start_kwh
    for hour, change in enumerate(stored):
        level = np.clip(before + change, floor[hour], block.e_max_kwh)
        before = energy[hour] = np.minimum(level, before + stored_most[hour])
    change = np.diff(energy, axis=0, prepend=block.e_start_kwh[None]).T
    charge = np.clip(change / gain, 0, most_charge)
    discharge = np.clip(-change / drain, 0, most_discharge)
    return charge, discharge, np.ascontiguousarray(energy.T)


def _battery_room(block: StationBlock, trade_kw: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Most charge and discharge for which limits can still be kept [station, time]."""
    grid_limit = block.grid_limit_kw[:, None]
    room = np.minimum(block.withdrawal_max_kw, grid_limit + trade_kw)
    most_charge = block.pv_kw + block.unserved_max_kw - block.need_kw + room
    room = np.minimum(-block.withdrawal_min_kw, grid_limit - trade_kw)
    most_discharge = block.need_kw + room
    battery_kw = block.battery_kw[:, None]
    return np.clip(most_charge, 0, battery_kw), np.clip(most_discharge, 0, battery_kw)


def _reachable_floor(block: StationBlock, stored_most: FloatArray) -> FloatArray:
    """Least energy at each hour's end from which the day's end can be met [time, station]."""
    floor = block.e_floor_kwh.T.copy()
    for hour in range(len(floor) - 1, 0, -1):
        floor[hour - 1] = np.maximum(floor[hour - 1], floor[hour] - stored_most[:, hour])
    return floor
