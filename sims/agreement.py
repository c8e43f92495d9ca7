"""The trading adjustment loop: stations propose, the operator reviews, until it approves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from ..agents.messages import (
    AdjustmentSignal,
    Approval,
    Submission,
    WithdrawalLimits,
    require_round,
)
from ..core.errors import AgreementError
from ..core.units import BoolArray, FloatArray
from .progress import Reviewed, Watcher


class Proposal(Protocol):
    """What stations put before the operator."""

    @property
    def withdrawal_kw(self) -> FloatArray:
        """Net withdrawal [time, station]."""


ProposalT = TypeVar("ProposalT", bound=Proposal)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TradingRound(Generic[ProposalT]):
    """One turn of the loop: limits in force, what was proposed, what the operator said."""

    number: int
    limits: WithdrawalLimits
    proposal: ProposalT
    answer: Approval | AdjustmentSignal

    @property
    def verdict(self) -> str:
        """approved, adjusted or envelope."""
        if isinstance(self.answer, Approval):
            return "approved"
        return "envelope" if self.answer.limits.envelope else "adjusted"

    @property
    def adjusted_kw(self) -> FloatArray:
        """Size of the change asked for [time, station]."""
        if isinstance(self.answer, Approval):
            return np.zeros_like(self.proposal.withdrawal_kw)
        return np.asarray(np.abs(self.answer.adjustment_kw.sum(axis=-1)))

    @property
    def concerned(self) -> BoolArray:
        """Who was asked to change in any hour [station]."""
        return np.asarray((self.adjusted_kw > 0).any(axis=0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Agreement(Generic[ProposalT]):
    """How the parties came to agree: every round, the last one approved."""

    rounds: tuple[TradingRound[ProposalT], ...]

    @property
    def limits(self) -> WithdrawalLimits:
        """The limits in force at the end."""
        return self.rounds[-1].limits

    @property
    def proposal(self) -> ProposalT:
        """What was approved."""
        return self.rounds[-1].proposal

    @property
    def approval(self) -> Approval:
        """The operator's word."""
        answer = self.rounds[-1].answer
        assert isinstance(answer, Approval), "an agreement ends with an approval"
        return answer


def reach_agreement(
    first_limits: WithdrawalLimits,
    propose: Callable[[int, WithdrawalLimits], ProposalT],
    review: Callable[[Submission, bool], Approval | AdjustmentSignal],
    *,
    max_rounds: int,
    stations: tuple[str, ...],
    watch: Watcher,
) -> Agreement[ProposalT]:
    """Repeats proposal and review, each time within the limits that the operator asked for.

    Rounds 1 .. ``max_rounds`` - 1 may be answered by limits on single stations and hours. Round
    ``max_rounds`` is answered by an envelope inside which any proposal can be carried, so that
    round ``max_rounds`` + 1 is approved. There is an envelope if and only if the grid can serve
    idle stations; otherwise the operator sends limits once more, or names those it misses.

    Args:
        first_limits: limits before the first round.
        propose: the stations' answer to limits, in a given round.
        review: the operator's answer; its second argument asks for an envelope.
        max_rounds: rounds before the envelope.
        stations: names, in the order of the withdrawals.
        watch: told of every answer.

    Raises:
        AgreementError: the last proposal was refused as well; names limits and stations.
        RoundMismatch: the operator answered another round.
    """
    limits: WithdrawalLimits = first_limits
    rounds: list[TradingRound[ProposalT]] = []
    for number in range(1, max_rounds + 2):
        proposal = propose(number, limits)
        submission = Submission(round=number, withdrawal_kw=proposal.withdrawal_kw, limits=limits)
        answer = review(submission, number >= max_rounds)
        require_round("distribution operator", number, answer.round)
        turn = TradingRound(number=number, limits=limits, proposal=proposal, answer=answer)
        rounds.append(turn)
        # Hours are one long, so kW add up to kWh.
        adjusted_kwh = float(turn.adjusted_kw.sum())
        watch(Reviewed(number, turn.verdict, adjusted_kwh, int(turn.concerned.sum())))
        if isinstance(answer, Approval):
            return Agreement(rounds=tuple(rounds))
        limits, blocking = answer.limits, answer.binding
    names = tuple(name for name, asked in zip(stations, turn.concerned, strict=True) if asked)
    raise AgreementError(len(rounds), blocking, names)
