"""How fast robust plans of PV and batteries are proven, over synthetic years and tariffs.

Run: python benchmarks/planning_der.py [--seeds N] [--benders SECONDS]. Times are CPU seconds on one
thread. The paper (CPLEX 12.7 on 24 cores; other data of the same size) needs for budgets 0, 10, 20:
aro 48, 141, 399 s; arso 364, 3912, 4841 s.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from roadvolt.core.units import frozen
from roadvolt.planning.der.case import DerCase
from roadvolt.planning.der.choices import DerMethod, DerModel
from roadvolt.planning.der.solve import ADAPTIVE, solve_der
from roadvolt.sims.derfile import load_der_case

_PAPER = {
    DerModel.ADAPTIVE: {0: 48, 10: 141, 20: 399},
    DerModel.ADAPTIVE_STOCHASTIC: {0: 364, 10: 3912, 20: 4841},
}


def with_hourly_tariff(case: DerCase, seed: int) -> DerCase:
    """24 different prices: the three levels times a factor of 0.75 to 1.25."""
    factor = np.random.default_rng(seed).uniform(0.75, 1.25, case.hours)
    return replace(case, price_per_kwh=frozen(np.round(case.price_per_kwh * factor, 4)))


def report(name: str, case: DerCase, method: DerMethod, seconds: float) -> None:
    """One line for every model and budget."""
    for model in DerModel:
        for budget in (0, 10, 20) if model in ADAPTIVE else (0,):
            if method is DerMethod.BENDERS and model not in ADAPTIVE:
                continue
            start = time.process_time()
            found = solve_der(case, model, load_budget=budget, method=method, seconds=seconds)
            spent, paper = time.process_time() - start, _PAPER.get(model, {}).get(budget)
            print(
                f"{name:16} {method.value:8} {model.value:5} budget {budget:2}: "
                f"{found.objective:9.2f}, gap {found.gap:.1e}, {len(found.steps):2} steps, "
                f"{found.certificate.value}, {spent:7.2f} s"
                + (f", paper {paper} s" if paper else ""),
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="synthetic years")
    parser.add_argument("--benders", type=float, default=60.0, help="time limit of that method")
    asked = parser.parse_args()
    with threadpool_limits(1):
        for seed in range(1, asked.seeds + 1):
            case = load_der_case("der33", overrides={"history.seed": str(seed)})
            report(f"year {seed}", case, DerMethod.FAST, np.inf)
            hourly = with_hourly_tariff(case, seed)
            report(f"year {seed}, hourly", hourly, DerMethod.FAST, np.inf)
        first = load_der_case("der33")
        report("year 1", first, DerMethod.BENDERS, asked.benders)
        report("tight, year 1", load_der_case("der33-tight"), DerMethod.FAST, np.inf)


if __name__ == "__main__":
    main()
