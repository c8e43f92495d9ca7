"""The day with trading: negotiation and review in turn, with checkpoints to go on from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..agents.messages import AdjustmentSignal, Approval, Submission, WithdrawalLimits
from ..agents.policy import AdjustmentPolicy
from ..market.clearing import RoundLog
from .agreement import Agreement, reach_agreement
from .case import Case
from .checkpoint import Checkpoint
from .options import EpisodeOptions
from .parties import Parties
from .parts import StationPlan
from .pricing import settle_by_price
from .progress import Exchanged, Watcher
from .recorder import Recorder

#: Exchanges between two checkpoints: a lost host repeats at most so many.
CHECKPOINT_EXCHANGES = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """Something that happens when stations have traded and the operator has not answered yet.

    It starts the agents anew; the stations then trade again in the same trading round.
    """

    trading_round: int
    happen: Callable[[], None]


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
        interruption: Interruption | None = None,
    ) -> None:
        self._case, self._options, self._parties = case, options, parties
        self._watch, self._recorder = watch, recorder
        self._interruption = interruption
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
            self._review,
            max_rounds=self._options.max_trading_rounds,
            stations=tuple(station.id for station in self._case.stations),
            watch=self._watch,
        )

    def _propose(self, number: int, limits: WithdrawalLimits) -> StationPlan:
        if number <= len(self._finished):
            return self._finished[number - 1]
        plan = self._trade(number, limits, self._told_in(number))
        if self._interruption and self._interruption.trading_round == number:
            self._interruption.happen()
            plan = self._trade(number, limits, (), fresh=True)
        self._finished.append(plan)
        self._save([])
        return plan

    def _review(self, submission: Submission, last_round: bool) -> Approval | AdjustmentSignal:
        answer = self._parties.review(submission, last_round)
        if self._options.policy is not AdjustmentPolicy.PRICE or isinstance(answer, Approval):
            return answer
        if answer.limits.envelope:
            return answer
        trade_kw = self._finished[submission.round - 1].schedule.trade_kw
        return settle_by_price(self._parties, submission, answer, trade_kw)

    def _trade(
        self,
        number: int,
        limits: WithdrawalLimits,
        told: tuple[RoundLog, ...],
        fresh: bool = False,
    ) -> StationPlan:
        if not told:
            self._parties.limit_stations(limits)
        rows = list(told)

        def note(row: RoundLog) -> None:
            rows.append(row)
            done = len(rows)
            self._watch(Exchanged(number, done, row.gap, self._options.gap, row.primal_kw))
            if done % CHECKPOINT_EXCHANGES == 0:
                self._save(rows)

        warm = (number > 1 or bool(told)) and not fresh
        clearing = self._parties.negotiate(warm=warm, told=told, on_round=note)
        return StationPlan(
            schedule=clearing.schedule,
            trade_kw=clearing.trade_kw,
            price_per_kwh=clearing.price_per_kwh,
            exchanges=tuple(clearing.log),
        )

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
