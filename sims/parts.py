"""What an episode leaves behind, before it is made into tables."""

from __future__ import annotations

from dataclasses import dataclass

from ..agents.messages import Approval
from ..agents.transport import Forecast
from ..core.units import FloatArray
from ..grid.verification import Verification
from ..market.central import CentralClearing
from ..market.clearing import RoundLog
from ..market.settlement import Settlement
from ..market.station import Schedule, StationDay
from .agreement import Agreement
from .case import Case
from .options import EpisodeOptions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StationPlan:
    """What all stations together submit, and how they came to it.

    ``trade_kw`` [time, link] is positive when ``station_a`` buys; ``price_per_kwh``
    [time, station] what a kWh from a peer is worth there. ``exchanges`` is the negotiation's log;
    without trading it is empty.
    """

    schedule: Schedule
    trade_kw: FloatArray
    price_per_kwh: FloatArray
    exchanges: tuple[RoundLog, ...] = ()

    @property
    def withdrawal_kw(self) -> FloatArray:
        """Net withdrawal [time, station]."""
        return self.schedule.withdrawal_kw


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adequacy:
    """How often stations' fresh errors exceed the margins that they bought.

    ``rate`` [time, station]; the worst is at ``station`` and ``hour``, with true rate in
    [``low``, ``high``] at a confidence that holds for all stations and hours together.
    """

    rate: FloatArray
    station: str
    hour: int
    low: float
    high: float
    promised: float

    @property
    def worst_rate(self) -> float:
        """The highest rate of all stations and hours."""
        return float(self.rate.max(initial=0.0))

    @property
    def kept(self) -> bool:
        """Whether no station's margin is exceeded significantly more often than promised."""
        return self.low <= self.promised

    def __str__(self) -> str:
        return (
            f"energy adequacy of station {self.station} {self.hour:02d}:00 exceeded in "
            f"{self.worst_rate:.2%} of samples ({self.low:.2%} to {self.high:.2%})"
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts:
    """Everything that happened in one episode.

    ``alone`` is the day on which each station trades with the grid only, ``together`` the day with
    trading; both were approved by the operator. ``central`` is the benchmark that sees all data.
    """

    case: Case
    options: EpisodeOptions
    forecast: Forecast
    days: tuple[StationDay, ...]
    alone: Agreement[StationPlan]
    together: Agreement[StationPlan]
    by_prices: Settlement
    by_bargaining: Settlement
    central: CentralClearing
    verification: Verification
    adequacy: Adequacy

    @property
    def approval(self) -> Approval:
        """The operator's last word on the day with trading."""
        return self.together.approval
