"""Whatever the post does to messages, agents carry out the same calls in the same order, once."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roadvolt.agents.faults import FaultyPost, MessageFaults
from roadvolt.agents.post import Call, Envelope, Mailbox, Reply
from roadvolt.agents.runtime import Blueprint, LocalRuntime
from roadvolt.core.errors import AgreementError, MessageLost, RoundMismatch
from roadvolt.sims.case import load_case
from roadvolt.sims.episode import run_episode
from roadvolt.sims.options import EpisodeOptions

rates = st.floats(0.0, 0.4)
faults_of_any_kind = st.builds(
    MessageFaults, lost=rates, repeated=rates, late=rates, reordered=st.floats(0.0, 1.0)
)


class Diary:
    """Writes down every call that it carries out."""

    def __init__(self) -> None:
        self.entries: list[int] = []

    def write(self, entry: int) -> tuple[int, ...]:
        self.entries.append(entry)
        return tuple(self.entries)

    def fail(self) -> None:
        self.entries.append(-1)
        raise AgreementError(1, ("line L1 phase a 00:00",), ("S3",))


def envelope(number: int, entry: int, acknowledged: int = 0) -> Envelope:
    call = Call(agent="diary", method="write", message=(entry,))
    return Envelope(call=call, number=number, acknowledged=acknowledged)


def faulty(faults: MessageFaults, seed: int) -> LocalRuntime:
    return LocalRuntime(post=partial(FaultyPost, faults=faults, seed=seed))


def test_a_repeated_number_gets_the_remembered_reply_and_is_not_carried_out_again() -> None:
    box = Mailbox(Diary())
    first = box.take(envelope(1, 10))
    assert box.take(envelope(1, 10)) is first
    assert first.answer == (10,)
    assert box.agent.entries == [10]


def test_a_gap_is_refused_until_what_is_missing_arrives() -> None:
    box = Mailbox(Diary())
    refused = box.take(envelope(2, 20))
    assert refused.refused
    assert isinstance(refused.error, RoundMismatch)
    assert (refused.error.expected, refused.error.received) == (1, 2)
    assert [box.take(envelope(n, 10 * n)).answer for n in (1, 2)] == [(10,), (10, 20)]


def test_acknowledged_replies_are_forgotten_but_their_calls_not_repeated() -> None:
    box = Mailbox(Diary())
    box.take(envelope(1, 10))
    box.take(envelope(2, 20, acknowledged=1))
    assert box.take(envelope(1, 10)).refused
    assert box.agent.entries == [10, 20]


def test_an_agents_error_is_remembered_like_an_answer() -> None:
    box = Mailbox(Diary())
    call = Envelope(call=Call(agent="diary", method="fail"), number=1, acknowledged=0)
    assert box.take(call).error is box.take(call).error
    assert box.agent.entries == [-1]


@settings(max_examples=60, deadline=None)
@given(faults=faults_of_any_kind, seed=st.integers(0, 10**6))
def test_every_call_is_carried_out_once_and_in_order(faults: MessageFaults, seed: int) -> None:
    runtime = faulty(faults, seed)
    runtime.start([Blueprint(name=n, group=n, build=Diary, args=()) for n in ("a", "b")])
    for k in range(6):
        calls = [Call(agent=n, method="write", message=(2 * k + j,)) for n in "ab" for j in (0, 1)]
        longest = [tuple(range(2 * k + j + 1)) for _ in "ab" for j in (0, 1)]
        assert runtime.ask(calls) == longest


@settings(max_examples=40, deadline=None)
@given(lost=st.floats(0.0, 1.0), seed=st.integers(0, 10**6))
def test_whatever_is_lost_the_answer_is_right_or_the_loss_is_named(lost: float, seed: int) -> None:
    runtime = faulty(MessageFaults(lost=lost, repeated=0.4, late=0.4, reordered=1.0), seed)
    runtime.start([Blueprint(name="a", group="a", build=Diary, args=())])
    try:
        for k in range(6):
            call = Call(agent="a", method="write", message=(k,))
            assert runtime.ask([call]) == [tuple(range(k + 1))]
    except MessageLost:
        assert lost > 0.5
    else:
        assert lost < 0.99


def test_a_repeated_letter_is_lost_copy_by_copy() -> None:
    """With p lost and r repeated, one sending is answered with ((1 - p)(1 + r p))^2."""
    counts = []
    for lost in (0.3, 0.7):
        faults = MessageFaults(lost=lost, repeated=0.5)
        post = FaultyPost(lambda e: [Reply(agent="a", number=1)] * len(e), faults, seed=2)
        letter = envelope(1, 0)
        counts.append(sum(bool(post([letter])) for _ in range(4000)) / 4000)
    expected = [((1 - p) * (1 + 0.5 * p)) ** 2 for p in (0.3, 0.7)]
    # A second request that arrives brings a second reply, which may arrive in the first's place.
    assert np.all(np.array(counts) > np.array(expected) - 0.02)
    assert np.all(np.array(counts) < np.array(expected) + 0.08)


def test_agents_that_start_anew_do_not_hear_the_late_messages_of_those_before() -> None:
    runtime = faulty(MessageFaults(repeated=0.9, late=0.6), seed=3)
    for _ in range(5):
        runtime.start([Blueprint(name="a", group="a", build=Diary, args=())])
        for k in range(3):
            call = Call(agent="a", method="write", message=(k,))
            assert runtime.ask([call]) == [tuple(range(k + 1))]


def test_a_dead_line_is_named() -> None:
    runtime = faulty(MessageFaults(lost=1.0), seed=1)
    runtime.start([Blueprint(name="a", group="a", build=Diary, args=())])
    with pytest.raises(MessageLost, match="no reply from 'a'"):
        runtime.ask([Call(agent="a", method="write", message=(1,))])


def test_faults_change_nothing_about_an_episode() -> None:
    tiny = load_case("tiny")
    options = EpisodeOptions(samples=30, fresh_samples=20, shards=3)
    expected = run_episode(tiny, options).summary["result_hash"]
    resent = []

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(faults=faults_of_any_kind, seed=st.integers(0, 10**6))
    def same(faults: MessageFaults, seed: int) -> None:
        with faulty(faults, seed) as runtime:
            assert run_episode(tiny, options, runtime=runtime).summary["result_hash"] == expected
            resent.append(runtime.resent)

    same()
    assert max(resent) > 20
