"""How the operator asks for a change: three policies, compared by the stress study.

``projection``: limits on whoever has to move in the smallest change over all stations, tightened
round by round. ``paper``: limits on the stations where the network is strained, and a later signal
replaces an earlier one, as Chen, Wang and Shahidehpour (23)-(27) read literally; this may cycle.
``price``: operator and stations first find nodal prices at which the stations themselves ask for
no more than the grid carries, and these withdrawals become the limits.
Whatever the policy, an operating envelope ends the rounds.
"""

from __future__ import annotations

from enum import StrEnum


class AdjustmentPolicy(StrEnum):
    """Whom the operator's signal speaks to, and in what terms."""

    PROJECTION = "projection"
    PAPER = "paper"
    PRICE = "price"
