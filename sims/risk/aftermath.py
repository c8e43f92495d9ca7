"""After the fact: what a day cost the operator, and what its wires did, once errors were known.

Devices answer (``answers``), the upstream grid delivers the rest, and an exact three-phase power
flow says what that is, losses included, and where voltages end up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...core.units import BoolArray, FloatArray
from ...grid.dispatch import Dispatch
from ...grid.exceedance import (
    devices_exceeded,
    existing_limits,
    limited_elements,
    network_exceeded,
)
from ...grid.feeder import Feeder, GridDay
from ...grid.limit_rates import LimitKind
from ...grid.powerflow import AcModel, AcResult
from ...grid.realised_load import build_realised_load, missing_kw
from ...grid.unbalance import pvur
from .answers import Answers, answer
from .approved import ApprovedDay
from .design import EMERGENCY_MULTIPLE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aftermath:
    """Costs [scenario], NaN where an hour's power flow has no solution, and what was violated."""

    upstream_active: FloatArray
    upstream_reactive: FloatArray
    der: FloatArray
    reserve: float
    real_time_kwh: FloatArray  #: bought upstream beyond schedule [scenario]
    beyond: BoolArray  #: [scenario, time, limit], over all kinds of limits
    limit_names: tuple[str, ...]
    vm_pu: FloatArray  #: [scenario, time, bus, phase]
    vur: FloatArray  #: [scenario, time, bus]

    @property
    def total_cost(self) -> FloatArray:
        """Sum of the four parts [scenario]."""
        return np.asarray(self.upstream_active + self.upstream_reactive + self.der + self.reserve)


def after_the_fact(day: ApprovedDay, dispatch: Dispatch, errors_kw: FloatArray) -> Aftermath:
    """Runs a dispatch through errors [scenario, time, source]; stations keep to what was agreed.

    Upstream energy scheduled a day ahead is what the wires draw at the forecast, losses included.
    More of it costs ``EMERGENCY_MULTIPLE`` times the hour's price, less of it is sold back at the
    export price. Reactive energy likewise, but what is not drawn earns nothing.
    """
    feeder, grid_day = day.case.feeder, day.case.grid_day
    answers = answer(feeder, dispatch, errors_kw)
    flows = AcModel(feeder)
    results, drawn = _flows(day, dispatch, errors_kw, answers, flows)
    active, reactive = _upstream_cost(grid_day, drawn)
    beyond, names = _limits(feeder, dispatch, errors_kw, flows, results)
    vm_pu = np.stack([result.vm_pu for result in results], axis=1)
    return Aftermath(
        upstream_active=active,
        upstream_reactive=reactive,
        der=_der_cost(feeder, grid_day, dispatch, answers),
        reserve=dispatch.cost.reserve,
        real_time_kwh=np.maximum(drawn[0, 1:] - drawn[0, :1], 0).sum(axis=-1),
        beyond=beyond,
        limit_names=names,
        vm_pu=vm_pu,
        vur=pvur(vm_pu),
    )


def _flows(
    day: ApprovedDay, dispatch: Dispatch, errors_kw: FloatArray, answers: Answers, flows: AcModel
) -> tuple[list[AcResult], FloatArray]:
    """(power flows of every hour, drawn upstream [p or q, forecast then scenarios, time])."""
    feeder = day.case.feeder
    idle = replace(
        dispatch,
        generator_alpha=np.zeros_like(dispatch.generator_alpha),
        battery_alpha=np.zeros_like(dispatch.battery_alpha),
    )
    load = build_realised_load(feeder, day.case.grid_day, idle, day.points, day.withdrawal_kw)
    added_kw = np.concatenate([answers.generator_kw, answers.battery_kw], axis=2)
    at_bus = _device_buses(feeder)
    results, drawn = [], np.empty((2, len(errors_kw) + 1, len(load.p_kw)))
    for hour in range(len(load.p_kw)):
        p_kw, q_kvar = load.at(hour, errors_kw[:, hour])
        p_kw = p_kw - (added_kw[:, hour] @ at_bus)[..., None] / 3
        results.append(flows.solve(p_kw, q_kvar))
        forecast = flows.solve(load.p_kw[hour : hour + 1], load.q_kvar[hour : hour + 1])
        drawn[:, :1, hour] = _drawn(load.p_kw[None, hour], load.q_kvar[None, hour], forecast)
        drawn[:, 1:, hour] = _drawn(p_kw, q_kvar, results[-1])
    return results, drawn


def _device_buses(feeder: Feeder) -> FloatArray:
    """[device, bus], generators then batteries, 1 where the device is."""
    at = [g.bus for g in feeder.generators] + [b.bus for b in feeder.batteries]
    return np.array([[float(bus == site) for bus in feeder.buses] for site in at])


def _drawn(p_kw: FloatArray, q_kvar: FloatArray, result: AcResult) -> FloatArray:
    """What the feeder draws upstream (p, q) [2, scenario]: its net load and its losses."""
    q_loss = np.nansum(result.q_from_kvar + result.q_to_kvar, axis=(1, 2))
    q_loss[result.failed] = np.nan
    return np.stack([p_kw.sum(axis=(1, 2)) + result.loss_kw, q_kvar.sum(axis=(1, 2)) + q_loss])


def _upstream_cost(day: GridDay, drawn: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(active, reactive) [scenario], from ``drawn`` [p or q, forecast then scenarios, time]."""
    buy, export = day.upstream_price_per_kwh, day.export_price_per_kwh
    planned, more = drawn[0, 0], drawn[0, 1:] - drawn[0, 0]
    scheduled = np.maximum(planned, 0) @ buy + np.minimum(planned, 0) @ export
    active = scheduled + EMERGENCY_MULTIPLE * np.maximum(more, 0) @ buy
    active = active + np.minimum(more, 0) @ export
    price = day.reactive_price_per_kvarh
    planned_q = np.maximum(drawn[1, 0], 0)
    more_q = np.maximum(drawn[1, 1:] - planned_q, 0)
    return active, planned_q @ price + EMERGENCY_MULTIPLE * more_q @ price


def _der_cost(feeder: Feeder, day: GridDay, dispatch: Dispatch, answers: Answers) -> FloatArray:
    """Generation and wear as delivered; energy that batteries owe is made good at the mean price.

    [scenario]
    """
    made = dispatch.generator_p_kw.sum(axis=-1) + answers.generator_kw
    quadratic = np.array([g.cost_quadratic_per_kw2h for g in feeder.generators])
    linear = np.array([g.cost_linear_per_kwh for g in feeder.generators])
    planned = (dispatch.battery_discharge_kw - dispatch.battery_charge_kw).sum(axis=-1)
    delivered = planned + answers.battery_kw
    wear = np.array([b.degradation_per_kwh for b in feeder.batteries])
    into = np.array([b.efficiency_charge for b in feeder.batteries])
    out_of = np.array([b.efficiency_discharge for b in feeder.batteries])
    worn = np.maximum(delivered, 0) / out_of - np.minimum(delivered, 0) * into
    owed = answers.owed_kwh @ (day.upstream_price_per_kwh.mean() / into)
    generation = (made**2 @ quadratic + made @ linear).sum(axis=1)
    return np.asarray(generation + (worn @ wear).sum(axis=1) + owed)


def _limits(
    feeder: Feeder,
    dispatch: Dispatch,
    errors_kw: FloatArray,
    flows: AcModel,
    results: list[AcResult],
) -> tuple[BoolArray, tuple[str, ...]]:
    """(violated [scenario, time, limit], names of the limits), all kinds in one row.

    A reserve is violated where the share asks for more than was set aside, a battery where its
    share alone would leave it beyond full or empty.
    """
    exists, elements = existing_limits(feeder, flows), limited_elements(feeder)
    network = [network_exceeded(feeder, result) for result in results]
    devices = devices_exceeded(feeder, dispatch, missing_kw(feeder, errors_kw))
    columns, names = [], []
    for kind in LimitKind:
        if kind in devices:
            columns.append(devices[kind][:, :, exists[kind]])
        else:
            hours = [hour[kind][:, exists[kind]] for hour in network]
            columns.append(np.stack(hours, axis=1))
        names += _names(kind, elements[kind], exists[kind])
    return np.concatenate(columns, axis=2), tuple(names)


def _names(kind: LimitKind, elements: tuple[str, ...], exists: BoolArray) -> list[str]:
    places = np.argwhere(exists)
    return [
        " ".join([str(kind), elements[place[0]], *(f"phase {'abc'[k]}" for k in place[1:])])
        for place in places
    ]
