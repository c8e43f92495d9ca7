"""A dispatched day as plain columns, to be written down as the answer of its task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from ...core.units import BoolArray, FloatArray
from ...planning.dispatch.case import DeferrableLoads, Direction, DispatchCase
from ...planning.dispatch.solution import Costs, Delivery, Dispatch, Setpoints
from ..dispatchfile.clock import HOUR_MIN, clock_of
from ..dispatchfile.tables import ALL_FEEDERS
from ..long_table import long_table

#: What counts as met: solvers keep limits to about a millionth.
_SLACK_KWH: Final = 1e-2


def dispatch_frames(
    case: DispatchCase, found: Dispatch, disc_objective: float
) -> dict[str, pd.DataFrame]:
    """All tables that ``schema`` describes; ``disc_objective`` is NaN if it was not asked for."""
    return {
        "result": pd.DataFrame([_result(case, found)]),
        "costs": _costs(found.costs, found.plan),
        "steps": _steps(case, found),
        "feeders": _feeders(case, found),
        **_devices(case, found),
        "loads": _loads(case, found.setpoints.load_kwh),
        "requirements": pd.DataFrame([_requirement(case, one) for one in found.deliveries]),
        "deliveries": _deliveries(case, found.deliveries),
        "voltages": _long(
            case,
            {"bus": case.network.buses},
            {"linear_pu": found.linear.v_pu, "ac_pu": found.exact.v_pu},
        ),
        "branches": _branches(case, found),
        "polygon": pd.DataFrame([_polygon(found, disc_objective)]),
    }


def time_of(case: DispatchCase, step: int) -> str:
    """When a step begins; one more than the last: when the day ends."""
    return clock_of(step * case.hours * HOUR_MIN)


def _long(
    case: DispatchCase, axes: Mapping[str, Sequence[Any]], values: Mapping[str, FloatArray]
) -> pd.DataFrame:
    """``long_table`` over steps and one more axis, with the time of each step."""
    table = long_table({"step": range(case.steps), **axes}, dict(values))
    times = [time_of(case, step) for step in range(case.steps)]
    table.insert(1, "time", [times[step] for step in table["step"]])
    return table


def _result(case: DispatchCase, found: Dispatch) -> dict[str, Any]:
    missed = [one.requirement.name for one in found.deliveries if not one.feasible]
    reason = f"not met entirely: {', '.join(missed)}" if missed else ""
    deviation = np.abs(found.linear.v_pu - found.exact.v_pu).max()
    return {
        "status": "short" if missed else "ok",
        "reason": reason,
        "objective": found.costs.total,
        "bound": found.bound,
        "gap": found.gap,
        "plan_objective": found.plan.total,
        "passes": found.passes,
        "first_deviation_pu": found.first_deviation_pu,
        "ac_deviation_pu": float(deviation),
        "v_min_pu": float(found.exact.v_pu.min()),
        "v_max_pu": float(found.exact.v_pu.max()),
        "loading": float(found.exact.i_a.max() / case.rules.i_max_a),
    }


def _costs(costs: Costs, plan: Costs) -> pd.DataFrame:
    items = ("energy", "curtailment", "reactive", "shortfall", "total")
    return pd.DataFrame(
        {
            "item": items,
            "dispatch": [getattr(costs, item) for item in items],
            "plan": [getattr(plan, item) for item in items],
        }
    )


def _steps(case: DispatchCase, found: Dispatch) -> pd.DataFrame:
    points = found.setpoints
    converters = points.sop_loss_kw.sum(axis=1) + points.battery_loss_kw.sum(axis=1)
    values = {
        "price_per_kwh": case.price_per_kwh,
        "tied_kw": case.load_p_kw.sum(axis=1),
        "deferrable_kw": points.load_p_kw.sum(axis=1),
        "generation_kw": points.dg_p_kw.sum(axis=1),
        "available_kw": case.generators.p_kw.sum(axis=1),
        "battery_kw": points.battery_p_kw.sum(axis=1),
        "battery_kwh": points.battery_kwh.sum(axis=1),
        "converter_loss_kw": converters,
        "line_loss_kw": found.exact.loss_kw.sum(axis=1),
        "import_kw": found.linear.import_kw.sum(axis=1),
        "ac_import_kw": found.exact.import_kw.sum(axis=1),
        "plan_import_kw": found.plan_import_kw.sum(axis=1),
    }
    return _long(case, {}, values)


def _feeders(case: DispatchCase, found: Dispatch) -> pd.DataFrame:
    values = {
        "import_kw": found.linear.import_kw,
        "ac_import_kw": found.exact.import_kw,
        "plan_import_kw": found.plan_import_kw,
    }
    return _long(case, {"feeder": list(case.network.heads)}, values)


def _devices(case: DispatchCase, found: Dispatch) -> dict[str, pd.DataFrame]:
    points, loads = found.setpoints, case.deferrable
    return {
        "generators": _with_bus(
            case,
            "generator",
            case.generators,
            {
                "p_kw": points.dg_p_kw,
                "q_kvar": points.dg_q_kvar,
                "available_kw": case.generators.p_kw,
            },
        ),
        "sops": _sops(case, points),
        "batteries": _with_bus(
            case,
            "battery",
            case.batteries,
            {
                "p_kw": points.battery_p_kw,
                "q_kvar": points.battery_q_kvar,
                "loss_kw": points.battery_loss_kw,
                "energy_kwh": points.battery_kwh,
            },
        ),
        "deferrable": _long(
            case,
            {"load": loads.names},
            {
                "p_kw": points.load_p_kw,
                "q_kvar": points.load_q_kvar,
                "energy_kwh": points.load_kwh,
                "energy_min_kwh": loads.energy_min_kwh,
                "energy_max_kwh": loads.energy_max_kwh,
            },
        ),
    }


def _sops(case: DispatchCase, points: Setpoints) -> pd.DataFrame:
    sops = case.sops
    values = {
        "p_kw": points.sop_p_kw,
        "q_kvar": points.sop_q_kvar,
        "loss_kw": points.sop_loss_kw,
        "loading": np.hypot(points.sop_p_kw, points.sop_q_kvar) / sops.kva,
    }
    table = _long(case, {"bus": [case.network.buses[bus] for bus in sops.buses]}, values)
    owners = np.array([sops.names[owner] for owner in sops.owner], dtype=object)
    table.insert(2, "sop", np.tile(owners, case.steps))
    return table


def _with_bus(
    case: DispatchCase, key: str, devices: Any, values: Mapping[str, FloatArray]
) -> pd.DataFrame:
    table = _long(case, {key: devices.names}, values)
    buses = [case.network.buses[bus] for bus in devices.buses]
    table.insert(3, "bus", np.tile(np.array(buses, dtype=object), case.steps))
    return table


def _loads(case: DispatchCase, consumed_kwh: FloatArray) -> pd.DataFrame:
    loads = case.deferrable
    needed = loads.energy_min_kwh[-1]
    return pd.DataFrame(
        {
            "load": loads.names,
            "bus": [case.network.buses[bus] for bus in loads.buses],
            "energy_kwh": needed,
            "consumed_kwh": consumed_kwh[-1],
            "deadline": [time_of(case, step + 1) for step in _last_due(loads)],
            "met": _met(loads, consumed_kwh),
        }
    )


def _last_due(loads: DeferrableLoads) -> list[int]:
    """The step [load] by whose end all is due."""
    all_due = loads.energy_min_kwh >= loads.energy_min_kwh[-1] - _SLACK_KWH
    return [int(step) for step in all_due.argmax(axis=0)]


def _met(loads: DeferrableLoads, consumed_kwh: FloatArray) -> BoolArray:
    return np.asarray((consumed_kwh >= loads.energy_min_kwh - _SLACK_KWH).all(axis=0))


def _requirement(case: DispatchCase, delivery: Delivery) -> dict[str, Any]:
    asked = delivery.requirement
    asked_kwh = asked.kw * (asked.last - asked.first + 1) * case.hours
    shortfall_kwh = float(delivery.shortfall_kw.sum() * case.hours)
    return {
        "requirement": asked.name,
        "feeder": asked.feeder or ALL_FEEDERS,
        "direction": asked.direction.value,
        "asked_kw": asked.kw,
        "start": time_of(case, asked.first),
        "end": time_of(case, asked.last + 1),
        "feasible": bool(delivery.feasible),
        "asked_kwh": asked_kwh,
        "delivered_kwh": asked_kwh - shortfall_kwh,
        "shortfall_kwh": shortfall_kwh,
    }


def _deliveries(case: DispatchCase, deliveries: Sequence[Delivery]) -> pd.DataFrame:
    parts = [_delivery(case, one) for one in deliveries]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _delivery(case: DispatchCase, delivery: Delivery) -> pd.DataFrame:
    asked = delivery.requirement
    steps = range(asked.first, asked.last + 1)
    less_kw = delivery.planned_kw - delivery.import_kw
    return pd.DataFrame(
        {
            "requirement": asked.name,
            "step": list(steps),
            "time": [time_of(case, step) for step in steps],
            "plan_import_kw": delivery.planned_kw,
            "import_kw": delivery.import_kw,
            "delivered_kw": less_kw if asked.direction is Direction.LESS else -less_kw,
            "shortfall_kw": delivery.shortfall_kw,
        }
    )


def _branches(case: DispatchCase, found: Dispatch) -> pd.DataFrame:
    values = {
        "p_kw": found.linear.p_kw,
        "q_kvar": found.linear.q_kvar,
        "i_a": found.exact.i_a,
        "loading": found.exact.i_a / case.rules.i_max_a,
    }
    return _long(case, {"bus": case.network.buses}, values)


def _polygon(found: Dispatch, disc_objective: float) -> dict[str, Any]:
    polygon = found.polygon
    return {
        "sides": polygon.sides,
        "largest": polygon.largest,
        "losses_kwh": polygon.losses_kwh,
        "exact_losses_kwh": polygon.exact_losses_kwh,
        "losses_error": polygon.losses,
        "disc_objective": disc_objective,
        "objective_error": found.costs.total / disc_objective - 1,
    }
