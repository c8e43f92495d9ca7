"""One day of coordination, from the first price to the exact check: the whole story."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from ..agents.messages import WithdrawalLimits
from ..agents.runtime import LocalRuntime, Runtime
from ..agents.station import plan_days
from ..agents.transport import Forecast
from ..core.units import IntArray, frozen
from ..grid.forecast_errors import sample_errors
from ..grid.limit_rates import exact_interval
from ..grid.verification import Verification, verify_dispatch
from ..market.central import solve_central
from ..market.settlement import Settlement, settle_by_bargaining, settle_by_prices
from ..market.station import StationDay
from ..uncertainty.seeds import generator
from .agreement import Agreement, reach_agreement
from .case import Case
from .options import EpisodeOptions, options_for
from .parties import Parties
from .parts import Adequacy, Parts, StationPlan
from .progress import Event, PhaseStarted, Watcher, log_event
from .recorder import Recorder
from .results import result_hash
from .summary import build_summary
from .tables import build_tables
from .trading import Trading


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Episode:
    """A finished episode: its case and options, key figures, and pandas tables (``schema``)."""

    case: Case
    options: EpisodeOptions
    summary: dict[str, Any]
    tables: dict[str, pd.DataFrame]


def run_episode(
    case: Case,
    options: EpisodeOptions | None = None,
    *,
    runtime: Runtime | None = None,
    watch: Watcher | None = None,
    recorder: Recorder | None = None,
) -> Episode:
    """Runs one day of coordination.

    1. The agents start, each with its own part of the case.
    2. The transport operator assigns traffic at the stations' prices and simulates charging load.
    3. The day without trading: each station alone with the grid, reviewed by the operator.
    4. The day with trading: stations negotiate, the operator reviews, until it approves.
    5. Trades are settled, and held against the centralised optimum.
    6. The approved day is run through exact power flows on samples nobody has seen.

    Args:
        case: from ``load_case``.
        options: from ``options_for``; None takes the case's own treatment of risk.
        runtime: where the agents live; None is this process. It changes no number.
        watch: told of every step, see ``progress``.
        recorder: keeps checkpoints, and gives back the last one when a run is resumed.

    Raises:
        AgreementError: stations and operator did not agree; names limits and stations.
        InfeasibleError: the grid cannot be run within its limits whatever the stations do.
        NegotiationError: the stations' negotiation did not reach its gap.
        SolveError: a solver failed.
        PowerFlowError: an exact power flow of a reviewed day, or of every sample, has no solution.
        HostLost: an agent's host died more often than it may.
    """
    options = options or options_for(case)
    clock = _Clock(watch or (lambda event: None))
    home: AbstractContextManager[Any] = nullcontext(runtime) if runtime else LocalRuntime()
    # One linear-algebra thread here as at the hosts: more would change the last bits of a sum.
    with home as hosts, threadpool_limits(1):
        clock.enter("starting the agents")
        parties = Parties(case, options, hosts)
        clock.enter("assigning traffic and simulating charging")
        forecast = parties.assign_traffic()
        parties.prepare_stations(forecast.demand)
        clock.enter("costing the day without trading")
        alone = _day_without_trading(case, options, parties, clock.watch)
        clock.enter("trading and reviewing")
        together = Trading(case, options, parties, clock.watch, recorder).run()
        clock.enter("settling and comparing with the centre")
        days = _judged_days(case, parties, forecast, together)
        central = solve_central(case.stations, case.links, case.tariff, days)
        by_prices, by_bargaining = _settle(case, alone, together)
        clock.enter("checking with exact power flows")
        adequacy = _check_adequacy(case, options, parties.exceeded(parties.fresh_demand(forecast)))
        verification = _verify(case, options, parties, together)
    parts = Parts(
        case=case,
        options=options,
        forecast=forecast,
        days=days,
        alone=alone,
        together=together,
        by_prices=by_prices,
        by_bargaining=by_bargaining,
        central=central,
        verification=verification,
        adequacy=adequacy,
    )
    return _to_episode(parts, clock)


class _Clock:
    """Times the phases, and tells the watcher and the log of them."""

    def __init__(self, watch: Watcher) -> None:
        self._watch, self._start = watch, time.perf_counter()
        self._marks: list[tuple[str, float]] = []

    def watch(self, event: Event) -> None:
        """Passes an event on to log and watcher."""
        log_event(event)
        self._watch(event)

    def enter(self, phase: str) -> None:
        """Begins a phase."""
        self._marks.append((phase, time.perf_counter()))
        self.watch(PhaseStarted(phase))

    def seconds(self) -> dict[str, float]:
        """Time of every phase and in total, until now."""
        now = time.perf_counter()
        ends = [mark for _, mark in self._marks[1:]] + [now]
        spent = {
            phase: round(end - begin, 3)
            for (phase, begin), end in zip(self._marks, ends, strict=True)
        }
        return {"total": round(now - self._start, 3), **spent}


def _day_without_trading(
    case: Case, options: EpisodeOptions, parties: Parties, watch: Watcher
) -> Agreement[StationPlan]:
    """The yardstick: the same loop with stations that trade with the grid only."""
    none = np.zeros((case.hours, len(case.links)))
    prices = np.repeat(case.tariff.buy_per_kwh[:, None], len(case.stations), axis=1)

    def propose(number: int, limits: WithdrawalLimits) -> StationPlan:
        parties.limit_stations(limits)
        schedule = parties.stand_alone()
        return StationPlan(schedule=schedule, trade_kw=none, price_per_kwh=prices)

    return reach_agreement(
        WithdrawalLimits.none(case.hours, len(case.stations)),
        propose,
        parties.review,
        max_rounds=options.max_trading_rounds,
        stations=tuple(station.id for station in case.stations),
        watch=watch,
    )


def _judged_days(
    case: Case, parties: Parties, forecast: Forecast, together: Agreement[StationPlan]
) -> tuple[StationDay, ...]:
    """All stations' days, limits included: what only a judge who sees all data can put together."""
    limits = together.limits
    days = plan_days(parties.station_case(range(len(case.stations))), forecast.demand)
    return tuple(
        replace(
            day,
            withdrawal_min_kw=limits.lower_kw[:, k],
            withdrawal_max_kw=limits.upper_kw[:, k],
        )
        for k, day in enumerate(days)
    )


def _settle(
    case: Case, alone: Agreement[StationPlan], together: Agreement[StationPlan]
) -> tuple[Settlement, Settlement]:
    """By shadow prices, and by symmetric Nash bargaining."""
    plan = together.proposal
    own, standalone = plan.schedule.cost, alone.proposal.schedule.cost
    by_prices = settle_by_prices(
        case.stations,
        case.links,
        trade_kw=plan.trade_kw,
        trade_price_per_kwh=plan.price_per_kwh,
        schedule_cost=own,
        standalone_cost=standalone,
    )
    by_bargaining = settle_by_bargaining(
        case.stations,
        case.links,
        trade_kw=plan.trade_kw,
        schedule_cost=own,
        standalone_cost=standalone,
    )
    return by_prices, by_bargaining


def _verify(
    case: Case, options: EpisodeOptions, parties: Parties, together: Agreement[StationPlan]
) -> Verification:
    rng = generator(options.seed, "grid errors", "fresh")
    errors_kw = sample_errors(
        case.feeder, case.grid_day, case.error_model, rng, options.fresh_samples
    )
    return verify_dispatch(
        case.feeder,
        case.grid_day,
        together.approval.dispatch,
        parties.points(),
        together.proposal.withdrawal_kw,
        errors_kw,
        risk=options.risk,
    )


def _check_adequacy(case: Case, options: EpisodeOptions, exceeded: IntArray) -> Adequacy:
    """Rates at which fresh errors exceed margins; the interval holds for all of them together."""
    level = 1 - 0.05 / exceeded.size
    lower, upper = exact_interval(exceeded, options.fresh_samples, level)
    hour, station = np.unravel_index(np.argmax(exceeded), exceeded.shape)
    return Adequacy(
        rate=frozen(exceeded / options.fresh_samples),
        station=case.stations[station].id,
        hour=int(hour),
        low=float(lower[hour, station]),
        high=float(upper[hour, station]),
        promised=options.risk,
    )


def _to_episode(parts: Parts, clock: _Clock) -> Episode:
    tables = build_tables(parts)
    summary = build_summary(parts, clock.seconds(), result_hash(tables))
    return Episode(case=parts.case, options=parts.options, summary=summary, tables=tables)
