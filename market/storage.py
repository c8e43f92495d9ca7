"""The exact optimum of a battery's day, for many stations at once: its prices, and its plan.

In an hour a battery that draws y (negative: gives) saves or costs, with spare = pv - need,

    nothing         while y < w_min + spare: it only draws PV that would be curtailed
    the next price  while y < w_max + spare: what else meets the need
    unserved        beyond: demand goes unserved for it,

so the least cost of storing x in an hour is convex and piecewise linear in x. With v the worth of
stored energy let x_t(v) be what hour t stores, constant between a few kinks of v. From the last
hour backwards, the energy that the rest of the day from hour t on would like to begin with,

    wanted_t(v) = clip(wanted_{t+1}(v), floor_t, e_max) - x_t(v),    wanted_{T+1} = floor_T,

falls in v. Where it meets the energy at hand lies v_t: so both the best multipliers and the best
plan follow forwards, exactly. Energy is never a burden, so only v >= 0 counts.

References:
    Johnson, A dynamic programming algorithm for the fused lasso and L0-segmentation, Journal of
    Computational and Graphical Statistics 22(2), 2013: this recursion on derivatives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from ..core.units import FloatArray, IntArray
from .block import StationBlock


def best_worth(block: StationBlock, price_per_kwh: FloatArray) -> FloatArray:
    """The mu that maximises ``certificate.station_bound`` at given prices [station, time].

    Args:
        block: the stations.
        price_per_kwh: pi of the balance [station, time], from 0 to that of unserved demand.
    """
    hours = _Hours.at(block, (price_per_kwh,), (block.withdrawal_min_kw, block.withdrawal_max_kw))
    wanted, most = hours.wanted(), block.e_max_kwh
    place = _first_within(wanted[0], block.e_start_kwh)
    worth = np.empty_like(price_per_kwh)
    for t in range(price_per_kwh.shape[1]):
        if t:
            enough = np.count_nonzero(wanted[t] >= block.e_floor_kwh[:, t - 1, None], axis=1)
            place = np.clip(place, _first_within(wanted[t], most), enough)
        worth[:, t] = -_pick(hours.kinks, place)
    return worth


def best_battery(block: StationBlock, trade_kw: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Charge and discharge of the cheapest day with given trades [station, time] in kW.

    Within bounds and withdrawal limits, as far as the trades leave a feasible day.

    Args:
        block: the stations.
        trade_kw: net purchase from peers [station, time].
    """
    grid = block.grid_limit_kw[:, None]
    edges = (
        np.maximum(block.withdrawal_min_kw, trade_kw - grid),
        trade_kw,
        np.minimum(block.withdrawal_max_kw, trade_kw + grid),
    )
    prices = (block.tariff.sell_per_kwh, block.tariff.buy_per_kwh)
    hours = _Hours.at(block, [np.broadcast_to(p, trade_kw.shape) for p in prices], edges)
    stored = _plan(hours, block)
    gain, drain = block.efficiency_charge[:, None], 1 / block.efficiency_discharge[:, None]
    return np.maximum(stored, 0) / gain, np.maximum(-stored, 0) / drain


def _plan(hours: _Hours, block: StationBlock) -> FloatArray:
    """What the hours store [station, time], from what the rest of the day would like."""
    wanted, before = hours.wanted(), block.e_start_kwh
    stored = np.empty_like(block.need_kw)
    for t in range(stored.shape[1]):
        place = _first_within(wanted[t], before)
        below = np.maximum(place - 1, 0)
        # What is stored below this worth in any case; more only as far as the rest wants it.
        sure = before + hours.after(wanted, t, below) - _pick(wanted[t], below)
        after = np.maximum(sure, hours.after(wanted, t, place))
        after = np.clip(after, hours.floor_kwh[:, t], hours.most_kwh)
        stored[:, t], before = after - before, after
    return stored


class _Hours(NamedTuple):
    """How the hours of a day answer to the worth v of stored energy.

    At v an hour stores ``base_kwh`` plus ``length_kwh`` of every step that begins at v or below.
    """

    kinks: FloatArray  #: [station, kink], ascending from 0
    end: FloatArray  #: [station, kink] energy wanted after the day
    floor_kwh: FloatArray  #: [station, time] at the end of each hour
    most_kwh: FloatArray  #: [station]
    base_kwh: FloatArray  #: [station, time]
    length_kwh: FloatArray  #: [step, station, time]
    place: IntArray  #: [step, station, time] kink at which the step begins

    @classmethod
    def at(
        cls, block: StationBlock, prices: Sequence[FloatArray], withdrawal_kw: Sequence[FloatArray]
    ) -> Self:
        """Hours in which a kWh is worth ``prices`` in turn.

        Args:
            block: the stations.
            prices: ascending, each [station, time].
            withdrawal_kw: the withdrawals at which they begin, and at which the last one ends.
        """
        gain, drain = block.efficiency_charge[:, None], 1 / block.efficiency_discharge[:, None]
        battery, spare = block.battery_kw[:, None], block.pv_kw - block.need_kw
        least = np.clip(withdrawal_kw[0] - block.need_kw, -battery, 0)
        most = np.clip(withdrawal_kw[-1] + spare + block.unserved_max_kw, 0, battery)
        between = [np.clip(edge + spare, least, most) for edge in withdrawal_kw]
        edges = np.stack([least, *between, most])
        give, draw = np.diff(np.minimum(edges, 0), axis=0), np.diff(np.maximum(edges, 0), axis=0)
        shape = block.need_kw.shape
        cost = np.stack([np.zeros(shape), *prices, np.full(shape, block.tariff.unserved_per_kwh)])
        give_from = (cost - block.discharge_per_kwh[:, None]) / drain
        draw_from = (cost + block.charge_per_kwh[:, None]) / gain
        kinks, place = _kinks(np.concatenate([give_from, draw_from]))
        floor = block.e_floor_kwh
        return cls(
            kinks=kinks,
            end=np.repeat(floor[:, -1:], kinks.shape[1], axis=1),
            floor_kwh=floor,
            most_kwh=block.e_max_kwh,
            base_kwh=drain * least,
            length_kwh=np.concatenate([drain * give, gain * draw]),
            place=place,
        )

    def stored(self, t: int) -> FloatArray:
        """x_t above every kink [station, kink]: all that begins at it or before."""
        stations, kinks = self.kinks.shape
        places = self.place[:, :, t] + kinks * np.arange(stations)
        begins = np.bincount(places.ravel(), self.length_kwh[:, :, t].ravel(), stations * kinks)
        begun = np.cumsum(begins.reshape(stations, kinks), axis=1)
        return np.asarray(begun + self.base_kwh[:, t, None])

    def wanted(self) -> FloatArray:
        """Energy wanted at the beginning of every hour [time, station, kink]."""
        wanted = np.empty((self.base_kwh.shape[1], *self.kinks.shape))
        later = self.end
        for t in range(len(wanted) - 1, -1, -1):
            within = np.clip(later, self.floor_kwh[:, t, None], self.most_kwh[:, None])
            later = wanted[t] = within - self.stored(t)
        return wanted

    def after(self, wanted: FloatArray, t: int, place: IntArray) -> FloatArray:
        """Energy wanted at the end of hour t above one kink of each station, within bounds."""
        later = wanted[t + 1] if t + 1 < len(wanted) else self.end
        return np.clip(_pick(later, place), self.floor_kwh[:, t], self.most_kwh)


def _kinks(threshold: FloatArray) -> tuple[FloatArray, IntArray]:
    """All v at which a step begins, ascending from 0, and the place of each step among them.

    The outermost steps of giving and of drawing begin at the same v in all hours: at the wear, and
    at the price of unserved demand.
    """
    steps, stations, hours = threshold.shape
    outer = [0, steps // 2 - 1, steps // 2, steps - 1]
    inner = [k for k in range(steps) if k not in outer]
    common = threshold[outer, :, 0].T
    by_station = np.moveaxis(threshold[inner], 1, 0).reshape(stations, -1)
    values = np.concatenate([np.zeros((stations, 1)), common, by_station], axis=1)
    order = np.argsort(np.maximum(values, 0), axis=1, kind="stable")
    rank = np.where(values > 0, np.argsort(order, axis=1), 0)
    place = np.empty(threshold.shape, dtype=np.int64)
    place[outer] = rank[:, 1:5].T[:, :, None]
    place[inner] = np.moveaxis(rank[:, 5:].reshape(stations, len(inner), hours), 0, 1)
    return np.take_along_axis(np.maximum(values, 0), order, axis=1), place


def _first_within(wanted: FloatArray, energy_kwh: FloatArray) -> IntArray:
    """The first kink above which no more energy than this is wanted [station]."""
    place = np.count_nonzero(wanted > energy_kwh[:, None], axis=1)
    return np.asarray(np.minimum(place, wanted.shape[1] - 1))


def _pick(values: FloatArray, place: IntArray) -> FloatArray:
    """One kink's value for each station; places beyond the last count as the last."""
    column = np.minimum(place, values.shape[1] - 1)
    return np.asarray(np.take_along_axis(values, column[:, None], axis=1)[:, 0])
