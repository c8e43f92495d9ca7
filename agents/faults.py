"""A post that loses, repeats, holds back and reorders messages, by seed.

What is lost is gone: the sender has to send again, and gives up after ``post.MAX_SENDINGS``. With
every copy of request and reply lost with probability p, one sending is answered with probability
(1 - p)^2 or little more; fifty of them hardly ever all fail at p = 0.4, and mostly do at 0.9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ..uncertainty.seeds import generator
from .post import Carry, Envelope, Reply

Letter = TypeVar("Letter", Envelope, Reply)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFaults:
    """Probabilities, for every request and every reply by itself."""

    lost: float = 0.0  #: of every copy by itself
    repeated: float = 0.0  #: a second copy is under way
    late: float = 0.0  #: arrives with a later delivery, after what was sent since
    reordered: float = 0.0  #: that a delivery arrives in random order


class FaultyPost:
    """Stands between sender and agents; ``LocalRuntime(post=lambda carry: FaultyPost(..))``.

    It draws from its own stream only, so that faults never touch the draws of an episode.
    """

    def __init__(self, carry: Carry, faults: MessageFaults, seed: int) -> None:
        self._carry, self._faults = carry, faults
        self._rng = generator(seed, "message faults")
        self._late_requests: list[Envelope] = []
        self._late_replies: list[Reply] = []

    def __call__(self, envelopes: Sequence[Envelope]) -> list[Reply]:
        """Carries what arrives of the requests, one by one, and brings what arrives of replies."""
        requests, self._late_requests = self._on_the_way([*envelopes], self._late_requests)
        replies = [reply for request in requests for reply in self._carry([request])]
        arrived, self._late_replies = self._on_the_way(replies, self._late_replies)
        return arrived

    def _on_the_way(
        self, letters: list[Letter], late: list[Letter]
    ) -> tuple[list[Letter], list[Letter]]:
        """What arrives now, and what later; letters held back before arrive last."""
        faults, now, later = self._faults, list[Letter](), list[Letter]()
        for letter in letters:
            for _ in range(1 + (self._rng.random() < faults.repeated)):
                lost, held = self._rng.random(2) < (faults.lost, faults.late)
                if not lost:
                    (later if held else now).append(letter)
        now += late
        if self._rng.random() < faults.reordered:
            now = [now[k] for k in np.argsort(self._rng.random(len(now)))]
        return now, later
