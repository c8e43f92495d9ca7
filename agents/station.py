"""The charging stations of one shard: they alone see their own batteries, PV and demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.errors import OutOfTurn
from ..core.units import FloatArray, IntArray, frozen
from ..market.block import build_block
from ..market.forecast import ChargingForecast, StationErrorModel, station_day, station_errors
from ..market.local import solve_local, solve_standalone, withdraw_at_price
from ..market.partition import ShardLinks
from ..market.port import Bounds, ShardOutcome, ShardPort
from ..market.scale import MarketScale, MarketSums
from ..market.shard import BorderBids, Progress
from ..market.station import Schedule, Station, StationDay, Tariff
from ..uncertainty.margins import RiskChoice
from .adjustment import PriceOffer
from .messages import ChargingDemand


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StationsCase:
    """What stations know before the day: themselves, public prices, and how they treat risk."""

    stations: tuple[Station, ...]
    tariff: Tariff
    pv_factor: FloatArray
    error_model: StationErrorModel
    choice: RiskChoice
    seed: int
    samples: int


def plan_days(case: StationsCase, demand: ChargingDemand) -> tuple[StationDay, ...]:
    """The day that every station expects, with the margin that its errors ask for."""
    days = []
    for station in case.stations:
        errors_kw = _errors(case, station, demand, "learn", case.samples)
        charging = charging_at(demand, station.id)
        days.append(
            station_day(station, case.pv_factor, charging, errors_kw, case.choice, case.error_model)
        )
    return tuple(days)


class StationShard:
    """A group of stations on one host. Answers the coordinator of the negotiation shard by shard.

    Its state is what ``prepare`` and the negotiation have left; ``snapshot`` holds all of it.
    """

    def __init__(self, case: StationsCase, links: ShardLinks) -> None:
        self._case, self._links = case, links
        self._days: tuple[StationDay, ...] = ()
        self._market: ShardPort | None = None

    def prepare(self, demand: ChargingDemand) -> None:
        """Takes the charging load of its own stations and makes their plans for the day."""
        self._begin(plan_days(self._case, demand))

    def limit(self, lower_kw: FloatArray, upper_kw: FloatArray) -> None:
        """Puts the operator's limits on withdrawals [time, station] in force."""
        self._days = tuple(
            replace(
                day,
                withdrawal_min_kw=frozen(lower_kw[:, k]),
                withdrawal_max_kw=frozen(upper_kw[:, k]),
            )
            for k, day in enumerate(self._days)
        )
        self._port.limit(lower_kw, upper_kw)

    def stand_alone(self) -> Schedule:
        """What the stations do within the limits in force if each trades with the grid only."""
        return solve_standalone(self._case.stations, self._days, self._case.tariff)

    def withdraw_at_price(self, offer: PriceOffer, trade_kw: FloatArray) -> FloatArray:
        """Net withdrawals [time, station] preferred at the operator's prices, trades kept."""
        return withdraw_at_price(
            self._case.stations,
            self._days,
            self._case.tariff,
            trade_kw,
            adder_per_kwh=offer.adder_per_kwh,
            near_kw=offer.near_kw,
            penalty_per_kw2=offer.penalty_per_kw2,
        )

    def sums(self) -> MarketSums:
        """The shard's part of the market's scale."""
        return self._port.sums()

    def open(self, scale: MarketScale, warm: bool) -> Progress:
        """Begins to negotiate, from where the last negotiation ended if ``warm``."""
        return self._port.open(scale, warm)

    def advance(self, received: Sequence[BorderBids], steps: int) -> Progress:
        """One round of the negotiation."""
        return self._port.advance(received, steps)

    def bounds(self, received: Sequence[BorderBids]) -> Bounds:
        """The shard's terms of the certificate."""
        return self._port.bounds(received)

    def outcome(self, received: Sequence[BorderBids]) -> ShardOutcome:
        """What the stations do in the end: trades as negotiated, all else at its exact optimum."""
        agreed = self._port.outcome(received)
        exact = solve_local(
            self._case.stations, self._days, self._case.tariff, agreed.schedule.trade_kw
        )
        return replace(agreed, schedule=exact)

    def exceeded(self, demand: ChargingDemand, samples: int) -> IntArray:
        """In how many fresh scenarios errors exceed the margin bought [time, station]."""
        counts = [
            (_errors(self._case, station, demand, "fresh", samples) > day.margin_kw).sum(axis=0)
            for station, day in zip(self._case.stations, self._days, strict=True)
        ]
        return np.column_stack(counts)

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """Everything that calls have changed, as plain arrays."""
        if self._market is None:
            return {}
        days = {
            f"day.{field.name}": np.column_stack([getattr(day, field.name) for day in self._days])
            for field in fields(StationDay)
        }
        return days | {f"market.{k}": v for k, v in self._market.snapshot().items()}

    def restore(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Goes back to what ``snapshot`` wrote."""
        self._days, self._market = (), None
        if not arrays:
            return
        columns = {f.name: arrays[f"day.{f.name}"] for f in fields(StationDay)}
        self._begin(
            tuple(
                StationDay(**{name: frozen(values[:, k]) for name, values in columns.items()})
                for k in range(len(self._case.stations))
            )
        )
        self._port.restore(
            {k.removeprefix("market."): v for k, v in arrays.items() if k.startswith("market.")}
        )

    @property
    def _port(self) -> ShardPort:
        if self._market is None:
            raise OutOfTurn("stations", "prepare them")
        return self._market

    def _begin(self, days: tuple[StationDay, ...]) -> None:
        self._days = days
        self._market = ShardPort(
            build_block(self._case.stations, days, self._case.tariff), self._links
        )


def charging_at(demand: ChargingDemand, station: str) -> ChargingForecast | None:
    """The charging load announced for one station; None if no traffic reaches it."""
    if station not in demand.stations:
        return None
    k = demand.stations.index(station)
    return ChargingForecast(
        expected_kw=demand.expected_kw[:, k], scenarios_kw=demand.scenarios_kw[:, :, k]
    )


def _errors(
    case: StationsCase, station: Station, demand: ChargingDemand, stream: str, count: int
) -> FloatArray:
    return station_errors(
        station,
        case.pv_factor,
        charging_at(demand, station.id),
        case.error_model,
        seed=case.seed,
        stream=stream,
        count=count,
    )
