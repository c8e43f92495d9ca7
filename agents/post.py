"""Messages that arrive: numbered calls, delivered at least once, carried out exactly once.

The sender numbers its calls to each agent from 1 and repeats a call until its reply is there. The
agent's mailbox takes numbers in order: a number taken before gets the remembered reply, a number
too far ahead is refused. So whatever is lost, late, repeated or reordered on the way, the agent
carries out the same calls in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..core.errors import MessageLost, RoadvoltError, RoundMismatch

#: How often a call is sent before the sender gives up.
MAX_SENDINGS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A message to one agent: the method that takes it, and the message itself."""

    agent: str
    method: str
    message: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A call with its number; replies up to ``acknowledged`` are known and may be forgotten."""

    call: Call
    number: int
    acknowledged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an agent answers, or the error that it ended with."""

    agent: str
    number: int
    answer: Any = None
    error: RoadvoltError | None = None
    refused: bool = False  #: not carried out: the number is out of order


#: Carries envelopes to the hosts and replies back; may lose, repeat, hold back and reorder both.
Carry: TypeAlias = Callable[[Sequence[Envelope]], Sequence[Reply]]


class Mailbox:
    """Stands before one agent."""

    def __init__(self, agent: Any, taken: int = 0) -> None:
        self.agent, self.taken = agent, taken
        self._replies: dict[int, Reply] = {}

    def take(self, envelope: Envelope) -> Reply:
        """Carries out the next call; answers an earlier one from memory; refuses any other."""
        number, name = envelope.number, envelope.call.agent
        if number in self._replies:
            return self._replies[number]
        if number != self.taken + 1:
            error = RoundMismatch(f"sender to {name}", self.taken + 1, number)
            return Reply(agent=name, number=number, error=error, refused=True)
        self.taken = number
        self._replies = {n: r for n, r in self._replies.items() if n > envelope.acknowledged}
        self._replies[number] = reply = self._carry_out(envelope)
        return reply

    def _carry_out(self, envelope: Envelope) -> Reply:
        call = envelope.call
        try:
            answer = getattr(self.agent, call.method)(*call.message)
        except RoadvoltError as error:
            return Reply(agent=call.agent, number=envelope.number, error=error)
        return Reply(agent=call.agent, number=envelope.number, answer=answer)


class Outbox:
    """The sender's side: numbers calls, and sends them until every reply is there."""

    def __init__(self) -> None:
        self.sent: dict[str, int] = {}  #: the last number by agent
        self.resent = 0  #: messages sent again so far

    def envelopes(self, calls: Sequence[Call]) -> list[Envelope]:
        """Numbers the calls; all earlier ones count as answered."""
        known = dict(self.sent)
        numbered = []
        for call in calls:
            number = self.sent[call.agent] = self.sent.get(call.agent, 0) + 1
            acknowledged = known.get(call.agent, 0)
            numbered.append(Envelope(call=call, number=number, acknowledged=acknowledged))
        return numbered

    def deliver(self, calls: Sequence[Call], carry: Carry) -> list[Any]:
        """Answers in the order of the calls.

        Raises:
            MessageLost: a call stayed without reply.
            RoadvoltError: the first that an agent answered with.
        """
        waiting = {(e.call.agent, e.number): e for e in self.envelopes(calls)}
        order, replies = list(waiting), dict[tuple[str, int], Reply]()
        for sending in range(MAX_SENDINGS):
            self.resent += len(waiting) if sending else 0
            for reply in carry(list(waiting.values())):
                key = reply.agent, reply.number
                if key in waiting and not reply.refused:
                    replies[key] = reply
                    del waiting[key]
            if not waiting:
                return answers([replies[key] for key in order])
        raise MessageLost(next(iter(waiting))[0], MAX_SENDINGS)


def answers(replies: Sequence[Reply]) -> list[Any]:
    """What the replies say, or the first error among them, raised."""
    for reply in replies:
        if reply.error is not None:
            raise reply.error
    return [reply.answer for reply in replies]
