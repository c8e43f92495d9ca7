"""Random draws that depend on a seed and a name, never on who drew before."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """The random generator of one named purpose.

    The names, hashed by SHA-256, are the spawn key of numpy's ``SeedSequence``: streams of
    different names are independent, and a stream does not change when others are added, left
    out or drawn from in another order or process.

    Args:
        seed: the seed of the episode, >= 0.
        names: what is drawn, e.g. ``"charging", "station s3", 7``; ``7`` and ``"7"`` differ.
    """
    digest = hashlib.sha256(repr(names).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4")
    sequence = np.random.SeedSequence(seed, spawn_key=tuple(int(word) for word in words))
    return np.random.default_rng(sequence)
