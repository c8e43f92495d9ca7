"""What every bus draws once forecasts have erred and devices have answered.

In one hour all of it is affine in the errors: the load and wind errors themselves, and the answer
``alpha D`` of each device, a third on each phase, with D = load errors - wind errors (Chen et al.,
eq. (16); the policy is written out in ``dispatch``). Stations keep to what was agreed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.units import PHASES, FloatArray
from .dispatch import Dispatch
from .feeder import (
    Battery,
    ConnectionPoint,
    Feeder,
    Generator,
    GridDay,
    Injection,
    Load,
    WindTurbine,
)

_Sited = Load | WindTurbine | Generator | Battery | Injection | ConnectionPoint
_EVEN = np.full(len(PHASES), 1 / len(PHASES))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RealisedLoad:
    """Net consumption of a day as an affine function of its errors."""

    p_kw: FloatArray  #: [time, bus, phase], at the forecast
    q_kvar: FloatArray  #: [time, bus, phase], at the forecast
    p_by_error: FloatArray  #: [time, source, bus, phase], kW per kW of error
    q_by_error: FloatArray  #: [source, bus, phase], kvar per kW of error

    def at(self, time: int, errors_kw: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(p_kw, q_kvar) [scenario, bus, phase] of one hour at ``errors_kw`` [scenario, source]."""
        p_kw = self.p_kw[time] + np.tensordot(errors_kw, self.p_by_error[time], axes=1)
        q_kvar = self.q_kvar[time] + np.tensordot(errors_kw, self.q_by_error, axes=1)
        return p_kw, q_kvar


def build_realised_load(
    feeder: Feeder,
    day: GridDay,
    dispatch: Dispatch,
    points: tuple[ConnectionPoint, ...],
    withdrawal_kw: FloatArray,
) -> RealisedLoad:
    """Loads, wind, injections, agreed station exchange and devices, put together bus by bus.

    Args:
        feeder: names the sources of error: its loads, then its wind turbines.
        day: the forecast.
        dispatch: schedules and shares in balancing.
        points: where stations are connected.
        withdrawal_kw: agreed net withdrawal [time, point], at unity power factor.
    """
    load_p, load_q = _load_powers(feeder)
    rated_kw = np.array([turbine.p_rated_kw for turbine in feeder.wind_turbines])
    wind_kw = np.outer(day.wind_factor, rated_kw)[..., None] * _EVEN
    share = np.array([point.share for point in points]).reshape(-1, len(PHASES))
    battery_kw = dispatch.battery_discharge_kw - dispatch.battery_charge_kw
    at_loads, at_turbines = _sites(feeder, feeder.loads), _sites(feeder, feeder.wind_turbines)
    at_generators = _sites(feeder, feeder.generators)
    at_batteries = _sites(feeder, feeder.batteries)
    factor = day.load_factor[:, None, None]
    answer = at_generators @ (dispatch.generator_alpha[..., None] * _EVEN)
    answer += at_batteries @ (dispatch.battery_alpha[..., None] * _EVEN)
    missing = _missing_per_error(feeder)[:, None, None] * answer[:, None]
    p_by_error, q_by_error = _by_error(feeder)
    injected_p_kw, injected_q_kvar = _injected(feeder, day)
    return RealisedLoad(
        p_kw=at_loads @ (factor * load_p)
        - at_turbines @ wind_kw
        - injected_p_kw
        + _sites(feeder, points) @ (withdrawal_kw[..., None] * share)
        - at_generators @ dispatch.generator_p_kw
        - at_batteries @ battery_kw,
        q_kvar=at_loads @ (factor * load_q)
        - injected_q_kvar
        - at_generators @ dispatch.generator_q_kvar
        - at_batteries @ dispatch.battery_q_kvar,
        p_by_error=p_by_error - missing,
        q_by_error=q_by_error,
    )


def missing_kw(feeder: Feeder, errors_kw: FloatArray) -> FloatArray:
    """D, the net load that the forecast missed [...], from errors [..., source], in kW."""
    return np.asarray(errors_kw @ _missing_per_error(feeder))


def _missing_per_error(feeder: Feeder) -> FloatArray:
    """What each source's error adds to D: more load is missing, more wind is not."""
    return np.repeat([1.0, -1.0], [len(feeder.loads), len(feeder.wind_turbines)])


def _by_error(feeder: Feeder) -> tuple[FloatArray, FloatArray]:
    """How the sources themselves answer to their errors (p, q) [source, bus, phase].

    A load's error spreads over phases, and over reactive power, as its forecast does; one without
    active power has no error.
    """
    load_p, load_q = _load_powers(feeder)
    total = load_p.sum(axis=1, keepdims=True)
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total != 0)
    none = np.zeros((len(feeder.wind_turbines), len(PHASES)))
    p = np.vstack([load_p * scale, none - _EVEN])
    q = np.vstack([load_q * scale, none])
    at = np.hstack([_sites(feeder, feeder.loads), _sites(feeder, feeder.wind_turbines)]).T
    return at[..., None] * p[:, None], at[..., None] * q[:, None]


def _load_powers(feeder: Feeder) -> tuple[FloatArray, FloatArray]:
    """(p_kw, q_kvar) [load, phase] at load factor 1."""
    p_kw = np.array([load.p_kw for load in feeder.loads]).reshape(-1, len(PHASES))
    return p_kw, np.array([load.q_kvar for load in feeder.loads]).reshape(-1, len(PHASES))


def _injected(feeder: Feeder, day: GridDay) -> tuple[FloatArray, FloatArray]:
    """Scheduled (p_kw, q_kvar) [time, bus, phase], positive for production."""
    at, hours = _sites(feeder, day.injections), len(day.load_factor)
    p_kw = np.array([injection.p_kw for injection in day.injections]).reshape(-1, hours)
    q_kvar = np.array([injection.q_kvar for injection in day.injections]).reshape(-1, hours)
    return at @ (p_kw.T[..., None] * _EVEN), at @ (q_kvar.T[..., None] * _EVEN)


def _sites(feeder: Feeder, elements: Sequence[_Sited]) -> FloatArray:
    """[bus, element], 1 where the element sits at the bus."""
    at = [element.bus for element in elements]
    return np.array([[float(bus == site) for site in at] for bus in feeder.buses])
