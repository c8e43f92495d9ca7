"""Budgeted uncertainty: each parameter may leave its mean, but only so many of a group at once.

    U = {mean + up z+ - down z- :  0 <= z,  z+ + z- <= 1,  sum over a group of (z+ + z-) <= budget}

Vertices are integral for whole budgets (Bertsimas and Sim, The price of robustness, Operations
Research 52, 2004).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...core.units import FloatArray, IntArray, frozen
from .case import DerCase


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BudgetSet:
    """Parameters: loads [bus, time], row by row, then PV [time]."""

    mean: FloatArray  #: [parameter]
    up: FloatArray  #: [parameter] >= 0; 0 where it never rises
    down: FloatArray  #: [parameter] >= 0
    groups: tuple[tuple[IntArray, int], ...]  #: parameters, and how many of them may deviate

    def worst(self, gradient: FloatArray) -> FloatArray:
        """A vertex that maximises gradient'u [parameter]."""
        rise, fall = gradient * self.up, -gradient * self.down
        gain, u = np.maximum(rise, fall), self.mean.copy()
        for members, budget in self.groups:
            chosen = members[np.argsort(-gain[members], kind="stable")[:budget]]
            chosen = chosen[gain[chosen] > 0]
            higher = rise[chosen] >= fall[chosen]
            u[chosen] += np.where(higher, self.up[chosen], -self.down[chosen])
        return frozen(u)

    def vertices(self) -> Iterator[FloatArray]:
        """All of them, the mean among them; for sets with few parameters."""
        for moves in itertools.product(*(self._moves(*group) for group in self.groups)):
            yield frozen(self.mean + sum(moves))

    def _moves(self, members: IntArray, budget: int) -> list[FloatArray]:
        """Deviations [parameter] of a group."""
        sides = [[s for s, size in ((1, self.up[k]), (-1, self.down[k])) if size] for k in members]
        moves = []
        for signs in itertools.product(*([0, *side] for side in sides)):
            if np.count_nonzero(signs) <= budget:
                move, sign = np.zeros_like(self.mean), np.array(signs)
                move[members] = np.where(sign > 0, self.up[members], -self.down[members])
                move[members] *= np.abs(sign)
                moves.append(move)
        return moves


def budget_set(
    case: DerCase, load_budget: int, pv_budget: int | None, *, both_sides: bool = False
) -> BudgetSet:
    """Deviations of demand, at most ``load_budget`` hours at each bus, and of PV.

    The cost of operation never falls with demand nor rises with PV, as long as what is produced
    may be curtailed: only higher loads and lower PV are in the set.

    Args:
        case: means and deviations.
        load_budget: hours at each bus.
        pv_budget: hours in which PV is low; None where PV is given by scenarios.
        both_sides: the other deviations as well.
    """
    spread, (buses, hours) = case.deviations, case.deviations.load_mean_kw.shape
    loads = np.arange(buses * hours).reshape(buses, hours)
    groups = [(frozen(row, np.int64), min(load_budget, hours)) for row in loads]
    pv_down, pv_up = (np.zeros(hours),) * 2
    if pv_budget is not None:
        groups.append((frozen(loads.size + np.arange(hours), np.int64), min(pv_budget, hours)))
        pv_down, pv_up = spread.pv_down, spread.pv_up * both_sides
    load_down = spread.load_down_kw * both_sides
    return BudgetSet(
        mean=frozen(np.concatenate([spread.load_mean_kw.ravel(), spread.pv_mean])),
        up=frozen(np.concatenate([spread.load_up_kw.ravel(), pv_up])),
        down=frozen(np.concatenate([load_down.ravel(), pv_down])),
        groups=tuple(groups),
    )
