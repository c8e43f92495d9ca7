"""Converters that must not lose more than they do.

The relaxation (B1.d) has losses at least as large as the polygon says. Larger ones pay where power
is a burden: more import is required, or a voltage is too high. As no converter can do that, such
losses are pinned: (p, q) stays on the polygon's side where it was found, and the loss with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.devices.polygon import Polygon
from ...core.units import FloatArray, IntArray
from ..mixed_builder import MixedBuilder
from .case import Batteries, DispatchCase, SoftOpenPoints
from .devices import Converters, DeviceColumns

#: Losses that exceed the polygon's by more are not the solver's inaccuracy.
LOOSE_KW = 0.02


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pins:
    """Which sides [pin] the losses of which converters are held to."""

    batteries: bool  #: else terminals of soft open points
    time: IntArray  #: [pin]
    converter: IntArray  #: [pin]
    side: IntArray  #: [pin]


def loose_losses(case: DispatchCase, columns: DeviceColumns, x: FloatArray) -> list[Pins]:
    """What to pin at a point of the program."""
    both = [_loose(case, columns, x, batteries) for batteries in (False, True)]
    return [pins for pins in both if len(pins.time)]


def pin(
    builder: MixedBuilder, case: DispatchCase, columns: DeviceColumns, pins: Sequence[Pins]
) -> None:
    """Adds cos(pi / K) loss <= factor (cos(theta_k) p + sin(theta_k) q)."""
    polygon = Polygon(case.rules.polygon_sides)
    for some in pins:
        own, kind = _converters(case, columns, some.batteries)
        at, factor = (some.time, some.converter), kind.loss[some.converter]
        terms = [
            (own.loss[at], polygon.inner),
            (own.p[at], -factor * polygon.cos[some.side]),
            (own.q[at], -factor * polygon.sin[some.side]),
        ]
        builder.at_most(terms, np.zeros(len(some.time)))


def _loose(case: DispatchCase, columns: DeviceColumns, x: FloatArray, batteries: bool) -> Pins:
    polygon, base = Polygon(case.rules.polygon_sides), case.network.s_base_kva
    own, kind = _converters(case, columns, batteries)
    p, q = x[own.p], x[own.q]
    excess = x[own.loss] - kind.loss * polygon.radius(p, q)
    at = np.nonzero(excess * base > LOOSE_KW)
    sides = np.outer(p[at], polygon.cos) + np.outer(q[at], polygon.sin)
    return Pins(batteries=batteries, time=at[0], converter=at[1], side=sides.argmax(axis=1))


def _converters(
    case: DispatchCase, columns: DeviceColumns, batteries: bool
) -> tuple[Converters, SoftOpenPoints | Batteries]:
    return (columns.battery, case.batteries) if batteries else (columns.sop, case.sops)
