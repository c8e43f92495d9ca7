"""How large this market is: the few global numbers that make the negotiation scale-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.units import IntArray
from .block import StationBlock

#: rho = PENALTY mean(price) / rms(need): tuned on synthetic markets, flat within a factor of two.
PENALTY = 0.55
#: Hours of mean need that an ordinary battery holds; a larger one gets a smaller weight.
ORDINARY_BATTERY_H = 1.6
#: Fitted to batteries four and ten times the ordinary size.
BATTERY_EXPONENT = 1.4


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSums:
    """One shard's part of the global sums: says nothing of a single station."""

    stations: int
    station_hours: int
    price_sum: float  #: buying price per kWh, over station hours
    need_square_kw2: float
    battery_kwh: float
    link_ends: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketScale:
    """Means over the whole market, the same for every shard."""

    price_per_kwh: float
    need_kw: float  #: root mean square
    battery_kwh: float
    degree: float  #: links per station
    station_hours: int

    @property
    def turnover(self) -> float:
        """What the whole need would cost at the mean price."""
        return self.price_per_kwh * self.need_kw * self.station_hours

    @property
    def penalty(self) -> float:
        """rho of every station's own quantities [currency/kWh/kW]."""
        return PENALTY * self.price_per_kwh / self.need_kw

    @property
    def energy_penalty(self) -> float:
        """rho of stored energy; big batteries move far between rounds and need a lighter hand."""
        ordinary_kwh = ORDINARY_BATTERY_H * self.need_kw
        if self.battery_kwh <= ordinary_kwh:
            return self.penalty
        return self.penalty * float((ordinary_kwh / self.battery_kwh) ** BATTERY_EXPONENT)


def to_sums(block: StationBlock, degree: IntArray) -> MarketSums:
    """A shard's sums; ``degree`` is the number of links of each of its stations."""
    stations, hours = block.need_kw.shape
    return MarketSums(
        stations=stations,
        station_hours=stations * hours,
        price_sum=stations * float(np.sum(block.tariff.buy_per_kwh)),
        need_square_kw2=float(np.sum(block.need_kw**2)),
        battery_kwh=float(np.sum(block.e_max_kwh)),
        link_ends=int(np.sum(degree)),
    )


def to_scale(parts: Sequence[MarketSums]) -> MarketScale:
    """The market's scale from its shards' sums, added in the order given.

    A price or need of zero everywhere would leave no scale: one unit stands in for it.
    """
    hours = sum(part.station_hours for part in parts)
    stations = sum(part.stations for part in parts)
    price = sum(part.price_sum for part in parts) / hours
    need_kw = float(np.sqrt(sum(part.need_square_kw2 for part in parts) / hours))
    return MarketScale(
        price_per_kwh=price if price > 0 else 1.0,
        need_kw=need_kw if need_kw > 0 else 1.0,
        battery_kwh=sum(part.battery_kwh for part in parts) / stations,
        degree=sum(part.link_ends for part in parts) / stations,
        station_hours=hours,
    )
