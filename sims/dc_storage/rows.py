"""A plan as plain columns, to be written down as the answer of a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ...core.units import FloatArray
from ...planning.dc_storage.case import DcStorageCase
from ...planning.dc_storage.solution import Cut, DcSolution, Operated
from ...planning.fdn.risks import wilson

#: Solvers stop when their own tolerance says that the gap is reached.
_SLACK = 1e-9


def plan_frames(case: DcStorageCase, solution: DcSolution, gap: float) -> dict[str, pd.DataFrame]:
    """The tables of one plan, without the key that tells plans apart."""
    scenarios = _scenarios(case, solution)
    return {
        "plans": pd.DataFrame(
            [_plan_row(case, solution, gap) | _energy(case, solution, scenarios)]
        ),
        "ports": _ports(case, solution),
        "batteries": _batteries(case, solution),
        "iterations": _iterations(case, solution),
        "scenarios": scenarios,
        "hours": _stacked(case, solution, _hours),
        "port_hours": _stacked(case, solution, _port_hours),
        "battery_hours": _stacked(case, solution, _battery_hours),
        "buses": _stacked(case, solution, _buses),
    }


def _plan_row(case: DcStorageCase, solution: DcSolution, gap: float) -> dict[str, Any]:
    money, chance = solution.money, solution.chance
    low, high = (float(end) for end in wilson(np.array(chance.worst), chance.samples))
    open_ = solution.gap > gap + _SLACK
    reason = f"a gap of {solution.gap:.2g} is proven, {gap:.2g} was asked for"
    return {
        "carbon_price": case.rules.carbon_price_per_kg,
        "return_min": case.rules.return_min,
        "confidence": case.rules.confidence,
        "module_kva": case.modules.converter_kva,
        "status": "gap open" if open_ else "ok",
        "reason": reason if open_ else "",
        "objective": solution.objective,
        "bound": solution.bound,
        "gap": solution.gap,
        "profit": money.profit,
        "return_rate": np.nan if money.return_rate is None else money.return_rate,
        "return_binding": bool(solution.return_binding),
        "income": money.income,
        "electricity_before": money.electricity_before,
        "electricity": money.electricity,
        "carbon_before": money.carbon_before,
        "carbon": money.carbon,
        "investment": money.investment,
        "annuity": money.annuity,
        "upkeep": money.upkeep,
        "penalties": solution.penalties,
        **_built(case, solution),
        "iterations": len(solution.steps),
        "infeasible_iterations": len(solution.infeasible_iterations),
        "margin_rounds": solution.margin_rounds,
        "relaxed_profit": solution.relaxed_profit,
        "worst_rate": chance.worst,
        "worst_low": low,
        "worst_high": high,
        "samples": chance.samples,
        "ac_deviation": solution.ac_deviation,
        "relaxation_deviation": solution.relaxation_deviation,
    }


def _built(case: DcStorageCase, solution: DcSolution) -> dict[str, Any]:
    plan, modules = solution.plan, case.modules
    batteries = int(plan.battery_modules.sum())
    return {
        "ports": int((plan.converter_modules > 0).sum()),
        "port_kva": float(plan.converter_modules.sum() * modules.converter_kva),
        "battery_kw": batteries * modules.battery_kw,
        "battery_kwh": batteries * modules.battery_kwh,
    }


def _energy(case: DcStorageCase, solution: DcSolution, scenarios: pd.DataFrame) -> dict[str, float]:
    """Of a year [kWh]."""
    days = np.asarray(case.days_per_year)
    found = {
        name: float(days @ scenarios[name].to_numpy())
        for name in ("available_kwh", "curtailed_before_kwh", "curtailed_kwh")
    }
    for name, operated in (
        ("import_before_kwh", solution.before),
        ("import_kwh", solution.operated),
    ):
        daily = [case.hours * day.import_kw.sum() for day in operated]
        found[name] = float(days @ np.array(daily))
    return found


def _ports(case: DcStorageCase, solution: DcSolution) -> pd.DataFrame:
    links, modules = case.links, solution.plan.converter_modules
    return pd.DataFrame(
        {
            "link": [links.names[link] for link in links.port_link],
            "bus": port_names(case),
            "modules": modules,
            "kva": modules * case.modules.converter_kva,
            "modules_max": links.port_modules_max,
            "modules_relaxed": solution.relaxed[: len(modules)],
        }
    )


def port_names(case: DcStorageCase) -> list[str]:
    """Buses of the candidates."""
    return [case.network.buses[bus] for bus in case.links.port_buses]


def _batteries(case: DcStorageCase, solution: DcSolution) -> pd.DataFrame:
    modules = solution.plan.battery_modules
    return pd.DataFrame(
        {
            "link": case.links.names,
            "modules": modules,
            "kw": modules * case.modules.battery_kw,
            "kwh": modules * case.modules.battery_kwh,
            "modules_max": case.links.battery_modules_max,
            "modules_relaxed": solution.relaxed[-len(modules) :],
        }
    )


def _iterations(case: DcStorageCase, solution: DcSolution) -> pd.DataFrame:
    names, modules = case.scenarios.names, case.modules
    return pd.DataFrame(
        [
            {
                "iteration": step.number,
                "cut": step.cut.value,
                "in_j": step.cut is Cut.FEASIBILITY,
                "infeasible": "; ".join(names[k] for k in step.scenarios_infeasible),
                "port_kva": float(step.plan.converter_modules.sum() * modules.converter_kva),
                "battery_kwh": float(step.plan.battery_modules.sum() * modules.battery_kwh),
                "upper_bound": step.upper_bound,
                "profit": step.profit if np.isfinite(step.profit) else np.nan,
            }
            for step in solution.steps
        ]
    )


def _scenarios(case: DcStorageCase, solution: DcSolution) -> pd.DataFrame:
    rows = []
    for k, (before, day) in enumerate(zip(solution.before, solution.operated, strict=True)):
        load_kwh = float(case.hours * case.scenarios.load_p_kw[k].sum())
        available_kwh = float(case.hours * case.scenarios.res_kw[k].sum())
        money = {"": _day_money(case, k, day), "_before": _day_money(case, k, before)}
        used = {"": _day_kwh(case, day.res_p_kw), "_before": _day_kwh(case, before.res_p_kw)}
        devices_kwh = _day_kwh(case, day.port_loss_kw) + _day_kwh(case, day.battery_loss_kw)
        # What is injected without being imported, drawn or lost in devices is lost in lines.
        stored_kwh = _day_kwh(case, day.port_p_kw)
        rows.append(
            {
                "scenario": case.scenarios.names[k],
                "boundary": case.scenarios.boundaries[k],
                "weight": float(case.scenarios.weight[k]),
                "electricity_before": money["_before"][0],
                "electricity": money[""][0],
                "carbon_before": money["_before"][1],
                "carbon": money[""][1],
                "load_kwh": load_kwh,
                "available_kwh": available_kwh,
                "curtailed_before_kwh": max(available_kwh - used["_before"], 0.0),
                "curtailed_kwh": max(available_kwh - used[""], 0.0),
                "loss_before_kwh": _day_kwh(case, before.import_kw) + used["_before"] - load_kwh,
                "loss_kwh": _day_kwh(case, day.import_kw) + used[""] + stored_kwh - load_kwh,
                "device_loss_kwh": devices_kwh,
            }
        )
    return pd.DataFrame(rows)


def _day_money(case: DcStorageCase, scenario: int, day: Operated) -> tuple[float, float]:
    """Electricity and carbon of a day."""
    rules, price = case.rules, case.scenarios.price_per_kwh[scenario]
    electricity = float(case.hours * (price @ day.import_kw))
    kg = rules.carbon_grid_kg_per_kwh * _day_kwh(case, day.import_kw)
    kg += rules.carbon_res_kg_per_kwh * _day_kwh(case, day.res_p_kw)
    return electricity, rules.carbon_price_per_kg * kg


def _day_kwh(case: DcStorageCase, power_kw: FloatArray) -> float:
    return float(case.hours * power_kw.sum())


def _stacked(case: DcStorageCase, solution: DcSolution, rows_of: Any) -> pd.DataFrame:
    """The rows of all scenarios, one below the other."""
    parts: list[pd.DataFrame] = []
    for k, name in enumerate(case.scenarios.names):
        part: pd.DataFrame = rows_of(case, solution, k)
        part.insert(0, "scenario", name)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _hours_of(case: DcStorageCase) -> list[int]:
    return [round(case.hours * step) for step in range(case.scenarios.price_per_kwh.shape[1])]


def _hours(case: DcStorageCase, solution: DcSolution, k: int) -> pd.DataFrame:
    before, day, chance = solution.before[k], solution.operated[k], solution.chance
    limit = i_max_pu(case)
    voltage = np.maximum(chance.under_voltage[k], chance.over_voltage[k])
    return pd.DataFrame(
        {
            "hour": _hours_of(case),
            "price": case.scenarios.price_per_kwh[k],
            "load_kw": case.scenarios.load_p_kw[k].sum(axis=1),
            "available_kw": case.scenarios.res_kw[k].sum(axis=1),
            "renewables_before_kw": before.res_p_kw.sum(axis=1),
            "renewables_kw": day.res_p_kw.sum(axis=1),
            "import_before_kw": before.import_kw,
            "import_kw": day.import_kw,
            "import_kvar": day.import_kvar,
            "v_min_before_pu": before.v_pu.min(axis=1),
            "v_min_pu": day.v_pu.min(axis=1),
            "v_max_before_pu": before.v_pu.max(axis=1),
            "v_max_pu": day.v_pu.max(axis=1),
            "loading_before": before.i_pu.max(axis=1) / limit,
            "loading": day.i_pu.max(axis=1) / limit,
            "voltage_rate": voltage.max(axis=1),
            "current_rate": chance.overload[k].max(axis=1),
        }
    )


def i_max_pu(case: DcStorageCase) -> float:
    """The current limit over the base current, sqrt(3) vn I / S."""
    network = case.network
    return float(np.sqrt(3) * network.vn_kv * case.rules.i_max_a / network.s_base_kva)


def _port_hours(case: DcStorageCase, solution: DcSolution, k: int) -> pd.DataFrame:
    """Of ports that are built."""
    day, built = solution.operated[k], np.flatnonzero(solution.plan.converter_modules)
    names = port_names(case)
    return _by_hour(
        _hours_of(case),
        "bus",
        [names[port] for port in built],
        {
            "p_kw": day.port_p_kw[:, built],
            "q_kvar": day.port_q_kvar[:, built],
            "loss_kw": day.port_loss_kw[:, built],
            "dc_current_a": day.dc_current_a[:, built],
        },
    )


def _battery_hours(case: DcStorageCase, solution: DcSolution, k: int) -> pd.DataFrame:
    """Of links that have a battery."""
    day, built = solution.operated[k], np.flatnonzero(solution.plan.battery_modules)
    return _by_hour(
        _hours_of(case),
        "link",
        [case.links.names[link] for link in built],
        {
            "p_kw": day.battery_p_kw[:, built],
            "loss_kw": day.battery_loss_kw[:, built],
            "energy_kwh": day.battery_kwh[:, built],
        },
    )


def _by_hour(
    hours: Sequence[int], key: str, names: Sequence[str], values: dict[str, FloatArray]
) -> pd.DataFrame:
    """A row for each hour of each name; values have the axes [time, name]."""
    return pd.DataFrame(
        {
            "hour": np.tile(np.array(hours, int), len(names)),
            key: np.repeat(np.array(names, object), len(hours)),
            **{name: array.T.ravel() for name, array in values.items()},
        }
    )


def _buses(case: DcStorageCase, solution: DcSolution, k: int) -> pd.DataFrame:
    before, day, chance = solution.before[k], solution.operated[k], solution.chance
    return pd.DataFrame(
        {
            "bus": case.network.buses,
            "feeder": case.network.zones,
            "v_low_before_pu": before.v_pu.min(axis=0),
            "v_low_pu": day.v_pu.min(axis=0),
            "v_high_before_pu": before.v_pu.max(axis=0),
            "v_high_pu": day.v_pu.max(axis=0),
            "loading": day.i_pu.max(axis=0) / i_max_pu(case),
            "under_rate": chance.under_voltage[k].max(axis=0),
            "over_rate": chance.over_voltage[k].max(axis=0),
            "overload_rate": chance.overload[k].max(axis=0),
        }
    )
