"""Who pays whom for the trades of a day, so that the money adds up.

Two rules: by shadow prices each traded kWh has a price of its own; by bargaining the saving
that trading brings is shared among the stations. Payments are positive for those who pay.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ..core.units import FloatArray, frozen
from .links import incidence, network_fees
from .station import Station, TradeLink

#: A station loses by trading if it pays more than alone by this much, relative to its costs.
_LOSS_TOLERANCE = 1e-9


class SharingRule(StrEnum):
    """By what stations share the saving of trading."""

    EQUAL = "equal"  #: symmetric Nash bargaining
    TRADED = "traded"  #: in proportion to the energy each bought and sold


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settlement:
    """The payments of a day; sums are in the tariff's currency.

    ``cost`` [station] is what a station bears after trading, its own cost and its payment, and
    ``gain`` = ``standalone_cost`` - ``cost``. ``losers`` are the stations that would pay less
    alone. ``imbalance`` = payments - fees is rounding.
    """

    price_per_kwh: FloatArray  #: [time, link] seller's price; NaN where bargaining sets none
    payment: FloatArray  #: [station] for all its trades, fees included
    fees: FloatArray  #: [link] to the network
    imbalance: float
    standalone_cost: FloatArray  #: [station]
    cost: FloatArray  #: [station]
    gain: FloatArray  #: [station]
    losers: tuple[str, ...]


def settle_by_prices(
    stations: Sequence[Station],
    links: Sequence[TradeLink],
    *,
    trade_kw: FloatArray,
    trade_price_per_kwh: FloatArray,
    schedule_cost: FloatArray,
    standalone_cost: FloatArray,
) -> Settlement:
    """Settles every trade halfway between what it is worth to its buyer and to its seller.

    The seller gets p = (pi_buyer - fee + pi_seller) / 2, the buyer pays p + fee and the network
    gets the fee: the money balances whatever the prices are. At the optimum of the market,
    pi_buyer - fee >= pi_seller over each link in use and no station loses, since trading nothing
    at these prices is open to it. Short of the optimum one may (``losers``), but by no more than
    upper - lower of the certificate *at these prices*: that is a sum of terms >= 0, among them
    what each station would still gain by trading nothing, and what each link's trade earns too
    little at its ends' prices. (A negotiation certifies with the best lower bound so far, which
    earlier prices may have given: its gap only tells the size.) Where withdrawal limits are tighter
    than those of ``standalone_cost`` this bound does not hold.

    Args:
        stations: the stations.
        links: the links.
        trade_kw: [time, link], positive when ``station_a`` buys.
        trade_price_per_kwh: pi, what a kWh from a peer is worth [time, station].
        schedule_cost: what the schedule costs a station before payments [station].
        standalone_cost: what its day would cost without trading [station].
    """
    ends = incidence(stations, links)
    fee_per_kwh = np.array([link.fee_per_kwh for link in links])
    # Whichever end buys, p is the mean of both ends' prices less half the fee.
    price = (np.asarray(trade_price_per_kwh) @ abs(ends) - fee_per_kwh) / 2
    proceeds = (price * trade_kw).sum(axis=0)
    payment = ends @ proceeds + _fees_of_buyers(stations, links, trade_kw)
    fees = network_fees(links, trade_kw)
    return _settlement(stations, price, payment, fees, schedule_cost, standalone_cost)


def settle_by_bargaining(
    stations: Sequence[Station],
    links: Sequence[TradeLink],
    *,
    trade_kw: FloatArray,
    schedule_cost: FloatArray,
    standalone_cost: FloatArray,
    rule: SharingRule = SharingRule.EQUAL,
) -> Settlement:
    """Shares the saving S = sum(standalone) - sum(schedule) - fees by weights a that sum to 1.

    payment = standalone - schedule - a S maximises prod (gain_h)^a_h at given trades and balances
    the money, in closed form; nobody loses if S >= 0. Equal weights are Nash's symmetric
    solution. With the weights of ``TRADED``, who trades nothing gains nothing.

    Args:
        stations: the stations.
        links: the links.
        trade_kw: [time, link], positive when ``station_a`` buys.
        schedule_cost: what the schedule costs a station before payments [station].
        standalone_cost: what its day would cost without trading [station].
        rule: who gets how much of the saving.

    References:
        Nash, The bargaining problem, Econometrica 18 (1950).
    """
    fees = network_fees(links, trade_kw)
    saving = math.fsum(standalone_cost) - math.fsum(schedule_cost) - math.fsum(fees)
    weights = _weights(stations, links, trade_kw, rule)
    payment = np.asarray(standalone_cost) - schedule_cost - weights * saving
    price = np.full(np.shape(trade_kw), np.nan)
    return _settlement(stations, price, payment, fees, schedule_cost, standalone_cost)


def _fees_of_buyers(
    stations: Sequence[Station], links: Sequence[TradeLink], trade_kw: FloatArray
) -> FloatArray:
    """What each station owes the network for what it buys [station]."""
    ends = incidence(stations, links)
    fee_per_kwh = np.array([link.fee_per_kwh for link in links])
    to_a, to_b = np.maximum(trade_kw, 0).sum(axis=0), np.maximum(-trade_kw, 0).sum(axis=0)
    return np.asarray(
        ends.maximum(0) @ (fee_per_kwh * to_a) - ends.minimum(0) @ (fee_per_kwh * to_b)
    )


def _weights(
    stations: Sequence[Station],
    links: Sequence[TradeLink],
    trade_kw: FloatArray,
    rule: SharingRule,
) -> FloatArray:
    traded_kwh = abs(incidence(stations, links)) @ np.abs(trade_kw).sum(axis=0)
    if rule is SharingRule.EQUAL or not traded_kwh.any():
        return np.full(len(stations), 1 / len(stations))
    return np.asarray(traded_kwh / traded_kwh.sum())


def _settlement(
    stations: Sequence[Station],
    price: FloatArray,
    payment: FloatArray,
    fees: FloatArray,
    schedule_cost: FloatArray,
    standalone_cost: FloatArray,
) -> Settlement:
    cost = schedule_cost + payment
    gain = standalone_cost - cost
    scale = np.abs(standalone_cost) + np.abs(schedule_cost) + np.abs(payment)
    losing = gain < -_LOSS_TOLERANCE * scale
    return Settlement(
        price_per_kwh=frozen(price),
        payment=frozen(payment),
        fees=frozen(fees),
        imbalance=math.fsum([*payment, *-fees]),
        standalone_cost=frozen(standalone_cost),
        cost=frozen(cost),
        gain=frozen(gain),
        losers=tuple(station.id for station, loses in zip(stations, losing, strict=True) if loses),
    )
