"""What every battery obeys, whatever its place: energy from step to step, and states of charge.

    E_t = E_(t-1) - dt sum(drains)          energy_balance
    low E_n <= E_t <= high E_n              stay_charged
    E_T >= E_start                          end_charged

Columns have the axes [time, ...]. Terms of power may have trailing axes, as phases, that are summed
over. What drains the store depends on how losses are stated: ``split_flows`` for a charge and a
discharge with efficiencies, ``lossy_flow`` for one power with a loss of its own, for which
``loss_of_power`` states one that is proportional to its size.

Source: (B1.f)-(B1.h) of the text behind docs/dispatch.md; efficiencies: (D6), (D7) of the appendix
behind docs/model.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..units import IntArray
from .rows import Rows, Size, Term, at_most_part


def split_flows(
    charge: IntArray, discharge: IntArray, efficiency_charge: Any, efficiency_discharge: Any
) -> list[Term]:
    """Drains of charging and discharging apart: discharge / eta_d - eta_c charge."""
    return [
        (charge, -np.asarray(efficiency_charge)),
        (discharge, 1 / np.asarray(efficiency_discharge)),
    ]


def lossy_flow(power: IntArray, loss: IntArray) -> list[Term]:
    """Drains of one power, positive when it is given, and of the loss that comes with it."""
    return [(power, 1.0), (loss, 1.0)]


def loss_of_power(rows: Rows, power: IntArray, loss: IntArray, factor: Any) -> None:
    """loss >= factor |power|; equal where energy has a price."""
    for sign in (1.0, -1.0):
        rows.at_most([(power, sign * np.asarray(factor)), (loss, -1.0)], np.zeros(power.shape))


def energy_balance(
    rows: Rows, energy: IntArray, drains: Sequence[Term], start: Size | None, hours: Any = 1.0
) -> None:
    """E_t - E_(t-1) + dt drains = 0, from ``start``; None: the day begins as it ends.

    One block of rows, of the shape of ``energy``.

    Args:
        rows: the program.
        energy: columns [time, ...], at the end of each step.
        drains: power taken out of the store [time, ..., summed axes].
        start: energy before the first step [...].
        hours: dt.
    """
    first = np.zeros((len(energy),) + (1,) * (energy.ndim - 1))
    first[0] = 1.0
    kept = first - 1 if start is not None else -1.0
    terms: list[Term] = [(energy, 1.0), (np.roll(energy, 1, axis=0), kept)]
    terms += [(columns, hours * np.asarray(factor)) for columns, factor in drains]
    if isinstance(start, tuple):
        columns, coefficient = start
        terms.append((np.broadcast_to(columns, energy.shape), -first * np.asarray(coefficient)))
        start = None
    rows.equal(terms, first * np.broadcast_to(0.0 if start is None else start, energy.shape))


def stay_charged(
    rows: Rows, energy: IntArray, size: Size, low: Any, high: Any, room: Sequence[Term] = ()
) -> None:
    """low size + room <= E <= high size - room; low and high are shares, or kWh for size 1."""
    at_most_part(rows, [(energy, 1.0), *room], size, high)
    at_most_part(rows, [(energy, -1.0), *room], size, -np.asarray(low))


def end_charged(rows: Rows, energy: IntArray, start: Size) -> None:
    """E_T >= ``start`` [...]: the day gives back what it began with."""
    at_most_part(rows, [(energy[-1], -1.0)], start, -1.0)
