"""The regular polygon inscribed in a circle, in place of the circle in a linear program.

With K sides, directions theta_k = (2 k - 1) pi / K, k = 1..K, the point (p, q) is within it if

    cos(theta_k) p + sin(theta_k) q <= cos(pi / K) s      for all k;

its corners lie on the circle of radius s. What it takes away is at most 1 - cos(pi / K) of s:
3.4 % for 12 sides, 0.86 % for 24.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..units import FloatArray, IntArray, frozen
from .rows import Rows, Size, at_most_part


@dataclass(frozen=True)
class Polygon:
    """A polygon of an even number of sides, so that it is as wide for -p as for p."""

    sides: int = 12

    def __post_init__(self) -> None:
        if self.sides < 4 or self.sides % 2:
            raise ValueError(f"a polygon of {self.sides} sides: give an even number from 4")

    @cached_property
    def cos(self) -> FloatArray:
        """cos(theta_k) [side]."""
        return frozen(np.cos(self._angles))

    @cached_property
    def sin(self) -> FloatArray:
        """sin(theta_k) [side]."""
        return frozen(np.sin(self._angles))

    @property
    def inner(self) -> float:
        """cos(pi / K): the radius of the circle inside, over that of the circle outside."""
        return float(np.cos(np.pi / self.sides))

    @property
    def largest_error(self) -> float:
        """1 - inner: the largest part of the radius that the polygon gives away."""
        return 1 - self.inner

    def radius(self, p: FloatArray, q: FloatArray) -> FloatArray:
        """The size of the polygon that (p, q) is on the edge of: from |(p, q)| to that / inner."""
        p, q = np.asarray(p)[..., None], np.asarray(q)[..., None]
        return np.asarray((self.cos * p + self.sin * q).max(axis=-1) / self.inner)

    def within(self, rows: Rows, p: IntArray, q: IntArray, size: Size, weight: Any = 1.0) -> None:
        """Rows: weight (p, q) is within the polygon of radius ``size``; weight >= 0."""
        for cos, sin in zip(self.cos, self.sin, strict=True):
            terms = [(p, np.multiply(weight, cos)), (q, np.multiply(weight, sin))]
            at_most_part(rows, terms, size, self.inner)

    @property
    def _angles(self) -> FloatArray:
        return np.asarray(2 * np.pi / self.sides * (np.arange(self.sides) + 0.5))
