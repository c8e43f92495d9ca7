"""The day-ahead chance-constrained three-phase optimal power flow, for given trades.

    min   upstream energy and reactive energy, generation, wear of batteries, reserves
    over  schedules, reserves, and every device's share in balancing forecast errors
    s.t.  each device's own limits; balance; shares that sum to one;
          every voltage, unbalance and line loading with probability 1 - risk

``opf_problem`` writes it, ``opf_statement`` says the same in cvxpy, with norms over all sources.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..core.units import BoolArray, FloatArray, frozen
from .cone_builder import ProgramBuilder
from .dispatch import Dispatch, DispatchCost
from .feeder import ConnectionPoint
from .infeasibility import solve_or_name
from .limited_solve import Hints, LimitedSolution
from .lindist3flow import flows, squared_voltages
from .opf_model import OpfModel, point_nodes
from .opf_problem import PosedOpf, device_nodes, pose_opf


def solve_opf(
    model: OpfModel,
    points: tuple[ConnectionPoint, ...],
    withdrawal_kw: FloatArray,
    *,
    hints: Hints | None = None,
    name_misses: bool = True,
    charging: BoolArray | None = None,
) -> Dispatch:
    """The cheapest dispatch that serves loads and stations within all limits.

    Args:
        model: from ``build_opf``.
        points: where stations draw, at unity power factor.
        withdrawal_kw: what they draw [time, point], positive for consumption.
        hints: of a similar problem solved before, replaced by those of this one.
        name_misses: whether to look for the limits missed, which takes another solve.
        charging: which batteries may only charge, the others only discharge [time, battery];
            None chooses.

    Raises:
        InfeasibleError: no dispatch keeps all limits; names those missed, with the least excess.
        CaseError: a point is at an unknown bus or on an absent phase.
        SolveError: the solver failed.
    """
    p_load_kw = model.p_load_kw + withdrawal_kw @ point_nodes(model, points)
    pose = partial(_pose, p_load_kw=p_load_kw)
    posed, solution = solve_or_name(model, pose, "optimal power flow", hints, name_misses, charging)
    return read_dispatch(model, posed, p_load_kw, solution)


def _pose(model: OpfModel, program: ProgramBuilder, *, p_load_kw: FloatArray) -> PosedOpf:
    return pose_opf(model, program, p_load_kw)


def read_dispatch(
    model: OpfModel, posed: PosedOpf, p_load_kw: FloatArray, solution: LimitedSolution
) -> Dispatch:
    """What the solution says, for net active loads [time, node] with the stations in them."""
    x = solution.values
    generators, batteries, upstream = posed.generators, posed.batteries, posed.upstream
    p_net, q_net = _net_load(model, posed, p_load_kw, x)
    price_p, price_q = _prices(model, posed, solution)
    to_buses, to_lines = model.linear.to_buses, model.linear.to_lines
    line_count = len(model.feeder.lines)
    w = squared_voltages(model.linear, p_net, q_net) + model.w_offset
    return Dispatch(
        generator_p_kw=frozen(x[generators.p]),
        generator_q_kvar=frozen(x[generators.q]),
        generator_reserve_up_kw=frozen(x[generators.up]),
        generator_reserve_down_kw=frozen(x[generators.down]),
        generator_alpha=frozen(x[generators.alpha]),
        battery_charge_kw=frozen(x[batteries.charge]),
        battery_discharge_kw=frozen(x[batteries.discharge]),
        battery_q_kvar=frozen(x[batteries.q]),
        battery_energy_kwh=frozen(x[batteries.energy]),
        battery_reserve_up_kw=frozen(x[batteries.up]),
        battery_reserve_down_kw=frozen(x[batteries.down]),
        battery_alpha=frozen(x[batteries.alpha]),
        upstream_alpha=frozen(x[upstream.alpha]),
        upstream_p_kw=frozen(np.nansum(to_buses(p_net), axis=1)),
        upstream_q_kvar=frozen(np.nansum(to_buses(q_net), axis=1)),
        vm_pu=frozen(to_buses(np.sqrt(w))),
        line_p_kw=frozen(to_lines(flows(model.linear, p_net), line_count)),
        line_q_kvar=frozen(to_lines(flows(model.linear, q_net), line_count)),
        price_p_per_kwh=frozen(to_buses(price_p)),
        price_q_per_kvarh=frozen(to_buses(price_q)),
        cost=_cost(model, posed, x),
        report=solution.report,
    )


def _net_load(
    model: OpfModel, posed: PosedOpf, p_load_kw: FloatArray, x: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Net load of the nodes [time, node], devices included."""
    p, q = np.array(p_load_kw), np.array(model.q_load_kvar)
    made = device_nodes(model, model.feeder.generators)
    stored = device_nodes(model, model.feeder.batteries)
    generators, batteries = posed.generators, posed.batteries
    for hour in range(len(p)):
        np.add.at(p[hour], made, -x[generators.p[hour]])
        np.add.at(q[hour], made, -x[generators.q[hour]])
        np.add.at(p[hour], stored, x[batteries.charge[hour]] - x[batteries.discharge[hour]])
        np.add.at(q[hour], stored, -x[batteries.q[hour]])
    return p, q


def _prices(
    model: OpfModel, posed: PosedOpf, solution: LimitedSolution
) -> tuple[FloatArray, FloatArray]:
    """d cost / d load [time, node]: that of energy, and what the load adds to limits that bind.

    A load stands on the right of its balance, and lowers a row's bound by the row's coefficient.
    """
    scaling, raw = solution.scaling, solution.raw
    active = -scaling.duals(raw, posed.p_balance)
    reactive = scaling.duals(raw, posed.q_balance)
    by_p = solution.duals @ model.limits.by_p
    by_q = solution.duals @ model.limits.by_q
    return active[:, None] + by_p, reactive[:, None] + by_q


def _cost(model: OpfModel, posed: PosedOpf, x: FloatArray) -> DispatchCost:
    day, generators, upstream = model.day, model.feeder.generators, posed.upstream
    made = x[posed.generators.total]
    quadratic = np.array([g.cost_quadratic_per_kw2h for g in generators])
    linear = np.array([g.cost_linear_per_kwh for g in generators])
    bought = day.upstream_price_per_kwh @ x[upstream.buy]
    sold = day.export_price_per_kwh @ x[upstream.sell]
    return DispatchCost(
        upstream_energy=float(bought - sold),
        upstream_reactive=float(day.reactive_price_per_kvarh @ x[upstream.q]),
        generation=float(np.sum(quadratic * made**2 + linear * made)),
        degradation=_degradation(model, posed, x),
        reserve=_reserve_cost(model, posed, x),
    )


def _degradation(model: OpfModel, posed: PosedOpf, x: FloatArray) -> float:
    batteries = model.feeder.batteries
    wear = np.array([b.degradation_per_kwh for b in batteries])
    charging = np.array([b.efficiency_charge for b in batteries])
    discharging = np.array([b.efficiency_discharge for b in batteries])
    charge_kw = x[posed.batteries.charge].sum(axis=(0, 2))
    discharge_kw = x[posed.batteries.discharge].sum(axis=(0, 2))
    return float(wear @ (charge_kw * charging + discharge_kw / discharging))


def _reserve_cost(model: OpfModel, posed: PosedOpf, x: FloatArray) -> float:
    made = np.array([g.reserve_price_per_kw for g in model.feeder.generators])
    stored = np.array([b.reserve_price_per_kw for b in model.feeder.batteries])
    made_kw = (x[posed.generators.up] + x[posed.generators.down]).sum(axis=0)
    stored_kw = (x[posed.batteries.up] + x[posed.batteries.down]).sum(axis=0)
    return float(made @ made_kw + stored @ stored_kw)
