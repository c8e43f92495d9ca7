"""What every converter obeys: apparent power, losses, and the balance of what it is linked to.

    |(P, Q)| <= S                                   capacity
    loss >= a |(P, Q)|                              losses; equal where power has a price
    loss <= a S                                     most_losses, where nothing else makes it equal
    sum over terminals (P + loss) = power from the DC side          balance

P and Q are injected into the AC network. As cones, exact; or as a polygon in a linear program:
inscribed, so that capacity is up to 1 - cos(pi / K) short, and losses up to 1 / cos(pi / K) - 1 too
large. In cones a capacity that is given is a column between equal bounds.

Source: (B1.b)-(B1.d) of the text behind docs/dispatch.md, and (17) of Wang et al., Nature
Communications 15, 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..units import FloatArray, IntArray
from .polygon import Polygon
from .rows import ConeRows, Rows, Size, Term, at_most_part


def capacity(rows: ConeRows, p: IntArray, q: IntArray, kva: IntArray) -> None:
    """|(p, q)| <= kva, for columns of one shape."""
    rows.norm_at_most(p, q, kva, 1.0)


def losses(rows: ConeRows, p: IntArray, q: IntArray, loss: IntArray, factor: Any) -> None:
    """factor |(p, q)| <= loss; factor > 0, one for all or of the columns' shape."""
    rows.norm_at_most(p, q, loss, 1 / np.asarray(factor))


def polygon_capacity(rows: Rows, p: IntArray, q: IntArray, kva: Size, polygon: Polygon) -> None:
    """(p, q) within the polygon of radius kva (B1.c)."""
    polygon.within(rows, p, q, kva)


def polygon_losses(
    rows: Rows, p: IntArray, q: IntArray, loss: IntArray, factor: Any, polygon: Polygon
) -> None:
    """factor (p, q) within the polygon of radius loss (B1.d); factor >= 0."""
    polygon.within(rows, p, q, (loss, 1.0), weight=factor)


def most_losses(rows: Rows, loss: IntArray, kva: Size, factor: Any) -> None:
    """loss <= factor kva: no more than at full power."""
    at_most_part(rows, [(loss, 1.0)], kva, factor)


def balance(
    rows: Rows,
    p: IntArray,
    loss: IntArray,
    member: FloatArray,
    supply: Sequence[Term] = (),
    sign: float = 1.0,
) -> None:
    """sum over terminals of each group of (p + sign loss) = supply (B1.b).

    Args:
        rows: the program.
        p: columns [..., terminal].
        loss: likewise.
        member: [group, terminal], 1 where the terminal belongs to the group.
        supply: power into the DC side [..., group], of a battery for instance.
        sign: +1: losses are drawn from the grid; -1: the converter makes them, as printed by Wang
            et al.
    """
    terms: list[Term] = [
        (np.broadcast_to(columns[..., None, :], (*p.shape[:-1], *member.shape)), factor * member)
        for columns, factor in ((p, 1.0), (loss, sign))
    ]
    terms += [(columns, -np.asarray(factor)) for columns, factor in supply]
    rows.equal(terms, np.zeros((*p.shape[:-1], len(member))))
