"""What every battery obeys, whatever its place: energy from step to step, and states of charge.

    E_t = E_(t-1) - dt sum(drains)          energy_balance
    low E_n <= E_t <= high E_n              stay_charged
    E_T >= E_start  or  E_T = E_0           what the day returns

Columns have the axes [time, ...]. Terms of power may have trailing axes, as phases, that are summed
over. What drains the store depends on how losses are stated: ``split_flows`` for a charge and a
discharge with efficiencies, ``lossy_flow`` for one power with a loss proportional to its size.
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


def energy_balance(
    rows: Rows, energy: IntArray, drains: Sequence[Term], start: Size | None, hours: Any = 1.0
) -> None:
    """E_t - E_(t-1) + dt drains = 0, from ``start``; None: the day begins as it ends.

    Args:
        rows: the program.
        energy: columns [time, ...], at the end of each step.
        drains: power taken out of the store [time, ..., summed axes].
        start: energy before the first step [...].
        hours: dt.
    """
    drained = [(columns, hours * np.asarray(factor)) for columns, factor in drains]
    later = [_at(term, energy.shape, slice(1, None)) for term in drained]
    first = [_at(term, energy.shape, 0) for term in drained]
    none = np.zeros(energy.shape[1:])
    if start is None:
        rows.equal([(energy[0], 1.0), (energy[-1], -1.0), *first], none)
    elif isinstance(start, tuple):
        columns, share = start
        rows.equal([(energy[0], 1.0), *first, (columns, -np.asarray(share))], none)
    else:
        rows.equal([(energy[0], 1.0), *first], np.broadcast_to(start, none.shape))
    rows.equal(
        [(energy[1:], 1.0), (energy[:-1], -1.0), *later], np.zeros((len(energy) - 1, *none.shape))
    )


def stay_charged(
    rows: Rows, energy: IntArray, size: Size, low: Any, high: Any, room: Sequence[Term] = ()
) -> None:
    """low size <= E -+ room <= high size; low and high are shares, or 1 if ``size`` is 1."""
    at_most_part(rows, [(energy, 1.0), *room], size, high)
    at_most_part(rows, [(energy, -1.0), *room], size, -np.asarray(low))


def loss_of_power(rows: Rows, power: IntArray, loss: IntArray, factor: float) -> None:
    """loss >= factor |power|."""
    for sign in (factor, -factor):
        rows.at_most([(power, sign), (loss, -1.0)], np.zeros(power.shape))


def _at(term: Term, shape: tuple[int, ...], steps: int | slice) -> Term:
    """A term of some steps only; its coefficients need not have the axis of time."""
    columns, factor = term
    return columns[steps], np.broadcast_to(factor, columns.shape)[steps]
