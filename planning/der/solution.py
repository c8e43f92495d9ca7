"""What a DER study answers with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ...core.units import BoolArray, FloatArray, IntArray, frozen
from .case import DerCase
from .choices import DerMethod, DerModel
from .first_stage import FirstStage


class Separation(StrEnum):
    """How the worst fate of a plan was looked for in a step."""

    NONE = "none"
    CLIMB = "climb"
    RELAXED = "relaxed"
    EXACT = "exact"


class Certificate(StrEnum):
    """What the bounds hold for."""

    NETWORK = "network-exact"  #: the feeder, every limit of it, in every fate
    COPPERPLATE = "copperplate-bound"  #: the lower bound; the plan was not shown to fit the feeder
    NODAL = "nodal-gap"  #: the feeder, with the gap that is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One round of an adaptive method."""

    number: int
    lower_bound: float
    upper_bound: float
    separation: Separation
    seconds: float  #: since the beginning


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DerPlan:
    """What is built where; 0 and False at buses that are no candidates."""

    pv_kw: FloatArray  #: [bus]
    pv_built: BoolArray  #: [bus]
    battery_kwh: FloatArray  #: [bus]
    battery_built: BoolArray  #: [bus]

    def investment(self, case: DerCase) -> float:
        """Cost for a representative day, in the case's currency."""
        rules = case.rules
        return float(
            rules.pv_per_kw * self.pv_kw.sum()
            + rules.pv_site * self.pv_built.sum()
            + rules.battery_per_kwh * self.battery_kwh.sum()
            + rules.battery_site * self.battery_built.sum()
        )

    def columns(self, case: DerCase, first: FirstStage) -> FloatArray:
        """The plan as x of ``site_by_site`` or of ``all_as_one``."""
        parts = (
            (first.pv_built, self.pv_built, case.pv_sites),
            (first.pv_kw, self.pv_kw, case.pv_sites),
            (first.battery_built, self.battery_built, case.battery_sites),
            (first.battery_kwh, self.battery_kwh, case.battery_sites),
        )
        x = np.zeros(first.count)
        for columns, values, sites in parts:
            there = np.asarray(values, float)[sites]
            x[columns] = there if len(columns) == len(there) > 1 else there.sum()
        return x

    @classmethod
    def of(cls, case: DerCase, first: FirstStage, x: FloatArray) -> DerPlan:
        """From x of ``site_by_site``."""
        count = len(case.network.buses)

        def at(sites: IntArray, values: FloatArray) -> FloatArray:
            found = np.zeros(count)
            found[sites] = values
            return found

        return cls(
            pv_kw=frozen(at(case.pv_sites, x[first.pv_kw])),
            pv_built=frozen(at(case.pv_sites, x[first.pv_built]) > 0.5, np.bool_),
            battery_kwh=frozen(at(case.battery_sites, x[first.battery_kwh])),
            battery_built=frozen(at(case.battery_sites, x[first.battery_built]) > 0.5, np.bool_),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DerSolution:
    """A plan and the proof of how good it is."""

    model: DerModel
    method: DerMethod
    load_budget: int
    pv_budget: int
    plan: DerPlan
    objective: float  #: proven upper bound: investment and worst cost of operation, for a day
    lower_bound: float
    steps: tuple[Step, ...]
    investment: float
    worst: FloatArray | None  #: worst fate known [parameter]
    fates: tuple[FloatArray, ...]
    certificate: Certificate
    seconds: float

    @property
    def gap(self) -> float:
        """(objective - lower bound) / objective."""
        return max(self.objective - self.lower_bound, 0.0) / max(abs(self.objective), 1e-9)

    @property
    def operation(self) -> float:
        """Of the objective."""
        return self.objective - self.investment
