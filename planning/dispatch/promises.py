"""Flexibility requirements in figures, once the plan is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.units import FloatArray, IntArray
from ..radial import RadialNetwork
from .case import Direction, DispatchCase, Requirement

#: What requirements are exceeded by, so that they are met under exact power flow too.
MARGIN_KW = 0.1


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
        """By how much an import [time, feeder] misses the bound [step], 0 where it does not."""
        beyond = self.sign * (import_kw[self.steps] @ self.feeders - self.bound_kw)
        return np.asarray(np.maximum(beyond, 0.0))


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


def by_bus(network: RadialNetwork, feeders: FloatArray) -> FloatArray:
    """What each bus has of its feeder [bus]."""
    of = dict(zip(network.heads, feeders, strict=True))
    return np.array([of[zone] for zone in network.zones])
