"""What the parties say to each other: frozen, stamped with the round where rounds matter.

Nothing else crosses from one party to another. No message holds a station's private data (battery,
PV, demand): the operator sees net withdrawals only, the transport operator sees prices only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.errors import RoundMismatch
from ..core.units import BoolArray, FloatArray, frozen
from ..grid.dispatch import Dispatch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChargingPrices:
    """Stations -> transport operator: what charging costs a driver [time, site]."""

    price_per_kwh: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChargingDemand:
    """Transport operator -> stations: the charging load it foresees at the named stations."""

    stations: tuple[str, ...]
    expected_kw: FloatArray  #: [time, station]
    scenarios_kw: FloatArray  #: [scenario, time, station]

    def at(self, stations: tuple[str, ...]) -> ChargingDemand:
        """The part that concerns these stations: nobody else's load is handed on."""
        kept = [k for k, station in enumerate(self.stations) if station in set(stations)]
        return ChargingDemand(
            stations=tuple(self.stations[k] for k in kept),
            expected_kw=frozen(self.expected_kw[:, kept]),
            scenarios_kw=frozen(self.scenarios_kw[:, :, kept]),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WithdrawalLimits:
    """Operator -> stations: lowest and highest net withdrawal [time, station]; infinite: none.

    Of an ``envelope`` the operator has proved that any response within can be carried, with its
    batteries ``charging`` or not [time, battery]; stations do not see this.
    """

    round: int
    lower_kw: FloatArray
    upper_kw: FloatArray
    envelope: bool = False
    charging: BoolArray | None = None

    @staticmethod
    def none(hours: int, stations: int) -> WithdrawalLimits:
        """No limits at all, before the first submission."""
        return WithdrawalLimits(
            round=0,
            lower_kw=frozen(np.full((hours, stations), -np.inf)),
            upper_kw=frozen(np.full((hours, stations), np.inf)),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Submission:
    """Stations -> operator: the net withdrawals they have traded for [time, station].

    ``limits`` are those in force when they traded; new ones tighten them, until an envelope takes
    their place.
    """

    round: int
    withdrawal_kw: FloatArray
    limits: WithdrawalLimits


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Approval:
    """Operator -> stations: the submission can be carried; this is how the grid will run."""

    round: int
    dispatch: Dispatch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AdjustmentSignal:
    """Operator -> stations: trade again within these limits (Chen et al. (26)-(27)).

    ``permitted_kw`` [time, station] is the nearest net withdrawal that the grid can carry,
    ``adjustment_kw`` [time, station, phase] the change it asks for. ``binding`` names the limits of
    the grid that ask for it.
    """

    round: int
    limits: WithdrawalLimits
    permitted_kw: FloatArray
    adjustment_kw: FloatArray
    binding: tuple[str, ...]
    price_per_kwh: FloatArray | None = None  #: [time, station], on withdrawing, if prices found it


def require_round(sender: str, expected: int, received: int) -> None:
    """Refuses a message of another round.

    Raises:
        RoundMismatch: the stamps differ.
    """
    if expected != received:
        raise RoundMismatch(sender, expected, received)
