"""The market split in two easy halves: the tables that one clearing iteration works with.

The social problem is

    min  sum_h [ sum_t c_buy buy - c_sell sell + c_voll unserved
                 + c_ch charge + c_dis discharge ] + sum_e fee_e |z_e|
    s.t. g - charge + discharge + (trade received) = need,
         g = buy - sell + pv used + unserved                                    [station, time]
         E_t - E_{t-1} - eta_ch charge + discharge / eta_dis = E_0 at t = 1, else 0
         bounds on everything;  w_min <= buy - sell + (trade received) <= w_max;
         each end of a link has its own copy of the trade, and both copies agree.

Douglas-Rachford splitting alternates between the bounds, costs, limits and links (separable, so
closed forms) and the balance rows (one linear solve). With rho_h = rho degree_h / mean degree on
the link copies of station h, the rows of all stations share one matrix

    K = [ k_balance I              k_cross I              ]   k_balance = (3 + mean degree) / rho
        [ k_cross I    k_energy I + D D' / rho_energy     ]   k_cross = (eta_ch + 1/eta_dis) / rho
                                                              k_energy = (eta_ch^2 + eta_dis^-2)/rho

(D the difference over time), whose first block row is eliminated by hand: only the T x T matrix
k_energy I + D D'/rho_energy - k_cross^2 / k_balance I is inverted, once for each distinct pair of
efficiencies.

References:
    Eckstein and Bertsekas, On the Douglas-Rachford splitting method and the proximal point
    algorithm for maximal monotone operators, Mathematical Programming 55, 1992.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..core.units import FloatArray, IntArray, frozen
from .block import StationBlock
from .partition import ShardLinks
from .scale import MarketScale

#: An array that the iteration works on or in, *in place*: never one that came from elsewhere.
Work: TypeAlias = FloatArray

#: Over-relaxation: 1.6 needed the fewest iterations of 1.0 to 1.9.
RELAXATION = 1.6
#: Stands in for "no limit": fast arithmetic may not meet infinities.
NO_LIMIT_KW = 1e30


class Tables(NamedTuple):
    """What the kernels read. Prices are divided by rho and so are in kW.

    A tuple, because that is what compiled code takes. Groups are stations that share an inverse:
    group k is ``order[group_start[k]:group_start[k + 1]]``.
    """

    need_kw: Work  #: [station, time]
    pv_kw: Work  #: [station, time]
    sell_kw: Work  #: [time] price / rho
    buy_kw: Work  #: [time] price / rho
    unserved_kw: float  #: price / rho
    grid_limit_kw: Work  #: [station], and so until e_start
    battery_kw: Work
    charge_kw: Work  #: degradation price / rho
    discharge_kw: Work
    gain: Work  #: stored per kWh charged
    drain: Work  #: taken from store per kWh discharged
    spread: Work  #: 1 / rho_h of the link copies, 0 without links
    e_min_kwh: Work
    e_last_kwh: Work  #: floor at the end of the day
    e_max_kwh: Work
    e_start_kwh: Work
    step: float  #: 1 / rho
    energy_step: float  #: 1 / rho_energy
    relaxation: float
    order: IntArray
    group_start: IntArray
    balance: Work  #: [group] k_balance
    cross: Work  #: [group] k_cross
    inverse: Work  #: [group, time, time]
    limit_row: IntArray  #: [station] row in the limits, -1 for a station without
    limit_min_kw: Work  #: [limited station, time]
    limit_max_kw: Work
    link_a: IntArray  #: [inner link] station, and so for all that follow
    link_b: IntArray
    weight_a: Work  #: rho_a / (rho_a + rho_b)
    weight_b: Work
    fee_kw: Work  #: fee / (rho_a + rho_b)
    capacity_kw: Work


class BorderTables(NamedTuple):
    """The border links; a is the end that buys when the trade is positive."""

    near: IntArray  #: near station
    sign: Work  #: +1 where the near end is a, -1 where it is b
    weight_a: Work
    weight_b: Work
    fee_kw: Work
    capacity_kw: Work


def build_tables(block: StationBlock, links: ShardLinks, scale: MarketScale) -> Tables:
    """Tables of one shard; see ``Tables`` for the axes."""
    rho = scale.penalty
    link_rho = _link_penalties(links.degree, scale)
    rho_a, rho_b = link_rho[links.inner_a], link_rho[links.inner_b]
    order, group_start, balance, cross, inverse = _factors(block, links.degree, scale)
    limited = np.isfinite(block.withdrawal_min_kw) | np.isfinite(block.withdrawal_max_kw)
    has_limit = limited.any(axis=1)
    tables = Tables(
        need_kw=block.need_kw,
        pv_kw=block.pv_kw,
        sell_kw=block.tariff.sell_per_kwh / rho,
        buy_kw=block.tariff.buy_per_kwh / rho,
        unserved_kw=block.tariff.unserved_per_kwh / rho,
        grid_limit_kw=block.grid_limit_kw,
        battery_kw=block.battery_kw,
        charge_kw=block.charge_per_kwh / rho,
        discharge_kw=block.discharge_per_kwh / rho,
        gain=block.efficiency_charge,
        drain=1 / block.efficiency_discharge,
        spread=np.divide(1, link_rho, out=np.zeros(len(link_rho)), where=link_rho > 0),
        e_min_kwh=block.e_min_kwh,
        e_last_kwh=block.e_floor_kwh[:, -1],
        e_max_kwh=block.e_max_kwh,
        e_start_kwh=block.e_start_kwh,
        step=1 / rho,
        energy_step=1 / scale.energy_penalty,
        relaxation=RELAXATION,
        balance=balance,
        cross=cross,
        inverse=inverse,
        limit_min_kw=np.maximum(block.withdrawal_min_kw[has_limit], -NO_LIMIT_KW),
        limit_max_kw=np.minimum(block.withdrawal_max_kw[has_limit], NO_LIMIT_KW),
        weight_a=rho_a / (rho_a + rho_b),
        weight_b=rho_b / (rho_a + rho_b),
        fee_kw=links.inner_fee_per_kwh / (rho_a + rho_b),
        capacity_kw=links.inner_capacity_kw,
        order=order,
        group_start=group_start,
        limit_row=np.where(has_limit, np.cumsum(has_limit) - 1, -1),
        link_a=links.inner_a,
        link_b=links.inner_b,
    )
    # One kind of array, always: compiled code is made anew for read-only, strided or other kinds.
    values: list[Any] = [frozen(t, t.dtype) if isinstance(t, np.ndarray) else t for t in tables]
    return Tables(*values)


def build_border_tables(links: ShardLinks, scale: MarketScale) -> BorderTables:
    """Border tables of one shard: both ends get the same numbers, to the last bit."""
    near_rho = _link_penalties(links.degree[links.border_station], scale)
    far_rho = _link_penalties(links.far_degree, scale)
    rho_a = np.where(links.border_buys, near_rho, far_rho)
    rho_b = np.where(links.border_buys, far_rho, near_rho)
    return BorderTables(
        near=links.border_station,
        sign=np.where(links.border_buys, 1.0, -1.0),
        weight_a=rho_a / (rho_a + rho_b),
        weight_b=rho_b / (rho_a + rho_b),
        fee_kw=links.border_fee_per_kwh / (rho_a + rho_b),
        capacity_kw=links.border_capacity_kw,
    )


def agreed_trade_kw(border: BorderTables, bid_a_kw: Work, bid_b_kw: Work) -> Work:
    """The trade on border links that both bids make [border link, time], into station a.

    The minimiser of fee |z| + rho_a/2 (z - bid_a)^2 + rho_b/2 (z + bid_b)^2 over |z| <= capacity.
    Plain array operations in one order: both ends find the same bits whatever kernels they use.
    """
    meeting = border.weight_a[:, None] * bid_a_kw - border.weight_b[:, None] * bid_b_kw
    fee_kw, capacity_kw = border.fee_kw[:, None], border.capacity_kw[:, None]
    wanted = meeting - np.clip(meeting, -fee_kw, fee_kw)
    return np.asarray(np.clip(wanted, -capacity_kw, capacity_kw))


def _link_penalties(degree: IntArray, scale: MarketScale) -> FloatArray:
    """rho_h of a station's link copies: in proportion to its links, so that all share one K."""
    return frozen(scale.penalty * degree / (scale.degree or 1.0))


def _factors(
    block: StationBlock, degree: IntArray, scale: MarketScale
) -> tuple[IntArray, IntArray, FloatArray, FloatArray, FloatArray]:
    """Groups of stations with the same K, and their k_balance, k_cross and T x T inverse."""
    keys = np.column_stack([block.efficiency_charge, block.efficiency_discharge, degree > 0])
    distinct, group = np.unique(keys, axis=0, return_inverse=True)
    group = group.ravel()
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(distinct) + 1))
    rho, hours = scale.penalty, block.need_kw.shape[1]
    gain, drain, linked = distinct[:, 0], 1 / distinct[:, 1], distinct[:, 2]
    balance = (3 + linked * scale.degree) / rho
    cross = (gain + drain) / rho
    diagonal = (gain**2 + drain**2) / rho - cross**2 / balance
    difference = np.eye(hours) - np.eye(hours, k=-1)
    energy = difference @ difference.T / scale.energy_penalty
    inverse = np.linalg.inv(diagonal[:, None, None] * np.eye(hours) + energy)
    order, starts = order.astype(np.int64), starts.astype(np.int64)
    return order, starts, balance, cross, frozen(inverse)
