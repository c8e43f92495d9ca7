"""The centralised market as one would write it down: the definition ``central`` is held against.

Bounds are given to the variables and trades are split by direction: written as constraint rows
and absolute values the same problem takes many times longer.
"""

from __future__ import annotations

from collections.abc import Sequence

import cvxpy as cp
import numpy as np

from ..core.units import FloatArray
from .station import Station, StationDay, Tariff, TradeLink


def build_central_statement(
    stations: Sequence[Station],
    links: Sequence[TradeLink],
    tariff: Tariff,
    days: Sequence[StationDay],
) -> cp.Problem:
    """The problem of ``central.solve_central``, one sum of costs and a few lists of constraints."""
    hours = len(tariff.buy_per_kwh)
    forth = [cp.Variable(hours, bounds=[0, link.capacity_kw]) for link in links]
    back = [cp.Variable(hours, bounds=[0, link.capacity_kw]) for link in links]
    trades = {link.id: to_a - to_b for link, to_a, to_b in zip(links, forth, back, strict=True)}
    cost = sum(
        (link.fee_per_kwh * cp.sum(to_a + to_b)
         for link, to_a, to_b in zip(links, forth, back, strict=True)),
        start=cp.Constant(0),
    )  # fmt: skip
    constraints: list[cp.Constraint] = []
    for station, day in zip(stations, days, strict=True):
        purchase = _purchase(station, links, trades, hours)
        own_cost, own_constraints = _station(station, day, tariff, purchase)
        cost += own_cost
        constraints += own_constraints
    return cp.Problem(cp.Minimize(cost), constraints)


def _purchase(
    station: Station, links: Sequence[TradeLink], trades: dict[str, cp.Expression], hours: int
) -> cp.Expression:
    """Net purchase from peers: over links it is ``station_a`` of, less those it is the other."""
    bought = [trades[link.id] for link in links if link.station_a == station.id]
    sold = [trades[link.id] for link in links if link.station_b == station.id]
    return sum(bought, start=cp.Constant(np.zeros(hours))) - sum(sold)


def _station(
    station: Station, day: StationDay, tariff: Tariff, purchase: cp.Expression
) -> tuple[cp.Expression, list[cp.Constraint]]:
    """Cost and constraints of one station's day; every variable has an entry an hour."""
    need_kw: FloatArray = day.demand_kw + day.margin_kw
    hours = len(need_kw)
    buy = cp.Variable(hours, bounds=[0, station.grid_limit_kw])
    sell = cp.Variable(hours, bounds=[0, station.grid_limit_kw])
    pv = cp.Variable(hours, bounds=[0, day.pv_kw])
    charge = cp.Variable(hours, bounds=[0, station.battery_kw])
    discharge = cp.Variable(hours, bounds=[0, station.battery_kw])
    soc = cp.Variable(hours, bounds=[station.e_min_kwh, station.e_max_kwh])
    unserved = cp.Variable(hours, bounds=[0, np.maximum(need_kw, 0)])

    stored = station.efficiency_charge * charge - discharge / station.efficiency_discharge
    wear = station.efficiency_charge * charge + discharge / station.efficiency_discharge
    withdrawal = buy - sell + purchase
    cost = (
        tariff.buy_per_kwh @ buy
        - tariff.sell_per_kwh @ sell
        + station.degradation_per_kwh * cp.sum(wear)
        + tariff.unserved_per_kwh * cp.sum(unserved)
    )
    upper, lower = np.isfinite(day.withdrawal_max_kw), np.isfinite(day.withdrawal_min_kw)
    return cost, [
        withdrawal + pv + discharge - charge + unserved == need_kw,
        soc == station.e_start_kwh + cp.cumsum(stored),
        soc[-1] >= station.e_start_kwh,
        withdrawal[upper] <= day.withdrawal_max_kw[upper],
        withdrawal[lower] >= day.withdrawal_min_kw[lower],
    ]
