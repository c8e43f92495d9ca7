"""What a device asks of the program that it is added to, whichever that is.

A *term* is ``(columns, coefficients)``: the columns' leading axes are those of the bound, trailing
axes are summed over, and coefficients broadcast against the columns. Bounds have the shape of the
rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

from ..units import FloatArray, IntArray

Term: TypeAlias = tuple[IntArray, Any]


class Rows(Protocol):
    """A program that takes linear rows."""

    def equal(self, terms: Sequence[Term], bound: Any) -> Any:
        """Rows sum(terms) = bound."""

    def at_most(self, terms: Sequence[Term], bound: Any) -> Any:
        """Rows sum(terms) <= bound."""


class ConeRows(Rows, Protocol):
    """A program that takes second-order cones too."""

    def norm_at_most(self, p: IntArray, q: IntArray, bound: IntArray, factor: Any) -> Any:
        """Cones |(p, q)| <= factor bound, for columns of one shape; factors broadcast to it."""


#: A size that is given (an array or a number), or chosen by the program (columns, coefficients).
Size: TypeAlias = "FloatArray | float | Term"


def at_most_part(rows: Rows, terms: Sequence[Term], size: Size, part: Any) -> None:
    """Rows sum(terms) <= part size, of the shape of the first columns."""
    shape = terms[0][0].shape
    if isinstance(size, tuple):
        columns, coefficient = size
        spread = np.broadcast_to(columns, shape)
        rows.at_most([*terms, (spread, -np.multiply(part, coefficient))], np.zeros(shape))
    else:
        rows.at_most(terms, np.broadcast_to(np.multiply(part, size), shape))
