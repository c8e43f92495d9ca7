"""Many small convex programs with common matrices, solved side by side by operator splitting.

Each sample has the program

    min  1/2 x'Hx - b'x + sum_k phi_k((Ax)_k)   s.t.   Ex = 0,

where H, A, E are common, b and the simple functions phi_k are its own. The alternating direction
method of multipliers with a diagonal metric D reads, in Douglas and Rachford's form,

    z = prox_phi(a),    t = argmin_y,  Ax of  1/2 x'Hx - b'x + 1/2 |Ax - (2z - a)|_D^2,
    a <- a + relaxation (t - z).

The inner problem has the linear answer t = A T (b + A'D(2z - a)) with T common to all samples, so a
step is one small matrix product and the proximal maps, on arrays [row, scenario].

Source: Eckstein and Bertsekas, On the Douglas-Rachford splitting method and the proximal point
algorithm for maximal monotone operators, Mathematical Programming 55, 1992.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...core.units import FloatArray

_RELAXATION = 1.6
_STEPS_PER_CHECK = 10


class Simple(Protocol):
    """A function of some rows of Ax that has a cheap proximal map."""

    @property
    def count(self) -> int:
        """Of rows."""
        ...

    def nearest(self, a: FloatArray) -> FloatArray:
        """argmin over z of phi(z) + 1/2 weight |z - a|^2 [row, scenario]."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Triangle:
    """Converter terminals, rows (P, Q, m): holds |(P, Q)| <= m <= C.

    m, a bound on the apparent power, stands for the losses, which are proportional to it.
    """

    capacity: FloatArray  #: C [terminal, 1]

    @property
    def count(self) -> int:
        """Three rows a terminal."""
        return 3 * len(self.capacity)

    def nearest(self, a: FloatArray) -> FloatArray:
        """Euclidean projection, at an angle of 45 degrees along the cone."""
        count = len(self.capacity)
        p, q, m = a[:count], a[count : 2 * count], a[2 * count :]
        size = np.sqrt(p * p + q * q)
        edge = np.clip(0.5 * (size + m), 0.0, self.capacity)
        new_m = np.where(size <= m, np.minimum(m, self.capacity), edge)
        new_size = np.minimum(size, new_m)
        scale = new_size / np.maximum(size, 1e-12)
        return np.concatenate([p * scale, q * scale, new_m])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Band:
    """Rows that cost ``price`` for each unit outside [lower, upper]; price over weight given."""

    lower: FloatArray  #: [row, scenario]
    upper: FloatArray  #: [row, scenario]
    reach: FloatArray  #: price / weight [row, 1]

    @property
    def count(self) -> int:
        """One row each."""
        return len(self.lower)

    def nearest(self, a: FloatArray) -> FloatArray:
        """Back to the band, but by no more than the price is worth."""
        inside = np.clip(a, self.lower, self.upper)
        return np.asarray(a + np.clip(inside - a, -self.reach, self.reach))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Discs:
    """Row pairs (first all P, then all Q) that cost for each unit outside a disc."""

    centre: FloatArray  #: [2 pair, scenario]
    radius: FloatArray  #: [pair, scenario]
    reach: float  #: price / weight

    @property
    def count(self) -> int:
        """Two rows a pair."""
        return len(self.centre)

    def nearest(self, a: FloatArray) -> FloatArray:
        """Towards the centre, but by no more than the price is worth."""
        away = a - self.centre
        p, q = away[: len(self.radius)], away[len(self.radius) :]
        size = np.maximum(np.sqrt(p * p + q * q), 1e-12)
        kept = 1 - np.clip(size - self.radius, 0.0, self.reach) / size
        return np.asarray(self.centre + away * np.concatenate([kept, kept]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Common:
    """What the programs of all samples have in common, factorised."""

    drive: FloatArray  #: A T [row, x]: what b does to Ax
    response: FloatArray  #: A T A'D [row, row]

    @classmethod
    def of(
        cls, hessian: FloatArray, rows: FloatArray, weight: FloatArray, equal: FloatArray
    ) -> Common:
        """From H [x, x], A [row, x], the diagonal of D [row], and E [equation, x]."""
        inverse = np.linalg.inv(hessian + rows.T * weight @ rows)
        across = inverse @ equal.T
        onto = inverse - across @ np.linalg.solve(equal @ across, across.T)
        drive = rows @ onto
        return cls(drive=drive, response=drive @ rows.T * weight)


def split(
    common: Common,
    pull: FloatArray,
    functions: Sequence[Simple],
    start: FloatArray,
    steps: int,
    tolerance: float,
) -> FloatArray:
    """Runs the method on all samples until the worst has settled, or ``steps`` are done.

    Args:
        common: the matrices.
        pull: b [x, scenario].
        functions: phi, in the order of the rows.
        start: a [row, scenario]; a former answer, or A x of a guess. Not changed.
        steps: the most steps.
        tolerance: of |Ax - z|, in the rows' own unit.

    Returns:
        a [row, scenario]; ``nearest_of(functions, a)`` is the point itself.
    """
    a, driven = start.copy(), common.drive @ pull
    for step in range(1, steps + 1):
        z = nearest_of(functions, a)
        apart = common.response @ (2 * z - a)
        apart += driven
        apart -= z
        a += _RELAXATION * apart
        if step % _STEPS_PER_CHECK == 0 and np.abs(apart).max() < tolerance:
            break
    return a


def nearest_of(functions: Sequence[Simple], a: FloatArray) -> FloatArray:
    """All proximal maps, each on its own rows."""
    z, start = np.empty_like(a), 0
    for function in functions:
        rows = slice(start, start + function.count)
        z[rows] = function.nearest(a[rows])
        start = rows.stop
    return z
