"""The day with trading: negotiation and review in turn, with checkpoints to go on from."""

from __future__ import annotations

from ..agents.messages import WithdrawalLimits
from ..market.clearing import RoundLog
from .agreement import Agreement, reach_agreement
from .case import Case
from .checkpoint import Checkpoint
from .options import EpisodeOptions
from .parties import Parties
from .parts import StationPlan
from .progress import Exchanged, Watcher
from .recorder import Recorder

#: Exchanges between two checkpoints: a lost host repeats at most so many.
CHECKPOINT_EXCHANGES = 25


class Trading:
    """Lets stations trade until the operator approves.

    A resumed run repeats finished trading rounds from their outcomes, which were saved, and goes on
    in the round under way from the agents' last snapshots: the same numbers as without a break.
    """

    def __init__(
        self,
        case: Case,
        options: EpisodeOptions,
        parties: Parties,
        watch: Watcher,
        recorder: Recorder | None,
    ) -> None:
        self._case, self._options, self._parties = case, options, parties
        self._watch, self._recorder = watch, recorder
        self._resumed = recorder.load_checkpoint() if recorder else None
        self._finished = list(self._resumed.finished) if self._resumed else []

    def run(self) -> Agreement[StationPlan]:
        """Repeats negotiation and review until approval.

        Raises:
            AgreementError: see ``reach_agreement``.
            NegotiationError: the negotiation did not reach its gap.
        """
        if self._resumed:
            self._parties.restore(dict(self._resumed.agents))
        return reach_agreement(
            WithdrawalLimits.none(self._case.hours, len(self._case.stations)),
            self._propose,
            self._parties.review,
            max_rounds=self._options.max_trading_rounds,
            stations=tuple(station.id for station in self._case.stations),
            watch=self._watch,
        )

    def _propose(self, number: int, limits: WithdrawalLimits) -> StationPlan:
        if number <= len(self._finished):
            return self._finished[number - 1]
        told = self._told_in(number)
        if not told:
            self._parties.limit_stations(limits)
        rows = list(told)

        def note(row: RoundLog) -> None:
            rows.append(row)
            done = len(rows)
            self._watch(Exchanged(number, done, row.gap, self._options.gap, row.primal_kw))
            if done % CHECKPOINT_EXCHANGES == 0:
                self._save(rows)

        clearing = self._parties.negotiate(warm=number > 1 or bool(told), told=told, on_round=note)
        plan = StationPlan(
            schedule=clearing.schedule,
            trade_kw=clearing.trade_kw,
            price_per_kwh=clearing.price_per_kwh,
            exchanges=tuple(clearing.log),
        )
        self._finished.append(plan)
        self._save([])
        return plan

    def _told_in(self, number: int) -> tuple[RoundLog, ...]:
        """The log of a round that an earlier run began but did not finish."""
        if self._resumed and number == len(self._resumed.finished) + 1:
            return self._resumed.told
        return ()

    def _save(self, told: list[RoundLog]) -> None:
        """Commits the agents, so that lost hosts restart here, and writes it down."""
        agents = self._parties.commit()
        if self._recorder:
            self._recorder.save_checkpoint(
                Checkpoint(finished=tuple(self._finished), agents=agents, told=tuple(told))
            )
