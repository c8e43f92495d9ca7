"""A day's operation of ports, storage and renewables as a cone program.

The branch flow model with p^2 + q^2 <= l v in place of equality, for every hour; renewables
curtailed as need be; on each DC link  sum over ports (P + loss) = P_ES;  a battery that ends the
day as it began it. Sizes are columns, so that the same rows serve plans that are given, continuous
ones and whole ones.

Source: our reconstruction of the model behind a nomenclature (see docs/planning-dc-storage.md);
branch flow relaxation: Farivar and Low, IEEE Transactions on Power Systems 28, 2013.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...core.devices import battery, converter
from ...core.devices.rows import Term
from ...core.mixed_cone import MixedConeProgram
from ...core.units import FloatArray, IntArray
from ..mixed_builder import MixedBuilder
from ..radial import HEAD
from .case import DcStorageCase
from .limits import Limits, i_max_pu

#: In place of an hour: rows and columns of batteries and of modules.
STORE = -1
#: Squared voltages where limits may be missed, and squared ratings.
_ANY_V, _ANY_L = (0.25, 2.25), 25.0
#: What a miss of the whole squared rating weighs against one of 1 pu squared voltage.
_CURRENT_WEIGHT = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Day:
    """A scenario's numbers, per unit; money in units of ``money``."""

    case: DcStorageCase
    scenario: int
    limits: Limits
    imports: bool  #: whether limits of imports are kept
    money: float

    @cached_property
    def kwh(self) -> float:
        """What 1 pu for an hour of the day is, in kWh a year."""
        case = self.case
        days = float(case.days_per_year[self.scenario])
        return days * case.hours * case.network.s_base_kva

    @cached_property
    def rating(self) -> float:
        """Of every branch, without margin."""
        return i_max_pu(self.case)

    @cached_property
    def heads(self) -> IntArray:
        """Branches that leave feeder heads."""
        return np.flatnonzero(self.case.network.parent == HEAD)

    @property
    def hours(self) -> int:
        """Steps of the day."""
        return int(self.case.scenarios.load_p_kw.shape[1])

    def pu(self, of_all: FloatArray) -> FloatArray:
        """The scenario's power [time, element]."""
        return np.asarray(of_all[self.scenario] / self.case.network.s_base_kva)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoreColumns:
    """Batteries; columns [time, link]."""

    power: IntArray  #: given to the link
    loss: IntArray
    energy: IntArray  #: at the end of the hour


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayColumns:
    """Columns [time, element]."""

    p: IntArray  #: into each branch, at its upstream end
    q: IntArray
    i: IntArray  #: squared current, l
    v: IntArray  #: squared voltage
    v_head: IntArray  #: [time, 1], of value 1
    res: IntArray  #: used
    port_p: IntArray  #: injected
    port_q: IntArray
    port_loss: IntArray
    slack: tuple[IntArray, ...]  #: low, high, over, import: what limits are missed by
    sizes: IntArray  #: [port, then link] in units of ``module_sizes``
    store: StoreColumns

    def hour_of(self, count: int) -> IntArray:
        """The hour of each of the program's columns, or ``STORE``."""
        label = np.full(count, STORE)
        network = (self.p, self.q, self.i, self.v, self.v_head)
        devices = (self.res, self.port_p, self.port_q, self.port_loss)
        for columns in (*network, *devices, *self.slack):
            label[columns] = np.arange(len(columns))[:, None]
        return label


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayProgram:
    """A scenario's program and where to find what in it."""

    program: MixedConeProgram
    columns: DayColumns
    reach: FloatArray  #: [column] no optimum needs values beyond, either way


def least_cost(day: Day) -> DayProgram:
    """The cheapest operation within the limits."""
    builder = MixedBuilder()
    columns = _columns(builder, day, elastic=False)
    _physics(builder, day, columns)
    _costs(builder, day, columns)
    return _finished(builder, day, columns)


def least_miss(day: Day) -> DayProgram:
    """The operation that misses limits by the least sum."""
    builder = MixedBuilder()
    columns = _columns(builder, day, elastic=True)
    _physics(builder, day, columns)
    for slack, weight in _weights(columns):
        builder.cost(slack, weight)
    return _finished(builder, day, columns)


def least_cost_missing(day: Day, most: float) -> DayProgram:
    """The cheapest operation that misses limits by no larger sum."""
    builder = MixedBuilder()
    columns = _columns(builder, day, elastic=True)
    _physics(builder, day, columns)
    _costs(builder, day, columns)
    missed = [(slack.reshape(1, -1), weight) for slack, weight in _weights(columns)]
    builder.at_most(missed, np.array([most]))
    return _finished(builder, day, columns)


def _weights(columns: DayColumns) -> list[tuple[IntArray, float]]:
    low, high, over, imports = columns.slack
    return [(low, 1.0), (high, 1.0), (over, _CURRENT_WEIGHT), (imports, 1.0)]


def module_sizes(case: DcStorageCase) -> FloatArray:
    """What one module is as a size [port, then link]: power of a port, per unit; 1 of a battery."""
    ports, links = len(case.links.port_buses), len(case.links.names)
    size = case.modules.converter_kva / case.network.s_base_kva
    return np.concatenate([np.full(ports, size), np.ones(links)])


def modules_max(case: DcStorageCase) -> FloatArray:
    """Modules [port, then link] that there is room for."""
    links = case.links
    return np.concatenate([links.port_modules_max, links.battery_modules_max]).astype(float)


def store_columns(builder: MixedBuilder, case: DcStorageCase) -> StoreColumns:
    """A day of the batteries; 0 where a link has none."""
    shape = case.scenarios.load_p_kw.shape[1], len(case.links.names)
    there = np.where(case.links.battery_modules_max > 0, np.inf, 0.0)
    return StoreColumns(
        power=builder.columns(*shape, lower=-there, upper=there),
        loss=builder.columns(*shape, upper=there),
        energy=builder.columns(*shape, upper=there),
    )


def store_operation(
    builder: MixedBuilder, case: DcStorageCase, store: StoreColumns, count: IntArray
) -> None:
    """Power and energy within what ``count`` modules [link] hold; the day returns to E_0."""
    rules, base = case.modules, case.network.s_base_kva
    here = np.flatnonzero(case.links.battery_modules_max > 0)
    if not len(here):
        return
    power, loss, energy = (c[:, here] for c in (store.power, store.loss, store.energy))
    count = count[here]
    spread = np.broadcast_to(count, power.shape)
    for sign in (1.0, -1.0):  # |P_ES| <= P_ESn
        builder.at_most([(power, sign), (spread, -rules.battery_kw / base)], np.zeros(power.shape))
    battery.loss_of_power(builder, power, loss, rules.battery_loss)
    held = (count, rules.battery_kwh / base)
    battery.stay_charged(builder, energy, held, rules.soc_min, rules.soc_max)
    drains = battery.lossy_flow(power, loss)
    battery.energy_balance(builder, energy, drains, None, case.hours)
    if rules.soc_start is not None:
        start = -rules.soc_start * rules.battery_kwh / base
        builder.equal([(energy[-1], 1.0), (count, start)], np.zeros(len(count)))


def store_cost(builder: MixedBuilder, day: Day, store: StoreColumns) -> None:
    """mu times losses."""
    builder.cost(store.loss, day.case.rules.loss_penalty_per_kwh * day.kwh / day.money)


def _columns(builder: MixedBuilder, day: Day, elastic: bool) -> DayColumns:
    case, limits, at = day.case, day.limits, day.scenario
    hours, buses = case.scenarios.load_p_kw.shape[1:]
    flow, ports = (hours, buses), (hours, len(case.links.port_buses))
    v_low, v_high, l_high = limits.v_min[at] ** 2, limits.v_max[at] ** 2, limits.i_max[at] ** 2
    if elastic:
        (v_low, v_high), l_high = np.array(_ANY_V), np.array(_ANY_L * day.rating**2)
    none = flow if elastic else (hours, 0)
    return DayColumns(
        p=builder.columns(*flow, lower=-np.inf),
        q=builder.columns(*flow, lower=-np.inf),
        i=builder.columns(*flow, upper=l_high),
        v=builder.columns(*flow, lower=v_low, upper=v_high),
        v_head=builder.columns(hours, 1, lower=1.0, upper=1.0),
        res=builder.columns(
            hours, len(case.scenarios.res_buses), upper=day.pu(case.scenarios.res_kw)
        ),
        port_p=builder.columns(*ports, lower=-np.inf),
        port_q=builder.columns(*ports, lower=-np.inf),
        port_loss=builder.columns(*ports),
        slack=(
            *(builder.columns(*none) for _ in range(3)),
            builder.columns(hours, int(elastic and day.imports)),
        ),
        sizes=builder.columns(
            len(module_sizes(case)), upper=modules_max(case) * module_sizes(case)
        ),
        store=store_columns(builder, case),
    )


def _physics(builder: MixedBuilder, day: Day, columns: DayColumns) -> None:
    _power_flow(builder, day, columns)
    _exactness(builder, day, columns)
    _ports(builder, day, columns)
    batteries = columns.sizes[columns.port_p.shape[1] :]
    store_operation(builder, day.case, columns.store, batteries)
    if columns.slack[0].size:
        _missed_limits(builder, day, columns)
    if day.imports:
        _imports(builder, day, columns)


def _injected(day: Day, columns: DayColumns, active: bool, matrix: FloatArray) -> list[Term]:
    """Matrix [row, bus] times injections, as terms of rows [time, row]."""
    ports, res = day.case.links.port_buses, day.case.scenarios.res_buses
    power = columns.port_p if active else columns.port_q
    terms: list[Term] = [(power[:, None, :], matrix[:, ports])]
    if active:
        terms.append((columns.res[:, None, :], matrix[:, res]))
    return terms


def _power_flow(builder: MixedBuilder, day: Day, columns: DayColumns) -> None:
    """Balance of every bus, drop of voltage along every branch, p^2 + q^2 <= l v."""
    network, days = day.case.network, day.case.scenarios
    here = np.identity(len(network.buses))
    onward = np.equal.outer(np.arange(len(network.buses)), network.parent).astype(float)
    for active, power, z, load in (
        (True, columns.p, network.r_pu, days.load_p_kw),
        (False, columns.q, network.x_pu, days.load_q_kvar),
    ):
        terms: list[Term] = [(power, 1.0), (columns.i, -z), (power[:, None, :], -onward)]
        builder.equal([*terms, *_injected(day, columns, active, here)], day.pu(load))
    r, x = network.r_pu, network.x_pu
    upstream = np.where(network.parent == HEAD, columns.v_head, columns.v[:, network.parent])
    drop: list[Term] = [(upstream, 1.0), (columns.v, -1.0), (columns.i, r**2 + x**2)]
    builder.equal([*drop, (columns.p, -2 * r), (columns.q, -2 * x)], np.zeros(columns.p.shape))
    builder.product_at_least(columns.i, upstream, columns.p, columns.q)


def _exactness(builder: MixedBuilder, day: Day, columns: DayColumns) -> None:
    """Lossless squared voltages 1 + 2 R p + 2 X q at most v_max^2 + excess.

    Without these rows a cheaper operation may bring voltage down by currents that do not flow.

    Source: Gan, Li, Topcu and Low, Exact convex relaxation of optimal power flow in radial
    networks, IEEE Transactions on Automatic Control 60, 2015 (OPF-m).
    """
    network, days, at = day.case.network, day.case.scenarios, day.scenario
    r, x = 2 * network.shared_r_pu, 2 * network.shared_x_pu
    room = day.limits.v_max[at] ** 2 + day.limits.v_excess[at] - 1
    fixed = day.pu(days.load_p_kw) @ r + day.pu(days.load_q_kvar) @ x
    terms = _injected(day, columns, True, r) + _injected(day, columns, False, x)
    high = columns.slack[1]
    if high.size:
        terms.append((high, -1.0))
    if any(term[0].size for term in terms):
        builder.at_most(terms, room + fixed)


def _ports(builder: MixedBuilder, day: Day, columns: DayColumns) -> None:
    """|(P, Q)| <= S, losses, and the balance of each link."""
    case, (hours, ports) = day.case, columns.port_p.shape
    if ports:
        kva = np.broadcast_to(columns.sizes[:ports], (hours, ports))
        converter.capacity(builder, columns.port_p, columns.port_q, kva)
        factor = case.modules.converter_loss
        converter.losses(builder, columns.port_p, columns.port_q, columns.port_loss, factor)
    links = case.links
    member = np.equal.outer(np.arange(len(links.names)), links.port_link).astype(float)
    supply: list[Term] = [(columns.store.power, 1.0)]
    converter.balance(builder, columns.port_p, columns.port_loss, member, supply)


def _missed_limits(builder: MixedBuilder, day: Day, columns: DayColumns) -> None:
    """The limits as rows that may be missed."""
    limits, at = day.limits, day.scenario
    low, high, over, _ = columns.slack
    builder.at_least([(columns.v, 1.0), (low, 1.0)], limits.v_min[at] ** 2)
    builder.at_most([(columns.v, 1.0), (high, -1.0)], limits.v_max[at] ** 2)
    builder.at_most([(columns.i, 1.0), (over, -(day.rating**2))], limits.i_max[at] ** 2)


def _imports(builder: MixedBuilder, day: Day, columns: DayColumns) -> None:
    """P_net and Q_net of all feeders together within what the main grid takes and gives."""
    rules, base = day.case.rules, day.case.network.s_base_kva
    for power, most, least in (
        (columns.p, rules.import_max_kw, -rules.export_max_kw),
        (columns.q, rules.import_max_kvar, -rules.import_max_kvar),
    ):
        net = power[:, day.heads]
        for sign, bound in ((1.0, most), (-1.0, -least)):
            if np.isfinite(bound):
                terms: list[Term] = [(net, sign), (columns.slack[3], -1.0)]
                builder.at_most(terms, np.full(day.hours, bound / base))


def _costs(builder: MixedBuilder, day: Day, columns: DayColumns) -> None:
    """Electricity and carbon of a year; penalties for losses and for uneven loads."""
    case, rules = day.case, day.case.rules
    price = case.scenarios.price_per_kwh[day.scenario]
    grid = price + rules.carbon_price_per_kg * rules.carbon_grid_kg_per_kwh
    own = rules.carbon_price_per_kg * rules.carbon_res_kg_per_kwh
    unit = day.kwh / day.money
    builder.cost(columns.p[:, day.heads], unit * grid[:, None])
    builder.cost(columns.res, unit * own)
    builder.cost(columns.port_loss, unit * rules.loss_penalty_per_kwh)
    share = float(case.scenarios.weight[day.scenario]) / day.hours
    builder.cost(columns.i, share * rules.evenness_price / day.rating**2 / day.money)
    store_cost(builder, day, columns.store)


def _finished(builder: MixedBuilder, day: Day, columns: DayColumns) -> DayProgram:
    program = builder.build()
    return DayProgram(
        program=program, columns=columns, reach=_reach(day, columns, program.linear.col_upper)
    )


def _reach(day: Day, columns: DayColumns, upper: FloatArray) -> FloatArray:
    """From the limits of currents, voltages and modules."""
    case, base = day.case, day.case.network.s_base_kva
    rules, links = case.modules, case.links
    flow = np.sqrt(_ANY_L * _ANY_V[1]) * day.rating
    kva = float(links.port_modules_max.sum()) * rules.converter_kva / base
    stored = float(links.battery_modules_max.sum()) / base
    gives = stored * (rules.battery_kw + rules.battery_kwh / case.hours)
    reach = np.full(len(upper), np.inf)
    for group, most in (
        ((columns.p, columns.q), flow * max(len(day.heads), 1)),
        ((columns.port_p, columns.port_q), kva),
        ((columns.port_loss,), 2 * kva + gives),
        ((columns.store.power, columns.store.loss), gives),
        ((columns.store.energy,), stored * rules.battery_kwh),
        (columns.slack, _ANY_L + flow * max(len(day.heads), 1)),
    ):
        for block in group:
            reach[block] = most
    return np.where(np.isfinite(reach), reach, np.where(np.isfinite(upper), upper, kva))
