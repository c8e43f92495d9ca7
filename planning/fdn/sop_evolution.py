"""How soft open points grow from stage to stage: (6) and (10), slot by slot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.devices import converter
from ...core.units import FloatArray
from ..mixed_builder import MixedBuilder, grows
from .case import FdnCase
from .columns import PlanColumns, SopColumns
from .inputs import PlanInputs


def sop_evolution(
    builder: MixedBuilder,
    data: PlanInputs,
    columns: PlanColumns,
    case: FdnCase,
    forced: Sequence[Sequence[str]],
) -> None:
    """Which terminals each soft open point has, with what capacity, and the lines it takes."""
    if not data.slots:
        return
    sop = columns.sop
    topology(builder, data, sop)
    capacities(builder, data, sop)
    balances(builder, data, sop)
    new_lines(builder, data, sop, line_lengths(case))
    for stage, zones in enumerate(forced):
        need_remedies(builder, data, columns, stage, zones)


def topology(builder: MixedBuilder, data: PlanInputs, sop: SopColumns) -> None:
    """(10a), (10b) and two terminals to the most that are allowed, in different feeders."""
    most = data.rules.sop_max_terminals
    grows(builder, sop.built)
    grows(builder, sop.attached)
    builder.at_most([(sop.attached.swapaxes(1, 2), 1.0)], np.ones(sop.kva.shape))  # (10a)
    none = np.zeros(sop.built.shape)
    builder.at_least([(sop.attached, 1.0), (sop.built, -2.0)], none)
    builder.at_most([(sop.attached, 1.0), (sop.built, -float(most))], none)
    for zone in sorted(set(data.terminal_zones)):
        inside = [k for k, name in enumerate(data.terminal_zones) if name == zone]
        builder.at_most([(sop.attached[:, :, inside], 1.0), (sop.built, -1.0)], none)
    # Slots are alike: let the first be used first.
    builder.at_most([(sop.built[:, 1:], 1.0), (sop.built[:, :-1], -1.0)], 0.0)


def capacities(builder: MixedBuilder, data: PlanInputs, sop: SopColumns) -> None:
    """(10c)-(10e): capacity only at attached terminals, which have at least one module."""
    module, most = data.rules.module_kva / data.network.s_base_kva, data.sop_max
    grows(builder, sop.kva)
    builder.at_most([(sop.slot_kva, 1.0), (sop.attached, -most)], 0.0)
    builder.at_least([(sop.slot_kva, 1.0), (sop.attached, -module)], 0.0)
    builder.at_most([(sop.slot_kva, 1.0), (sop.built, -most)], np.zeros(sop.built.shape))
    for total, part in ((sop.kva, sop.slot_kva), (sop.p, sop.slot_p), (sop.loss, sop.slot_loss)):
        builder.equal([(total, 1.0), (part.swapaxes(1, 2), -1.0)], np.zeros(total.shape))


def balances(builder: MixedBuilder, data: PlanInputs, sop: SopColumns) -> None:
    """(17a), (17d) of each soft open point by itself."""
    every, rules = np.ones((1, sop.slot_p.shape[2])), data.rules
    converter.balance(builder, sop.slot_p, sop.slot_loss, every, sign=rules.sop_sign.factor)
    for sign in (1.0, -1.0):
        builder.at_most([(sop.slot_p, sign), (sop.slot_kva, -1.0)], 0.0)
    converter.most_losses(builder, sop.slot_loss, (sop.slot_kva, 1.0), rules.sop_loss)


def new_lines(builder: MixedBuilder, data: PlanInputs, sop: SopColumns, km: FloatArray) -> None:
    """D of (8d): lines from every terminal to the hub; ``km`` is [terminal, hub].

    The hub stays for good. Lines [stage, slot, terminal, hub] say which terminal goes where: all to
    the hub. As a feeder has one terminal, its lines together are at most the hub, which leaves the
    relaxation nothing to gain from half a hub.
    """
    grows(builder, sop.line_km)
    builder.equal([(sop.hub, 1.0), (sop.built[-1], -1.0)], np.zeros(len(sop.hub)))
    line = builder.columns(*sop.attached.shape, km.shape[1])
    builder.equal([(line, 1.0), (sop.attached, -1.0)], np.zeros(sop.attached.shape))
    builder.equal([(sop.line_km, 1.0), (line, -km)], np.zeros(sop.line_km.shape))
    for zone in sorted(set(data.terminal_zones)):
        inside = [k for k, name in enumerate(data.terminal_zones) if name == zone]
        to_hub = line[:, :, inside].swapaxes(2, 3)
        shape = to_hub.shape[:3]
        builder.at_most([(to_hub, 1.0), (np.broadcast_to(sop.hub, shape), -1.0)], np.zeros(shape))


def need_remedies(
    builder: MixedBuilder,
    data: PlanInputs,
    columns: PlanColumns,
    stage: int,
    zones: Sequence[str],
) -> None:
    """Each of these feeders has a terminal or larger lines; hence so many soft open points."""
    sop, lines = columns.sop, columns.lines.built[[stage]]
    most = data.rules.sop_max_terminals
    for zone in zones:
        inside = np.flatnonzero(np.array(data.terminal_zones) == zone)
        larger = lines[:, [name == zone for name in data.feeders]]
        builder.at_least([(sop.attached[[stage]][:, :, inside], 1.0), (larger, 1.0)], np.ones(1))
    count, larger = len(zones), lines[:, np.isin(data.feeders, zones)]
    if larger.size:
        terms = [(sop.built[[stage]], float(most)), (larger, 1.0)]
        builder.at_least(terms, np.array([float(count)]))
    else:
        builder.at_least([(sop.built[[stage]], 1.0)], np.array([np.ceil(count / most)]))


def line_lengths(case: FdnCase) -> FloatArray:
    """New line [terminal, hub] in km: along the streets; none at the hub or along a tie."""
    network, buses = case.network, case.terminals
    x, y = network.x_km[buses], network.y_km[buses]
    length = abs(np.subtract.outer(x, x)) + abs(np.subtract.outer(y, y))
    at = {int(bus): k for k, bus in enumerate(buses)}
    for tie in network.ties:
        one, other = at[tie.from_bus], at[tie.to_bus]
        length[one, other] = length[other, one] = 0.0
    return np.asarray(length)
