"""The nearest plan of a station hour under a withdrawal limit, in closed form.

By the balance, the withdrawal is w = need + charge - discharge - (pv + unserved). A limit on it
thus couples quantities of one station and hour only. With l the limit's multiplier over rho [kW],
positive where withdrawing less is asked for,

    charge(l)    = clip(charge - l, 0, P)        discharge(l) = clip(discharge + l, 0, P)
    pv(l)        = clip(g + l + (1 - k) G, 0, pv),           k = [l < -sell] + [l < -buy]
    unserved(l)  = clip(g - voll + l - pv + (1 - k) G, 0, need),
                                                 k = [l < voll - sell] + [l < voll - buy]

k counts the grid's pieces (selling less, buying) that come before it in merit order; G is
the grid limit. w(l) falls, is linear between the kinks of the clips, and jumps where the order
changes: so the kinks and jumps that enclose the root are found, and the root in between is exact.
"""

from __future__ import annotations

import numpy as np

from .splitting import Work

#: Counts of grid pieces before a piece, times which the grid limit enters its kinks.
_ORDERS = (1.0, 0.0, -1.0)


def limit_shift_kw(
    plan: Work,
    target_kw: Work,
    need_kw: Work,
    pv_kw: Work,
    battery_kw: Work,
    grid_limit_kw: Work,
    prices_kw: tuple[Work, Work, float],
) -> Work:
    """The nearest (g, charge, discharge) whose withdrawal is the limit that it would break.

    Args:
        plan: w of g, charge, discharge [quantity, entry].
        target_kw: the limit [entry], and so for the station's data that follow.
        need_kw: demand plus margin.
        pv_kw: expected PV.
        battery_kw: the battery's power.
        grid_limit_kw: most bought from or sold to the grid.
        prices_kw: selling, buying, unserved price over rho.

    Returns:
        [quantity, entry], in kW.
    """
    entry = _Entries(plan, need_kw, pv_kw, battery_kw, grid_limit_kw, prices_kw)
    kinks = entry.kinks()
    before, after = entry.miss(kinks, target_kw, True), entry.miss(kinks, target_kw, False)
    low_at = np.argmax(np.where(before >= 0, kinks, -np.inf), axis=0)
    high_at = np.argmin(np.where(after <= 0, kinks, np.inf), axis=0)
    each = np.arange(kinks.shape[1])
    low, high = kinks[low_at, each], kinks[high_at, each]
    at_low, at_high = after[low_at, each], before[high_at, each]
    steep = (high > low) & (at_low > at_high)
    part = np.divide(at_low, at_low - at_high, out=np.zeros_like(at_low), where=steep)
    return entry.nearest(low + part * (high - low))


class _Entries:
    """Station hours side by side; arrays are [entry]."""

    def __init__(
        self,
        plan: Work,
        need_kw: Work,
        pv_kw: Work,
        battery_kw: Work,
        grid_limit_kw: Work,
        prices_kw: tuple[Work, Work, float],
    ) -> None:
        self.supply, self.charge, self.discharge = plan
        self.need, self.most_unserved = need_kw, np.maximum(need_kw, 0)
        self.pv, self.battery, self.grid = pv_kw, battery_kw, grid_limit_kw
        self.sell_price, self.buy_price, self.unserved_price = prices_kw

    def kinks(self) -> Work:
        """Every l where w(l) bends or jumps [kink, entry]."""
        beyond = self.unserved_price + self.pv - self.supply
        bends = [self.charge, self.charge - self.battery]
        bends += [-self.discharge, self.battery - self.discharge]
        for order in _ORDERS:
            offset = order * self.grid
            bends += [-self.supply - offset, self.pv - self.supply - offset]
            bends += [beyond - offset, beyond + self.most_unserved - offset]
        return np.stack([*bends, *self._jumps()])

    def miss(self, shift: Work, target_kw: Work, before: bool) -> Work:
        """w(l) - target, just before or just after l."""
        pv, unserved = self._own(shift, before)
        charge = np.clip(self.charge - shift, 0, self.battery)
        discharge = np.clip(self.discharge + shift, 0, self.battery)
        return np.asarray(self.need + charge - discharge - pv - unserved - target_kw)

    def nearest(self, shift: Work) -> Work:
        """g(l), charge(l), discharge(l): these do not jump."""
        pv, unserved = self._own(shift, False)
        charge = np.clip(self.charge - shift, 0, self.battery)
        discharge = np.clip(self.discharge + shift, 0, self.battery)
        sell = np.clip(self.sell_price - self._beyond(shift, self.sell_price), 0, self.grid)
        buy = np.clip(self._beyond(shift, self.buy_price) - self.buy_price, 0, self.grid)
        return np.stack([pv - sell + buy + unserved, charge, discharge])

    def _beyond(self, shift: Work, price: Work) -> Work:
        """g beyond what comes before a grid piece of this price in merit order."""
        pv_first = np.where(shift >= -price, self.pv, 0)
        unserved_first = np.where(shift >= self.unserved_price - price, self.most_unserved, 0)
        return np.asarray(self.supply - pv_first - unserved_first)

    def _own(self, shift: Work, before: bool) -> tuple[Work, Work]:
        """pv(l) and unserved(l), just before or just after the jumps."""
        jumps = self._jumps()
        comes_first = [shift <= jump if before else shift < jump for jump in jumps]
        pv_order = 1 - (comes_first[0].astype(np.float64) + comes_first[1])
        unserved_order = 1 - (comes_first[2].astype(np.float64) + comes_first[3])
        pv = np.clip(self.supply + shift + pv_order * self.grid, 0, self.pv)
        wanted = self.supply - self.unserved_price + shift - self.pv + unserved_order * self.grid
        return pv, np.clip(wanted, 0, self.most_unserved)

    def _jumps(self) -> tuple[Work, Work, Work, Work]:
        return (
            -self.sell_price,
            -self.buy_price,
            self.unserved_price - self.sell_price,
            self.unserved_price - self.buy_price,
        )
