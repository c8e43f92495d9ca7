"""Flexibility requirements: in figures, once the plan is known, and as rows of the program.

A requirement of less import counts the losses that the program has, as cones:

    drawn + tangent of the losses where no device moves + x'R x - shortfall <= bound.

One of more import counts the losses' tangent at the plan, which never exceeds them. So what is
counted is there, the program stays convex, and waste in lines is not sought for its own sake.
What is short by that count, and costs, is no less than what is short in the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.devices.rows import Term
from ...core.units import FloatArray, IntArray
from ..radial import RadialNetwork
from .case import Direction, DispatchCase, Requirement
from .flow import Drawn
from .program import Draft

#: What requirements are exceeded by, so that they are met under exact power flow too.
MARGIN_KW = 0.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Promise:
    """A requirement in figures: what the import must not exceed, or reach."""

    requirement: Requirement
    feeders: FloatArray  #: [feeder] 1 where the requirement counts it
    steps: IntArray
    bound_kw: FloatArray  #: [step]

    @property
    def sign(self) -> float:
        """1 if the import must not exceed the bound, -1 if it must reach it."""
        return 1.0 if self.requirement.direction is Direction.LESS else -1.0

    def missed_kw(self, import_kw: FloatArray) -> FloatArray:
        """By how much an import [step] misses the bound [step], 0 where it does not."""
        return np.asarray(np.maximum(self.sign * (import_kw - self.bound_kw), 0.0))

    def imported_kw(self, import_kw: FloatArray) -> FloatArray:
        """Its part [step] of the imports of feeders [time, feeder]."""
        return np.asarray(import_kw[self.steps] @ self.feeders)


def promises(case: DispatchCase, planned_kw: FloatArray) -> tuple[Promise, ...]:
    """What all requirements ask for, against the plan's import [time, feeder]."""
    names = list(case.network.heads)
    made = list[Promise]()
    for one in case.requirements:
        feeders = np.array([float(one.feeder in (None, name)) for name in names])
        steps = np.arange(one.first, one.last + 1)
        change = -one.kw if one.direction is Direction.LESS else one.kw
        bound = planned_kw[steps] @ feeders + change
        made.append(Promise(requirement=one, feeders=feeders, steps=steps, bound_kw=bound))
    return tuple(made)


def keep_promises(draft: Draft, made: Sequence[Promise], plan: Drawn) -> None:
    """Adds requirements, one row for each step, with a shortfall at its price."""
    for one in made:
        if one.requirement.direction is Direction.LESS:
            _keep(draft, one, draft.fixed, [(_moved_losses(draft, one), 1.0)])
        else:
            _keep(draft, one, plan, [])


def counted_kw(draft: Draft, made: Promise, x: FloatArray, plan: Drawn) -> FloatArray:
    """Import [step] at a point of the program, as the requirement counts it."""
    less = made.requirement.direction is Direction.LESS
    constant, by_p, by_q = _import(draft, made, draft.drawn(x) if less else plan)
    by_devices = (by_p * x[draft.p[made.steps]] + by_q * x[draft.q[made.steps]]).sum(axis=1)
    return np.asarray((constant + by_devices) * draft.case.network.s_base_kva)


def _keep(draft: Draft, made: Promise, at: Drawn, terms: list[Term]) -> None:
    """Import against the bound, with the losses' tangent at a point and further terms [step]."""
    case, steps, base, reach = draft.case, made.steps, draft.case.network.s_base_kva, draft.reach
    most = made.requirement.kw / base + (reach.p_high - reach.p_low)[steps].sum(axis=1)
    shortfall = draft.builder.columns(len(steps), upper=most)
    draft.builder.cost(shortfall, case.rules.shortfall_per_kwh * base * case.hours)
    constant, by_p, by_q = _import(draft, made, at)
    terms += [
        (draft.p[steps], made.sign * by_p),
        (draft.q[steps], made.sign * by_q),
        (shortfall, -1.0),
    ]
    draft.builder.at_most(terms, made.sign * (made.bound_kw / base - constant) - MARGIN_KW / base)


def _import(draft: Draft, made: Promise, at: Drawn) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Import of a promise's feeders: constant [step], by p and by q [step, device]."""
    network, where, fixed, steps = draft.case.network, draft.where, draft.fixed, made.steps
    counted = _by_bus(network, made.feeders)
    r = network.shared_r_pu * counted  # feeders share nothing
    slope_p, slope_q = 2 * at.p[steps] @ r, 2 * at.q[steps] @ r
    constant = (slope_p + counted) * fixed.p[steps] + slope_q * fixed.q[steps]
    constant -= 0.5 * (slope_p * at.p[steps] + slope_q * at.q[steps])
    constant += draft.anchor.shift.loss[steps] * counted
    by_p = (counted + slope_p)[:, where.buses] * where.signs
    return constant.sum(axis=1), by_p, slope_q[:, where.buses] * where.signs


def _moved_losses(draft: Draft, made: Promise) -> IntArray:
    """Columns [step] of at least x'R x, of what devices of the promise's feeders draw."""
    inside = _by_bus(draft.case.network, made.feeders)[draft.where.buses] > 0
    factor = np.kron(np.eye(2), _root(draft.between()[np.ix_(inside, inside)]))
    powers = np.hstack([columns[made.steps][:, inside] for columns in (draft.p, draft.q)])
    reach = draft.reach
    ends = (reach.p_low, reach.p_high), (reach.q_low, reach.q_high)
    sizes = [np.maximum(-low, high)[made.steps][:, inside] for low, high in ends]
    most = np.square(np.hstack(sizes) @ np.abs(factor).T).sum(axis=1)
    loss = draft.builder.columns(len(made.steps), upper=most)
    one = draft.builder.columns(lower=1.0, upper=1.0)
    draft.builder.squares_at_most(powers, np.asarray(factor, float), loss, one)
    return loss


def _root(matrix: FloatArray) -> FloatArray:
    """F with F'F = a positive semidefinite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(np.sqrt(np.clip(values, 0.0, None))[:, None] * vectors.T)


def _by_bus(network: RadialNetwork, feeders: FloatArray) -> FloatArray:
    """What each bus has of its feeder [bus]."""
    of = dict(zip(network.heads, feeders, strict=True))
    return np.array([of[zone] for zone in network.zones])
