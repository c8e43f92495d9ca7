"""The centralised market: one program over all stations and links, the benchmark of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from ..core.units import FloatArray, frozen
from .links import incidence, net_purchase
from .program import StationProgram, build_stations, solve_stations, to_schedule
from .station import Schedule, Station, StationDay, Tariff, TradeLink


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CentralClearing:
    """The least social cost, and how it is reached.

    ``cost`` = stations' costs + network fees. ``trade_kw`` [time, link] is positive when
    ``station_a`` buys. Prices [time, station]: ``demand_price_per_kwh`` is what one kWh more of
    demand would cost; ``trade_price_per_kwh`` what a kWh from a peer is worth there, less than
    the former where the operator's limit on withdrawal binds, since the trade counts in it.
    """

    cost: float
    schedule: Schedule
    trade_kw: FloatArray
    demand_price_per_kwh: FloatArray
    trade_price_per_kwh: FloatArray


def solve_central(
    stations: Sequence[Station],
    links: Sequence[TradeLink],
    tariff: Tariff,
    days: Sequence[StationDay],
) -> CentralClearing:
    """min  sum of stations' costs + sum_tl fee |trade|  s.t. every station's own constraints
    (``program.build_stations``) with the trades of its links, and |trade| <= capacity.

    Args:
        stations: the stations.
        links: who may trade with whom, naming only ``stations``.
        tariff: prices of the grid [time].
        days: what each station expects, in their order.

    Raises:
        InfeasibleError: withdrawal limits that no trades make possible; names station and hour.
    """
    hours = len(tariff.buy_per_kwh)
    program = build_stations(stations, days, tariff, np.zeros((hours, len(stations))))
    solution = solve_stations(_with_links(program, stations, links), "centralised market")
    forth, back = solution.x[len(program.linear.cost) :].reshape(2, hours, len(links))
    trade_kw = forth - back
    purchase_kw = net_purchase(stations, links, trade_kw)
    balance, _, withdrawal = solution.row_dual.reshape(3, hours, len(stations))
    return CentralClearing(
        cost=solution.report.objective,
        schedule=to_schedule(stations, tariff, solution.x, purchase_kw),
        trade_kw=frozen(trade_kw),
        demand_price_per_kwh=frozen(balance),
        trade_price_per_kwh=frozen(balance + withdrawal),
    )


def _with_links(
    program: StationProgram, stations: Sequence[Station], links: Sequence[TradeLink]
) -> StationProgram:
    """Adds columns [time, link] of trade forth (to ``station_a``) and back, at the links' fees."""
    linear = program.linear
    ends = sp.kron(sp.identity(program.hours), incidence(stations, links), format="csc")
    purchase = sp.vstack([ends, sp.csc_matrix(ends.shape), ends])
    fee = np.tile([link.fee_per_kwh for link in links], 2 * program.hours)
    capacity_kw = np.tile([link.capacity_kw for link in links], 2 * program.hours)
    return replace(
        program,
        linear=replace(
            linear,
            cost=np.concatenate([linear.cost, fee]),
            matrix=sp.hstack([linear.matrix, purchase, -purchase], format="csc"),
            col_lower=np.concatenate([linear.col_lower, np.zeros(len(fee))]),
            col_upper=np.concatenate([linear.col_upper, capacity_kw]),
        ),
    )
