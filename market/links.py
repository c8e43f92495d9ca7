"""Which stations a trade joins, and what the trades of all links add up to at each station.

The trade of a link is positive when its ``station_a`` buys from its ``station_b``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from ..core.units import FloatArray
from .station import Station, TradeLink


def incidence(stations: Sequence[Station], links: Sequence[TradeLink]) -> sp.csr_matrix:
    """The matrix [station, link] that is +1 at a link's ``station_a`` and -1 at ``station_b``.

    Raises:
        KeyError: a link names a station that is not among ``stations``.
    """
    place = {station.id: index for index, station in enumerate(stations)}
    ends = [place[end] for link in links for end in (link.station_a, link.station_b)]
    columns = np.repeat(np.arange(len(links)), 2)
    signs = np.tile([1.0, -1.0], len(links))
    return sp.csr_matrix(
        (signs, (np.array(ends, dtype=np.int64), columns)), shape=(len(stations), len(links))
    )


def net_purchase(
    stations: Sequence[Station], links: Sequence[TradeLink], trade_kw: FloatArray
) -> FloatArray:
    """What each station buys from all its peers, net [time, station], from [time, link]."""
    return np.asarray(trade_kw @ incidence(stations, links).T)


def network_fees(links: Sequence[TradeLink], trade_kw: FloatArray) -> FloatArray:
    """What the buyers pay the network for each link over the day [link]."""
    fee_per_kwh = np.array([link.fee_per_kwh for link in links])
    return np.asarray(fee_per_kwh * np.abs(trade_kw).sum(axis=0))
