"""Which samples go beyond which limit: voltages, unbalance, loading, reserves, stored energy."""

from __future__ import annotations

import numpy as np

from ..core.units import BoolArray, FloatArray
from .dispatch import Dispatch
from .feeder import Feeder
from .limit_rates import LimitKind
from .powerflow import AcModel, AcResult
from .unbalance import pvur

#: A network limit counts as exceeded beyond this share of it, a hundred times the flow's tolerance.
_SLACK = 1e-6
#: A device limit beyond this: a cone solver closes its rows to a few millionths of hundreds of kW.
_DEVICE_SLACK_KW = 1e-2


def existing_limits(feeder: Feeder, flows: AcModel) -> dict[LimitKind, BoolArray]:
    """Where there is something to limit [element(, phase)]; nobody answers for the source's."""
    buses = flows.present.copy()
    buses[feeder.buses.index(feeder.source_bus)] = False
    batteries = np.ones(len(feeder.batteries), dtype=bool)
    devices = np.ones(len(feeder.generators) + len(batteries), dtype=bool)
    return {
        LimitKind.VOLTAGE_LOW: buses,
        LimitKind.VOLTAGE_HIGH: buses,
        LimitKind.UNBALANCE: np.all(buses, axis=1),
        LimitKind.LOADING: flows.conductors,
        LimitKind.RESERVE_UP: devices,
        LimitKind.RESERVE_DOWN: devices,
        LimitKind.ENERGY_LOW: batteries,
        LimitKind.ENERGY_HIGH: batteries,
    }


def limited_elements(feeder: Feeder) -> dict[LimitKind, tuple[str, ...]]:
    """Names along the element axis of each kind of limit."""
    batteries = tuple(battery.id for battery in feeder.batteries)
    devices = (*(generator.id for generator in feeder.generators), *batteries)
    return {
        LimitKind.VOLTAGE_LOW: feeder.buses,
        LimitKind.VOLTAGE_HIGH: feeder.buses,
        LimitKind.UNBALANCE: feeder.buses,
        LimitKind.LOADING: tuple(line.id for line in feeder.lines),
        LimitKind.RESERVE_UP: devices,
        LimitKind.RESERVE_DOWN: devices,
        LimitKind.ENERGY_LOW: batteries,
        LimitKind.ENERGY_HIGH: batteries,
    }


def network_exceeded(feeder: Feeder, result: AcResult) -> dict[LimitKind, BoolArray]:
    """[scenario, element(, phase)]. NaN, the mark of a failed flow, is within no limit."""
    limits = feeder.limits
    return {
        LimitKind.VOLTAGE_LOW: ~(result.vm_pu >= limits.vm_min_pu * (1 - _SLACK)),
        LimitKind.VOLTAGE_HIGH: ~(result.vm_pu <= limits.vm_max_pu * (1 + _SLACK)),
        LimitKind.UNBALANCE: ~(pvur(result.vm_pu) <= limits.vur_max * (1 + _SLACK)),
        LimitKind.LOADING: ~(line_loading(feeder, result) <= 1 + _SLACK),
    }


def line_loading(feeder: Feeder, result: AcResult) -> FloatArray:
    """Apparent power over the rating [scenario, line, phase]."""
    rating_kva = np.array([line.s_max_kva for line in feeder.lines])
    return np.asarray(result.s_kva / rating_kva[:, None])


def devices_exceeded(
    feeder: Feeder, dispatch: Dispatch, missing_kw: FloatArray
) -> dict[LimitKind, BoolArray]:
    """[scenario, time, device]: answers beyond the reserve set aside, batteries empty or full.

    Args:
        feeder: limits of stored energy.
        dispatch: schedules, reserves and shares.
        missing_kw: D [scenario, time].
    """
    alpha = np.hstack([dispatch.generator_alpha, dispatch.battery_alpha])
    up_kw = np.hstack([dispatch.generator_reserve_up_kw, dispatch.battery_reserve_up_kw])
    down_kw = np.hstack([dispatch.generator_reserve_down_kw, dispatch.battery_reserve_down_kw])
    answer_kw = missing_kw[..., None] * alpha
    energy_kwh = realised_energy_kwh(feeder, dispatch, missing_kw)
    lowest = np.array([battery.e_min_kwh for battery in feeder.batteries])
    highest = np.array([battery.e_max_kwh for battery in feeder.batteries])
    return {
        LimitKind.RESERVE_UP: answer_kw > up_kw + _DEVICE_SLACK_KW,
        LimitKind.RESERVE_DOWN: -answer_kw > down_kw + _DEVICE_SLACK_KW,
        LimitKind.ENERGY_LOW: energy_kwh < lowest - _DEVICE_SLACK_KW,
        LimitKind.ENERGY_HIGH: energy_kwh > highest + _DEVICE_SLACK_KW,
    }


def realised_energy_kwh(feeder: Feeder, dispatch: Dispatch, missing_kw: FloatArray) -> FloatArray:
    """Energy at the end of each hour [scenario, time, battery] with all answers so far in it.

    A battery that delivers p > 0 loses p / eta_dis, one that takes -p > 0 gains -p eta_ch.
    """
    planned_kw = (dispatch.battery_discharge_kw - dispatch.battery_charge_kw).sum(axis=-1)
    answered_kw = planned_kw + missing_kw[..., None] * dispatch.battery_alpha
    extra_kwh = _drawn_kwh(feeder, answered_kw) - _drawn_kwh(feeder, planned_kw)
    return np.asarray(dispatch.battery_energy_kwh - np.cumsum(extra_kwh, axis=1))


def _drawn_kwh(feeder: Feeder, p_kw: FloatArray) -> FloatArray:
    charging = np.array([battery.efficiency_charge for battery in feeder.batteries])
    discharging = np.array([battery.efficiency_discharge for battery in feeder.batteries])
    return np.asarray(np.maximum(p_kw, 0) / discharging + np.minimum(p_kw, 0) * charging)
