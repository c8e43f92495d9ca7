"""A price-based adjustment: operator and stations look for nodal prices before limits are set.

    stations:  w = argmin cost(w) + price w + penalty/2 (w - y)^2      trades kept
    operator:  y = nearest to w + price / penalty that the grid carries
    price  <-  price + penalty (w - y)

This is the alternating direction method of multipliers on min cost(w) s.t. w is carried; the price
is the dual of w = y: what the grid's limits cost at the station's node, on top of its tariff.
References: Boyd et al., Distributed optimization and statistical learning via ADMM (2011), 5.
"""

from __future__ import annotations

import numpy as np

from ..agents.adjustment import PriceOffer
from ..agents.messages import AdjustmentSignal, Submission
from ..core.errors import SolveError
from ..core.units import FloatArray, frozen
from .parties import Parties

#: Prices of tenths of a currency unit move tens of kW.
PENALTY_PER_KW2 = 0.01
MAX_OFFERS = 15
#: Stations and operator mean the same from here on.
TOLERANCE_KW = 0.5


def settle_by_price(
    parties: Parties, submission: Submission, signal: AdjustmentSignal, trade_kw: FloatArray
) -> AdjustmentSignal:
    """The operator's signal, moved to where prices leave the stations.

    Args:
        parties: operator and stations.
        submission: what was refused.
        signal: the smallest change, where prices start from.
        trade_kw: net purchases from peers [time, station], kept meanwhile.
    """
    asked = submission.withdrawal_kw
    permitted, price = signal.permitted_kw, frozen(np.zeros_like(asked))
    for _ in range(MAX_OFFERS):
        offer = PriceOffer(adder_per_kwh=price, near_kw=permitted, penalty_per_kw2=PENALTY_PER_KW2)
        try:
            wanted = parties.withdraw_at_price(offer, trade_kw)
            goal = wanted + price / PENALTY_PER_KW2
            # Nobody is asked to draw or to feed in more than it offered.
            goal = np.clip(goal, np.minimum(asked, 0), np.maximum(asked, 0))
            permitted = parties.permit(frozen(goal))
        except SolveError:
            break  # a solver stopped short: what is permitted so far holds
        price = frozen(price + PENALTY_PER_KW2 * (wanted - permitted))
        if np.abs(wanted - permitted).max() < TOLERANCE_KW:
            break
    return parties.settle(submission, signal, permitted, price)
