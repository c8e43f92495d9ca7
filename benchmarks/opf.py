"""How fast the chance-constrained optimal power flow is, against its statement in cvxpy.

Run: python benchmarks/opf.py [--hours N] [--stations N]. The feeder and the day are those of the
built-in case utn12-ieee33. Times are CPU seconds on one thread. The statement keeps every network
row with norms over all sources, hence the small number of hours it is given.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

import cvxpy as cp
import numpy as np
from threadpoolctl import threadpool_limits

from roadvolt.grid.envelope import operating_envelope
from roadvolt.grid.feeder import ConnectionPoint, ErrorModel, Feeder, GridDay
from roadvolt.grid.forecast_errors import ErrorMoments, fit_moments, sample_errors, support_kw
from roadvolt.grid.opf import solve_opf
from roadvolt.grid.opf_model import build_opf
from roadvolt.grid.opf_options import OpfOptions
from roadvolt.grid.opf_statement import state_opf
from roadvolt.grid.projection import project
from roadvolt.sims.case import load_case
from roadvolt.uncertainty.margins import RiskTreatment
from roadvolt.uncertainty.seeds import generator

Result = TypeVar("Result")


def timed(call: Callable[..., Result], *arguments: Any) -> tuple[float, Result]:
    """CPU seconds, and what the call returned."""
    start = time.process_time()
    result = call(*arguments)
    return time.process_time() - start, result


def busiest_hours(day: GridDay, hours: int) -> GridDay:
    """As many hours up to the one of highest load."""
    stop = max(int(np.argmax(day.load_factor)) + 1, hours)
    names = [column.name for column in fields(day)]
    return replace(day, **{name: getattr(day, name)[stop - hours : stop] for name in names})


def moments_of(feeder: Feeder, day: GridDay, errors: ErrorModel) -> ErrorMoments:
    samples = sample_errors(feeder, day, errors, generator(1, "benchmark"), 1000)
    return fit_moments(samples, support_kw(feeder, day, errors))


def against_statement(feeder: Feeder, day: GridDay, errors: ErrorModel, hours: int) -> None:
    """Prints both times and objectives of the same few hours."""
    short = busiest_hours(day, hours)
    moments, nobody = moments_of(feeder, short, errors), ((), np.zeros((hours, 0)))
    own, dispatch = timed(lambda: solve_opf(build_opf(feeder, short, moments), *nobody))
    model = build_opf(feeder, short, moments)
    charge, discharge = dispatch.battery_charge_kw, dispatch.battery_discharge_kw
    charging = charge.sum(axis=2) > discharge.sum(axis=2)
    statement = state_opf(model, *nobody, charging)
    theirs, _ = timed(lambda: statement.solve(solver=cp.CLARABEL))
    print(f"{hours} h, cones over rows that matter  {own:8.3f} s  cost {dispatch.cost.total:.5f}")
    print(f"{hours} h, cvxpy, all rows, all sources {theirs:8.3f} s  cost {statement.value:.5f}")
    print(f"ratio {theirs / own:.0f}")


def tightened(feeder: Feeder) -> Feeder:
    """The feeder with a lowest voltage that binds once stations draw."""
    return replace(feeder, limits=replace(feeder.limits, vm_min_pu=0.95))


def whole_day(feeder: Feeder, day: GridDay, errors: ErrorModel, stations: int) -> None:
    """Prints the times of a day's dispatch under each treatment, and of the trading answers."""
    moments = moments_of(feeder, day, errors)
    hours, nobody = len(day.load_factor), ((), np.zeros((len(day.load_factor), 0)))
    for treatment in RiskTreatment:
        options = OpfOptions(treatment=treatment)
        build, model = timed(build_opf, feeder, day, moments, options)
        solve, dispatch = timed(solve_opf, model, *nobody)
        print(
            f"{hours} h {treatment:3}  build {build:.3f} s  solve {solve:.3f} s"
            f"  cost {dispatch.cost.total:.2f}"
        )
    model = build_opf(feeder, day, moments)
    buses = [bus for bus in feeder.buses if bus != feeder.source_bus][-stations:]
    points = tuple(ConnectionPoint(id=bus, bus=bus, share=(1 / 3,) * 3) for bus in buses)
    asked = generator(2, "benchmark").normal(60.0, 100.0, (hours, len(points)))
    seconds, wish = timed(project, model, points, asked)
    moved = int(np.sum(np.abs(wish.permitted_kw - asked) > 0.01))
    print(f"{len(points)} stations: projection {seconds:.3f} s, {moved} withdrawals adjusted")
    seconds, _ = timed(operating_envelope, model, points, wish.permitted_kw)
    print(f"{len(points)} stations: envelope {seconds:.3f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=4)
    parser.add_argument("--stations", type=int, default=32)
    given = parser.parse_args()
    case = load_case("utn12-ieee33")
    with threadpool_limits(1):
        for feeder in (case.feeder, tightened(case.feeder)):
            print(f"lowest voltage {feeder.limits.vm_min_pu} pu")
            whole_day(feeder, case.grid_day, case.error_model, given.stations)
        against_statement(case.feeder, case.grid_day, case.error_model, given.hours)


if __name__ == "__main__":
    main()
