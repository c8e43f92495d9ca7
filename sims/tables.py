"""The result tables of an episode, built from what happened in it; see ``schema`` for columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..core.units import PHASES, FloatArray
from ..grid.limit_rates import LimitRate
from . import station_tables
from .long_table import hours_of, long_table
from .parts import Parts
from .schema import TABLES
from .station_tables import social_cost

#: Words for ``verification.QUANTILES``.
_EXTREMES = ("min", "q05", "median", "q95", "max")


def build_tables(parts: Parts) -> dict[str, pd.DataFrame]:
    """Every table of ``schema.TABLES``, with its columns in that order."""
    built = {
        "station_hours": station_tables.station_hours(parts),
        "trades": station_tables.trades(parts),
        "settlement": station_tables.settlement(parts),
        "negotiation": station_tables.negotiation(parts),
        "trading_rounds": station_tables.trading_rounds(parts),
        "adjustments": station_tables.adjustments(parts),
        "roads": _roads(parts),
        "sites": _sites(parts),
        "routes": _routes(parts),
        "devices": _devices(parts),
        "voltages": _voltages(parts),
        "lines": _lines(parts),
        "nodal_prices": _nodal_prices(parts),
        "limits": _limits(parts),
        "costs": _costs(parts),
    }
    return {name: built[name][list(columns)] for name, columns in TABLES.items()}


def _roads(parts: Parts) -> pd.DataFrame:
    assignment = parts.forecast.assignment
    table = long_table(
        {"hour": hours_of(parts), "arc": range(len(assignment.arcs))},
        {
            "flow_veh_per_h": assignment.flow_veh_per_h,
            "charging_veh_per_h": assignment.charging_veh_per_h,
            "saturation": assignment.saturation,
            "delay_min": assignment.delay_min,
        },
    )
    for field in ("road", "from_node", "to_node"):
        table[field] = [getattr(assignment.arcs[k], field) for k in table["arc"]]
    return table


def _sites(parts: Parts) -> pd.DataFrame:
    assignment, demand = parts.forecast.assignment, parts.forecast.demand
    low, high = np.quantile(demand.scenarios_kw, (0.05, 0.95), axis=0)
    return long_table(
        {"hour": hours_of(parts), "station": demand.stations},
        {
            "ev_per_h": assignment.ev_per_h,
            "queue_price": assignment.queue_price,
            "charging_kw": demand.expected_kw,
            "charging_q05_kw": low,
            "charging_q95_kw": high,
        },
    )


def _routes(parts: Parts) -> pd.DataFrame:
    rows = [
        {
            "hour": route.hour,
            "origin": route.origin,
            "destination": route.destination,
            "station": route.station or "",
            "nodes": "-".join(route.nodes),
            "veh_per_h": route.veh_per_h,
            "time_min": route.time_min,
        }
        for route in parts.forecast.assignment.routes
    ]
    return pd.DataFrame(rows, columns=list(TABLES["routes"]))


def _devices(parts: Parts) -> pd.DataFrame:
    """Generators, batteries, wind turbines, injections and the upstream grid, in this order."""
    dispatch, feeder, hours = parts.approval.dispatch, parts.case.feeder, hours_of(parts)
    wind = np.outer(parts.case.grid_day.wind_factor, [t.p_rated_kw for t in feeder.wind_turbines])
    injections = parts.case.grid_day.injections
    wind_p_kw = wind[..., None] * np.full(3, 1 / 3)
    pieces = [
        _device_rows(
            hours,
            "generator",
            [generator.id for generator in feeder.generators],
            dispatch.generator_p_kw,
            dispatch.generator_q_kvar,
            reserve_up_kw=dispatch.generator_reserve_up_kw,
            reserve_down_kw=dispatch.generator_reserve_down_kw,
            participation=dispatch.generator_alpha,
        ),
        _device_rows(
            hours,
            "battery",
            [battery.id for battery in feeder.batteries],
            dispatch.battery_discharge_kw - dispatch.battery_charge_kw,
            dispatch.battery_q_kvar,
            reserve_up_kw=dispatch.battery_reserve_up_kw,
            reserve_down_kw=dispatch.battery_reserve_down_kw,
            participation=dispatch.battery_alpha,
            energy_kwh=dispatch.battery_energy_kwh,
        ),
        _device_rows(
            hours,
            "wind",
            [turbine.id for turbine in feeder.wind_turbines],
            wind_p_kw,
            np.zeros_like(wind_p_kw),
        ),
        _device_rows(
            hours,
            "injection",
            [injection.id for injection in injections],
            _thirds([injection.p_kw for injection in injections], hours),
            _thirds([injection.q_kvar for injection in injections], hours),
        ),
        _device_rows(
            hours,
            "upstream",
            ["upstream"],
            dispatch.upstream_p_kw[:, None],
            dispatch.upstream_q_kvar[:, None],
            participation=dispatch.upstream_alpha[:, None],
        ),
    ]
    return pd.concat([piece for piece in pieces if len(piece)], ignore_index=True)


def _thirds(by_element: Sequence[FloatArray], hours: range) -> FloatArray:
    """Power of each element [time] in equal parts on its phases [time, element, phase]."""
    together = np.array(by_element).reshape(-1, len(hours)).T
    return np.asarray(together[..., None] * np.full(3, 1 / 3))


def _device_rows(
    hours: range,
    kind: str,
    names: Sequence[str],
    p_kw: FloatArray,
    q_kvar: FloatArray,
    **own: FloatArray,
) -> pd.DataFrame:
    """Rows of one kind. Columns that are not its ``own``: no reserve, no share, energy empty."""
    p_kw, none = np.nan_to_num(p_kw), np.zeros((len(hours), len(names)))
    columns = {
        "p_kw": p_kw.sum(axis=-1),
        "q_kvar": np.nan_to_num(q_kvar).sum(axis=-1),
        **{f"p_{phase}_kw": p_kw[..., k] for k, phase in enumerate(PHASES)},
        "reserve_up_kw": none,
        "reserve_down_kw": none,
        "participation": none,
        "energy_kwh": none + np.nan,
    }
    return long_table({"hour": hours, "device": names}, columns | own).assign(kind=kind)


def _voltages(parts: Parts) -> pd.DataFrame:
    return long_table(
        {"hour": hours_of(parts), "bus": parts.case.feeder.buses, "phase": PHASES},
        {
            "planned_pu": parts.approval.dispatch.vm_pu,
            **_quantile_columns("ac_{}_pu", parts.verification.vm_pu),
        },
    )


def _quantile_columns(name: str, values: FloatArray) -> dict[str, FloatArray]:
    return {name.format(word): row for word, row in zip(_EXTREMES, values, strict=True)}


def _lines(parts: Parts) -> pd.DataFrame:
    lines = parts.case.feeder.lines
    has_phase = np.array([[phase in line.phases for phase in PHASES] for line in lines])
    rating = np.where(has_phase, np.array([[line.s_max_kva] for line in lines]), np.nan)
    loading = _quantile_columns("ac_{}_loading", parts.verification.loading)
    return long_table(
        {"hour": hours_of(parts), "line": [line.id for line in lines], "phase": PHASES},
        {
            "planned_p_kw": parts.approval.dispatch.line_p_kw,
            "planned_q_kvar": parts.approval.dispatch.line_q_kvar,
            "rating_kva": np.broadcast_to(rating, (parts.case.hours, *rating.shape)),
            **loading,
        },
    )


def _nodal_prices(parts: Parts) -> pd.DataFrame:
    dispatch = parts.approval.dispatch
    return long_table(
        {"hour": hours_of(parts), "bus": parts.case.feeder.buses, "phase": PHASES},
        {
            "active_per_kwh": dispatch.price_p_per_kwh,
            "reactive_per_kvarh": dispatch.price_q_per_kvarh,
        },
    )


def _limits(parts: Parts) -> pd.DataFrame:
    check, adequacy = parts.verification, parts.adequacy
    broken = {breach.kind for breach in check.breaches}
    # A family without limits, such as the energies of no batteries, has no worst one.
    by_kind = {family.kind: family for family in check.families}
    rows = [
        {
            "family": str(family.kind),
            "promised": check.risk,
            "worst_limit": _limit_name(worst) if worst.rate else "",
            "worst_rate": worst.rate,
            "rate_low": worst.lower,
            "rate_high": worst.upper,
            "mean_rate": float(
                family.rate[np.broadcast_to(family.exists, family.rate.shape)].mean()
            ),
            "kept": family.kind not in broken,
        }
        for worst in check.worst
        for family in [by_kind[worst.kind]]
    ]
    rows.append(
        {
            "family": "energy adequacy of station",
            "promised": adequacy.promised,
            "worst_limit": f"{adequacy.station} {adequacy.hour:02d}:00",
            "worst_rate": adequacy.worst_rate,
            "rate_low": adequacy.low,
            "rate_high": adequacy.high,
            "mean_rate": float(adequacy.rate.mean()),
            "kept": adequacy.kept,
        }
    )
    return pd.DataFrame(rows)


def _limit_name(worst: LimitRate) -> str:
    phase = f" phase {worst.phase}" if worst.phase else ""
    return f"{worst.element}{phase} {worst.time:02d}:00"


def _costs(parts: Parts) -> pd.DataFrame:
    without, with_ = (_cost_items(parts, a) for a in (parts.alone, parts.together))
    return pd.DataFrame(
        [
            {"party": party, "item": item, "without_trading": without[party, item],
             "with_trading": with_[party, item]}
            for party, item in without
        ]
    )  # fmt: skip


def _cost_items(parts: Parts, agreement: Any) -> dict[tuple[str, str], float]:
    """Cost components of one day, by (party, item)."""
    plan, tariff = agreement.proposal, parts.case.tariff
    schedule, stations = plan.schedule, parts.case.stations
    wear = sum(
        s.wear_cost(schedule.charge_kw[:, k], schedule.discharge_kw[:, k]).sum()
        for k, s in enumerate(stations)
    )
    cost = agreement.approval.dispatch.cost
    return {
        ("stations", "grid purchase"): float(tariff.buy_per_kwh @ schedule.buy_kw.sum(axis=1)),
        ("stations", "grid sale"): -float(tariff.sell_per_kwh @ schedule.sell_kw.sum(axis=1)),
        ("stations", "battery wear"): float(wear),
        ("stations", "unserved demand"): tariff.unserved_per_kwh
        * float(schedule.unserved_kw.sum()),
        ("stations", "network fees"): social_cost(parts, plan) - float(schedule.cost.sum()),
        ("dso", "upstream energy"): cost.upstream_energy,
        ("dso", "upstream reactive"): cost.upstream_reactive,
        ("dso", "generation"): cost.generation,
        ("dso", "battery wear"): cost.degradation,
        ("dso", "reserve"): cost.reserve,
    }
