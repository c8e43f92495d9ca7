"""The plan as a mixed-integer cone program: objective (7)-(9), constraints (10)-(18).

Written for terminals and slots instead of the paper's list of all schemes: a slot is a soft open
point that gains terminals from stage to stage, which is what (6) and (10b) say; 292 whole numbers
take the place of 44 300 on the 84-bus network. What differs from the paper, on purpose:

- two soft open points never merge into one with the land of the other refunded, as (8b) with (10b)
  would allow;
- every attached terminal has at least one module, which stands for pi of (10e);
- a converter's loss is at most ``sop_loss`` times its capacity; (17b), relaxed, is no bound above;
- rows that keep the cone relaxation exact under high voltage (``exactness``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.devices import converter
from ...core.devices.rows import Term
from ...core.mixed_cone import MixedConeProgram
from ...core.units import FloatArray, IntArray
from ..mixed_builder import MixedBuilder, grows
from ..radial import HEAD
from .bounds import Bounds
from .case import HOURS_PER_YEAR, FdnCase
from .columns import PlanColumns, SiteColumns, plan_columns
from .draws import ExpectedFactors
from .inputs import MONEY, PlanInputs, plan_inputs
from .options import PlanOptions
from .plan import SOC_MAX, SOC_MIN, STORAGE_HOURS
from .reinforcement import IMPEDANCE_MULTIPLE, LINE_PRICE_MULTIPLE, RATING_MULTIPLE
from .sop_evolution import sop_evolution


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanProgram:
    """The program and where to find what in it."""

    program: MixedConeProgram
    columns: PlanColumns
    data: PlanInputs


def build_plan(
    case: FdnCase,
    expected: ExpectedFactors,
    bounds: Bounds,
    options: PlanOptions,
    forced: Sequence[Sequence[str]] = (),
) -> PlanProgram:
    """The plan of all stages.

    Args:
        case: demand, prices, candidates, rules.
        expected: means of the random factors (16).
        bounds: of the expected state (18), margins taken off.
        options: what may be built.
        forced: feeders [stage] that cannot stay as they are, see ``forced_zones``.
    """
    builder, data = MixedBuilder(), plan_inputs(case, expected, bounds, options)
    columns = plan_columns(builder, data, options)
    investment_cost(builder, data, columns)
    operational_cost(builder, data, columns)
    sop_evolution(builder, data, columns, case, forced)
    installations(builder, data, columns)
    operation(builder, data, columns)
    return PlanProgram(program=builder.build(), columns=columns, data=data)


def build_stage(
    case: FdnCase, expected: ExpectedFactors, bounds: Bounds, options: PlanOptions, stage: int
) -> PlanProgram:
    """One stage by itself, with one soft open point of as many terminals as there are.

    Every plan's stage is a point of it, so what is impossible here is impossible there.
    """
    builder, data = MixedBuilder(), plan_inputs(case, expected, bounds, options, [stage])
    columns = plan_columns(builder, data, options)
    operational_cost(builder, data, columns)
    sop_balance(builder, data, columns)
    installations(builder, data, columns)
    operation(builder, data, columns)
    return PlanProgram(program=builder.build(), columns=columns, data=data)


def installations(builder: MixedBuilder, data: PlanInputs, columns: PlanColumns) -> None:
    """(11), (12), and what Cases III and VII build."""
    charging_stations(builder, data, columns.evcs)
    photovoltaics(builder, data, columns.pv)
    batteries(builder, data, columns)
    larger_lines(builder, data, columns)


def operation(builder: MixedBuilder, data: PlanInputs, columns: PlanColumns) -> None:
    """(13)-(17) at the expected state; (18) are bounds of the columns l and v."""
    injected = injections(data, columns)
    power_flow(builder, data, columns, injected)
    sop_operation(builder, data, columns)
    exactness(builder, data, columns, injected)


def investment_cost(builder: MixedBuilder, data: PlanInputs, columns: PlanColumns) -> None:
    """(8): what is added in a stage, at its price, times zeta_u.

    With payback L = Y the factors of (7a)-(7c) make an investment count once. Written for what
    stands: zeta_u c_u (x_u - x_(u-1)) summed over u is (zeta_u c_u - zeta_(u+1) c_(u+1)) x_u.
    """
    kva, sop = data.network.s_base_kva, columns.sop
    site, converter = _standing(data, "site"), _standing(data, "converter_per_kva") * kva
    builder.cost(sop.built, site)  # (8b)
    builder.cost(sop.kva, converter)  # (8c)
    builder.cost(sop.line_km, _standing(data, "line_per_km"))  # (8d)
    builder.cost(columns.evcs.built, site)  # (8e)
    builder.cost(columns.evcs.kva, converter)  # (8f)
    builder.cost(columns.pv.kva, converter)  # (8g)
    builder.cost(columns.storage.built, site)
    builder.cost(columns.storage.kva, converter)
    builder.cost(columns.storage.kwh, _standing(data, "battery_per_kwh") * kva)
    lengths = [data.network.length_km[data.network.feeders[name]].sum() for name in data.feeders]
    gained_kva = (RATING_MULTIPLE - 1) * data.rating * kva
    line = LINE_PRICE_MULTIPLE * _standing(data, "line_per_km") * np.array(lengths)
    builder.cost(columns.lines.built, line + _standing(data, "transformer_per_kva") * gained_kva)


def operational_cost(builder: MixedBuilder, data: PlanInputs, columns: PlanColumns) -> None:
    """(9): losses of lines and converters, for all hours of the stage's years."""
    energy = np.array([stage.electricity_per_kwh for stage in data.prices])
    kw = data.network.s_base_kva
    price = (data.discount * data.annuity * HOURS_PER_YEAR * energy * kw / MONEY)[:, None]
    r = data.network.r_pu
    builder.cost(columns.flow.l, price * r)  # (9b)
    if columns.lines.l.size:
        builder.cost(columns.lines.l, -(1 - IMPEDANCE_MULTIPLE) * price * r)
    builder.cost(columns.sop.loss, price)  # (9c)
    builder.cost(columns.storage.loss, price)


def charging_stations(builder: MixedBuilder, data: PlanInputs, evcs: SiteColumns) -> None:
    """(11), and how many stations the demand takes at least."""
    grows(builder, evcs.built)  # (11a)
    grows(builder, evcs.kva)
    builder.at_most([(evcs.kva, 1.0), (evcs.built, -data.evcs_max)], 0.0)  # (11b)
    builder.at_most([(evcs.rated, 1.0), (evcs.kva, -1.0)], 0.0)  # (11c)
    if data.evcs_given is None:
        builder.equal([(evcs.rated, 1.0)], data.ev)  # (11d)
        builder.at_least([(evcs.built, 1.0)], _fewest(data.ev, data.evcs_max))


def photovoltaics(builder: MixedBuilder, data: PlanInputs, pv: SiteColumns) -> None:
    """(12); delta costs nothing and bounds nothing else, so it is left out."""
    grows(builder, pv.kva)  # (12a)
    builder.at_most([(pv.rated, 1.0), (pv.kva, -data.rules.pv_power_factor)], 0.0)  # (12c)
    if data.pv_given is None:
        builder.equal([(pv.rated, 1.0)], data.pv)  # (12d)


def batteries(builder: MixedBuilder, data: PlanInputs, columns: PlanColumns) -> None:
    """Case III: site, converter, battery; |p| for an hour within the usable states of charge.

    No sequence of hours, as published: at the expected state a battery may give power for ever.
    """
    store = columns.storage
    for column in (store.built, store.kva, store.kwh):
        grows(builder, column)
    builder.at_most([(store.kva, 1.0), (store.built, -data.sop_max)], 0.0)
    for sign in (1.0, -1.0):
        usable = (SOC_MAX - SOC_MIN) / STORAGE_HOURS
        builder.at_most([(store.p, sign), (store.kwh, -usable)], 0.0)
    converter.capacity(builder, store.p, store.q, store.kva)
    converter.losses(builder, store.p, store.q, store.loss, data.rules.sop_loss)


def larger_lines(builder: MixedBuilder, data: PlanInputs, columns: PlanColumns) -> None:
    """Cases IV and VII: in a feeder that is reinforced all flow is on the larger lines.

    p, q, l there are 0 without, and those of the branch with the reinforcement.
    """
    lines, flow = columns.lines, columns.flow
    if not lines.l.size:
        return
    grows(builder, lines.built)
    feeder = [data.feeders.index(zone) for zone in data.network.zones]
    built = lines.built[:, feeder]
    before = data.i_max**2
    after = (data.i_max + (RATING_MULTIPLE - 1) * data.rating) ** 2
    builder.at_most([(lines.l, 1.0), (flow.l, -1.0)], 0.0)
    builder.at_most([(lines.l, 1.0), (built, -after)], 0.0)
    builder.at_most([(flow.l, 1.0), (lines.l, -1.0), (built, before)], before)
    most = np.sqrt(after) * np.max(data.v_max)
    for total, part in ((flow.p, lines.p), (flow.q, lines.q)):
        for sign in (1.0, -1.0):
            builder.at_most([(part, sign), (built, -most)], 0.0)
            builder.at_most([(total, sign), (part, -sign), (built, most)], most)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Injection:
    """Power that columns [stage, element] inject at buses [element], times a factor."""

    columns: IntArray
    buses: IntArray
    factor: float

    def at(self, matrix: FloatArray) -> Term:
        """Its part of matrix [row, bus] times injections, as a term for rows [stage, row]."""
        return self.columns[:, None, :], self.factor * matrix[:, self.buses]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Injections:
    """All of them; loads are constants and not among them."""

    active: tuple[Injection, ...]
    reactive: tuple[Injection, ...]


def injections(data: PlanInputs, columns: PlanColumns) -> Injections:
    """(13e), (13f): PV at its power factor, converters as they like, charging without reactive."""
    tan = np.sqrt(1 / data.rules.pv_power_factor**2 - 1)

    def at(columns: IntArray, buses: IntArray, factor: float) -> Injection:
        return Injection(columns=columns, buses=buses, factor=factor)

    return Injections(
        active=(
            at(columns.evcs.rated, data.evcs_buses, -data.ev_factor),
            at(columns.pv.rated, data.pv_buses, data.pv_factor),
            at(columns.sop.p, data.terminals, 1.0),
            at(columns.storage.p, data.storage_buses, 1.0),
        ),
        reactive=(
            at(columns.pv.rated, data.pv_buses, data.pv_factor * tan),
            at(columns.sop.q, data.terminals, 1.0),
            at(columns.storage.q, data.storage_buses, 1.0),
        ),
    )


def power_flow(
    builder: MixedBuilder, data: PlanInputs, columns: PlanColumns, injected: Injections
) -> None:
    """(14a)-(14c) and the relaxation p^2 + q^2 <= l v of (13d)."""
    flow, lines, network = columns.flow, columns.lines, data.network
    r, x, here = network.r_pu, network.x_pu, np.identity(len(network.buses))
    lighter = bool(lines.l.size)
    onward = np.equal.outer(np.arange(len(network.buses)), network.parent).astype(float)
    for total, part, z, load, sources in (
        (flow.p, lines, r, data.load_p, injected.active),
        (flow.q, lines, x, data.load_q, injected.reactive),
    ):
        balance: list[Term] = [(total, 1.0), (flow.l, -z), (total[:, None, :], -onward)]
        balance += [source.at(here) for source in sources]
        if lighter:
            balance.append((part.l, (1 - IMPEDANCE_MULTIPLE) * z))
        builder.equal(balance, load)  # (14a), (14b)
    upstream = upstream_columns(data, columns)
    drop: list[Term] = [(upstream, 1.0), (flow.v, -1.0), (flow.l, r**2 + x**2)]
    drop += [(flow.p, -2 * r), (flow.q, -2 * x)]
    if lighter:
        drop.append((lines.l, -(1 - IMPEDANCE_MULTIPLE**2) * (r**2 + x**2)))
        drop += [
            (part, 2 * (1 - IMPEDANCE_MULTIPLE) * z) for part, z in ((lines.p, r), (lines.q, x))
        ]
    builder.equal(drop, 0.0)  # (14c)
    builder.product_at_least(flow.l, upstream, flow.p, flow.q)


def upstream_columns(data: PlanInputs, columns: PlanColumns) -> IntArray:
    """Squared voltage at the upstream end of every branch [stage, branch]."""
    parent, flow = data.network.parent, columns.flow
    return np.where(parent == HEAD, flow.v_head, flow.v[:, parent])


def sop_operation(builder: MixedBuilder, data: PlanInputs, columns: PlanColumns) -> None:
    """(17b), (17c) of every terminal; (17a) needs to know which terminals belong together."""
    sop, factor = columns.sop, data.rules.sop_loss
    converter.capacity(builder, sop.p, sop.q, sop.kva)
    converter.losses(builder, sop.p, sop.q, sop.loss, factor)
    converter.most_losses(builder, sop.loss, (sop.kva, 1.0), factor)


def sop_balance(builder: MixedBuilder, data: PlanInputs, columns: PlanColumns) -> None:
    """(17a) summed over all soft open points."""
    sop = columns.sop
    if sop.p.size:
        all_of_them = np.ones((1, sop.p.shape[1]))
        converter.balance(builder, sop.p, sop.loss, all_of_them, sign=data.rules.sop_sign.factor)


def exactness(
    builder: MixedBuilder,
    data: PlanInputs,
    columns: PlanColumns,
    injected: Injections,
    slack: IntArray | None = None,
) -> None:
    """Lossless squared voltages w = 1 + 2 R p + 2 X q at most v_max^2 + excess.

    Without these rows a cheaper plan may bring voltage down by currents that do not flow: the
    relaxation of (13d) is then not exact. As w >= v, excess 0 takes away some plans at the upper
    limit; the excess of a plan nearby gives them back. ``slack`` are columns [stage, bus] by which
    the rows may be missed. In a reinforced feeder R and X are
    ``IMPEDANCE_MULTIPLE`` of before, and the row's right-hand side the inverse.

    Source: Gan, Li, Topcu and Low, Exact convex relaxation of optimal power flow in radial
    networks, IEEE Transactions on Automatic Control 60, 2015 (OPF-m).
    """
    network = data.network
    r, x = network.shared_r_pu, network.shared_x_pu
    room = data.v_max**2 + data.v_excess - 1
    terms = [source.at(2 * r) for source in injected.active]
    terms += [source.at(2 * x) for source in injected.reactive]
    if slack is not None:
        terms.append((slack, -1.0))
    if columns.lines.l.size:
        feeder = [data.feeders.index(zone) for zone in network.zones]
        gain = 1 / IMPEDANCE_MULTIPLE - 1
        terms.append((columns.lines.built[:, feeder], -gain * room))
    builder.at_most(terms, room + 2 * (data.load_p @ r + data.load_q @ x))


def _standing(data: PlanInputs, price: str) -> FloatArray:
    """What one unit that stands costs, less what building it in the next stage would [stage, 1]."""
    now = data.discount * np.array([getattr(stage, price) for stage in data.prices]) / MONEY
    return np.asarray((now - np.append(now[1:], 0.0))[:, None])


def _fewest(demand: FloatArray, most: FloatArray) -> FloatArray:
    """Sites that demand [stage] takes at least."""
    reach = np.cumsum(np.sort(most)[::-1])
    return np.where(demand > 0, np.searchsorted(reach, demand - 1e-9) + 1.0, 0.0)
