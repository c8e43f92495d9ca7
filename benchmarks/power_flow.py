"""How fast the exact power flow is, and how far LinDist3Flow strays from it.

Run: python benchmarks/power_flow.py [--samples N]. The feeder is that of the built-in case
utn12-ieee33, with loads at their peak and no devices. Times are CPU seconds of all threads, and
wall seconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from roadvolt.core.units import FloatArray
from roadvolt.grid.feeder import Feeder
from roadvolt.grid.lindist3flow import LinearModel, build_linear_model, squared_voltages
from roadvolt.grid.powerflow import AcModel
from roadvolt.grid.unbalance import pvur
from roadvolt.sims.case import load_case

LOAD_SD = 0.1
LOAD_SCALES = (0.5, 1.0, 1.5, 2.0)


def peak_load(feeder: Feeder) -> tuple[FloatArray, FloatArray]:
    """(p_kw, q_kvar) [sample = 1, bus, phase] at load factor 1."""
    p_kw, q_kvar = np.zeros((2, 1, len(feeder.buses), 3))
    for load in feeder.loads:
        p_kw[0, feeder.buses.index(load.bus)] += load.p_kw
        q_kvar[0, feeder.buses.index(load.bus)] += load.q_kvar
    return p_kw, q_kvar


def linear_vm_pu(model: LinearModel, p_kw: FloatArray, q_kvar: FloatArray) -> FloatArray:
    """Voltage magnitudes of LinDist3Flow [sample, bus, phase]."""
    w_pu = squared_voltages(model, model.to_nodes(p_kw), model.to_nodes(q_kvar))
    return model.to_buses(np.sqrt(w_pu))


def report_speed(what: str, samples: int, run: Callable[[], object]) -> None:
    """One line of the speed table: the best of three runs."""
    best_cpu, best_wall = np.inf, np.inf
    for _ in range(3):
        cpu, wall = time.process_time(), time.perf_counter()
        run()
        best_cpu = min(best_cpu, time.process_time() - cpu)
        best_wall = min(best_wall, time.perf_counter() - wall)
    print(f"{what:<34}{samples / best_cpu:>12,.0f}{samples / best_wall:>12,.0f}")


def compare_speed(feeder: Feeder, samples: int) -> None:
    """Samples per second of the exact and of the linear model."""
    flows, model = AcModel(feeder), build_linear_model(feeder)
    p_kw, q_kvar = peak_load(feeder)
    factor = np.random.default_rng(0).normal(1, LOAD_SD, (samples, len(feeder.buses), 3))
    p_kw, q_kvar = p_kw * factor, q_kvar * factor
    print(f"{samples} samples, every load varied by {LOAD_SD:.0%}")
    print(f"{'':<34}{'per CPU s':>12}{'per wall s':>12}")
    report_speed("AC, one thread", samples, lambda: flows.solve(p_kw, q_kvar))
    report_speed("AC, two threads", samples, lambda: flows.solve(p_kw, q_kvar, threads=2))
    report_speed("LinDist3Flow", samples, lambda: linear_vm_pu(model, p_kw, q_kvar))


def compare_voltages(feeder: Feeder) -> None:
    """Voltages and unbalance of both models as the load grows."""
    flows, model = AcModel(feeder), build_linear_model(feeder)
    p_kw, q_kvar = peak_load(feeder)
    print("\nload   Vmin AC   max |dV|  mean |dV|   dV<0   PVUR AC   PVUR linear")
    for scale in LOAD_SCALES:
        exact = flows.solve(scale * p_kw, scale * q_kvar).vm_pu[0]
        linear = linear_vm_pu(model, scale * p_kw, scale * q_kvar)[0]
        error = linear - exact
        print(
            f"x{scale:<5.1f}{np.nanmin(exact):>8.4f}{np.nanmax(np.abs(error)):>11.4f}"
            f"{np.nanmean(np.abs(error)):>11.4f}{np.nanmean(error < -1e-8):>7.0%}"
            f"{np.nanmax(pvur(exact)):>10.2%}{np.nanmax(pvur(linear)):>14.2%}"
        )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10_000)
    samples = parser.parse_args().samples
    feeder = load_case("utn12-ieee33").feeder
    compare_speed(feeder, samples)
    compare_voltages(feeder)


if __name__ == "__main__":
    main()
