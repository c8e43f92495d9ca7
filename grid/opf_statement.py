"""The optimal power flow as one would write it on paper: cvxpy, with norms over all sources.

This is the definition that ``opf`` is held against in tests. It is written from the feeder's data
and the linear model alone, hour by hour and slowly; it keeps every network row, and the full
square root of the covariance in each. Voltages are those of the plain linear model, not anchored.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import cvxpy as cp
import numpy as np

from ..core.units import BoolArray, FloatArray
from ..uncertainty.ambiguity import Shape, safety_factor
from ..uncertainty.margins import RiskTreatment
from .feeder import Battery, ConnectionPoint, Feeder, Generator, GridDay
from .forecast_errors import ErrorMoments
from .lindist3flow import LinearModel, build_linear_model
from .network_limits import FLOW_SIDES
from .opf_model import OpfModel, point_nodes
from .opf_options import OpfOptions
from .risk_margins import source_loads

Rules: TypeAlias = list[Any]
#: Rows alike: coefficients of p and of q [row, node], and limits [row].
_Family: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]


@dataclass(slots=True)
class _Hour:
    """The variables of one hour."""

    p_dg: cp.Variable  #: [generator, phase]
    q_dg: cp.Variable
    up_dg: cp.Variable  #: [generator]
    down_dg: cp.Variable
    charge: cp.Variable  #: [battery, phase]
    discharge: cp.Variable
    q_bess: cp.Variable
    energy: cp.Variable  #: [battery]
    up_bess: cp.Variable
    down_bess: cp.Variable
    alpha: cp.Variable  #: [device], generators then batteries
    alpha_upstream: cp.Variable
    buy: cp.Variable
    sell: cp.Variable
    q_upstream: cp.Variable


def state_opf(
    model: OpfModel,
    points: tuple[ConnectionPoint, ...],
    withdrawal_kw: FloatArray,
    charging: BoolArray | None = None,
) -> cp.Problem:
    """The problem that ``solve_opf(model, points, withdrawal_kw)`` solves.

    ``charging`` [time, battery] says which batteries may charge, and which may discharge, when;
    without it (D10) is relaxed.
    """
    feeder, day, options, moments = model.feeder, model.day, model.options, model.moments
    linear = build_linear_model(feeder)
    direction = source_loads(feeder, linear)[0].sum(axis=0)
    p_load = model.p_load_kw + withdrawal_kw @ point_nodes(model, points)
    hours = [_variables(feeder) for _ in day.load_factor]
    cost: Any = 0
    rules = [*_ramp_rules(feeder, hours)]
    rules += _energy_rules(feeder, hours, moments, direction, options)
    for t, x in enumerate(hours):
        need = _imbalance_margin(moments, t, direction, options)
        cost += _cost(feeder, day, x, t)
        rules += _generator_rules(feeder.generators, x, need)
        rules += _battery_rules(feeder.batteries, x, need)
        rules += _balance_rules(x, p_load[t], model.q_load_kvar[t], options)
        rules += _network_rules(model, linear, x, t, p_load[t])
        if charging is not None:
            rules += _mode_rules(x, charging[t])
    return cp.Problem(cp.Minimize(cost), rules)


def _variables(feeder: Feeder) -> _Hour:
    g, b = len(feeder.generators), len(feeder.batteries)
    return _Hour(
        p_dg=cp.Variable((g, 3), nonneg=True),
        q_dg=cp.Variable((g, 3)),
        up_dg=cp.Variable(g, nonneg=True),
        down_dg=cp.Variable(g, nonneg=True),
        charge=cp.Variable((b, 3), nonneg=True),
        discharge=cp.Variable((b, 3), nonneg=True),
        q_bess=cp.Variable((b, 3)),
        energy=cp.Variable(b),
        up_bess=cp.Variable(b, nonneg=True),
        down_bess=cp.Variable(b, nonneg=True),
        alpha=cp.Variable(g + b, nonneg=True),
        alpha_upstream=cp.Variable(nonneg=True),
        buy=cp.Variable(nonneg=True),
        sell=cp.Variable(nonneg=True),
        q_upstream=cp.Variable(nonneg=True),
    )


def _cost(feeder: Feeder, day: GridDay, x: _Hour, t: int) -> Any:
    cost = day.upstream_price_per_kwh[t] * x.buy - day.export_price_per_kwh[t] * x.sell
    cost += day.reactive_price_per_kvarh[t] * x.q_upstream
    for k, dg in enumerate(feeder.generators):
        power = cp.sum(x.p_dg[k])
        cost += dg.cost_quadratic_per_kw2h * power**2 + dg.cost_linear_per_kwh * power
        cost += dg.reserve_price_per_kw * (x.up_dg[k] + x.down_dg[k])
    for k, bess in enumerate(feeder.batteries):
        through = bess.efficiency_charge * cp.sum(x.charge[k])
        through += cp.sum(x.discharge[k]) / bess.efficiency_discharge
        cost += bess.degradation_per_kwh * through
        cost += bess.reserve_price_per_kw * (x.up_bess[k] + x.down_bess[k])
    return cost


def _generator_rules(generators: tuple[Generator, ...], x: _Hour, need: float) -> Rules:
    """D1, D3-D5, phase caps, and the reserve that a share of the errors takes."""
    rules: Rules = []
    for k, dg in enumerate(generators):
        power, cap = cp.sum(x.p_dg[k]), dg.phase_share_max * dg.p_max_kw
        rules += [
            dg.p_min_kw + x.down_dg[k] <= power,
            power <= dg.p_max_kw - x.up_dg[k],
            x.up_dg[k] <= dg.ramp_up_kw_per_h,
            x.down_dg[k] <= dg.ramp_down_kw_per_h,
            dg.q_per_p_min * power <= cp.sum(x.q_dg[k]),
            cp.sum(x.q_dg[k]) <= dg.q_per_p_max * power,
            x.p_dg[k] <= cap,
            x.q_dg[k] <= cap * max(dg.q_per_p_max, 0),
            x.q_dg[k] >= cap * min(dg.q_per_p_min, 0),
            need * x.alpha[k] <= x.up_dg[k],
            need * x.alpha[k] <= x.down_dg[k],
        ]
    return rules


def _ramp_rules(feeder: Feeder, hours: list[_Hour]) -> Rules:
    """D2."""
    rules: Rules = []
    for before, after in pairwise(hours):
        for k, dg in enumerate(feeder.generators):
            step = cp.sum(after.p_dg[k]) - cp.sum(before.p_dg[k])
            rules += [step <= dg.ramp_up_kw_per_h, step >= -dg.ramp_down_kw_per_h]
    return rules


def _battery_rules(batteries: tuple[Battery, ...], x: _Hour, need: float) -> Rules:
    """D8-D12 with D10 relaxed, phase caps, and the reserve that a share of the errors takes."""
    rules: Rules = []
    first = x.alpha.size - len(batteries)
    for k, bess in enumerate(batteries):
        charge, discharge, q = cp.sum(x.charge[k]), cp.sum(x.discharge[k]), cp.sum(x.q_bess[k])
        size = max(bess.p_charge_max_kw, bess.p_discharge_max_kw)
        rules += [
            charge + x.down_bess[k] <= bess.p_charge_max_kw,
            discharge + x.up_bess[k] <= bess.p_discharge_max_kw,
            cp.abs(q) <= bess.q_per_p_max * (charge + discharge),
            x.charge[k] <= bess.phase_share_max * bess.p_charge_max_kw,
            x.discharge[k] <= bess.phase_share_max * bess.p_discharge_max_kw,
            cp.abs(x.q_bess[k]) <= bess.q_per_p_max * bess.phase_share_max * size,
            need * x.alpha[first + k] <= x.up_bess[k],
            need * x.alpha[first + k] <= x.down_bess[k],
        ]
    return rules


def _mode_rules(x: _Hour, charging: BoolArray) -> Rules:
    return [x.charge[k] == 0 if not on else x.discharge[k] == 0 for k, on in enumerate(charging)]


def _energy_rules(
    feeder: Feeder,
    hours: list[_Hour],
    moments: ErrorMoments,
    direction: FloatArray,
    options: OpfOptions,
) -> Rules:
    """D6-D7, the limits kept for the answers to the errors of all hours so far."""
    rules: Rules = []
    sd = np.sqrt([direction @ covariance @ direction for covariance in moments.covariance])
    norm, box = _factor(options) * sd, moments.support_kw @ np.abs(direction)
    robust = options.treatment == RiskTreatment.RO
    for k, bess in enumerate(feeder.batteries):
        device = len(feeder.generators) + k
        before: Any = bess.e_start_kwh
        for t, x in enumerate(hours):
            stored = bess.efficiency_charge * cp.sum(x.charge[k])
            drawn = cp.sum(x.discharge[k]) / bess.efficiency_discharge
            rules.append(x.energy[k] == before + stored - drawn)
            shares = cp.hstack([hour.alpha[device] for hour in hours[: t + 1]])
            sure = cp.Variable(t + 1, nonneg=True)  # covered whatever happens, the rest by chance
            swing = cp.norm(cp.multiply(norm[: t + 1], shares - sure)) + box[: t + 1] @ sure
            rules.append(sure == shares if robust else sure <= shares)
            room = swing / bess.efficiency_discharge
            rules += [x.energy[k] + room <= bess.e_max_kwh, x.energy[k] - room >= bess.e_min_kwh]
            before = x.energy[k]
        rules.append(hours[-1].energy[k] >= bess.e_start_kwh)
    return rules


def _balance_rules(x: _Hour, p_load: FloatArray, q_load: FloatArray, options: OpfOptions) -> Rules:
    made = cp.sum(x.p_dg) + cp.sum(x.discharge) - cp.sum(x.charge)
    return [
        x.buy - x.sell + made == p_load.sum(),
        x.q_upstream + cp.sum(x.q_dg) + cp.sum(x.q_bess) >= q_load.sum(),
        x.alpha_upstream + cp.sum(x.alpha) == 1,
        x.alpha_upstream <= options.upstream_share_max,
    ]


def _network_rules(
    model: OpfModel, linear: LinearModel, x: _Hour, t: int, p_load: FloatArray
) -> Rules:
    """Voltages, unbalance and line flows, each with its chance margin."""
    feeder, moments, options = model.feeder, model.moments, model.options
    nodes = _device_nodes(feeder, linear)
    p = p_load - nodes @ _flat(x.p_dg, x.discharge - x.charge)
    q = model.q_load_kvar[t] - nodes @ _flat(x.q_dg, x.q_bess)
    third = nodes.reshape(len(p_load), -1, 3).sum(axis=2) / 3
    by_p, by_q = source_loads(feeder, linear)
    direction = by_p.sum(axis=0)
    root = _root(moments.covariance[t])
    rules: Rules = []
    for rows_p, rows_q, limit in _limits(feeder, linear):
        still, moved = rows_p @ by_p + rows_q @ by_q, rows_p @ third
        answer = still - cp.outer(moved @ x.alpha, direction)
        reference = still - np.outer(moved @ model.reference_alpha, direction)
        norm = _factor(options) * np.linalg.norm(reference @ root, axis=1)
        box = np.abs(reference) @ moments.support_kw[t]
        by_norm = (norm < box) & (options.treatment != RiskTreatment.RO)
        value = rows_p @ p + rows_q @ q
        room = limit - value
        if np.any(by_norm):
            swing = _factor(options) * cp.norm(answer[by_norm] @ root, 2, axis=1)
            rules.append(swing <= room[by_norm])
        if np.any(~by_norm):
            rules.append(cp.abs(answer[~by_norm]) @ moments.support_kw[t] <= room[~by_norm])
    return rules


def _limits(feeder: Feeder, linear: LinearModel) -> list[_Family]:
    """All rows of an hour, family by family."""
    return [*_voltage_limits(feeder, linear), *_flow_limits(feeder, linear)]


def _voltage_limits(feeder: Feeder, linear: LinearModel) -> list[_Family]:
    """In 1e-3 pu squared: a solver's tolerance then means the same here as in kW."""
    fed, start = linear.flow_node, 1e3 * linear.w_source
    w_p, w_q = 1e3 * linear.w_by_p, 1e3 * linear.w_by_q
    low, high = 1e3 * feeder.limits.vm_min_pu**2, 1e3 * feeder.limits.vm_max_pu**2
    up, down = (1 + feeder.limits.vur_max) ** 2, (1 - feeder.limits.vur_max) ** 2
    families = [
        (w_p[fed], w_q[fed], np.full(len(fed), high - start)),
        (-w_p[fed], -w_q[fed], np.full(len(fed), start - low)),
    ]
    for nodes in linear.node_of:
        if np.all(nodes >= 0) and nodes[0] in fed:
            m_p, m_q = w_p[nodes].mean(axis=0), w_q[nodes].mean(axis=0)
            above, below = np.full(3, (up - 1) * start), np.full(3, (1 - down) * start)
            families.append((w_p[nodes] - up * m_p, w_q[nodes] - up * m_q, above))
            families.append((down * m_p - w_p[nodes], down * m_q - w_q[nodes], below))
    return families


def _flow_limits(feeder: Feeder, linear: LinearModel) -> list[_Family]:
    """The chords through neighbouring corners of a polygon on the circle, at angles a and b:
    (sin b - sin a) P - (cos b - cos a) Q <= sin(b - a) S.
    """
    rating = np.array([feeder.lines[k].s_max_kva for k in linear.flow_line])
    families = []
    for a in 2 * np.pi * np.arange(FLOW_SIDES) / FLOW_SIDES:
        b = a + 2 * np.pi / FLOW_SIDES
        d_sin, d_cos = np.sin(b) - np.sin(a), np.cos(b) - np.cos(a)
        families.append((d_sin * linear.path, -d_cos * linear.path, rating * np.sin(b - a)))
    return families


def _device_nodes(feeder: Feeder, linear: LinearModel) -> FloatArray:
    """1 where a phase of a device is at a node [node, device x phase]."""
    devices: list[Generator | Battery] = [*feeder.generators, *feeder.batteries]
    at = np.zeros((len(linear.node_bus), 3 * len(devices)))
    for k, device in enumerate(devices):
        at[linear.node_of[feeder.buses.index(device.bus)], 3 * k + np.arange(3)] = 1
    return at


def _flat(generators: Any, batteries: Any) -> Any:
    """[device x phase], generators first."""
    return cp.vec(cp.vstack([generators, batteries]), order="C")


def _root(covariance: FloatArray) -> FloatArray:
    """A with A A' = covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))


def _factor(options: OpfOptions) -> float:
    stochastic = options.treatment == RiskTreatment.SP
    return safety_factor(Shape.GAUSSIAN if stochastic else options.shape, options.risk)


def _imbalance_margin(
    moments: ErrorMoments, t: int, direction: FloatArray, options: OpfOptions
) -> float:
    """What must be in reserve for the missing net load of an hour, in kW."""
    box = float(moments.support_kw[t] @ np.abs(direction))
    if options.treatment == RiskTreatment.RO:
        return box
    sd = float(np.sqrt(direction @ moments.covariance[t] @ direction))
    return min(_factor(options) * sd, box)
