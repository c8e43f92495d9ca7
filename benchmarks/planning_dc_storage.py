"""How fast plans of ports and storage on a DC link are proven, and by what.

Run: python benchmarks/planning_dc_storage.py [--ports N ...] [--hours N] [--skip-whole]. Without
margins and chance constraints: the search for whole numbers alone, against the same as one
mixed-integer cone program (outer approximation by HiGHS and Clarabel), on parts of tpc84-dc: its
first ports, and so many hours from noon on of its scenarios. Then the whole study of tpc84-dc.
Times are CPU seconds on one thread.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from roadvolt.core.errors import SolveError
from roadvolt.core.units import frozen
from roadvolt.planning.dc_storage.case import DcStorageCase
from roadvolt.planning.dc_storage.decomposition import Search
from roadvolt.planning.dc_storage.limits import nominal_limits
from roadvolt.planning.dc_storage.monolithic import solve_monolithic
from roadvolt.planning.dc_storage.operation import Day
from roadvolt.planning.dc_storage.parts import with_ports
from roadvolt.planning.dc_storage.problem import Problem
from roadvolt.planning.dc_storage.relaxation import relax
from roadvolt.planning.dc_storage.solve import solve_dc_storage
from roadvolt.planning.der.mapper import IN_TURN
from roadvolt.sims.dcfile import load_dc_storage_case

_MONEY = 1e6
_NOON = 11


def smaller(case: DcStorageCase, ports: int, hours: int) -> DcStorageCase:
    """The first ports, and some hours of every scenario."""
    links, days = case.links, case.scenarios
    first = {
        name: frozen(getattr(links, name)[:ports], np.int64)
        for name in ("port_buses", "port_link", "port_modules_max")
    }
    start = min(_NOON, days.load_p_kw.shape[1] - hours)
    some = {
        name: frozen(getattr(days, name)[:, start : start + hours])
        for name in ("price_per_kwh", "load_p_kw", "load_q_kvar", "res_kw")
    }
    return replace(case, links=replace(links, **first), scenarios=replace(days, **some))


def search_alone(case: DcStorageCase, gap: float, seconds: float, whole: bool) -> None:
    """One line for the decomposition, one for the whole."""
    part = with_ports(case).case
    limits, count = nominal_limits(part), len(part.scenarios.names)
    days = [
        Day(case=part, scenario=k, limits=limits, imports=False, money=_MONEY) for k in range(count)
    ]
    problem = Problem.of(days)
    start = time.process_time()
    relaxation = relax(problem, with_return=False)
    if relaxation is None:
        print("no sizes keep the limits")
        return
    found = Search(problem, relaxation, IN_TURN, lambda step: None, 0.0).run(gap, np.inf)
    left = (found.bound - found.profit) / max(abs(found.profit), 1e-9)
    print(
        f"  decomposition  {found.profit * _MONEY:10.0f} a year, gap {left:.1e}, "
        f"{len(found.steps):2} plans, {time.process_time() - start:6.1f} s",
        flush=True,
    )
    if not whole:
        return
    start = time.process_time()
    of_cost = gap * abs(found.profit) / abs(problem.before - found.profit)
    try:
        judged = solve_monolithic(problem, gap=of_cost, seconds=seconds)
        words = f"{judged.profit * _MONEY:10.0f} a year, bound {judged.bound * _MONEY:.0f}"
    except SolveError as error:
        words = str(error)
    print(f"  as one program {words}, {time.process_time() - start:6.1f} s", flush=True)


def study(case: DcStorageCase) -> None:
    """Margins, search, checks."""
    start, wall = time.process_time(), time.perf_counter()
    found = solve_dc_storage(case)
    cost = found.money.electricity + found.money.carbon
    print(
        f"{case.name}: {found.objective:.0f} a year, gap {found.gap:.1e} "
        f"({(found.bound - found.objective) / cost:.1e} of the yearly cost), "
        f"{len(found.steps)} plans, {found.margin_rounds} rounds of margins, "
        f"return {found.money.return_rate:.3f}, AC deviation {found.ac_deviation:.1e}, "
        f"worst rate {found.chance.worst:.3f}: {time.process_time() - start:.1f} CPU s, "
        f"{time.perf_counter() - wall:.1f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ports", type=int, nargs="+", default=[2, 4, 6])
    parser.add_argument("--hours", type=int, default=4)
    parser.add_argument("--gap", type=float, default=1e-3, help="of the profit")
    parser.add_argument("--seconds", type=float, default=120.0, help="for the whole as one")
    parser.add_argument("--skip-whole", action="store_true")
    asked = parser.parse_args()
    case = load_dc_storage_case("tpc84-dc")
    with threadpool_limits(1):
        for ports in asked.ports:
            small = smaller(case, ports, asked.hours)
            print(f"{ports} ports, {len(small.scenarios.names)} x {asked.hours} h")
            search_alone(small, asked.gap, asked.seconds, not asked.skip_whole)
        study(case)


if __name__ == "__main__":
    main()
