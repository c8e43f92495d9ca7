"""What an adjustment consists of: limits that tighten, limits that replace, prices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.units import FloatArray, frozen
from .messages import Submission, WithdrawalLimits

#: A withdrawal that differs by less than this from what was asked for has not been changed [kW].
_CHANGED_KW = 0.01


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PriceOffer:
    """Operator -> stations: a price on withdrawing, and the withdrawal that the grid would carry.

    Beside its own cost a station counts ``adder_per_kwh`` times its withdrawal and
    ``penalty_per_kw2`` / 2 times its squared distance from ``near_kw`` [time, station].
    """

    adder_per_kwh: FloatArray
    near_kw: FloatArray
    penalty_per_kw2: float


def tightened(
    submission: Submission, lowest_kw: FloatArray, highest_kw: FloatArray
) -> WithdrawalLimits:
    """Cumulative one-sided limits: never loosened, hence no cycle.

    After Chen, Wang and Shahidehpour (26)-(27), where a later signal replaces an earlier one.
    """
    limits = submission.limits
    return WithdrawalLimits(
        round=submission.round,
        lower_kw=frozen(np.maximum(limits.lower_kw, lowest_kw)),
        upper_kw=frozen(np.minimum(limits.upper_kw, highest_kw)),
    )


def replaced(submission: Submission, permitted_kw: FloatArray) -> WithdrawalLimits:
    """Limits of this signal only, (26)-(27) to the letter: earlier ones are dropped."""
    lower, upper = one_sided(submission.withdrawal_kw, permitted_kw)
    return WithdrawalLimits(round=submission.round, lower_kw=lower, upper_kw=upper)


def one_sided(asked_kw: FloatArray, permitted_kw: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Bounds on the side that was changed, in the hours in which it was [time, station]."""
    change = permitted_kw - asked_kw
    lower = np.where(change > _CHANGED_KW, np.minimum(permitted_kw, 0), -np.inf)
    upper = np.where(change < -_CHANGED_KW, np.maximum(permitted_kw, 0), np.inf)
    return frozen(lower), frozen(upper)
