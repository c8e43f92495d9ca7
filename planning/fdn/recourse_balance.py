"""Makes the active powers of each soft open point balance exactly (17a)."""

from __future__ import annotations

import numpy as np

from ...core.units import FloatArray
from ..power_flow import ComplexArray
from .recourse_devices import Converters

_HALVINGS = 40  #: of a bracket of a few times the capacity: below 1e-11 of it


def balance(converters: Converters, injection_pu: ComplexArray, *, batteries: bool) -> ComplexArray:
    """The same dispatch with P lowered by one amount in each group, until its sum is right.

    What leaves a terminal's disc is put back radially. The sum of P + sign loss |s| falls with
    the amount, so the amount is found by bisection.

    Args:
        converters: terminals, in groups.
        injection_pu: [terminal, scenario].
        batteries: whether groups with a battery are free, and are left alone.

    Returns:
        [terminal, scenario], each within its capacity.
    """
    groups = converters.balanced(batteries=batteries)
    widest = float(np.abs(injection_pu).max(initial=0.0) + converters.capacity_pu.max())
    high = np.full((len(groups), injection_pu.shape[1]), widest)
    low = -high
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        surplus = groups @ _net(converters, _within(converters, injection_pu - groups.T @ middle))
        low, high = np.where(surplus > 0, middle, low), np.where(surplus > 0, high, middle)
    return _within(converters, injection_pu - groups.T @ (0.5 * (low + high)))


def _net(converters: Converters, injection_pu: ComplexArray) -> FloatArray:
    """What each terminal contributes to its group's balance (17a)-(17b)."""
    lost = converters.sign * converters.loss * np.abs(injection_pu)
    return np.asarray(injection_pu.real + lost)


def _within(converters: Converters, injection_pu: ComplexArray) -> ComplexArray:
    """Put back onto the discs, radially, and then between the bounds of P."""
    limit, most_p = converters.capacity_pu[:, None], converters.most_p_pu[:, None]
    size = np.maximum(np.abs(injection_pu), np.maximum(limit, 1e-12))
    inside = injection_pu * (limit / size)
    return np.asarray(np.clip(inside.real, -most_p, most_p) + 1j * inside.imag)
