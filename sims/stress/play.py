"""Plays one perturbed day under one policy: from traffic to the check of what was approved."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from ...agents.faults import FaultyPost
from ...agents.messages import ChargingDemand
from ...agents.runtime import LocalRuntime, RayRuntime, Runtime
from ...agents.station import plan_days
from ...core.errors import RoadvoltError
from ...core.units import frozen
from ...grid.forecast_errors import sample_errors
from ...grid.verification import Verification, verify_dispatch
from ...market.central import CentralClearing, solve_central
from ...uncertainty.seeds import generator
from ..agreement import Agreement
from ..case import Case
from ..options import EpisodeOptions
from ..parties import Parties
from ..parts import StationPlan
from ..progress import Event, Exchanged, Reviewed
from ..trading import Interruption, Trading
from .fingerprint import fingerprint
from .linear_limits import Excess, worst_excess
from .perturbed_day import PerturbedDay

logger = logging.getLogger("roadvolt")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Played:
    """An approved day: how it was agreed, what it costs, what the wires made of it.

    ``free`` is the market of the same day without network limits, ``limited`` the one within the
    limits in force at the end, both at their exact optimum. ``linear`` is the limit of the linear
    model that the dispatch is nearest to, worked out apart from the operator's program.
    """

    case: Case
    agreement: Agreement[StationPlan]
    free: CentralClearing
    limited: CentralClearing
    linear: Excess
    verification: Verification


@dataclass(slots=True)
class Trace:
    """What is known of an episode however it ends."""

    rounds: int = 0
    adjusted_kwh: float = 0.0
    resent: int = 0
    error: RoadvoltError | None = None
    played: Played | None = None
    unnamed: str = ""  #: an error that is none of ours
    watchers: list[Callable[[Event], None]] = field(default_factory=list)

    def watch(self, event: Event) -> None:
        """Counts rounds and energy, and tells whoever else listens."""
        if isinstance(event, Reviewed):
            self.rounds = event.trading_round
            self.adjusted_kwh += event.adjusted_kwh
        for watcher in self.watchers:
            watcher(event)


def play(day: PerturbedDay, options: EpisodeOptions, *, ray: bool = False) -> Trace:
    """Plays the day; an error ends up in the trace, named or not.

    Args:
        day: from ``perturb``.
        options: of the episode, its policy included.
        ray: whether hosts may really be killed; without, nobody is. It changes no number.
    """
    trace = Trace()
    home, resent = _home(day, options, trace, ray)
    try:
        with home as runtime:
            trace.played = _played(day, options, runtime, trace)
    except RoadvoltError as error:
        trace.error = error
    # A campaign that stopped at the first foreign error could not tell how many there are, and the
    # promise is that there are none: so each is counted as unnamed and fails the study. Interrupts
    # and exits are no Exception and pass.
    except Exception as error:
        logger.exception("an error without a name of ours")
        trace.unnamed = f"{type(error).__name__}: {error}"
    trace.resent = resent()
    return trace


def play_undisturbed(day: PerturbedDay, options: EpisodeOptions) -> str:
    """The same day with a faithful post and hosts that live: what was agreed, as a fingerprint.

    Returns:
        as ``fingerprint``, or the words of the error that ended the day.
    """
    calm = replace(day, faults=None, kills=0)
    try:
        with LocalRuntime() as runtime:
            return fingerprint(_agree(calm, options, runtime, Trace()).agreement)
    except RoadvoltError as error:
        return f"{type(error).__name__}: {error}"


def _home(
    day: PerturbedDay, options: EpisodeOptions, trace: Trace, ray: bool
) -> tuple[AbstractContextManager[Any], Callable[[], int]]:
    if day.kills and ray:
        return _killed(day.kills, trace), lambda: 0
    post = partial(FaultyPost, faults=day.faults, seed=options.seed) if day.faults else None
    local = LocalRuntime(post=post)
    return local, lambda: local.resent


@contextmanager
def _killed(kills: int, trace: Trace) -> Iterator[Runtime]:
    """A Ray runtime whose hosts die under way, at every exchange until they have died enough."""
    with RayRuntime(workers=1) as runtime:
        left = [kills]

        def kill(event: Event) -> None:
            if isinstance(event, Exchanged) and left[0]:
                left[0] -= 1
                runtime.kill("stations-0")

        trace.watchers.append(kill)
        yield runtime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Agreed:
    """An agreement, and those who reached it."""

    case: Case
    parties: Parties
    demand: ChargingDemand
    agreement: Agreement[StationPlan]


def _agree(day: PerturbedDay, options: EpisodeOptions, runtime: Runtime, trace: Trace) -> _Agreed:
    parties = Parties(day.case, options, runtime)
    demand = parties.assign_traffic().demand
    parties.prepare_stations(demand)
    case, interruption = day.case, None
    if day.later is not None:
        case, demand = day.later, _without(demand, day.leaving)
        interruption = Interruption(
            trading_round=day.interrupted_in, happen=partial(parties.become, case, demand)
        )
    agreement = Trading(day.case, options, parties, trace.watch, None, interruption).run()
    return _Agreed(case=case, parties=parties, demand=demand, agreement=agreement)


def _played(day: PerturbedDay, options: EpisodeOptions, runtime: Runtime, trace: Trace) -> Played:
    agreed = _agree(day, options, runtime, trace)
    case, parties, agreement = agreed.case, agreed.parties, agreed.agreement
    free, limited = _markets(case, parties, agreed.demand, agreement)
    dispatch, withdrawal_kw = agreement.approval.dispatch, agreement.proposal.withdrawal_kw
    return Played(
        case=case,
        agreement=agreement,
        free=free,
        limited=limited,
        linear=worst_excess(case, options, parties.points(), dispatch, withdrawal_kw),
        verification=_verify(case, options, parties, agreement, day),
    )


def _without(demand: ChargingDemand, gone: tuple[str, ...]) -> ChargingDemand:
    """Nobody charges at a station that has left."""
    stays = np.array([station not in gone for station in demand.stations], dtype=np.float64)
    return replace(
        demand,
        expected_kw=frozen(demand.expected_kw * stays),
        scenarios_kw=frozen(demand.scenarios_kw * stays),
    )


def _markets(
    case: Case, parties: Parties, demand: ChargingDemand, agreement: Agreement[StationPlan]
) -> tuple[CentralClearing, CentralClearing]:
    """The market without limits, and within those in force at the end."""
    days = plan_days(parties.station_case(range(len(case.stations))), demand)
    free = solve_central(case.stations, case.links, case.tariff, days)
    lower, upper = agreement.limits.lower_kw, agreement.limits.upper_kw
    if np.all(np.isinf(lower)) and np.all(np.isinf(upper)):
        return free, free
    limited = tuple(
        replace(one, withdrawal_min_kw=lower[:, k], withdrawal_max_kw=upper[:, k])
        for k, one in enumerate(days)
    )
    return free, solve_central(case.stations, case.links, case.tariff, limited)


def _verify(
    case: Case,
    options: EpisodeOptions,
    parties: Parties,
    agreement: Agreement[StationPlan],
    day: PerturbedDay,
) -> Verification:
    """Exact power flows with what stations really draw."""
    rng = generator(options.seed, "grid errors", "fresh")
    count = options.fresh_samples
    return verify_dispatch(
        case.feeder,
        case.grid_day,
        agreement.approval.dispatch,
        parties.points(),
        agreement.proposal.withdrawal_kw * day.truth,
        sample_errors(case.feeder, case.grid_day, case.error_model, rng, count),
        risk=options.risk,
    )
