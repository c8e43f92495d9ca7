"""A station's own exact problem: with trades given, alone, or answering its peers' prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ..core.quadratic import QuadraticProgram, QuadraticSolution, solve_quadratic
from ..core.units import FloatArray, frozen
from .program import StationProgram, build_stations, solve_stations, to_schedule
from .station import Schedule, Station, StationDay, Tariff, TradeLink


def solve_local(
    stations: Sequence[Station],
    days: Sequence[StationDay],
    tariff: Tariff,
    trade_kw: FloatArray,
) -> Schedule:
    """Every station's cheapest day for given trades, exactly (``program.build_stations``).

    The stations do not touch: one call of HiGHS solves them all, each as if alone.

    Args:
        stations: any number of stations.
        days: what each expects, in their order.
        tariff: prices of the grid [time].
        trade_kw: net purchase from peers [time, station]; payments for it are not in the cost.

    Raises:
        InfeasibleError: a station cannot carry out its trades or keep its withdrawal limits, not
            even with demand unserved; names station and hour.
    """
    program = build_stations(stations, days, tariff, trade_kw)
    solution = solve_stations(program, "local problems of stations")
    return to_schedule(stations, tariff, solution.x, np.asarray(trade_kw, dtype=np.float64))


def solve_standalone(
    stations: Sequence[Station], days: Sequence[StationDay], tariff: Tariff
) -> Schedule:
    """What every station does and pays if nobody trades: the yardstick of a settlement.

    Raises:
        InfeasibleError: as ``solve_local``.
    """
    return solve_local(stations, days, tariff, np.zeros((len(tariff.buy_per_kwh), len(stations))))


def withdraw_at_price(
    stations: Sequence[Station],
    days: Sequence[StationDay],
    tariff: Tariff,
    trade_kw: FloatArray,
    *,
    adder_per_kwh: FloatArray,
    near_kw: FloatArray,
    penalty_per_kw2: float,
) -> FloatArray:
    """Net withdrawals [time, station] that stations prefer at a price on them, trades given.

    min  own cost + sum [adder w + penalty/2 (w - near)^2],  w = buy - sell + trade, subject to
    ``program.build_stations``: with the trades fixed, the adder comes on top of both tariffs.

    Raises:
        InfeasibleError: as ``solve_local`` (hours not named).
        SolveError: OSQP did not reach its tolerance.
    """
    program = build_stations(stations, days, tariff, trade_kw).linear
    size = trade_kw.size
    pull = (adder_per_kwh + penalty_per_kw2 * (trade_kw - near_kw)).ravel()
    cost = program.cost.copy()
    cost[:size] += pull
    cost[size : 2 * size] -= pull
    exchange = sp.hstack([sp.identity(size), -sp.identity(size)])
    rest = sp.csc_matrix((len(cost) - 2 * size,) * 2)
    square = sp.block_diag([penalty_per_kw2 * exchange.T @ exchange, rest])
    quadratic = QuadraticProgram(
        quadratic=sp.triu(square, format="csc"),
        cost=cost,
        matrix=program.matrix,
        row_lower=program.row_lower,
        row_upper=program.row_upper,
        col_lower=program.col_lower,
        col_upper=program.col_upper,
    )
    x = solve_quadratic(quadratic, "response of stations to prices").x
    return frozen((x[:size] - x[size : 2 * size]).reshape(trade_kw.shape) + trade_kw)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Response:
    """What one station would do at the prices of its peers.

    ``trade_kw`` [time, link] is what it buys over each link, ``payment`` what that costs it with
    fees, and ``solution`` where the next response may start from.
    """

    schedule: Schedule
    trade_kw: FloatArray
    payment: float
    solution: QuadraticSolution


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Offer:
    """Peers' prices for one station's links, and trades that its answer shall stay near.

    It buys over a link at ``price_per_kwh`` [time, link] plus the link's fee, sells at the price,
    and is charged ``proximity_per_kw2`` / 2 times the squared distance [kW] from ``near_kw``
    [time, link], which is positive for buying.
    """

    links: tuple[TradeLink, ...]
    price_per_kwh: FloatArray
    near_kw: FloatArray
    proximity_per_kw2: float


def respond(
    station: Station,
    day: StationDay,
    tariff: Tariff,
    offer: Offer,
    *,
    start: QuadraticSolution | None = None,
) -> Response:
    """A station's best answer to its peers' prices, as a quadratic program through OSQP.

    min  own cost + sum_tl [(price + fee) bought - price sold + proximity/2 (trade - near)^2],
    trade = bought - sold, 0 <= bought, sold <= capacity, subject to ``program.build_stations``
    with sum_l trade as its trade: a station's half of a round of the alternating direction method
    of multipliers, where prices are the multipliers and the proximity is the penalty.

    Args:
        station: the station.
        day: what it expects.
        tariff: prices of the grid [time].
        offer: links, prices and the point to stay near.
        start: the solution of an earlier response with the same links.

    Raises:
        InfeasibleError: withdrawal limits that no trade makes possible (hours not named).
        SolveError: OSQP did not reach its tolerance.
    """
    alone = np.zeros((len(tariff.buy_per_kwh), 1))
    program = build_stations([station], [day], tariff, alone)
    what = f"response of station {station.id}"
    solution = solve_quadratic(_with_offer(program, offer), what, start)
    bought, sold = solution.x[len(program.linear.cost) :].reshape(2, *offer.near_kw.shape)
    trade_kw = bought - sold
    fees = np.array([link.fee_per_kwh for link in offer.links]) * bought
    return Response(
        schedule=to_schedule([station], tariff, solution.x, trade_kw.sum(axis=1, keepdims=True)),
        trade_kw=frozen(trade_kw),
        payment=float((offer.price_per_kwh * trade_kw + fees).sum()),
        solution=solution,
    )


def _with_offer(program: StationProgram, offer: Offer) -> QuadraticProgram:
    """The station's program with columns bought and sold [time, link] at its end."""
    linear, (hours, count) = program.linear, offer.near_kw.shape
    total = sp.kron(sp.identity(hours), np.ones((1, count)))
    purchase = sp.vstack([total, sp.csc_matrix(total.shape), total])
    pull = offer.price_per_kwh - offer.proximity_per_kw2 * offer.near_kw
    fees = np.array([link.fee_per_kwh for link in offer.links])
    capacity_kw = np.tile([link.capacity_kw for link in offer.links], 2 * hours)
    # Buying and selling over a link at once never pays, so that (bought - sold)^2 may be written
    # bought^2 + sold^2, which is strongly convex in both.
    square = offer.proximity_per_kw2 * sp.identity(2 * hours * count)
    return QuadraticProgram(
        quadratic=sp.block_diag([sp.csc_matrix((len(linear.cost),) * 2), square], format="csc"),
        cost=np.concatenate([linear.cost, (pull + fees).ravel(), -pull.ravel()]),
        matrix=sp.hstack([linear.matrix, purchase, -purchase], format="csc"),
        row_lower=linear.row_lower,
        row_upper=linear.row_upper,
        col_lower=np.concatenate([linear.col_lower, np.zeros(2 * hours * count)]),
        col_upper=np.concatenate([linear.col_upper, capacity_kw]),
    )
