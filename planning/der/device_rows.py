"""Devices as ``core.devices`` states them, in an operation whose sizes the plan decides.

They come as rows [time, site] with all columns on the left; here rows are [site, time], and columns
of the plan stand on the right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.devices.rows import Term
from ...core.units import IntArray
from .recourse import RecourseWriter


def of_plan(columns: IntArray) -> IntArray:
    """Columns of the plan, marked as such: negative, and ``of_plan`` of these is what they were."""
    return ~columns


class DeviceRows:
    """Passes rows on to a writer."""

    def __init__(self, writer: RecourseWriter) -> None:
        self._writer = writer

    def equal(self, terms: Sequence[Term], bound: Any) -> None:
        """Rows sum(terms) = bound."""
        self._pass(terms, bound, equal=True)

    def at_most(self, terms: Sequence[Term], bound: Any) -> None:
        """Rows sum(terms) <= bound."""
        self._pass(terms, bound, equal=False)

    def _pass(self, terms: Sequence[Term], bound: Any, *, equal: bool) -> None:
        plan = [_by_site(of_plan(x), np.negative(factor)) for x, factor in terms if _planned(x)]
        own = [_by_site(x, factor) for x, factor in terms if not _planned(x)]
        self._writer.rows(own, np.swapaxes(bound, 0, 1), equal=equal, plan=plan)


def _planned(columns: IntArray) -> bool:
    return bool(np.any(columns < 0))


def _by_site(columns: IntArray, factor: Any) -> Term:
    return columns.swapaxes(0, 1), np.broadcast_to(factor, columns.shape).swapaxes(0, 1)
