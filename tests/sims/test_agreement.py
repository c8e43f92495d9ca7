"""The trading adjustment loop by itself, with parties made of a few lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from roadvolt.agents.messages import AdjustmentSignal, Approval, Submission, WithdrawalLimits
from roadvolt.core.errors import AgreementError, RoundMismatch
from roadvolt.sims.agreement import reach_agreement
from roadvolt.sims.progress import Event, Reviewed

FREE = WithdrawalLimits.none(1, 2)


@dataclass(frozen=True)
class Wish:
    """A proposal that draws as much as it may, up to 100 kW each."""

    withdrawal_kw: np.ndarray


def greedy(number: int, limits: WithdrawalLimits) -> Wish:
    return Wish(np.minimum(limits.upper_kw, 100.0))


def signal(submission: Submission, upper: np.ndarray, envelope: bool) -> AdjustmentSignal:
    change = np.minimum(upper - submission.withdrawal_kw, 0.0)
    return AdjustmentSignal(
        round=submission.round,
        limits=WithdrawalLimits(
            round=submission.round,
            lower_kw=submission.limits.lower_kw,
            upper_kw=upper,
            envelope=envelope,
        ),
        permitted_kw=submission.withdrawal_kw + change,
        adjustment_kw=change[..., None] * np.full(3, 1 / 3),
        binding=("line L1 phase a 00:00",),
    )


def operator(capacity_kw: float, step_kw: float):
    """Takes ``step_kw`` off the first station each round; the envelope halves the capacity."""

    def review(submission: Submission, last_round: bool) -> Approval | AdjustmentSignal:
        total = submission.withdrawal_kw.sum()
        if total <= capacity_kw:
            return Approval(round=submission.round, dispatch=None)
        if last_round:
            return signal(submission, np.full((1, 2), capacity_kw / 2), True)
        return signal(submission, submission.withdrawal_kw - [step_kw, 0.0], False)

    return review


def agree(capacity_kw: float, step_kw: float, max_rounds: int, heard: list[Event] | None = None):
    return reach_agreement(
        FREE, greedy, operator(capacity_kw, step_kw), max_rounds=max_rounds,
        stations=("s1", "s2"), watch=(heard if heard is not None else []).append,
    )  # fmt: skip


def test_limits_tighten_until_the_operator_approves() -> None:
    heard: list[Event] = []
    agreement = agree(150.0, 20.0, 8, heard)
    assert [turn.verdict for turn in agreement.rounds] == ["adjusted"] * 3 + ["approved"]
    assert agreement.proposal.withdrawal_kw.tolist() == [[40.0, 100.0]]
    assert [event.adjusted_kwh for event in heard if isinstance(event, Reviewed)] == (
        pytest.approx([20.0, 20.0, 20.0, 0.0])
    )


def test_after_the_rounds_allowed_an_envelope_ends_the_loop() -> None:
    agreement = agree(150.0, 1.0, 3)
    assert [turn.verdict for turn in agreement.rounds] == [
        "adjusted", "adjusted", "envelope", "approved",
    ]  # fmt: skip
    assert agreement.proposal.withdrawal_kw.tolist() == [[75.0, 75.0]]


def test_a_refusal_inside_the_envelope_names_limits_and_stations() -> None:
    def never(submission: Submission, last_round: bool) -> AdjustmentSignal:
        return signal(submission, submission.withdrawal_kw - 1.0, last_round)

    with pytest.raises(AgreementError) as caught:
        reach_agreement(
            FREE, greedy, never, max_rounds=3, stations=("s1", "s2"), watch=lambda event: None
        )
    assert caught.value.rounds == 4
    assert caught.value.blocking == ("line L1 phase a 00:00",)
    assert caught.value.stations == ("s1", "s2")


def test_an_answer_to_another_round_is_refused() -> None:
    def late(submission: Submission, last_round: bool) -> Approval:
        return Approval(round=submission.round - 1, dispatch=None)

    with pytest.raises(RoundMismatch):
        reach_agreement(
            FREE, greedy, late, max_rounds=2, stations=("s1", "s2"), watch=lambda event: None
        )
