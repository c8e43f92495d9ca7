"""What an agreement says, to the last bit, in one word: two that agree in it agree in all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from ...grid.dispatch import Dispatch
from ..agreement import Agreement
from ..parts import StationPlan


def fingerprint(agreement: Agreement[StationPlan]) -> str:
    """SHA-256 over every number of every round: limits, plans, trades, prices, dispatch, costs.

    Solvers' reports and logs of exchanges are left out: they tell of time and steps.
    """
    digest = hashlib.sha256()
    for turn in agreement.rounds:
        plan = turn.proposal
        parts = (turn.limits, plan.schedule, plan.trade_kw, plan.price_per_kwh, turn.answer)
        for part in parts:
            for word in _words(part):
                digest.update(word)
    return digest.hexdigest()


def _words(part: Any) -> Iterator[bytes]:
    if isinstance(part, np.ndarray):
        yield str(part.shape).encode() + part.dtype.str.encode() + part.tobytes()
    elif is_dataclass(part):
        for field in fields(part):
            if not (isinstance(part, Dispatch) and field.name == "report"):
                yield from _words(getattr(part, field.name))
    else:
        yield repr(part).encode()
