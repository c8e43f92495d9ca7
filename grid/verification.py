"""An approved day put to the test: exact AC power flow on errors the optimisation never saw.

Loads and wind stray, devices answer by their shares without regard to their reserve, stations draw
what was agreed. What comes out is measured against every limit the operator promised to keep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..core.errors import PowerFlowError
from ..core.units import PHASES, BoolArray, FloatArray, IntArray, frozen
from .dispatch import Dispatch
from .exceedance import (
    devices_exceeded,
    existing_limits,
    limited_elements,
    line_loading,
    network_exceeded,
)
from .feeder import ConnectionPoint, Feeder, GridDay
from .limit_rates import LimitFamily, LimitKind, LimitRate, find_breaches, worst_rates
from .lindist3flow import LinearModel, build_linear_model, squared_voltages
from .powerflow import AcModel, AcResult
from .realised_load import build_realised_load, missing_kw
from .unbalance import pvur

#: Levels of the envelopes; the first and the last are the extremes of all samples.
QUANTILES = (0.0, 0.05, 0.5, 0.95, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extreme:
    """The largest or smallest value of all samples, and where and when it was."""

    value: float
    element: str
    phase: str  #: "" where the value is not of one phase
    time: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verification:
    """What the wires did with the day. NaN at absent phases; envelope axis quantile: QUANTILES.

    A flow without solution exceeds every limit of its hour, and is left out of envelopes, extremes,
    losses and the linear model's error.
    """

    risk: float  #: promised for every limit by itself
    samples: int  #: scenarios of each hour
    failed: IntArray  #: [failure, 2], scenario and time of flows without solution
    families: tuple[LimitFamily, ...]
    worst: tuple[LimitRate, ...]  #: the limit of each family that is exceeded most often
    breaches: tuple[LimitRate, ...]  #: limits exceeded significantly more often than promised
    joint_rate: float  #: share of (scenario, hour) in which any limit at all is exceeded
    vm_min: Extreme  #: pu
    vm_max: Extreme  #: pu
    vur_max: Extreme
    loading_max: Extreme  #: of the rating
    loss_kwh: float  #: expected over the day
    #: Largest |LinDist3Flow - AC| of a voltage magnitude, over samples, hours and nodes. Of the
    #: plain linear model, fed with the realised loads: what anchoring takes off is still in it, so
    #: it is no bound on how far the approved plan is off, and says nothing of the error model.
    linear_error_max_pu: float
    linear_error_mean_pu: float  #: likewise, the mean
    vm_pu: FloatArray  #: [quantile, time, bus, phase]
    vur: FloatArray  #: [quantile, time, bus]
    loading: FloatArray  #: [quantile, time, line, phase], of the rating

    @property
    def kept_promise(self) -> bool:
        """Whether no limit is exceeded significantly more often than promised."""
        return not self.breaches


def verify_dispatch(
    feeder: Feeder,
    day: GridDay,
    dispatch: Dispatch,
    points: tuple[ConnectionPoint, ...],
    withdrawal_kw: FloatArray,
    errors_kw: FloatArray,
    *,
    risk: float,
    threads: int = 1,
) -> Verification:
    """Run the approved day on every error sample and hold the outcome against all limits.

    Args:
        feeder: limits and ratings included.
        day: the forecast.
        dispatch: schedules, reserves and shares in balancing.
        points: where stations are connected.
        withdrawal_kw: agreed net withdrawal [time, point], kept whatever happens.
        errors_kw: fresh errors [scenario, time, source], of loads, then of turbines.
        risk: the promised probability that one limit is exceeded.
        threads: of the power flow; 0 for all of the machine.

    Raises:
        PowerFlowError: no flow of the day has a solution.
    """
    load = build_realised_load(feeder, day, dispatch, points, withdrawal_kw)
    by_devices = devices_exceeded(feeder, dispatch, missing_kw(feeder, errors_kw))
    flows, model = AcModel(feeder), build_linear_model(feeder)
    exists = existing_limits(feeder, flows)
    hours = []
    for time in range(len(day.load_factor)):  # hour by hour: memory stays at one hour's samples
        p_kw, q_kvar = load.at(time, errors_kw[:, time])
        result = flows.solve(p_kw, q_kvar, threads=threads)
        exceeded = network_exceeded(feeder, result)
        exceeded |= {kind: beyond[:, time] for kind, beyond in by_devices.items()}
        error_pu = np.abs(_linear_vm_pu(model, p_kw, q_kvar) - result.vm_pu)
        hours.append(_summarise(feeder, result, exceeded, exists, error_pu))
    if all(len(hour.failed) == len(errors_kw) for hour in hours):
        flow_count = len(hours) * len(errors_kw)
        raise PowerFlowError("verification of the day", flow_count, flow_count)
    return _to_verification(feeder, hours, exists, len(errors_kw), risk)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Hour:
    """What the samples of one hour leave behind."""

    counts: dict[LimitKind, IntArray]  #: samples beyond each limit [element] or [element, phase]
    hits: dict[LimitKind, BoolArray]  #: [scenario], any limit of the kind exceeded
    failed: IntArray
    loss_kw: float  #: mean of the solved scenarios, NaN if none
    error_pu: FloatArray  #: |linear - AC| (largest, sum, number of values)
    vm_pu: FloatArray  #: [quantile, bus, phase]
    vur: FloatArray  #: [quantile, bus]
    loading: FloatArray  #: [quantile, line, phase]


def _linear_vm_pu(model: LinearModel, p_kw: FloatArray, q_kvar: FloatArray) -> FloatArray:
    w_pu = squared_voltages(model, model.to_nodes(p_kw), model.to_nodes(q_kvar))
    # Far beyond collapse the line of w crosses 0; such samples have no AC solution to compare with.
    return model.to_buses(np.sqrt(np.maximum(w_pu, 0)))


def _summarise(
    feeder: Feeder,
    result: AcResult,
    exceeded: dict[LimitKind, BoolArray],
    exists: dict[LimitKind, BoolArray],
    error_pu: FloatArray,
) -> _Hour:
    beyond = {kind: exceeded[kind] & exists[kind] for kind in LimitKind}
    error = np.delete(error_pu, result.failed, axis=0)[:, exists[LimitKind.VOLTAGE_LOW]]
    loss_kw = np.delete(result.loss_kw, result.failed)
    return _Hour(
        counts={kind: beyond[kind].sum(axis=0) for kind in LimitKind},
        hits={kind: np.any(beyond[kind].reshape(len(error_pu), -1), axis=1) for kind in LimitKind},
        failed=result.failed,
        loss_kw=loss_kw.mean() if loss_kw.size else np.nan,
        error_pu=np.array([error.max(initial=0), error.sum(), error.size]),
        vm_pu=_quantiles(result.vm_pu, result.failed),
        vur=_quantiles(pvur(result.vm_pu), result.failed),
        loading=_quantiles(line_loading(feeder, result), result.failed),
    )


def _quantiles(values: FloatArray, failed: IntArray) -> FloatArray:
    """[quantile, ...] over the solved scenarios; NaN where none is."""
    solved = np.delete(values, failed, axis=0)
    if not len(solved):
        return np.full((len(QUANTILES), *values.shape[1:]), np.nan)
    return np.asarray(np.quantile(solved, QUANTILES, axis=0))


def _to_verification(
    feeder: Feeder,
    hours: list[_Hour],
    exists: dict[LimitKind, BoolArray],
    samples: int,
    risk: float,
) -> Verification:
    elements = limited_elements(feeder)
    families = [
        _to_family(kind, elements[kind], hours, exists[kind], samples) for kind in LimitKind
    ]
    vm_pu = np.stack([hour.vm_pu for hour in hours], axis=1)
    vur = np.stack([hour.vur for hour in hours], axis=1)
    loading = np.stack([hour.loading for hour in hours], axis=1)
    error_max, error_sum, error_count = np.array([hour.error_pu for hour in hours]).T
    failed = [(k, t) for t, hour in enumerate(hours) for k in hour.failed]
    return Verification(
        risk=risk,
        samples=samples,
        failed=frozen(failed, np.int64).reshape(-1, 2),
        families=tuple(families),
        worst=worst_rates(families, samples),
        breaches=find_breaches(families, samples, risk),
        joint_rate=float(np.mean([np.any([*hour.hits.values()], axis=0) for hour in hours])),
        vm_min=_extreme(vm_pu[0], feeder.buses, np.nanargmin),
        vm_max=_extreme(vm_pu[-1], feeder.buses, np.nanargmax),
        vur_max=_extreme(vur[-1], feeder.buses, np.nanargmax),
        loading_max=_extreme(loading[-1], elements[LimitKind.LOADING], np.nanargmax),
        loss_kwh=float(sum(hour.loss_kw for hour in hours)),
        linear_error_max_pu=float(error_max.max()),
        linear_error_mean_pu=float(error_sum.sum() / error_count.sum()),
        vm_pu=frozen(vm_pu),
        vur=frozen(vur),
        loading=frozen(loading),
    )


def _to_family(
    kind: LimitKind, elements: tuple[str, ...], hours: list[_Hour], exists: BoolArray, samples: int
) -> LimitFamily:
    return LimitFamily(
        kind=kind,
        elements=elements,
        exists=frozen(exists, np.bool_),
        rate=frozen(np.array([hour.counts[kind] for hour in hours]) / samples),
        joint_rate=float(np.mean([hour.hits[kind] for hour in hours])),
    )


def _extreme(
    values: FloatArray, elements: tuple[str, ...], find: Callable[[FloatArray], np.intp]
) -> Extreme:
    """Where ``values`` [time, element(, phase)] are largest or smallest."""
    place = np.unravel_index(find(values), values.shape)
    return Extreme(
        value=float(values[place]),
        element=elements[place[1]],
        phase=PHASES[place[2]] if len(place) == 3 else "",
        time=int(place[0]),
    )
