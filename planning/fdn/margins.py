"""From sampled risks to the bounds of the next plan: (22), (23), (24).

A limit of the plan is on the expected state; what is promised is on the random one. The margin
between them is read from samples of the last plan. With y for a quantity that must stay below
``limit`` (a current, a voltage, or a voltage's negative where the limit is a lower one), y_det its
value in the plan and Q(p) its quantile over samples:

    general          bound' = bound - (Q(1 - risk) - limit)                                   (22)
    modified         bound' = max(y_det - (Q(1 - risk_p) - limit), opposite limit)            (23)
                     risk_p = risk exp(-a / 30), a: how often the limit broke its promise     (24)
    all_constraints  as modified, with risk itself, and for kept limits as well

General and modified move only the bounds of limits that broke their promise. (23) is missing from
the paper's text as published; this is its only reading that agrees with the remarks around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...core.units import BoolArray, FloatArray, IntArray, frozen
from .bounds import Bounds
from .case import FdnCase
from .choices import MAX_ROUNDS, Algorithm
from .plan import Plan
from .propagation import StageState
from .reinforcement import ratings_pu
from .risks import Risks

#: What is always left of a line's rating, or between two limits of a voltage [pu].
_LEAST_SHARE, _LEAST_BAND_PU = 0.01, 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Breaches:
    """How often each limit broke its promise so far: a of (24)."""

    under_voltage: IntArray  #: [stage, bus]
    over_voltage: IntArray  #: [stage, bus]
    overload: IntArray  #: [stage, branch]


def count_breaches(before: Breaches | None, risks: Risks, risk: float) -> Breaches:
    """Adds the limits that ``risks`` shows above ``risk``."""
    counts = {}
    for name in ("under_voltage", "over_voltage", "overload"):
        broken = (getattr(risks, name) > risk).astype(np.int64)
        counts[name] = frozen(broken + (getattr(before, name) if before else 0), np.int64)
    return Breaches(**counts)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """A plan's expected state, and what became of it in samples."""

    plan: Plan
    v_pu: FloatArray  #: [stage, bus] as planned
    i_pu: FloatArray  #: [stage, branch] as planned
    states: Sequence[StageState]
    risks: Risks


def next_bounds(
    case: FdnCase,
    bounds: Bounds,
    outcome: Outcome,
    breaches: Breaches,
    algorithm: Algorithm,
    risk: float,
) -> Bounds:
    """The bounds [stage, bus | branch] of the next plan; ``v_excess`` is left as it is."""
    rules, risks, states = case.rules, outcome.risks, outcome.states
    # The plan adds to a bound what a larger line gains; so it is left out on all sides here.
    gain = ratings_pu(case, outcome.plan) - case.i_max_pu
    shape = outcome.v_pu.shape
    under = _Side(
        limit=np.full(shape, -rules.v_min_pu),
        opposite=np.full(shape, -rules.v_max_pu + _LEAST_BAND_PU),
        bound=-bounds.v_min_pu,
        planned=-outcome.v_pu,
        samples=[-state.v_pu for state in states],
        risks=risks.under_voltage,
        breaches=breaches.under_voltage,
    )
    over = _Side(
        limit=np.full(shape, rules.v_max_pu),
        opposite=np.full(shape, rules.v_min_pu + _LEAST_BAND_PU),
        bound=bounds.v_max_pu,
        planned=outcome.v_pu,
        samples=[state.v_pu for state in states],
        risks=risks.over_voltage,
        breaches=breaches.over_voltage,
    )
    current = _Side(
        limit=np.full(shape, case.i_max_pu),
        opposite=np.full(shape, _LEAST_SHARE * case.i_max_pu),
        bound=bounds.i_max_pu,
        planned=outcome.i_pu - gain,
        samples=[state.i_pu - gain[u] for u, state in enumerate(states)],
        risks=risks.overload,
        breaches=breaches.overload,
    )
    return replace(
        bounds,
        v_min_pu=frozen(-under.moved(algorithm, risk)),
        v_max_pu=frozen(over.moved(algorithm, risk)),
        i_max_pu=frozen(current.moved(algorithm, risk)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Side:
    """Quantities y that must stay below a limit. All arrays [stage, element]."""

    limit: FloatArray
    opposite: FloatArray  #: the bound never falls below
    bound: FloatArray
    planned: FloatArray
    samples: list[FloatArray]  #: [stage] of [scenario, element]
    risks: FloatArray
    breaches: IntArray

    def moved(self, algorithm: Algorithm, risk: float) -> FloatArray:
        """The next bound [stage, element]."""
        chosen = self._chosen(algorithm, risk)
        allowed = np.full(self.risks.shape, risk)
        if algorithm is Algorithm.MODIFIED:
            allowed = risk * np.exp(-self.breaches / MAX_ROUNDS)
        start = self.bound if algorithm is Algorithm.GENERAL else self.planned
        found = self.bound.copy()
        for stage, element in zip(*np.nonzero(chosen), strict=True):
            quantile = np.quantile(self.samples[stage][:, element], 1 - allowed[stage, element])
            margin = quantile - self.limit[stage, element]
            found[stage, element] = start[stage, element] - margin
        return np.maximum(found, self.opposite)

    def _chosen(self, algorithm: Algorithm, risk: float) -> BoolArray:
        if algorithm is Algorithm.ALL_CONSTRAINTS:
            return np.ones(self.risks.shape, dtype=bool)
        return np.asarray(self.risks > risk)


def tighter(first: Bounds, second: Bounds, stages: BoolArray) -> Bounds:
    """``first`` with the tighter bound of both in the given stages [stage]."""
    pick = stages[:, None]
    return replace(
        first,
        v_min_pu=frozen(
            np.where(pick, np.maximum(first.v_min_pu, second.v_min_pu), first.v_min_pu)
        ),
        v_max_pu=frozen(
            np.where(pick, np.minimum(first.v_max_pu, second.v_max_pu), first.v_max_pu)
        ),
        i_max_pu=frozen(
            np.where(pick, np.minimum(first.i_max_pu, second.i_max_pu), first.i_max_pu)
        ),
    )
