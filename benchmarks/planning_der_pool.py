"""What a robust plan of PV and batteries gains from climbs over Ray's workers.

Run: python benchmarks/planning_der_pool.py [--workers N] [--repeats N]. Wall seconds, the best of
the repeats, here and over workers that are warm; "first" is over workers that have yet to import
what they need, as those of `roadvolt plan der --runtime ray`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from roadvolt.agents.pool import RayPool
from roadvolt.planning.der.case import DerCase
from roadvolt.planning.der.choices import DerModel
from roadvolt.planning.der.solve import adversarial, solve_der
from roadvolt.planning.mapper import IN_TURN, Mapper
from roadvolt.sims.derfile import load_der_case
from roadvolt.uncertainty.seeds import generator

_X = np.array([14.0, 3300.0, 4.0, 400.0])
_BUDGET = 10


def climbs(case: DerCase, model: DerModel) -> Callable[[Mapper], float]:
    """24 climbs at one plan, as in a round; the cost that they find."""
    problem, rng = adversarial(case, model, _BUDGET, _BUDGET), generator(1, "benchmark")
    starts = [problem.guess(rng.uniform(0, 1, case.hours)) for _ in range(24)]
    return lambda mapper: problem.climbed(_X, starts, mapper).cost


def plan(case: DerCase, model: DerModel) -> Callable[[Mapper], float]:
    """A whole plan; its objective."""
    return lambda mapper: solve_der(case, model, load_budget=_BUDGET, mapper=mapper).objective


def seconds(work: Callable[[Mapper], float], mapper: Mapper) -> tuple[float, float]:
    """(that it took, its answer)."""
    start = time.perf_counter()
    answer = work(mapper)
    return time.perf_counter() - start, answer


def report(name: str, work: Callable[[Mapper], float], workers: int, repeats: int) -> None:
    """One line: here, first over Ray, then over Ray."""
    here, there = [], []
    with RayPool(workers=workers) as pool:
        first, _ = seconds(work, pool)
        for _ in range(repeats):  # in turn, so that work beside slows both
            here.append(seconds(work, IN_TURN))
            there.append(seconds(work, pool))
    assert len({answer for _, answer in (*here, *there)}) == 1
    print(
        f"{name:30} here {min(here)[0]:6.2f} s, {workers} workers {min(there)[0]:6.2f} s, "
        f"first {first:6.2f} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    with threadpool_limits(1):
        for model, scenarios in (
            (DerModel.ADAPTIVE, 9),
            (DerModel.ADAPTIVE_STOCHASTIC, 9),
            (DerModel.ADAPTIVE_STOCHASTIC, 36),
        ):
            case = load_der_case("der33", overrides={"uncertainty.scenarios": str(scenarios)})
            name = f"{model.value} {_BUDGET}, {scenarios} scenarios"
            report(f"climbs: {name}", climbs(case, model), asked.workers, asked.repeats)
            report(f"plan: {name}", plan(case, model), asked.workers, asked.repeats)


if __name__ == "__main__":
    main()
