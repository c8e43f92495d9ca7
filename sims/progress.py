"""What a running episode tells whoever watches it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

logger = logging.getLogger("roadvolt")

#: The phases of an episode in their order, with rough shares of its time for the time left.
PHASES = {
    "starting the agents": 0.30,
    "assigning traffic and simulating charging": 0.12,
    "costing the day without trading": 0.08,
    "trading and reviewing": 0.25,
    "settling and comparing with the centre": 0.05,
    "checking with exact power flows": 0.20,
}


@dataclass(frozen=True, slots=True)
class PhaseStarted:
    """A phase of the episode began."""

    name: str


@dataclass(frozen=True, slots=True)
class Exchanged:
    """The stations exchanged bids once more."""

    trading_round: int
    exchange: int
    gap: float  #: certified relative gap; NaN or infinite while there is none
    target: float
    primal_kw: float

    @property
    def share_done(self) -> float:
        """How far the gap has come from 1 to its target, on a logarithmic scale."""
        if not 0 < self.gap < 1:
            return 0.0 if not self.gap <= 0 else 1.0
        return min(math.log(self.gap) / math.log(self.target), 1.0)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The operator answered a submission."""

    trading_round: int
    answer: str
    adjusted_kwh: float
    stations: int


Event: TypeAlias = PhaseStarted | Exchanged | Reviewed
Watcher: TypeAlias = Callable[[Event], None]


def log_event(event: Event) -> None:
    """The watcher that writes the log: phases and answers, and certified exchanges."""
    if isinstance(event, PhaseStarted):
        logger.info("%s", event.name)
    elif isinstance(event, Reviewed):
        logger.info(
            "round %d: %s, %.2f kWh adjusted at %d stations",
            event.trading_round,
            event.answer,
            event.adjusted_kwh,
            event.stations,
        )
    elif math.isfinite(event.gap):
        logger.info(
            "round %d, exchange %d: gap %.3e, disagreement %.3g kW",
            event.trading_round,
            event.exchange,
            event.gap,
            event.primal_kw,
        )
