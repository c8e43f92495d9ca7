"""What the stations draw while the operator's methods are compared: the same for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ...core.units import FloatArray, frozen
from ...grid.feeder import ConnectionPoint
from ...uncertainty.margins import RiskTreatment
from ..case import Case, load_case
from ..episode import run_episode
from ..options import options_for


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ApprovedDay:
    """The case, and the net withdrawals of its distributionally robust episode."""

    case: Case
    points: tuple[ConnectionPoint, ...]
    withdrawal_kw: FloatArray  #: [time, point]


@cache  # a process works through many cells of the same case
def approved_day(place: str) -> ApprovedDay:
    """Runs the episode of the case at ``place``, by its own sample size and confidence, seed 1.

    Raises:
        AgreementError: stations and operator do not agree on this case.
    """
    case = load_case(place)
    options = options_for(case, treatment=RiskTreatment.DRO, fresh_samples=10)
    hours = run_episode(case, options).tables["station_hours"]
    withdrawal = hours.pivot(index="hour", columns="station", values="withdrawal_kw")
    names = [station.id for station in case.stations]
    points = tuple(ConnectionPoint(id=s.id, bus=s.bus, share=s.phase_share) for s in case.stations)
    return ApprovedDay(case=case, points=points, withdrawal_kw=frozen(withdrawal[names]))
