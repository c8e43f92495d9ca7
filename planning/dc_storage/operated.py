"""Operation at given numbers of modules: solved to the end, read, and checked by AC power flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.errors import InfeasibleError, LimitMiss
from ...core.solve import ConeSolution
from ...core.units import FloatArray, IntArray, frozen
from ..power_flow import solve_feeders
from .case import DcStorageCase
from .limits import i_max_pu
from .operation import (
    Day,
    DayProgram,
    least_cost,
    least_cost_missing,
    least_miss,
    module_sizes,
)
from .parts import Part
from .recourse import MISS_TOLERANCE, solve_finely
from .solution import Operated
from .standard import standard

_WHAT = "operation of a day"
#: Room above the least sum of misses, so that the program that keeps it has an inside.
_MISS_ROOM = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solved:
    """A scenario's operation on a part of the network."""

    day: Day
    program: DayProgram
    x: FloatArray  #: all columns
    cost: float  #: a year, in units of money
    missed: float  #: sum of what limits are missed by, squared per unit

    @property
    def relaxation_deviation(self) -> float:
        """Largest |l v - p^2 - q^2|."""
        columns, parent = self.program.columns, self.day.case.network.parent
        p, q, squared = (self.x[block] for block in (columns.p, columns.q, columns.i))
        upstream = np.hstack([self.x[columns.v], np.ones((self.day.hours, 1))])[:, parent]
        return float(np.abs(squared * upstream - p**2 - q**2).max(initial=0.0))


def operate(day: Day, modules: FloatArray) -> Solved | None:
    """The cheapest operation within the limits; None where they cannot be kept."""
    return _solve(day, least_cost(day), modules)


def operate_elastic(day: Day, modules: FloatArray) -> Solved:
    """The cheapest operation; where limits cannot be kept, of those that miss them least."""
    found = operate(day, modules)
    if found is not None:
        return found
    least = _solve(day, least_miss(day), modules)
    most = (least.cost if least else 0.0) * (1 + _MISS_ROOM) + MISS_TOLERANCE
    found = _solve(day, least_cost_missing(day, most), modules, most)
    if found is None:
        raise InfeasibleError(_WHAT, "Clarabel", ())
    return found


def _solve(
    day: Day, program: DayProgram, modules: FloatArray, missed: float = 0.0
) -> Solved | None:
    stated = standard(program, module_sizes(day.case))
    found = solve_finely(stated.program(modules), _WHAT)
    if not isinstance(found, ConeSolution):
        return None
    return Solved(
        day=day,
        program=program,
        x=stated.values(found.x),
        cost=float(stated.cost @ found.x),
        missed=missed,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PartSolved:
    """A part's operation, and which of the case's ports its own are."""

    part: Part
    solved: Solved
    ports: IntArray


def gathered(case: DcStorageCase, parts: Sequence[PartSolved]) -> Operated:
    """The operation of a scenario on the whole network, with its exact state."""
    hours, base = case.scenarios.load_p_kw.shape[1], case.network.s_base_kva
    buses, ports, links = len(case.network.buses), len(case.links.port_buses), len(case.links.names)
    kw = {name: np.zeros((hours, ports)) for name in ("port_p", "port_q", "port_loss")}
    store = {name: np.zeros((hours, links)) for name in ("power", "loss", "energy")}
    res, v, i = (np.zeros((hours, n)) for n in (len(case.scenarios.res_buses), buses, buses))
    net = np.zeros((2, hours))
    for one in parts:
        columns, x, part = one.solved.program.columns, one.solved.x, one.part
        for name, block in kw.items():
            block[:, one.ports] = x[getattr(columns, name)] * base
        if columns.store.power.size:
            for name, block in store.items():
                block[:] = x[getattr(columns.store, name)] * base
        res[:, part.res] = x[columns.res] * base
        v[:, part.buses] = np.sqrt(x[columns.v])
        i[:, part.buses] = np.sqrt(np.maximum(x[columns.i], 0.0))
        for k, power in enumerate((columns.p, columns.q)):
            net[k] += x[power[:, one.solved.day.heads]].sum(axis=1) * base
    p, q = net_load(case, parts[0].solved.day.scenario, res, kw["port_p"], kw["port_q"])
    exact = solve_feeders(case.network, p, q, tolerance_pu=1e-10)
    current = (kw["port_p"] + kw["port_loss"]) / case.links.vn_dc_kv[case.links.port_link]
    return Operated(
        port_p_kw=frozen(kw["port_p"]),
        port_q_kvar=frozen(kw["port_q"]),
        port_loss_kw=frozen(kw["port_loss"]),
        dc_current_a=frozen(current),
        battery_p_kw=frozen(store["power"]),
        battery_loss_kw=frozen(store["loss"]),
        battery_kwh=frozen(store["energy"]),
        res_p_kw=frozen(res),
        import_kw=frozen(net[0]),
        import_kvar=frozen(net[1]),
        v_pu=frozen(v),
        i_pu=frozen(i),
        exact_v_pu=frozen(exact.v_pu),
        exact_i_pu=frozen(exact.i_pu),
    )


def net_load(
    case: DcStorageCase,
    scenario: int,
    res_kw: FloatArray,
    port_p_kw: FloatArray,
    port_q_kvar: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """What buses draw [time, bus] in kW and kvar."""
    days = case.scenarios
    p, q = days.load_p_kw[scenario], days.load_q_kvar[scenario]
    here = np.identity(p.shape[1])
    own, ports = here[days.res_buses], here[case.links.port_buses]
    return p - res_kw @ own - port_p_kw @ ports, q - port_q_kvar @ ports


def lossless_v(case: DcStorageCase, scenario: int, operated: Operated) -> FloatArray:
    """Squared voltages without what losses take off [time, bus]."""
    p, q = net_load(case, scenario, operated.res_p_kw, operated.port_p_kw, operated.port_q_kvar)
    network = case.network
    drop = p @ network.shared_r_pu + q @ network.shared_x_pu
    return np.asarray(1 - 2 * drop / network.s_base_kva)


def named_misses(case: DcStorageCase, part: Part, solved: Solved) -> tuple[LimitMiss, ...]:
    """Limits that an elastic operation misses, in the case's words."""
    columns, day = solved.program.columns, solved.day
    ampere = case.rules.i_max_a / i_max_pu(case)
    v, i = np.sqrt(solved.x[columns.v]), np.sqrt(np.maximum(solved.x[columns.i], 0.0))
    limits, at = day.limits, day.scenario
    kinds = (
        ("lowest voltage of bus", limits.v_min[at] - v, 1.0, "pu", 1e-5),
        ("highest voltage of bus", v - limits.v_max[at], 1.0, "pu", 1e-5),
        ("current to bus", i - limits.i_max[at], ampere, "A", 1e-2),
    )
    where = case.scenarios.names[at]
    return tuple(
        LimitMiss(
            f"{what} {case.network.buses[part.buses[bus]]} in {where}, hour {hour + 1}",
            float(miss[hour, bus] * scale),
            unit,
        )
        for what, miss, scale, unit, least in kinds
        for hour, bus in zip(*np.nonzero(miss * scale > least), strict=True)
    )
