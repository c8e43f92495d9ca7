"""A lower bound on the social cost from any prices: the other half of the certificate."""

from __future__ import annotations

import numpy as np

from ..core.units import FloatArray, IntArray, frozen
from .block import StationBlock


def station_bound(
    block: StationBlock, price_per_kwh: FloatArray, worth_per_kwh: FloatArray
) -> FloatArray:
    """The least that each station can cost at given prices [station]; weak duality.

    With price pi of the balance and worth mu of stored energy, all other constraints kept:

        sum_t pi need + mu_1 e_start + min over buy, sell, energy in their bounds of their
        reduced costs + min over charge, discharge, pv, unserved in bounds and withdrawal limits.

    The sum over stations, less what links could earn on price differences (``link_bound``), is a
    lower bound on the social cost for *any* pi and mu; at the optimal ones it is the optimum.

    Args:
        block: the stations.
        price_per_kwh: pi [station, time].
        worth_per_kwh: mu [station, time].
    """
    tariff, grid_limit = block.tariff, block.grid_limit_kw
    later = np.zeros_like(worth_per_kwh)
    later[:, :-1] = worth_per_kwh[:, 1:]
    energy_cost = later - worth_per_kwh
    battery_kw = block.battery_kw
    bound = np.sum(price_per_kwh * block.need_kw, axis=1)
    bound += worth_per_kwh[:, 0] * block.e_start_kwh
    bound += grid_limit * _least(tariff.buy_per_kwh - price_per_kwh)
    bound += grid_limit * _least(price_per_kwh - tariff.sell_per_kwh)
    bound += np.sum(
        np.minimum(energy_cost * block.e_floor_kwh, energy_cost * block.e_max_kwh[:, None]), axis=1
    )
    charge, discharge = _battery_costs(block, price_per_kwh, worth_per_kwh)
    bound += battery_kw * (_least(charge) + _least(discharge))
    bound += np.sum(np.minimum(-price_per_kwh, 0) * block.pv_kw, axis=1)
    bound += np.sum(
        np.minimum(tariff.unserved_per_kwh - price_per_kwh, 0) * block.unserved_max_kw, axis=1
    )
    station, gain = _limit_gain(block, price_per_kwh, charge, discharge)
    return np.asarray(bound + np.bincount(station, gain, minlength=len(bound)))


def link_bound(
    price_a: FloatArray, price_b: FloatArray, capacity_kw: FloatArray, fee_per_kwh: FloatArray
) -> float:
    """What trading could at best add at these prices: - sum capacity (|pi_a - pi_b| - fee)+.

    Args:
        price_a: at station a [link, time].
        price_b: at station b [link, time].
        capacity_kw: [link].
        fee_per_kwh: [link].
    """
    profit = np.maximum(np.abs(price_a - price_b) - fee_per_kwh[:, None], 0)
    return -float(capacity_kw @ profit.sum(axis=1))


def _least(reduced_cost: FloatArray) -> FloatArray:
    """Sum over time of the reduced cost where it is negative: there the bound is used."""
    return np.asarray(np.minimum(reduced_cost, 0).sum(axis=1))


def _battery_costs(
    block: StationBlock, price_per_kwh: FloatArray, worth_per_kwh: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Reduced costs of charging and discharging [station, time]."""
    gain, drain = block.efficiency_charge[:, None], 1 / block.efficiency_discharge[:, None]
    charge = block.charge_per_kwh[:, None] + price_per_kwh + gain * worth_per_kwh
    discharge = block.discharge_per_kwh[:, None] - price_per_kwh - drain * worth_per_kwh
    return charge, discharge


def _limit_gain(
    block: StationBlock, price: FloatArray, charge: FloatArray, discharge: FloatArray
) -> tuple[IntArray, FloatArray]:
    """By how much withdrawal limits raise the bound, as (stations, gains).

    For each limited station hour, with w = need + charge - discharge - pv - unserved, the largest
    over the limit's price l of

        l need - (l w_max if l > 0 else l w_min) + sum_x min(0, reduced cost of x with l) x_max

    less the same at l = 0. It is concave and piecewise linear in l, so one of its kinks is best.
    """
    station, hour = np.nonzero(
        np.isfinite(block.withdrawal_min_kw) | np.isfinite(block.withdrawal_max_kw)
    )
    costs = np.stack(
        [
            charge[station, hour],
            discharge[station, hour],
            -price[station, hour],
            block.tariff.unserved_per_kwh - price[station, hour],
        ]
    )
    senses = np.array([1.0, -1.0, -1.0, -1.0])[:, None]
    most = np.stack(
        [
            block.battery_kw[station],
            block.battery_kw[station],
            block.pv_kw[station, hour],
            block.unserved_max_kw[station, hour],
        ]
    )
    upper, lower = block.withdrawal_max_kw[station, hour], block.withdrawal_min_kw[station, hour]
    kinks = -senses * costs
    kinks = np.clip(kinks, np.where(np.isfinite(lower), -np.inf, 0), np.inf)
    kinks = np.clip(kinks, -np.inf, np.where(np.isfinite(upper), np.inf, 0))
    best = np.zeros(len(station))
    unlimited = np.sum(np.minimum(costs, 0) * most, axis=0)
    need = block.need_kw[station, hour]
    room = np.where(np.isfinite(upper), upper, 0), np.where(np.isfinite(lower), lower, 0)
    for kink in kinks:
        value = kink * need - np.where(kink > 0, kink * room[0], kink * room[1])
        value += np.sum(np.minimum(costs + senses * kink, 0) * most, axis=0)
        best = np.maximum(best, value - unlimited)
    return frozen(station, np.int64), best
