"""The result tables of an episode, built from what happened in it; see ``schema`` for columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..agents.messages import AdjustmentSignal
from ..core.units import PHASES, FloatArray
from ..grid.dispatch import Dispatch
from ..grid.limit_rates import LimitRate
from ..grid.verification import QUANTILES
from ..market.station import TradeLink
from .parts import Parts, StationPlan
from .schema import TABLES

#: Trades below this are what the negotiation leaves of a zero.
_TRADE_KWH = 1e-6
_EXTREMES = ("min", "q05", "median", "q95", "max")


def build_tables(parts: Parts) -> dict[str, pd.DataFrame]:
    """Every table of ``schema.TABLES``, with its columns in that order."""
    built = {
        "station_hours": _station_hours(parts),
        "trades": _trades(parts),
        "settlement": _settlement(parts),
        "negotiation": _negotiation(parts),
        "trading_rounds": _trading_rounds(parts),
        "adjustments": _adjustments(parts),
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


def _long(axes: dict[str, Sequence[Any]], values: dict[str, FloatArray]) -> pd.DataFrame:
    """One row for every combination of the axes; ``values`` have the shape of the axes."""
    grid = np.meshgrid(*(np.arange(len(labels)) for labels in axes.values()), indexing="ij")
    keys = {
        name: np.array(labels)[index.ravel()]
        for (name, labels), index in zip(axes.items(), grid, strict=True)
    }
    return pd.DataFrame(keys | {name: np.ravel(array) for name, array in values.items()})


def _hours(parts: Parts) -> range:
    return range(parts.case.hours)


def _stations(parts: Parts) -> list[str]:
    return [station.id for station in parts.case.stations]


def _stacked(parts: Parts, field: str) -> FloatArray:
    """One field of the stations' days [time, station]."""
    return np.column_stack([getattr(day, field) for day in parts.days])


def _station_hours(parts: Parts) -> pd.DataFrame:
    plan, limits = parts.together.proposal, parts.together.limits
    charging = np.zeros((parts.case.hours, len(parts.case.stations)))
    for k, station in enumerate(parts.forecast.demand.stations):
        charging[:, _stations(parts).index(station)] = parts.forecast.demand.expected_kw[:, k]
    schedule = plan.schedule
    return _long(
        {"hour": _hours(parts), "station": _stations(parts)},
        {
            "demand_kw": _stacked(parts, "demand_kw"),
            "charging_kw": charging,
            "margin_kw": _stacked(parts, "margin_kw"),
            "pv_available_kw": _stacked(parts, "pv_kw"),
            "pv_kw": schedule.pv_kw,
            "buy_kw": schedule.buy_kw,
            "sell_kw": schedule.sell_kw,
            "trade_kw": schedule.trade_kw,
            "charge_kw": schedule.charge_kw,
            "discharge_kw": schedule.discharge_kw,
            "soc_kwh": schedule.soc_kwh,
            "unserved_kw": schedule.unserved_kw,
            "withdrawal_kw": schedule.withdrawal_kw,
            "withdrawal_min_kw": limits.lower_kw,
            "withdrawal_max_kw": limits.upper_kw,
            "price_per_kwh": plan.price_per_kwh,
        },
    )


def _trades(parts: Parts) -> pd.DataFrame:
    links: tuple[TradeLink, ...] = parts.case.links
    trade = parts.together.proposal.trade_kw
    hours, used = np.nonzero(np.abs(trade) > _TRADE_KWH)
    buys = trade[hours, used] > 0
    ends = np.array([(link.station_a, link.station_b) for link in links]).reshape(-1, 2)
    return pd.DataFrame(
        {
            "hour": hours,
            "link": np.array([link.id for link in links], dtype=object)[used],
            "seller": np.where(buys, ends[used, 1], ends[used, 0]),
            "buyer": np.where(buys, ends[used, 0], ends[used, 1]),
            "energy_kwh": np.abs(trade[hours, used]),
            "price_per_kwh": parts.by_prices.price_per_kwh[hours, used],
            "fee_per_kwh": np.array([link.fee_per_kwh for link in links])[used],
        }
    )


def _settlement(parts: Parts) -> pd.DataFrame:
    prices, bargained = parts.by_prices, parts.by_bargaining
    return pd.DataFrame(
        {
            "station": _stations(parts),
            "cost_alone": prices.standalone_cost,
            "cost_own": parts.together.proposal.schedule.cost,
            "payment": prices.payment,
            "cost_traded": prices.cost,
            "gain": prices.gain,
            "payment_nash": bargained.payment,
            "gain_nash": bargained.gain,
        }
    )


def _negotiation(parts: Parts) -> pd.DataFrame:
    rows = []
    for turn in parts.together.rounds:
        plan = turn.proposal
        before = plan.exchanges[0].iteration - plan.exchanges[0].steps if plan.exchanges else 0
        rows += [
            {
                "trading_round": turn.number,
                "exchange": exchange,
                "iterations": row.iteration - before,
                "primal_kw": row.primal_kw,
                "dual_kw": row.dual_kw,
                "upper_bound": _finite(row.upper),
                "lower_bound": _finite(row.lower),
                "gap": _finite(row.gap),
            }
            for exchange, row in enumerate(plan.exchanges, 1)
        ]
    return pd.DataFrame(rows, columns=list(TABLES["negotiation"]))


def _finite(value: float) -> float:
    """A bound that does not exist yet is empty, not infinite."""
    return value if math.isfinite(value) else math.nan


def _trading_rounds(parts: Parts) -> pd.DataFrame:
    rows = []
    for turn in parts.together.rounds:
        answer, adjusted = turn.answer, turn.adjusted_kw
        signal = answer if isinstance(answer, AdjustmentSignal) else None
        rows.append(
            {
                "trading_round": turn.number,
                "answer": turn.verdict,
                "exchanges": len(turn.proposal.exchanges),
                "stations_cost": social_cost(parts, turn.proposal),
                "adjusted_kwh": float(adjusted.sum()),
                "stations_adjusted": int((adjusted > 0).any(axis=0).sum()),
                "unserved_kwh": float(turn.proposal.schedule.unserved_kw.sum()),
                "binding": "; ".join(signal.binding) if signal else "",
            }
        )
    return pd.DataFrame(rows)


def social_cost(parts: Parts, plan: StationPlan) -> float:
    """What the stations' day costs them together: own costs and network fees; payments cancel."""
    fees = np.array([link.fee_per_kwh for link in parts.case.links])
    return float(plan.schedule.cost.sum() + (np.abs(plan.trade_kw) @ fees).sum())


def _adjustments(parts: Parts) -> pd.DataFrame:
    share = np.array([phase_share(s.phases) for s in parts.case.stations])
    pieces = [pd.DataFrame(columns=list(TABLES["adjustments"]))]
    for turn in parts.together.rounds:
        if not isinstance(turn.answer, AdjustmentSignal):
            continue
        table = _long(
            {"hour": _hours(parts), "station": _stations(parts), "phase": PHASES},
            {
                "submitted_kw": turn.proposal.withdrawal_kw[..., None] * share,
                "adjustment_kw": turn.answer.adjustment_kw,
                "permitted_kw": turn.answer.permitted_kw[..., None] * share,
            },
        )
        table.insert(0, "trading_round", turn.number)
        pieces.append(table[table["adjustment_kw"] != 0])
    kept = [piece for piece in pieces if len(piece)] or pieces[:1]
    return pd.concat(kept, ignore_index=True)


def phase_share(phases: str) -> tuple[float, float, float]:
    """Share of a station's power on phases a, b, c: equal parts on the phases that it uses."""
    a, b, c = ((phase in phases) / len(phases) for phase in PHASES)
    return a, b, c


def _roads(parts: Parts) -> pd.DataFrame:
    assignment = parts.forecast.assignment
    table = _long(
        {"hour": _hours(parts), "arc": range(len(assignment.arcs))},
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
    return _long(
        {"hour": _hours(parts), "station": demand.stations},
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
    """Generators, batteries, wind turbines and the upstream grid, one below the other."""
    dispatch, feeder, hours = parts.approval.dispatch, parts.case.feeder, _hours(parts)
    wind = np.outer(parts.case.grid_day.wind_factor, [t.p_rated_kw for t in feeder.wind_turbines])
    third = np.full(3, 1 / 3)
    pieces = [
        _device_rows(hours, "generator", [g.id for g in feeder.generators],
            dispatch.generator_p_kw, dispatch.generator_q_kvar,
            dispatch.generator_reserve_up_kw, dispatch.generator_reserve_down_kw,
            dispatch.generator_alpha, None),
        _device_rows(hours, "battery", [b.id for b in feeder.batteries],
            dispatch.battery_discharge_kw - dispatch.battery_charge_kw, dispatch.battery_q_kvar,
            dispatch.battery_reserve_up_kw, dispatch.battery_reserve_down_kw,
            dispatch.battery_alpha, dispatch.battery_energy_kwh),
        _device_rows(hours, "wind", [t.id for t in feeder.wind_turbines],
            wind[..., None] * third, np.zeros((*wind.shape, 3)),
            np.zeros_like(wind), np.zeros_like(wind), np.zeros_like(wind), None),
        _upstream_rows(hours, dispatch),
    ]  # fmt: skip
    return pd.concat([piece for piece in pieces if len(piece)], ignore_index=True)


def _upstream_rows(hours: range, dispatch: Dispatch) -> pd.DataFrame:
    none = np.zeros((len(hours), 1))
    return _device_rows(
        hours, "upstream", ["upstream"], dispatch.upstream_p_kw[:, None],
        dispatch.upstream_q_kvar[:, None], none, none, dispatch.upstream_alpha[:, None], None,
    )  # fmt: skip


def _device_rows(
    hours: range,
    kind: str,
    names: Sequence[str],
    p_kw: FloatArray,
    q_kvar: FloatArray,
    reserve_up_kw: FloatArray,
    reserve_down_kw: FloatArray,
    participation: FloatArray,
    energy_kwh: FloatArray | None,
) -> pd.DataFrame:
    p_kw, shape = np.nan_to_num(p_kw), (len(hours), len(names))
    table = _long(
        {"hour": hours, "device": names},
        {
            "p_kw": p_kw.sum(axis=-1),
            "q_kvar": np.nan_to_num(q_kvar).sum(axis=-1),
            **{f"p_{phase}_kw": p_kw[..., k] for k, phase in enumerate(PHASES)},
            "reserve_up_kw": reserve_up_kw,
            "reserve_down_kw": reserve_down_kw,
            "participation": participation,
            "energy_kwh": np.full(shape, np.nan) if energy_kwh is None else energy_kwh,
        },
    )
    return table.assign(kind=kind)


def _voltages(parts: Parts) -> pd.DataFrame:
    return _long(
        {"hour": _hours(parts), "bus": parts.case.feeder.buses, "phase": PHASES},
        {
            "planned_pu": parts.approval.dispatch.vm_pu,
            **_quantile_columns("ac_{}_pu", parts.verification.vm_pu),
        },
    )


def _quantile_columns(name: str, values: FloatArray) -> dict[str, FloatArray]:
    assert len(values) == len(QUANTILES) == len(_EXTREMES)
    return {name.format(word): row for word, row in zip(_EXTREMES, values, strict=True)}


def _lines(parts: Parts) -> pd.DataFrame:
    lines = parts.case.feeder.lines
    has_phase = np.array([[phase in line.phases for phase in PHASES] for line in lines])
    rating = np.where(has_phase, np.array([[line.s_max_kva] for line in lines]), np.nan)
    loading = _quantile_columns("ac_{}_loading", parts.verification.loading)
    return _long(
        {"hour": _hours(parts), "line": [line.id for line in lines], "phase": PHASES},
        {
            "planned_p_kw": parts.approval.dispatch.line_p_kw,
            "planned_q_kvar": parts.approval.dispatch.line_q_kvar,
            "rating_kva": np.broadcast_to(rating, (parts.case.hours, *rating.shape)),
            **loading,
        },
    )


def _nodal_prices(parts: Parts) -> pd.DataFrame:
    dispatch = parts.approval.dispatch
    return _long(
        {"hour": _hours(parts), "bus": parts.case.feeder.buses, "phase": PHASES},
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
        s.degradation_per_kwh
        * (schedule.charge_kw[:, k] * s.efficiency_charge
           + schedule.discharge_kw[:, k] / s.efficiency_discharge).sum()
        for k, s in enumerate(stations)
    )  # fmt: skip
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
