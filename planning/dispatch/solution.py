"""What a dispatch decides, what it costs, and how it fares under exact power flow."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.units import FloatArray
from .case import Requirement


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setpoints:
    """Injections of devices are positive, consumption of deferrable loads is."""

    dg_p_kw: FloatArray  #: [time, generator]
    dg_q_kvar: FloatArray  #: [time, generator]
    sop_p_kw: FloatArray  #: [time, terminal]
    sop_q_kvar: FloatArray  #: [time, terminal]
    sop_loss_kw: FloatArray  #: [time, terminal] as the polygon has it
    battery_p_kw: FloatArray  #: [time, battery]
    battery_q_kvar: FloatArray  #: [time, battery]
    battery_loss_kw: FloatArray  #: [time, battery] as the polygon has it
    battery_kwh: FloatArray  #: [time, battery] at the end of the step
    load_p_kw: FloatArray  #: [time, deferrable load]
    load_q_kvar: FloatArray  #: [time, deferrable load]
    load_kwh: FloatArray  #: [time, deferrable load] consumed so far


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearState:
    """The network by (A1), anchored to exact power flow close to the setpoints."""

    v_pu: FloatArray  #: [time, bus]
    p_kw: FloatArray  #: [time, branch] at its end
    q_kvar: FloatArray  #: [time, branch]
    loss_kw: FloatArray  #: [time, branch] r (P^2 + Q^2), and what the anchor adds
    import_kw: FloatArray  #: [time, feeder], losses included


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExactState:
    """The network by AC power flow, at the setpoints."""

    v_pu: FloatArray  #: [time, bus]
    i_a: FloatArray  #: [time, branch]
    loss_kw: FloatArray  #: [time, branch]
    import_kw: FloatArray  #: [time, feeder]


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Of the day, in the case's currency, by the anchored network."""

    energy: float  #: import at its price, losses included
    curtailment: float
    reactive: float
    shortfall: float  #: as the program counts it, see ``promises``

    @property
    def total(self) -> float:
        """What the dispatch minimises."""
        return self.energy + self.curtailment + self.reactive + self.shortfall


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Delivery:
    """What became of a requirement, in each of its steps, by exact power flow."""

    requirement: Requirement
    planned_kw: FloatArray  #: [step] import without requirements
    import_kw: FloatArray  #: [step]
    shortfall_kw: FloatArray  #: [step], 0 where it is met
    feasible: bool  #: no shortfall


@dataclass(frozen=True, slots=True, kw_only=True)
class PolygonError:
    """What polygons cost against exact discs: of capacity, and of losses.

    Of the objective, see ``exact_disc``.
    """

    sides: int
    largest: float  #: 1 - cos(pi / sides)
    losses_kwh: float  #: converters' losses of the day as the polygon has them
    exact_losses_kwh: float  #: factor |(P, Q)| at the same setpoints

    @property
    def losses(self) -> float:
        """Losses of the polygon over exact ones, minus 1."""
        return self.losses_kwh / self.exact_losses_kwh - 1 if self.exact_losses_kwh else 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dispatch:
    """A day, solved."""

    setpoints: Setpoints
    linear: LinearState
    exact: ExactState
    costs: Costs
    plan: Costs  #: the cheapest dispatch without requirements
    plan_setpoints: Setpoints
    plan_import_kw: FloatArray  #: [time, feeder] of that plan, by exact power flow
    deliveries: tuple[Delivery, ...]
    polygon: PolygonError
    bound: float  #: proven lower bound of ``costs.total`` with the network as anchored
    passes: int  #: of the plan and of the requirements, until all agrees with exact power flow
    first_deviation_pu: float  #: largest |V linear - V exact| of (A1) alone, at the first setpoints
    seconds: float

    @property
    def gap(self) -> float:
        """(objective - bound) / |objective|."""
        return (self.costs.total - self.bound) / max(abs(self.costs.total), 1e-9)
