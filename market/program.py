"""The linear program of many stations' days, trades given: block-diagonal, one block a station.

Columns are seven blocks of [time, station] (``Columns``), rows three of them: energy balance,
storage, net withdrawal. An hour is one step, so that kW and kWh are the same number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from ..core.devices.battery import energy_balance, split_flows
from ..core.errors import InfeasibleError, LimitMiss
from ..core.linear_rows import LinearRows
from ..core.solve import LinearProgram, LinearSolution, solve_linear
from ..core.units import FloatArray, frozen
from .station import Schedule, Station, StationDay, Tariff

#: The column blocks, in the order of ``Schedule``.
COLUMNS = ("buy", "sell", "pv", "charge", "discharge", "soc", "unserved")
ROWS = ("energy balance", "storage", "withdrawal limit")

#: A limit missed by less than this [kW] is met, up to the solver's feasibility tolerance.
_MISS_TOLERANCE_KW = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StationProgram:
    """The linear program, the ids of its stations and the number of its hours."""

    linear: LinearProgram
    ids: tuple[str, ...]
    hours: int


def build_stations(
    stations: Sequence[Station],
    days: Sequence[StationDay],
    tariff: Tariff,
    trade_kw: FloatArray,
) -> StationProgram:
    """The cheapest day of every station: min sum_t  buy price buy - sell price sell
    + degradation (eta_ch charge + discharge / eta_dis) + unserved price unserved,  s.t.

    - buy - sell + pv + discharge - charge + unserved = demand + margin - trade,
    - soc_t - soc_t-1 - eta_ch charge + discharge / eta_dis = 0, starting from ``e_start_kwh``,
    - withdrawal_min <= buy - sell + trade <= withdrawal_max,

    and bounds: pv at most expected, unserved at most demand + margin (0 where that is negative),
    soc within its range and at the day's end at least ``e_start_kwh``, power of battery and grid
    within theirs.

    Args:
        stations: the stations, in the order of ``days`` and of the axis of ``trade_kw``.
        days: what each expects.
        tariff: prices of the grid [time].
        trade_kw: net purchase from peers [time, station].
    """
    net_kw = _by_station(days, "demand_kw") + _by_station(days, "margin_kw")
    cost = costs(stations, tariff).ravel()
    matrix, row_lower, row_upper = _rows(stations, days, net_kw, trade_kw).stack(len(cost))
    col_lower, col_upper = _column_bounds(stations, days, net_kw)
    return StationProgram(
        linear=LinearProgram(
            cost=cost,
            matrix=matrix,
            row_lower=row_lower,
            row_upper=row_upper,
            col_lower=col_lower,
            col_upper=col_upper,
        ),
        ids=tuple(station.id for station in stations),
        hours=len(net_kw),
    )


def costs(stations: Sequence[Station], tariff: Tariff) -> FloatArray:
    """What a kW of each column costs in its hour [column, time, station]."""
    cost = np.zeros((len(COLUMNS), len(tariff.buy_per_kwh), len(stations)))
    wear = _numbers(stations, "degradation_per_kwh")
    cost[COLUMNS.index("buy")] = tariff.buy_per_kwh[:, None]
    cost[COLUMNS.index("sell")] = -tariff.sell_per_kwh[:, None]
    cost[COLUMNS.index("charge")] = wear * _numbers(stations, "efficiency_charge")
    cost[COLUMNS.index("discharge")] = wear / _numbers(stations, "efficiency_discharge")
    cost[COLUMNS.index("unserved")] = tariff.unserved_per_kwh
    return cost


def to_schedule(
    stations: Sequence[Station], tariff: Tariff, x: FloatArray, trade_kw: FloatArray
) -> Schedule:
    """The schedule that a solution's first columns say, with trades [time, station]."""
    hours, count = trade_kw.shape
    blocks = x[: len(COLUMNS) * trade_kw.size].reshape(len(COLUMNS), hours, count)
    values = {f"{name}_kw": frozen(block) for name, block in zip(COLUMNS, blocks, strict=True)}
    return Schedule(
        soc_kwh=values.pop("soc_kw"),
        **values,
        trade_kw=frozen(trade_kw),
        cost=frozen((costs(stations, tariff) * blocks).sum(axis=(0, 1))),
    )


def solve_stations(program: StationProgram, what: str) -> LinearSolution:
    """Solves the program, which may have more columns after those of the stations.

    Raises:
        InfeasibleError: names stations, hours and limits that must be missed, and the smallest
            total by which they are.
        SolveError: HiGHS ended otherwise than optimal.
    """
    try:
        return solve_linear(program.linear, what)
    except InfeasibleError as error:
        raise InfeasibleError(what, "HiGHS", _smallest_misses(program, what)) from error


def _smallest_misses(program: StationProgram, what: str) -> tuple[LimitMiss, ...]:
    """Lets balance and withdrawal be missed at equal cost per kW, and everything else be free."""
    linear, count = program.linear, program.hours * len(program.ids)
    elastic = np.concatenate([np.arange(count), 2 * count + np.arange(count)])
    missing = sp.csc_matrix(
        (np.ones(2 * count), (elastic, np.arange(2 * count))), shape=(3 * count, 2 * count)
    )
    zero, free = np.zeros(4 * count), np.full(4 * count, np.inf)
    relaxed = replace(
        linear,
        cost=np.concatenate([0 * linear.cost, zero + 1]),
        matrix=sp.hstack([linear.matrix, missing, -missing], format="csc"),
        col_lower=np.concatenate([linear.col_lower, zero]),
        col_upper=np.concatenate([linear.col_upper, free]),
    )
    slack = solve_linear(relaxed, f"{what}, smallest misses").x[len(linear.cost) :]
    miss_kw = slack.reshape(2, 2, program.hours, len(program.ids)).sum(axis=0)
    return tuple(
        LimitMiss(
            f"{ROWS[2 * row]} of station {program.ids[station]} in hour {hour}",
            float(miss_kw[row, hour, station]),
            "kW",
        )
        for row, hour, station in np.argwhere(miss_kw > _MISS_TOLERANCE_KW)
    )


def _rows(
    stations: Sequence[Station],
    days: Sequence[StationDay],
    net_kw: FloatArray,
    trade_kw: FloatArray,
) -> LinearRows:
    """The three row blocks over the seven column blocks."""
    blocks = np.arange(len(COLUMNS) * net_kw.size).reshape(len(COLUMNS), *net_kw.shape)
    buy, sell, pv, charge, discharge, soc, unserved = blocks
    rows, withdrawn = LinearRows(), [(buy, 1.0), (sell, -1.0)]
    produced = [(pv, 1.0), (charge, -1.0), (discharge, 1.0), (unserved, 1.0)]
    rows.equal([*withdrawn, *produced], net_kw - trade_kw)
    efficiencies = [_numbers(stations, f"efficiency_{way}") for way in ("charge", "discharge")]
    drains = split_flows(charge, discharge, *efficiencies)
    energy_balance(rows, soc, drains, _numbers(stations, "e_start_kwh"))
    lowest, highest = (_by_station(days, f"withdrawal_{end}_kw") for end in ("min", "max"))
    rows.between(withdrawn, lowest - trade_kw, highest - trade_kw)
    return rows


def _column_bounds(
    stations: Sequence[Station], days: Sequence[StationDay], net_kw: FloatArray
) -> tuple[FloatArray, FloatArray]:
    grid_kw = np.broadcast_to(_numbers(stations, "grid_limit_kw"), net_kw.shape)
    battery_kw = np.broadcast_to(_numbers(stations, "battery_kw"), net_kw.shape)
    low = np.zeros((len(COLUMNS), *net_kw.shape))
    soc = COLUMNS.index("soc")
    low[soc] = _numbers(stations, "e_min_kwh")
    low[soc, -1] = _numbers(stations, "e_start_kwh")
    full_kwh = np.broadcast_to(_numbers(stations, "e_max_kwh"), net_kw.shape)
    pv_kw, unserved_kw = _by_station(days, "pv_kw"), np.maximum(net_kw, 0)
    high = np.stack([grid_kw, grid_kw, pv_kw, battery_kw, battery_kw, full_kwh, unserved_kw])
    return low.ravel(), high.ravel()


def _numbers(stations: Sequence[Station], name: str) -> FloatArray:
    return np.array([getattr(station, name) for station in stations], dtype=np.float64)


def _by_station(days: Sequence[StationDay], name: str) -> FloatArray:
    """One array of every day, side by side [time, station]."""
    return np.stack([getattr(day, name) for day in days], axis=1)
