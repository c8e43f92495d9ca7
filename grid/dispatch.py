"""What the operator decides for the day: schedules, reserves, participation, costs and prices.

The answer to an error. Let ``error_kw [source]`` be how far loads and turbines stray from their
forecast in one hour, and D = sum of load errors - sum of wind errors, the net load that is
missing. Each device then changes its production by ``alpha D``, a third on each phase, at
unchanged reactive power; the upstream grid delivers ``upstream_alpha D``. A load's reactive power
strays in proportion to its active power (Chen et al., F1-F7 and text below (16)).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core.solve import SolveReport
from ..core.units import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchCost:
    """What the day costs the operator at the forecast, in the case's currency."""

    upstream_energy: float  #: energy bought less energy sold upstream
    upstream_reactive: float
    generation: float
    degradation: float
    reserve: float

    @property
    def total(self) -> float:
        """Sum of the five parts."""
        return (
            self.upstream_energy
            + self.upstream_reactive
            + self.generation
            + self.degradation
            + self.reserve
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dispatch:
    """A day-ahead dispatch. Elements in the feeder's order, phases a, b, c; absent phases NaN.

    Voltages and flows are those of the linear model at the forecast. A nodal price is what one
    more kWh (kvarh) drawn at that bus and phase would add to the day's cost, uncertainty unchanged.
    """

    generator_p_kw: FloatArray  #: [time, generator, phase], positive for production
    generator_q_kvar: FloatArray  #: [time, generator, phase], positive for production
    generator_reserve_up_kw: FloatArray  #: [time, generator]
    generator_reserve_down_kw: FloatArray  #: [time, generator]
    generator_alpha: FloatArray  #: [time, generator], share in balancing
    battery_charge_kw: FloatArray  #: [time, battery, phase], >= 0
    battery_discharge_kw: FloatArray  #: [time, battery, phase], >= 0
    battery_q_kvar: FloatArray  #: [time, battery, phase], positive for production
    battery_energy_kwh: FloatArray  #: [time, battery], at the end of the hour
    battery_reserve_up_kw: FloatArray  #: [time, battery], more discharge or less charge
    battery_reserve_down_kw: FloatArray  #: [time, battery], less discharge or more charge
    battery_alpha: FloatArray  #: [time, battery], share in balancing
    upstream_alpha: FloatArray  #: [time], share in balancing; all shares of an hour sum to 1
    upstream_p_kw: FloatArray  #: [time, phase], positive when bought
    upstream_q_kvar: FloatArray  #: [time, phase], positive when drawn
    vm_pu: FloatArray  #: [time, bus, phase]
    line_p_kw: FloatArray  #: [time, line, phase], positive from ``from_bus`` to ``to_bus``
    line_q_kvar: FloatArray  #: [time, line, phase]
    price_p_per_kwh: FloatArray  #: [time, bus, phase]
    price_q_per_kvarh: FloatArray  #: [time, bus, phase]
    cost: DispatchCost
    report: SolveReport
