"""The dispatch at an anchor: a convex quadratic program, solved with a proven bound.

    min  sum_t price dt sum_feeders import + curtailment + reactive + shortfall
    import of a feeder = sum of what its buses draw + p'R p + q'R q + what the anchor adds

What a requirement says of an import is linear: there losses are tangents, which never exceed them.
For less import, tangents at every point that was seen, in the end at the dispatch itself; for more,
at the plan only, so that what it counts is there and waste in lines is not sought for its own sake.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from ...core.devices.rows import Term
from ...core.quadratic import QuadraticProgram
from ...core.units import FloatArray, IntArray
from ..mixed_builder import MixedBuilder
from .case import Direction, DispatchCase
from .devices import device_columns, places, reach_of
from .flow import Anchor, Drawn, by_feeder, linear_state
from .limits import LimitRows, Seen, branch_rows, voltage_rows
from .promises import MARGIN_KW, Promise, by_bus


class Draft:
    """A program in the making: devices and their costs, then limits and promises."""

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

    def promise(self, made: Sequence[Promise], points: Sequence[Drawn]) -> None:
        """Adds requirements, each step with a shortfall at its price; ``points``: plan first."""
        for one in made:
            less = one.requirement.direction is Direction.LESS
            self._promise(one, points if less else points[:1])

    def build(self) -> QuadraticProgram:
        """The program, without the cones that discs are."""
        linear = self.builder.build().linear
        return QuadraticProgram(
            quadratic=self._losses(len(linear.cost)),
            cost=linear.cost,
            matrix=linear.matrix,
            row_lower=linear.row_lower,
            row_upper=linear.row_upper,
            col_lower=linear.col_lower,
            col_upper=linear.col_upper,
        )

    def drawn(self, x: FloatArray) -> Drawn:
        """What buses draw at a point of the program."""
        p, q = self.fixed.p.copy(), self.fixed.q.copy()
        np.add.at(p.T, self.where.buses, (x[self.p] * self.where.signs).T)
        np.add.at(q.T, self.where.buses, (x[self.q] * self.where.signs).T)
        return Drawn(p=p, q=q)

    def constant(self) -> float:
        """What the day costs where no device moves, curtailment of all DG included."""
        case = self.case
        state = linear_state(case.network, self.fixed)
        drawn = by_feeder(case.network, self.fixed.p) + state.loss + self.anchor.shift.loss
        curtailed = case.generators.p_kw.sum() * case.rules.curtailment_per_kwh * case.hours
        return float(self._price() @ drawn.sum(axis=1) + curtailed)

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
        where = self.where
        shared = self.case.network.shared_r_pu[np.ix_(where.buses, where.buses)]
        shared = shared * np.outer(where.signs, where.signs)
        one, other = np.nonzero(np.triu(shared))
        values = 2 * self._price()[:, None] * shared[one, other]
        entries = [(columns[:, one], columns[:, other]) for columns in (self.p, self.q)]
        rows, columns = (np.concatenate(part).ravel() for part in zip(*entries, strict=True))
        return sp.csc_matrix((np.tile(values.ravel(), 2), (rows, columns)), shape=(count, count))

    def _promise(self, made: Promise, points: Sequence[Drawn]) -> None:
        """Import against the bound in each step, once for each tangent, and a shortfall."""
        case, steps, base = self.case, made.steps, self.case.network.s_base_kva
        reach = (self.reach.p_high - self.reach.p_low)[steps].sum(axis=1)
        shortfall = self.builder.columns(len(steps), upper=made.requirement.kw / base + reach)
        self.builder.cost(shortfall, case.rules.shortfall_per_kwh * base * case.hours)
        for point in points:
            constant, by_p, by_q = self._import(made, point)
            terms = [
                (self.p[steps], made.sign * by_p),
                (self.q[steps], made.sign * by_q),
                (shortfall, -1.0),
            ]
            bound = made.sign * (made.bound_kw / base - constant) - MARGIN_KW / base
            self.builder.at_most(terms, bound)

    def _import(self, made: Promise, at: Drawn) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Import of a promise's feeders: constant [step], by p and by q [step, device]."""
        network, where, steps = self.case.network, self.where, made.steps
        counted = by_bus(network, made.feeders)
        r = network.shared_r_pu * counted  # feeders share nothing
        slope_p, slope_q = 2 * at.p[steps] @ r, 2 * at.q[steps] @ r
        there = -0.5 * (slope_p * at.p[steps] + slope_q * at.q[steps]).sum(axis=1)
        fixed = (slope_p + counted) * self.fixed.p[steps] + slope_q * self.fixed.q[steps]
        added = self.anchor.shift.loss[steps] @ made.feeders
        at_device = where.signs * counted[where.buses]
        return (
            fixed.sum(axis=1) + there + added,
            at_device + slope_p[:, where.buses] * where.signs,
            slope_q[:, where.buses] * where.signs,
        )


def tied_loads(case: DispatchCase) -> Drawn:
    """What does not move (B2.f), (B2.g)."""
    base = case.network.s_base_kva
    return Drawn(p=case.load_p_kw / base, q=case.load_q_kvar / base)
