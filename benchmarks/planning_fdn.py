"""How fast a planning study of the 84-bus network is, part by part, and whole.

Run: python benchmarks/planning_fdn.py [--samples N]. Times are CPU seconds on one thread. The paper
reports 49.9 minutes for one plan (Gurobi, gap 1e-3), 9.40 hours for the study with Monte Carlo
simulation and 5.53 hours with low-rank approximation, on an Intel Core i7-9700.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from roadvolt.planning.fdn.draws import draw_factors
from roadvolt.planning.fdn.iteration import RunOptions, run_iterations
from roadvolt.planning.fdn.propagation import net_load, propagate
from roadvolt.planning.fdn.recourse import Recourse
from roadvolt.planning.power_flow import solve_feeders
from roadvolt.sims.planfile.load import load_fdn_case

Result = TypeVar("Result")


def timed(call: Callable[..., Result], *arguments: Any, **named: Any) -> tuple[float, Result]:
    """CPU seconds, and what the call returned."""
    start = time.process_time()
    result = call(*arguments, **named)
    return time.process_time() - start, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=20_000)
    samples = parser.parse_args().samples
    case = load_fdn_case("tpc84")
    with threadpool_limits(1):
        options = RunOptions(samples=samples, fresh_samples=samples)
        seconds, run = timed(run_iterations, case, options)
        print(f"study, gamma 5 %: {seconds:.1f} s, {len(run.iterations)} rounds, kept: {run.kept}")
        for one in run.iterations:
            print(
                f"  round {one.number}: plan {one.plan_seconds:.1f} s, samples "
                f"{one.propagation_seconds:.1f} s (wall), gap {one.solution.gap:.2%}"
            )
        seconds, draws = timed(draw_factors, case, 2, samples)
        print(f"{samples:,} draws of 100 correlated factors: {seconds:.2f} s")
        loads = net_load(case, run.plan, len(case.stages) - 1, draws)
        seconds, _ = timed(solve_feeders, case.network, *loads)
        print(f"{samples:,} exact power flows: {seconds:.2f} s")
        for recourse in Recourse:
            seconds, _ = timed(propagate, case, run.plan, draws, recourse)
            print(f"four stages, recourse {recourse.value}: {seconds:.1f} s")


if __name__ == "__main__":
    main()
