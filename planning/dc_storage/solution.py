"""A plan of ports and storage: what stands, what it earns, how it is proven and how it operates."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ...core.units import FloatArray, IntArray


class Cut(StrEnum):
    """What an iteration told the master."""

    RELAXATION = "relaxation"  #: the seed: the continuous relaxation's optimum
    OPTIMALITY = "optimality"
    FEASIBILITY = "feasibility"  #: a member of J


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DcPlan:
    """Numbers of modules."""

    converter_modules: IntArray  #: [port] alpha_MT
    battery_modules: IntArray  #: [link] alpha_ES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """One iteration; bounds of the yearly profit."""

    number: int
    plan: DcPlan
    cut: Cut
    scenarios_infeasible: tuple[int, ...]  #: of this plan
    upper_bound: float  #: no plan earns more
    profit: float  #: of the best plan so far; -inf while there is none
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """A year, in the case's currency; ``before`` is the network without ports and storage."""

    electricity_before: float
    electricity: float
    carbon_before: float
    carbon: float
    investment: float  #: overnight
    annuity: float
    upkeep: float

    @property
    def income(self) -> float:
        """sum phi 365 (G dE + B_c): electricity and carbon that need not be paid for."""
        return self.electricity_before - self.electricity + self.carbon_before - self.carbon

    @property
    def profit(self) -> float:
        """pi = income - annuity - upkeep."""
        return self.income - self.annuity - self.upkeep

    @property
    def return_rate(self) -> float | None:
        """(income - upkeep) / investment; None without investment."""
        return (self.income - self.upkeep) / self.investment if self.investment else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operated:
    """A scenario's day; powers injected are positive."""

    port_p_kw: FloatArray  #: [time, port]
    port_q_kvar: FloatArray  #: [time, port]
    port_loss_kw: FloatArray  #: [time, port]
    dc_current_a: FloatArray  #: [time, port] into each port
    battery_p_kw: FloatArray  #: [time, link] given to the link
    battery_loss_kw: FloatArray  #: [time, link]
    battery_kwh: FloatArray  #: [time, link] at the end of the hour
    res_p_kw: FloatArray  #: [time, res] used
    import_kw: FloatArray  #: [time], all feeders
    import_kvar: FloatArray  #: [time]
    v_pu: FloatArray  #: [time, bus]
    i_pu: FloatArray  #: [time, branch]
    exact_v_pu: FloatArray  #: [time, bus] by AC power flow at the same injections
    exact_i_pu: FloatArray  #: [time, branch]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chance:
    """Violation rates on fresh forecast errors, the plan's operation held."""

    under_voltage: FloatArray  #: [scenario, time, bus]
    over_voltage: FloatArray  #: [scenario, time, bus]
    overload: FloatArray  #: [scenario, time, branch]
    samples: int

    @property
    def worst(self) -> float:
        """The largest of all."""
        return max(
            float(rate.max()) for rate in (self.under_voltage, self.over_voltage, self.overload)
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DcSolution:
    """The best plan found, with proof."""

    plan: DcPlan
    money: Money
    objective: float  #: yearly profit, penalties (evenness, losses) taken off
    bound: float  #: no plan has more
    penalties: float  #: money.profit - objective, a year
    steps: tuple[Step, ...]
    relaxed: FloatArray  #: modules [port, then link] of the continuous relaxation
    relaxed_profit: float
    operated: tuple[Operated, ...]  #: [scenario]
    before: tuple[Operated, ...]  #: [scenario], without ports and storage
    chance: Chance
    margin_rounds: int  #: how often margins were set anew
    return_binding: bool  #: the plan would earn more with a lower return
    relaxation_deviation: float  #: largest |l v - P^2 - Q^2| [pu]
    seconds: float

    @property
    def gap(self) -> float:
        """(bound - objective) / |objective|; 0 where both are 0."""
        left = self.bound - self.objective
        return left / abs(self.objective) if self.objective else float(left > 1e-6)

    @property
    def infeasible_iterations(self) -> tuple[int, ...]:
        """J."""
        return tuple(step.number for step in self.steps if step.cut is Cut.FEASIBILITY)

    @property
    def ac_deviation(self) -> float:
        """Largest |V - V exact| [pu]."""
        return max(float(abs(day.v_pu - day.exact_v_pu).max()) for day in self.operated)
