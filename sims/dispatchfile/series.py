"""From the rows of ``day.csv`` to the steps of a dispatch.

A row holds from its time to the next one's. Where steps are longer than rows they are the mean of
these. Where they are shorter, a price holds in all of them, and loads and sun lie on straight lines
between the middles of rows; the day counts as periodic. Either way the day's mean stays the same.
"""

from __future__ import annotations

import numpy as np

from ...core.units import FloatArray, frozen
from ..casefile.rows import Rows
from .clock import HOUR_MIN
from .tables import DayRow


def row_min(day: Rows[DayRow]) -> int:
    """Minutes from row to row."""
    times = [row.time for row in day]
    return times[1] - times[0] if len(times) > 1 else HOUR_MIN


def day_min(day: Rows[DayRow]) -> int:
    """Minutes of the whole day."""
    return len(day.good) * row_min(day)


def held(day: Rows[DayRow], column: str, step_min: int) -> FloatArray:
    """A column [step] that holds through its row, as prices do."""
    values, rows = _column(day, column), row_min(day)
    if step_min >= rows:
        return _means(values, step_min // rows)
    return frozen(np.repeat(values, rows // step_min))


def sloped(day: Rows[DayRow], column: str, step_min: int) -> FloatArray:
    """A column [step] that moves from row to row, as loads and the sun do."""
    values, rows = _column(day, column), row_min(day)
    if step_min >= rows:
        return _means(values, step_min // rows)
    count = len(values)
    middles = rows * (np.arange(count) + 0.5)
    steps = np.arange(step_min / 2, rows * count, step_min)
    return frozen(np.interp(steps, middles, values, period=rows * count))


def _column(day: Rows[DayRow], column: str) -> FloatArray:
    return np.array([getattr(row, column) for row in day], dtype=np.float64)


def _means(values: FloatArray, count: int) -> FloatArray:
    return frozen(values.reshape(-1, count).mean(axis=1))
