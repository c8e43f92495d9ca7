"""CPU seconds to clear a market: between the stations, centrally by HiGHS, and through cvxpy.

    python benchmarks/clearing.py [--sizes 32 256 1024 4096] [--all] [--repeats 3]

Each figure is the CPU time of one clearing from data to certified result (set-up, iterations and
certificates; kernels compiled beforehand), the least and the largest of the repeats. The central
program gives an exact answer where the stations give one certified to 1e-3: the ratio compares
these two. cvxpy is given its best form (bounds as variable bounds, trades split in two).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import cvxpy as cp
import numpy as np
from market_instances import Market, build_market
from threadpoolctl import threadpool_limits

from roadvolt.market.central import solve_central
from roadvolt.market.clearing import (
    Clearing,
    ClearingOptions,
    ask_locally,
    clear,
    local_ports,
)
from roadvolt.market.links import incidence
from roadvolt.market.partition import split_market

#: Larger markets are cleared centrally only with --all: minutes, and gigabytes.
CENTRAL_UP_TO = 1024


def main() -> None:
    """Prints one line for each size and tolerance."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 256, 1024, 4096])
    parser.add_argument("--tolerances", type=float, nargs="+", default=[1e-3])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--kernels", choices=["numba", "numpy", "auto"], default="numba")
    parser.add_argument("--all", action="store_true", help="also clear big markets centrally")
    given = parser.parse_args()
    compiled = {"numba": True, "numpy": False, "auto": None}[given.kernels]
    with threadpool_limits(1):
        for tolerance in given.tolerances:
            clear_here(build_market(16), tolerance, 1, compiled)  # compiles
        print(f"{'N':>6} {'gap':>7} {'iterations':>10} {'CPU s':>15} {'HiGHS':>15} {'cvxpy':>15}")
        for size in given.sizes:
            market = build_market(size, given.seed)
            central = size <= CENTRAL_UP_TO or given.all
            for tolerance in given.tolerances:
                print(row(market, tolerance, given, compiled, central), flush=True)


def row(
    market: Market,
    tolerance: float,
    given: argparse.Namespace,
    compiled: bool | None,
    central: bool,
) -> str:
    """Times one market all ways, side by side in time."""
    result, seconds = timed(
        lambda: clear_here(market, tolerance, given.shards, compiled), given.repeats
    )
    cells = [f"{min(seconds):.3f}..{max(seconds):.3f}"]
    for solve in (solve_central_here, solve_cvxpy) if central else ():
        cost, (other,) = timed(lambda solve=solve: solve(market), 1)
        off = 1e-6 * abs(cost)
        assert result.lower - off <= cost <= result.upper + off, "the certificate does not hold"
        cells.append(f"{other:.2f} ({other / min(seconds):.0f}x)")
    cells += ["-"] * (3 - len(cells))
    iterations = result.log[-1].iteration
    return f"{len(market.stations):6d} {result.gap:7.1e} {iterations:10d} " + " ".join(
        f"{cell:>15}" for cell in cells
    )


def timed(run: Callable[[], Any], repeats: int) -> tuple[Any, list[float]]:
    """The result, and the CPU seconds of each repeat."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        result = run()
        seconds.append(time.process_time() - start)
    return result, seconds


def clear_here(market: Market, tolerance: float, shards: int, compiled: bool | None) -> Clearing:
    """From data to certified result in this process."""
    stations, links, tariff, days = market
    split = split_market([station.id for station in stations], links, shards)
    ports = local_ports(split, stations, tariff, days, compiled=compiled)
    return clear(split, ask_locally(ports), ClearingOptions(tolerance=tolerance))


def solve_central_here(market: Market) -> float:
    """The exact optimum by HiGHS' simplex."""
    return solve_central(*market).cost


def solve_cvxpy(market: Market) -> float:
    """The same program stated in cvxpy, solved by HiGHS."""
    stations, links, tariff, days = market
    shape = (24, len(stations))

    def each(name: str) -> np.ndarray:
        return np.array([getattr(station, name) for station in stations])

    need = np.array([day.demand_kw + day.margin_kw for day in days]).T
    gain, drain = each("efficiency_charge"), 1 / each("efficiency_discharge")
    wear = each("degradation_per_kwh")
    top = np.tile(each("grid_limit_kw"), (24, 1))
    battery = np.tile(each("battery_kw"), (24, 1))
    floor = np.tile(each("e_min_kwh"), (24, 1))
    floor[-1] = each("e_start_kwh")
    buy, sell = cp.Variable(shape, bounds=[0, top]), cp.Variable(shape, bounds=[0, top])
    pv = cp.Variable(shape, bounds=[0, np.array([day.pv_kw for day in days]).T])
    unserved = cp.Variable(shape, bounds=[0, need])
    charge, discharge = (cp.Variable(shape, bounds=[0, battery]) for _ in range(2))
    energy = cp.Variable(shape, bounds=[floor, np.tile(each("e_max_kwh"), (24, 1))])
    most = np.tile([link.capacity_kw for link in links], (24, 1))
    forth, back = (cp.Variable(most.shape, bounds=[0, most]) for _ in range(2))
    before = cp.vstack([each("e_start_kwh")[None], energy[:-1]])
    received = (forth - back) @ incidence(stations, links).T
    fee = np.array([link.fee_per_kwh for link in links])
    cost = cp.sum(tariff.buy_per_kwh @ buy) - cp.sum(tariff.sell_per_kwh @ sell)
    cost += tariff.unserved_per_kwh * cp.sum(unserved) + cp.sum((forth + back) @ fee)
    cost += cp.sum(charge @ (wear * gain)) + cp.sum(discharge @ (wear * drain))
    problem = cp.Problem(
        cp.Minimize(cost),
        [
            buy - sell + pv + unserved + discharge - charge + received == need,
            energy - before
            == cp.multiply(charge, gain[None]) - cp.multiply(discharge, drain[None]),
        ],
    )
    return float(problem.solve(solver=cp.HIGHS))


if __name__ == "__main__":
    main()
