"""The distribution feeder as data: buses, lines, loads, devices, limits.

Engineering units throughout (kW, kvar, kVA, kV, ohm); per unit begins in ``lindist3flow``.
Loads and chargers positive when consuming, generation positive when producing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..core.units import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """A series branch; flow is positive from ``from_bus`` to ``to_bus``."""

    id: str
    from_bus: str
    to_bus: str
    phases: str  #: the phases that have a conductor, e.g. "abc" or "b"
    z_ohm: npt.NDArray[np.complex128]  #: 3x3 series impedance, phases a, b, c; 0 where absent
    s_max_kva: float  #: rating of each phase


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Load:
    """Constant-power, wye-connected load of one bus at load factor 1."""

    bus: str
    p_kw: FloatArray  #: [phase], positive for consumption
    q_kvar: FloatArray  #: [phase], positive for consumption


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """A dispatchable three-phase generator (Chen et al. D1-D5, Table A.II).

    Cost of an hour at P kW: ``cost_quadratic P^2 + cost_linear P``. Each phase carries at most
    ``phase_share_max`` of ``p_max_kw``. Reserve costs ``reserve_price_per_kw`` per kW and hour.
    """

    id: str
    bus: str
    p_min_kw: float
    p_max_kw: float
    ramp_up_kw_per_h: float
    ramp_down_kw_per_h: float
    q_per_p_min: float  #: smallest Q/P, theta_min of (D4)
    q_per_p_max: float  #: largest Q/P, theta_max of (D4)
    cost_quadratic_per_kw2h: float
    cost_linear_per_kwh: float
    reserve_price_per_kw: float
    phase_share_max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """A grid battery (Chen et al. D6-D12, Table A.III).

    Degradation of an hour costs ``degradation_per_kwh (P_ch eta_ch + P_dis / eta_dis)``.
    The day ends with at least ``e_start_kwh``.
    """

    id: str
    bus: str
    e_min_kwh: float
    e_max_kwh: float
    e_start_kwh: float
    p_charge_max_kw: float
    p_discharge_max_kw: float
    efficiency_charge: float
    efficiency_discharge: float
    q_per_p_max: float  #: alpha_max of (D10)
    degradation_per_kwh: float
    reserve_price_per_kw: float
    phase_share_max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WindTurbine:
    """A three-phase wind turbine at unity power factor, a third of its output on each phase."""

    id: str
    bus: str
    p_rated_kw: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the operator promises: voltage magnitude [pu] and phase-voltage unbalance rate [-].

    VUR of a bus = largest deviation of a phase magnitude from the mean of the three / that mean.
    """

    vm_min_pu: float
    vm_max_pu: float
    vur_max: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Feeder:
    """A radial three-phase feeder; ``source_bus`` is held at ``vm_source_pu``, angles 0/-120/120.

    The order of ``buses``, ``lines`` and devices is the order of every result's axis.
    """

    vn_kv: float  #: line-to-line
    source_bus: str
    vm_source_pu: float
    buses: tuple[str, ...]
    bus_xy: tuple[tuple[float, float], ...]  #: drawing position of each bus
    lines: tuple[Line, ...]
    loads: tuple[Load, ...]
    generators: tuple[Generator, ...]
    batteries: tuple[Battery, ...]
    wind_turbines: tuple[WindTurbine, ...]
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Injection:
    """What a converter injects on a fixed schedule, a third on each phase; it never errs.

    So a soft open point comes in: one injection for each terminal. Axis: time.
    """

    id: str
    bus: str
    p_kw: FloatArray  #: positive for production
    q_kvar: FloatArray  #: positive for production


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridDay:
    """What the operator expects of the day, and what energy costs it. Axis: time.

    Load at (time, bus, phase) = load at factor 1 times ``load_factor``; wind likewise times
    ``wind_factor`` of the rated power; ``injections`` are as they are. Upstream energy is
    bought at ``upstream_price_per_kwh`` and returned at ``export_price_per_kwh``; reactive energy
    drawn costs ``reactive_price_per_kvarh``.
    """

    load_factor: FloatArray
    wind_factor: FloatArray
    upstream_price_per_kwh: FloatArray
    export_price_per_kwh: FloatArray
    reactive_price_per_kvarh: FloatArray
    injections: tuple[Injection, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorModel:
    """How far loads and wind stray from their forecast, and how they hang together.

    Standard deviations are relative: to the load of the bus, and to the turbine's expected output.
    Errors are bounded by ``support_sd`` standard deviations (the box of the robust treatment).
    Spearman rank correlations between two loads, two turbines, and a load and a turbine; hours
    are independent.
    """

    load_sd: float
    wind_sd: float
    support_sd: float
    spearman_load_load: float
    spearman_wind_wind: float
    spearman_load_wind: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionPoint:
    """Where a station draws power: a bus, and the share of its power on each phase (sums to 1)."""

    id: str
    bus: str
    share: tuple[float, float, float]
