"""The dispatch at an anchor: a convex quadratic program, solved with a proven bound.

min  sum_t price dt sum_feeders import + curtailment + reactive + shortfall
import of a feeder = sum of what its buses draw + p'R p + q'R q + what the anchor adds
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ...core.bounded_quadratic import NormCones
from ...core.devices.rows import Term
from ...core.quadratic import QuadraticProgram
from ...core.units import FloatArray, IntArray
from ..mixed_builder import MixedBuilder
from .case import DispatchCase
from .devices import device_columns, places, reach_of
from .flow import Anchor, Drawn, anchored_state
from .limits import LimitRows, Seen, branch_rows, voltage_rows


class Draft:
    """A program in the making: devices and what the day costs; limits and promises are added."""

    def __init__(self, case: DispatchCase, anchor: Anchor, discs: bool = False) -> None:
        self.case, self.anchor, self.builder = case, anchor, MixedBuilder()
        self.columns, self.reach = device_columns(self.builder, case, discs), reach_of(case)
        self.where, self.fixed = places(case), tied_loads(case)
        self.p, self.q = self.columns.p, self.columns.q
        self._price_energy()

    def limits(self, seen: Seen | None = None) -> list[LimitRows]:
        """Limits of the network that can bind; with what was ``seen``, those that may."""
        these = self.case, self.fixed, self.where, self.reach, self.anchor, seen
        return [*voltage_rows(*these), *branch_rows(*these)]

    def keep(self, rows: LimitRows, slack: IntArray | None = None) -> None:
        """Adds limits; ``slack`` [row] may exceed them."""
        terms: list[Term] = [(self.p[rows.time], rows.by_p), (self.q[rows.time], rows.by_q)]
        if slack is not None:
            terms.append((slack, -1.0))
        self.builder.at_most(terms, rows.bound)

    def build(self) -> tuple[QuadraticProgram, NormCones]:
        """The program, and cones that belong to it."""
        mixed = self.builder.build()
        linear = mixed.linear
        program = QuadraticProgram(
            quadratic=self._losses(len(linear.cost)),
            cost=linear.cost,
            matrix=linear.matrix,
            row_lower=linear.row_lower,
            row_upper=linear.row_upper,
            col_lower=linear.col_lower,
            col_upper=linear.col_upper,
        )
        return program, NormCones(matrix=mixed.cone_matrix, sizes=mixed.cone_sizes)

    def drawn(self, x: FloatArray) -> Drawn:
        """What buses draw at a point of the program."""
        p, q = self.fixed.p.copy(), self.fixed.q.copy()
        np.add.at(p.T, self.where.buses, (x[self.p] * self.where.signs).T)
        np.add.at(q.T, self.where.buses, (x[self.q] * self.where.signs).T)
        return Drawn(p=p, q=q)

    def constant(self) -> float:
        """What the day costs where no device moves, curtailment of all DG included."""
        case = self.case
        loss = anchored_state(case.network, self.fixed, self.anchor).loss
        curtailed = case.generators.p_kw.sum() * case.rules.curtailment_per_kwh * case.hours
        return float(self._price() @ (self.fixed.p + loss).sum(axis=1) + curtailed)

    def _price(self) -> FloatArray:
        """Of a per unit for a step [time]."""
        return self.case.price_per_kwh * self.case.hours * self.case.network.s_base_kva

    def _price_energy(self) -> None:
        """What devices draw, and the linear part of the losses that it causes."""
        price, signs = self._price()[:, None], self.where.signs
        shared = self.case.network.shared_r_pu[:, self.where.buses] * signs
        self.builder.cost(self.p, price * (signs + 2 * self.fixed.p @ shared))
        self.builder.cost(self.q, price * 2 * (self.fixed.q @ shared))

    def _losses(self, count: int) -> sp.csc_matrix:
        """Twice price p'R p + q'R q of what devices draw, its upper triangle."""
        shared = self.between()
        one, other = np.nonzero(np.triu(shared))
        values = 2 * self._price()[:, None] * shared[one, other]
        entries = [(columns[:, one], columns[:, other]) for columns in (self.p, self.q)]
        rows, columns = (np.concatenate(part).ravel() for part in zip(*entries, strict=True))
        return sp.csc_matrix((np.tile(values.ravel(), 2), (rows, columns)), shape=(count, count))

    def between(self) -> FloatArray:
        """R between devices [device, device], with their signs."""
        where = self.where
        shared = self.case.network.shared_r_pu[np.ix_(where.buses, where.buses)]
        return np.asarray(shared * np.outer(where.signs, where.signs))


def tied_loads(case: DispatchCase) -> Drawn:
    """What does not move (B2.f), (B2.g)."""
    base = case.network.s_base_kva
    return Drawn(p=case.load_p_kw / base, q=case.load_q_kvar / base)
