"""The parties of one episode: who is built from which part of the case, and typed calls to them.

Every agent gets its own part of the case only. What passes from one to another is a message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..agents.adjustment import PriceOffer
from ..agents.dso import Dso, OperatorCase
from ..agents.messages import (
    AdjustmentSignal,
    Approval,
    ChargingDemand,
    ChargingPrices,
    Submission,
    WithdrawalLimits,
)
from ..agents.post import Call
from ..agents.runtime import Blueprint, Runtime
from ..agents.station import StationsCase, StationShard
from ..agents.transport import Forecast, TransportOperator
from ..core.units import FloatArray, IntArray, frozen
from ..grid.feeder import ConnectionPoint
from ..grid.opf_options import OpfOptions
from ..market.clearing import Clearing, ClearingOptions, RoundLog, clear
from ..market.partition import split_market
from ..market.station import Schedule
from ..uncertainty.margins import RiskChoice
from .case import Case
from .options import EpisodeOptions

_TRANSPORT, _DSO = "transport", "dso"


class Parties:
    """Starts the agents of an episode on a runtime, and speaks with them."""

    def __init__(self, case: Case, options: EpisodeOptions, runtime: Runtime) -> None:
        self._case, self._options, self._runtime = case, options, runtime
        names = [station.id for station in case.stations]
        self._split = split_market(names, case.links, min(options.shards, len(names)))
        runtime.start(self._blueprints())

    def assign_traffic(self) -> Forecast:
        """Transport operator: the day's traffic at the stations' prices, and the charging load."""
        prices = ChargingPrices(price_per_kwh=self._case.charging_price_per_kwh)
        forecast: Forecast = self._one(_TRANSPORT, "assign", prices, self._options.samples)
        return forecast

    def fresh_demand(self, forecast: Forecast) -> ChargingDemand:
        """Transport operator: scenarios never seen before."""
        count = self._options.fresh_samples
        demand: ChargingDemand = self._one(_TRANSPORT, "foresee", forecast, count)
        return demand

    def prepare_stations(self, demand: ChargingDemand) -> None:
        """Hands every shard the charging load of its own stations, and of no others."""
        self._shards("prepare", [(demand.at(names),) for names in self._station_names()])

    def limit_stations(self, limits: WithdrawalLimits) -> None:
        """Hands every shard the operator's limits on its own stations."""
        places = [part.stations for part in self._split.parts]
        lower, upper = limits.lower_kw, limits.upper_kw
        self._shards("limit", [(frozen(lower[:, p]), frozen(upper[:, p])) for p in places])

    def stand_alone(self) -> Schedule:
        """What all stations do within their limits if each trades with the grid only."""
        return self._gather_schedules(self._shards("stand_alone", [()] * len(self._split.parts)))

    def negotiate(
        self, warm: bool, told: Sequence[RoundLog], on_round: Callable[[RoundLog], None]
    ) -> Clearing:
        """Lets the stations trade until their cost is certified."""
        options = ClearingOptions(
            tolerance=self._options.gap,
            steps=self._options.local_steps,
            max_iterations=self._options.max_iterations,
        )
        return clear(
            self._split, self._shards, options, warm=warm, told_before=told, on_round=on_round
        )

    def review(self, submission: Submission, last_round: bool) -> Approval | AdjustmentSignal:
        """Distribution operator: approval, or limits to trade again within."""
        answer: Approval | AdjustmentSignal = self._one(_DSO, "review", submission, last_round)
        return answer

    def withdraw_at_price(self, offer: PriceOffer, trade_kw: FloatArray) -> FloatArray:
        """Stations: net withdrawals [time, station] that they prefer at the operator's prices."""
        places = [part.stations for part in self._split.parts]
        messages = [
            (
                replace(
                    offer,
                    adder_per_kwh=frozen(offer.adder_per_kwh[:, p]),
                    near_kw=frozen(offer.near_kw[:, p]),
                ),
                frozen(trade_kw[:, p]),
            )
            for p in places
        ]
        return self._gather(self._shards("withdraw_at_price", messages))

    def permit(self, asked_kw: FloatArray) -> FloatArray:
        """Distribution operator: the nearest withdrawals [time, station] that the grid carries."""
        permitted: FloatArray = self._one(_DSO, "permit", asked_kw)
        return permitted

    def settle(
        self,
        submission: Submission,
        signal: AdjustmentSignal,
        permitted_kw: FloatArray,
        price_per_kwh: FloatArray,
    ) -> AdjustmentSignal:
        """Distribution operator: its signal, as prices have shaped it."""
        message = (submission, signal, permitted_kw, price_per_kwh)
        settled: AdjustmentSignal = self._one(_DSO, "settle", *message)
        return settled

    def become(self, case: Case, demand: ChargingDemand) -> None:
        """Starts all agents anew for a case that has changed under way, same stations and links."""
        self._case = case
        names = [station.id for station in case.stations]
        self._split = split_market(names, case.links, len(self._split.parts))
        self._runtime.start(self._blueprints())
        self.prepare_stations(demand)

    def exceeded(self, demand: ChargingDemand) -> IntArray:
        """How often fresh errors exceed the stations' margins [time, station], in scenarios."""
        messages = [(demand.at(n), self._options.fresh_samples) for n in self._station_names()]
        counts = self._shards("exceeded", messages)
        return np.asarray(self._gather(counts), dtype=np.int64)

    def commit(self) -> dict[str, Any]:
        """Snapshots of the agents with state; lost hosts come back to these."""
        return self._runtime.commit()

    def restore(self, snapshots: dict[str, Any]) -> None:
        """Puts the agents back to snapshots of an earlier run."""
        self._runtime.restore(snapshots)

    def station_case(self, places: Sequence[int]) -> StationsCase:
        """The part of the case that concerns the stations at these places."""
        case, options = self._case, self._options
        return StationsCase(
            stations=tuple(case.stations[k] for k in places),
            tariff=case.tariff,
            pv_factor=case.pv_factor,
            error_model=case.station_errors,
            choice=RiskChoice(
                treatment=options.treatment,
                risk=options.risk,
                radius_rule=case.risk.radius_rule,
                radius_scale=case.risk.radius_scale,
                radius_confidence=case.risk.radius_confidence,
                radius_fixed=case.risk.radius_kw,
            ),
            seed=options.seed,
            samples=options.samples,
        )

    def points(self) -> tuple[ConnectionPoint, ...]:
        """Where the stations are connected: all that the operator knows of them."""
        return tuple(
            ConnectionPoint(id=s.id, bus=s.bus, share=s.phase_share) for s in self._case.stations
        )

    def _blueprints(self) -> list[Blueprint]:
        case, options = self._case, self._options
        operator = OperatorCase(
            feeder=case.feeder,
            day=case.grid_day,
            error_model=case.error_model,
            points=self.points(),
            options=OpfOptions(
                treatment=options.treatment,
                risk=options.risk,
                upstream_share_max=case.upstream_share_max,
            ),
            samples=options.samples,
            seed=options.seed,
            backoff_kw=options.backoff_kw,
            anchor_passes=options.anchor_passes,
            policy=options.policy,
        )
        roads = (case.roads, options.seed)
        shards = [
            Blueprint(
                name=f"stations-{k}",
                group="stations",
                build=StationShard,
                args=(self.station_case([int(s) for s in part.stations]), part),
            )
            for k, part in enumerate(self._split.parts)
        ]
        return [
            Blueprint(name=_TRANSPORT, group=_TRANSPORT, build=TransportOperator, args=roads),
            Blueprint(name=_DSO, group=_DSO, build=Dso, args=(operator,)),
            *shards,
        ]

    def _station_names(self) -> list[tuple[str, ...]]:
        return [tuple(self._split.stations[k] for k in p.stations) for p in self._split.parts]

    def _one(self, agent: str, method: str, *message: Any) -> Any:
        return self._runtime.ask([Call(agent=agent, method=method, message=message)])[0]

    def _shards(self, method: str, messages: Sequence[tuple[Any, ...]]) -> list[Any]:
        return self._runtime.ask(
            [
                Call(agent=f"stations-{k}", method=method, message=message)
                for k, message in enumerate(messages)
            ]
        )

    def _gather(self, parts: Sequence[FloatArray]) -> FloatArray:
        """Shards' arrays [..., station] put at the stations' places."""
        whole = np.empty((*parts[0].shape[:-1], len(self._case.stations)))
        for part, shard in zip(parts, self._split.parts, strict=True):
            whole[..., shard.stations] = part
        return frozen(whole)

    def _gather_schedules(self, schedules: Sequence[Schedule]) -> Schedule:
        names = Schedule.__dataclass_fields__
        return Schedule(**{n: self._gather([getattr(s, n) for s in schedules]) for n in names})
