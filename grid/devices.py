"""Dispatchable devices: each adds its variables, its own limits and its cost to a program.

All axes start with ``[time, device]``; production is positive. D1-D12 are the equations of
appendix D of [CWS], see docs/model.md. The upstream grid is the device that closes the balance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..core.devices.battery import end_charged, energy_balance, split_flows, stay_charged
from ..core.devices.rows import Term
from ..core.units import BoolArray, FloatArray, IntArray
from .cone_builder import Affine, ProgramBuilder
from .feeder import Battery, Generator, GridDay
from .risk_margins import RiskMargins

#: Typical sizes, which the solver sees as 1.
POWER_UNIT_KW = 300.0
ENERGY_UNIT_KWH = 300.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeneratorColumns:
    """Variables of the generators."""

    p: IntArray  #: [time, generator, phase], kW
    q: IntArray  #: [time, generator, phase], kvar
    total: IntArray  #: [time, generator], kW of the three phases
    up: IntArray  #: [time, generator], reserve in kW
    down: IntArray
    alpha: IntArray  #: [time, generator]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatteryColumns:
    """Variables of the batteries."""

    charge: IntArray  #: [time, battery, phase], kW
    discharge: IntArray
    q: IntArray  #: [time, battery, phase], kvar
    energy: IntArray  #: [time, battery], kWh at the end of the hour
    up: IntArray  #: [time, battery], reserve in kW
    down: IntArray
    alpha: IntArray  #: [time, battery]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UpstreamColumns:
    """Variables of the upstream grid [time]."""

    buy: IntArray  #: kW
    sell: IntArray
    q: IntArray  #: kvar
    alpha: IntArray


def add_generators(
    program: ProgramBuilder, generators: Sequence[Generator], margins: RiskMargins
) -> GeneratorColumns:
    """Generators: D1-D5, phase caps, reserves that cover their share, and their cost."""
    shape = (len(margins.need), len(generators))
    x = GeneratorColumns(
        p=program.variables(*shape, 3, unit=POWER_UNIT_KW),
        q=program.variables(*shape, 3, unit=POWER_UNIT_KW),
        total=program.variables(*shape, unit=POWER_UNIT_KW),
        up=program.variables(*shape, unit=POWER_UNIT_KW),
        down=program.variables(*shape, unit=POWER_UNIT_KW),
        alpha=program.variables(*shape, unit=1.0),
    )
    p_max = _each(shape, (g.p_max_kw for g in generators))
    p_min = _each(shape, (g.p_min_kw for g in generators))
    ramp_up = _each(shape, (g.ramp_up_kw_per_h for g in generators))
    ramp_down = _each(shape, (g.ramp_down_kw_per_h for g in generators))
    program.equal([(x.total, 1.0), (x.p, -1.0)], np.zeros(shape))  # D5
    program.at_most([(x.total, 1.0), (x.up, 1.0)], p_max)  # D1
    program.at_most([(x.total, -1.0), (x.down, 1.0)], -p_min)  # D1
    program.at_most([(x.total[1:], 1.0), (x.total[:-1], -1.0)], ramp_up[1:])  # D2
    program.at_most([(x.total[1:], -1.0), (x.total[:-1], 1.0)], ramp_down[1:])  # D2
    program.at_most([(x.up, 1.0)], ramp_up)  # D3
    program.at_most([(x.down, 1.0)], ramp_down)  # D3
    _add_power_factor(program, x, generators)
    phase_max = _each(shape, (g.phase_share_max * g.p_max_kw for g in generators))
    program.between(x.p, 0.0, phase_max[..., None])
    _add_reserves(program, x, margins, _each(shape, (g.reserve_price_per_kw for g in generators)))
    program.add_cost(
        x.total,
        _each(shape, (g.cost_linear_per_kwh for g in generators)),
        _each(shape, (g.cost_quadratic_per_kw2h for g in generators)),
    )
    return x


def _add_power_factor(
    program: ProgramBuilder, x: GeneratorColumns, generators: Sequence[Generator]
) -> None:
    """theta_min P <= Q <= theta_max P (D4), and on each phase what its power cap would allow."""
    shape = x.total.shape
    low = _each(shape, (g.q_per_p_min for g in generators))
    high = _each(shape, (g.q_per_p_max for g in generators))
    program.at_most([(x.q, 1.0), (x.total, -high)], np.zeros(shape))
    program.at_most([(x.q, -1.0), (x.total, low)], np.zeros(shape))
    phase_max = _each(shape, (g.phase_share_max * g.p_max_kw for g in generators))
    lower, upper = np.minimum(low, 0) * phase_max, np.maximum(high, 0) * phase_max
    program.between(x.q, lower[..., None], upper[..., None])


def add_batteries(
    program: ProgramBuilder, batteries: Sequence[Battery], margins: RiskMargins
) -> BatteryColumns:
    """Batteries: D6-D12 with D10 relaxed, phase caps, energy kept under errors, and their cost.

    D10, |Q| <= a |charge - discharge|, is not convex: here |Q| <= a (charge + discharge), which is
    the same once ``fix_modes`` has excluded both at once.
    """
    shape = (len(margins.need), len(batteries))
    x = BatteryColumns(
        charge=program.variables(*shape, 3, unit=POWER_UNIT_KW),
        discharge=program.variables(*shape, 3, unit=POWER_UNIT_KW),
        q=program.variables(*shape, 3, unit=POWER_UNIT_KW),
        energy=program.variables(*shape, unit=ENERGY_UNIT_KWH),
        up=program.variables(*shape, unit=POWER_UNIT_KW),
        down=program.variables(*shape, unit=POWER_UNIT_KW),
        alpha=program.variables(*shape, unit=1.0),
    )
    charge_max = _each(shape, (b.p_charge_max_kw for b in batteries))
    discharge_max = _each(shape, (b.p_discharge_max_kw for b in batteries))
    share = _each(shape, (b.phase_share_max for b in batteries))[..., None]
    program.between(x.charge, 0.0, share * charge_max[..., None])
    program.between(x.discharge, 0.0, share * discharge_max[..., None])
    program.at_most([(x.charge, 1.0), (x.down, 1.0)], charge_max)  # D8, D11
    program.at_most([(x.discharge, 1.0), (x.up, 1.0)], discharge_max)  # D9, D11
    _add_reactive_power(program, x, batteries)
    _add_energy(program, x, batteries, margins)
    _add_reserves(program, x, margins, _each(shape, (b.reserve_price_per_kw for b in batteries)))
    wear = _each(shape, (b.degradation_per_kwh for b in batteries))[..., None]
    program.add_cost(x.charge, wear * _charging(shape, batteries)[..., None])
    program.add_cost(x.discharge, wear / _discharging(shape, batteries)[..., None])
    return x


def _add_reactive_power(
    program: ProgramBuilder, x: BatteryColumns, batteries: Sequence[Battery]
) -> None:
    shape = x.energy.shape
    a = _each(shape, (b.q_per_p_max for b in batteries))
    for sign in (1.0, -1.0):  # D10 relaxed, D12
        through = [(x.charge, -a[..., None]), (x.discharge, -a[..., None])]
        program.at_most([(x.q, sign), *through], np.zeros(shape))
    size = _each(
        shape, (b.phase_share_max * max(b.p_charge_max_kw, b.p_discharge_max_kw) for b in batteries)
    )
    program.between(x.q, -(a * size)[..., None], (a * size)[..., None])


def _add_energy(
    program: ProgramBuilder,
    x: BatteryColumns,
    batteries: Sequence[Battery],
    margins: RiskMargins,
) -> None:
    """Energy from hour to hour (D6), within limits whatever the errors (D7), kept at the end.

    Answering an error by p kW moves the energy by p / eta_dis at most: by charging it moves less.
    """
    shape = x.energy.shape
    start = np.array([b.e_start_kwh for b in batteries])
    low = _each(shape, (b.e_min_kwh for b in batteries))
    high = _each(shape, (b.e_max_kwh for b in batteries))
    efficiencies = (_charging(shape, batteries), _discharging(shape, batteries))
    by_phase = (efficiency[..., None] for efficiency in efficiencies)
    energy_balance(program, x.energy, split_flows(x.charge, x.discharge, *by_phase), start)
    room = program.variables(*shape, unit=ENERGY_UNIT_KWH)
    stay_charged(program, x.energy, 1.0, low, high, [(room, 1.0)])
    end_charged(program, x.energy, start)
    _add_energy_margin(program, x, batteries, margins, room)


def _add_energy_margin(
    program: ProgramBuilder,
    x: BatteryColumns,
    batteries: Sequence[Battery],
    margins: RiskMargins,
    room: IntArray,
) -> None:
    """``room`` covers the answers of all hours so far, whatever part of them is worst together.

    With shares alpha = n + b of the hours up to this one, room eta >= ||slope n|| + worst' b: the
    part b is covered whatever happens, so that what remains to chance is n. Any split is safe; the
    program chooses it, and never pays more than with all by norm (b = 0) or all by worst (n = 0).
    """
    per_kw = 1 / np.array([b.efficiency_discharge for b in batteries])
    none = np.zeros(len(batteries))
    for t, alpha in enumerate(x.alpha):
        so_far = slice(t + 1)
        worst = np.outer(per_kw, margins.worst[so_far])
        if margins.robust:
            program.at_most([(room[t], -1.0), (x.alpha[so_far].T, worst)], none)
            continue
        sure = np.flatnonzero(margins.worst[so_far] < margins.slope[so_far])
        boxed = program.variables(len(sure), len(alpha), unit=1.0)
        program.at_most([(boxed, -1.0)], np.zeros(boxed.shape))
        program.at_most([(boxed, 1.0), (x.alpha[sure], -1.0)], np.zeros(boxed.shape))
        tail = _left_to_chance(x.alpha[so_far], margins.slope, per_kw, sure, boxed)
        program.at_most_with_norm([(room[t], -1.0), (boxed.T, worst[:, sure])], tail, none)


def _left_to_chance(
    alpha: IntArray, slope: FloatArray, per_kw: FloatArray, sure: IntArray, boxed: IntArray
) -> list[Affine]:
    """slope (alpha - boxed) / efficiency, hour by hour; only ``sure`` hours have a boxed part."""
    part_of = dict(zip(sure.tolist(), boxed, strict=True))
    tail: list[Affine] = []
    for hour, columns in enumerate(alpha):
        terms: list[Term] = [(columns, per_kw * slope[hour])]
        if hour in part_of:
            terms.append((part_of[hour], -per_kw * slope[hour]))
        tail.append((terms, 0.0))
    return tail


def fix_modes(
    program: ProgramBuilder, x: BatteryColumns, where: BoolArray, charging: BoolArray
) -> None:
    """Forbids, ``where`` [time, battery], discharge if ``charging`` there, and charge if not."""
    idle = np.where(charging[..., None], x.discharge, x.charge)[where]
    program.at_most([(idle, 1.0)], np.zeros(idle.shape))


def add_upstream(program: ProgramBuilder, day: GridDay, share_max: float) -> UpstreamColumns:
    """The upstream grid: energy bought and sold, reactive energy drawn, a bounded share of errors.

    Reactive energy returned earns nothing.
    """
    hours = len(day.load_factor)
    buy, sell, q = (program.variables(hours, unit=POWER_UNIT_KW) for _ in range(3))
    x = UpstreamColumns(buy=buy, sell=sell, q=q, alpha=program.variables(hours, unit=1.0))
    for columns in (buy, sell, q):
        program.at_most([(columns, -1.0)], np.zeros(hours))
    program.between(x.alpha, 0.0, share_max)
    program.add_cost(buy, day.upstream_price_per_kwh)
    program.add_cost(sell, -day.export_price_per_kwh)
    program.add_cost(q, day.reactive_price_per_kvarh)
    return x


def _add_reserves(
    program: ProgramBuilder,
    x: GeneratorColumns | BatteryColumns,
    margins: RiskMargins,
    price_per_kw: FloatArray,
) -> None:
    """Reserves that cover the device's share of the missing net load: alpha need <= up, down."""
    program.at_most([(x.alpha, -1.0)], np.zeros(x.alpha.shape))
    for reserve in (x.up, x.down):
        need = margins.need[:, None]
        program.at_most([(x.alpha, need), (reserve, -1.0)], np.zeros(reserve.shape))
        program.at_most([(reserve, -1.0)], np.zeros(reserve.shape))
        program.add_cost(reserve, price_per_kw)


def _each(shape: tuple[int, ...], values: Iterable[float]) -> FloatArray:
    """One number a device, the same in every hour [time, device]."""
    return np.broadcast_to(np.fromiter(values, dtype=np.float64), shape)


def _charging(shape: tuple[int, ...], batteries: Sequence[Battery]) -> FloatArray:
    return _each(shape, (b.efficiency_charge for b in batteries))


def _discharging(shape: tuple[int, ...], batteries: Sequence[Battery]) -> FloatArray:
    return _each(shape, (b.efficiency_discharge for b in batteries))
