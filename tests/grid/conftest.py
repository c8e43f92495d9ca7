"""A three-phase 33-bus feeder built from published numbers, and a four-bus one with gaps.

Branches and loads: Baran and Wu, Network reconfiguration in distribution systems, IEEE Trans.
Power Delivery 4(2), 1989. Line matrices: configuration 601 of the IEEE 13-node test feeder, in
ohm/mile, lengthened and its resistance corrected so that the positive-sequence impedance of every
line is Baran and Wu's. Phase shares of the loads, ratings and wind sites are our own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from roadvolt.core.units import frozen
from roadvolt.grid.feeder import (
    Battery,
    ErrorModel,
    Feeder,
    Generator,
    GridDay,
    Limits,
    Line,
    Load,
    WindTurbine,
)
from roadvolt.grid.forecast_errors import ErrorMoments, fit_moments, sample_errors, support_kw
from roadvolt.uncertainty.seeds import generator

BRANCHES = """
1 2 .0922 .0470; 2 3 .4930 .2511; 3 4 .3660 .1864; 4 5 .3811 .1941; 5 6 .8190 .7070;
6 7 .1872 .6188; 7 8 .7114 .2351; 8 9 1.0300 .7400; 9 10 1.0440 .7400; 10 11 .1966 .0650;
11 12 .3744 .1238; 12 13 1.4680 1.1550; 13 14 .5416 .7129; 14 15 .5910 .5260; 15 16 .7463 .5450;
16 17 1.2890 1.7210; 17 18 .7320 .5740; 2 19 .1640 .1565; 19 20 1.5042 1.3554;
20 21 .4095 .4784; 21 22 .7089 .9373; 3 23 .4512 .3083; 23 24 .8980 .7091; 24 25 .8960 .7011;
6 26 .2030 .1034; 26 27 .2842 .1447; 27 28 1.0590 .9337; 28 29 .8042 .7006; 29 30 .5075 .2585;
30 31 .9744 .9630; 31 32 .3105 .3619; 32 33 .3410 .5302
"""
LOADS = """
2 100 60; 3 90 40; 4 120 80; 5 60 30; 6 60 20; 7 200 100; 8 200 100; 9 60 20; 10 60 20; 11 45 30;
12 60 35; 13 60 35; 14 120 80; 15 60 10; 16 60 20; 17 60 20; 18 90 40; 19 90 40; 20 90 40;
21 90 40; 22 90 40; 23 90 50; 24 420 200; 25 420 200; 26 60 25; 27 60 25; 28 60 20; 29 120 70;
30 200 600; 31 150 70; 32 210 100; 33 60 40
"""
Z601 = np.array(
    [
        [0.3465 + 1.0179j, 0.1560 + 0.5017j, 0.1580 + 0.4236j],
        [0.1560 + 0.5017j, 0.3375 + 1.0478j, 0.1535 + 0.3849j],
        [0.1580 + 0.4236j, 0.1535 + 0.3849j, 0.3414 + 1.0348j],
    ]
)
SHARES = np.array([0.45, 0.30, 0.25])


def rows(table: str) -> list[list[float]]:
    return [[float(word) for word in row.split()] for row in table.split(";")]


def line_matrix(r: float, x: float, transposed: bool) -> np.ndarray:
    """z = l Z601 + (r - l Re z1) I with l = x / Im z1, z1 the positive sequence of Z601."""
    mutual = (Z601.sum() - np.trace(Z601)) / 6
    z1 = np.trace(Z601) / 3 - mutual
    length = x / z1.imag
    z = length * Z601 + (r - length * z1.real) * np.eye(3)
    if not transposed:
        return z
    mutual = (z.sum() - np.trace(z)) / 6
    return np.full((3, 3), mutual) + (np.trace(z) / 3 - mutual) * np.eye(3)


def rating_kva(line: int) -> float:
    return 2200.0 if line <= 5 else 1100.0 if line <= 7 else 700.0


def make_feeder33(unbalance: float = 1.0, transposed: bool = False) -> Feeder:
    """The feeder with the devices of Chen et al., tables A.II and A.III."""
    generators = [  # bus, MW, ramp MW/h, $/MW2h, $/MWh
        ("6", 0.86, 0.52, 9e-3, 58.0),
        ("9", 0.76, 0.38, 10e-3, 60.0),
        ("19", 0.98, 0.72, 11e-3, 62.0),
    ]
    batteries = [("8", 460.0, 170.0), ("15", 520.0, 180.0), ("31", 420.0, 160.0)]
    return Feeder(
        vn_kv=12.66,
        source_bus="1",
        vm_source_pu=1.0,
        buses=tuple(str(k) for k in range(1, 34)),
        bus_xy=tuple((float(k), 0.0) for k in range(1, 34)),
        lines=tuple(
            Line(
                id=str(k),
                from_bus=f"{start:.0f}",
                to_bus=f"{stop:.0f}",
                phases="abc",
                z_ohm=frozen(line_matrix(r, x, transposed), np.complex128),
                s_max_kva=rating_kva(k),
            )
            for k, (start, stop, r, x) in enumerate(rows(BRANCHES), 1)
        ),
        loads=tuple(
            Load(bus=f"{bus:.0f}", p_kw=frozen(p * share), q_kvar=frozen(q * share))
            for bus, p, q in rows(LOADS)
            for share in [1 / 3 + unbalance * (np.roll(SHARES, int(bus) % 3) - 1 / 3)]
        ),
        generators=tuple(
            Generator(
                id=f"DG{k}",
                bus=bus,
                p_min_kw=0.0,
                p_max_kw=1e3 * size,
                ramp_up_kw_per_h=1e3 * ramp,
                ramp_down_kw_per_h=1e3 * ramp,
                q_per_p_min=0.0,
                q_per_p_max=0.9,
                cost_quadratic_per_kw2h=1e-6 * quadratic,
                cost_linear_per_kwh=1e-3 * linear,
                reserve_price_per_kw=0.005,
                phase_share_max=0.5,
            )
            for k, (bus, size, ramp, quadratic, linear) in enumerate(generators, 1)
        ),
        batteries=tuple(
            Battery(
                id=f"BESS{k}",
                bus=bus,
                e_min_kwh=size / 10,
                e_max_kwh=size,
                e_start_kwh=size / 2,
                p_charge_max_kw=power,
                p_discharge_max_kw=power,
                efficiency_charge=0.9,
                efficiency_discharge=0.9,
                q_per_p_max=0.5,
                degradation_per_kwh=0.002,
                reserve_price_per_kw=0.004,
                phase_share_max=0.5,
            )
            for k, (bus, size, power) in enumerate(batteries, 1)
        ),
        wind_turbines=tuple(
            WindTurbine(id=f"WT{k}", bus=bus, p_rated_kw=160.0)
            for k, bus in enumerate(("14", "18", "25", "33"), 1)
        ),
        limits=Limits(vm_min_pu=0.9, vm_max_pu=1.1, vur_max=0.03),
    )


LOAD_FACTOR = """.62 .58 .56 .55 .57 .62 .70 .78 .84 .88 .90 .91 .90 .88 .87 .88 .92 .97 1. .99 .95
.87 .77 .68"""
UPSTREAM_PRICE = [0.035] * 7 + [0.060] * 4 + [0.075] * 2 + [0.060] * 4 + [0.095] * 4 + [0.060] * 3


def make_day(hours: slice = slice(0, 24)) -> GridDay:
    price = np.array(UPSTREAM_PRICE)
    return GridDay(
        load_factor=frozen(np.array([float(word) for word in LOAD_FACTOR.split()])[hours]),
        wind_factor=frozen((0.45 + 0.25 * np.sin(np.pi / 12 * (np.arange(24) + 3)))[hours]),
        upstream_price_per_kwh=frozen(price[hours]),
        export_price_per_kwh=frozen(np.full(24, 0.014)[hours]),
        reactive_price_per_kvarh=frozen(0.2 * price[hours]),
    )


def make_feeder4() -> Feeder:
    """s - m (abc) - k (abc), m - l (phases b, c), the last line written from its far end."""
    full = make_feeder33()
    z = np.array(full.lines[4].z_ohm)
    partial = z.copy()
    partial[0, :] = partial[:, 0] = 0
    return replace(
        full,
        source_bus="s",
        buses=("k", "s", "l", "m"),
        bus_xy=((2.0, 0.0), (0.0, 0.0), (1.0, 1.0), (1.0, 0.0)),
        lines=(
            replace(full.lines[0], id="sm", from_bus="s", to_bus="m", z_ohm=z, s_max_kva=700.0),
            replace(full.lines[0], id="mk", from_bus="m", to_bus="k", z_ohm=z, s_max_kva=500.0),
            replace(
                full.lines[0],
                id="lm",
                from_bus="l",
                to_bus="m",
                phases="bc",
                z_ohm=partial,
                s_max_kva=300.0,
            ),
        ),
        loads=(
            Load(bus="k", p_kw=frozen([250, 200, 150]), q_kvar=frozen([100, 90, 80])),
            Load(bus="l", p_kw=frozen([0, 120, 180]), q_kvar=frozen([0, 60, 70])),
            Load(bus="m", p_kw=frozen([0, 0, 0]), q_kvar=frozen([20, 30, 40])),
        ),
        generators=(replace(full.generators[0], bus="m"),),
        batteries=(replace(full.batteries[0], bus="k"),),
        wind_turbines=(replace(full.wind_turbines[0], bus="k"),),
    )


@pytest.fixture(scope="session")
def feeder33() -> Callable[..., Feeder]:
    return make_feeder33


@pytest.fixture(scope="session")
def feeder4() -> Feeder:
    return make_feeder4()


@pytest.fixture(scope="session")
def day() -> Callable[..., GridDay]:
    return make_day


@pytest.fixture(scope="session")
def error_model() -> ErrorModel:
    return ErrorModel(
        load_sd=0.1,
        wind_sd=0.25,
        support_sd=3.0,
        spearman_load_load=0.3,
        spearman_wind_wind=0.5,
        spearman_load_wind=-0.1,
    )


@dataclass(frozen=True)
class Draws:
    """Samples of a day's forecast errors [scenario, time, source], and their moments."""

    errors_kw: np.ndarray
    moments: ErrorMoments


@pytest.fixture(scope="session")
def draws(error_model: ErrorModel) -> Callable[[Feeder, GridDay, int], Draws]:
    def draws(feeder: Feeder, day: GridDay, seed: int) -> Draws:
        errors_kw = sample_errors(feeder, day, error_model, generator(seed, "errors"), 1000)
        return Draws(errors_kw, fit_moments(errors_kw, support_kw(feeder, day, error_model)))

    return draws


@pytest.fixture(scope="session")
def moments_of(draws: Callable[..., Draws]) -> Callable[[Feeder, GridDay], ErrorMoments]:
    return lambda feeder, day: draws(feeder, day, 1).moments


@pytest.fixture(scope="session")
def certain() -> Callable[[Feeder, GridDay], ErrorMoments]:
    """No errors at all."""

    def certain(feeder: Feeder, day: GridDay) -> ErrorMoments:
        hours, sources = len(day.load_factor), len(feeder.loads) + len(feeder.wind_turbines)
        return ErrorMoments(
            covariance=np.zeros((hours, sources, sources)),
            support_kw=np.zeros((hours, sources)),
        )

    return certain
