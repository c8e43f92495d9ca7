"""What a settled dispatch comes to: setpoints, states, costs, deliveries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.devices.polygon import Polygon
from ...core.units import FloatArray, IntArray, frozen
from .case import DispatchCase
from .promises import Promise, counted_kw
from .settle import Settled
from .solution import Costs, Delivery, ExactState, LinearState, PolygonError, Setpoints


def setpoints_of(settled: Settled) -> Setpoints:
    """In kW, kvar and kWh."""
    columns, base = settled.draft.columns, settled.draft.case.network.s_base_kva

    def said(which: IntArray) -> FloatArray:
        return frozen(settled.x[which] * base)

    return Setpoints(
        dg_p_kw=said(columns.dg_p),
        dg_q_kvar=said(columns.dg_q),
        sop_p_kw=said(columns.sop.p),
        sop_q_kvar=said(columns.sop.q),
        sop_loss_kw=said(columns.sop.loss),
        battery_p_kw=said(columns.battery.p),
        battery_q_kvar=said(columns.battery.q),
        battery_loss_kw=said(columns.battery.loss),
        battery_kwh=said(columns.battery_energy),
        load_p_kw=said(columns.load_p),
        load_q_kvar=said(columns.load_q),
        load_kwh=said(columns.load_energy),
    )


def linear_of(settled: Settled) -> LinearState:
    """The anchored network."""
    network, state = settled.draft.case.network, settled.state
    return LinearState(
        v_pu=frozen(np.sqrt(state.v)),
        p_kw=frozen(state.p * network.s_base_kva),
        q_kvar=frozen(state.q * network.s_base_kva),
        loss_kw=frozen(state.loss * network.s_base_kva),
        import_kw=frozen(settled.import_kw),
    )


def exact_of(settled: Settled) -> ExactState:
    """AC power flow."""
    network, flow = settled.draft.case.network, settled.flow
    return ExactState(
        v_pu=frozen(flow.v_pu),
        i_a=frozen(flow.i_pu * network.s_base_kva / (np.sqrt(3) * network.vn_kv)),
        loss_kw=frozen(flow.i_pu**2 * network.r_pu * network.s_base_kva),
        import_kw=frozen(settled.exact_import_kw),
    )


def costs_of(settled: Settled, made: Sequence[Promise]) -> Costs:
    """By the anchored network, whose bound is known."""
    case, points = settled.draft.case, setpoints_of(settled)
    rules, imported, draft = case.rules, settled.import_kw, settled.draft
    counted = [counted_kw(draft, one, settled.x, settled.start) for one in made]
    missed = sum(float(one.missed_kw(kw).sum()) for one, kw in zip(made, counted, strict=True))
    curtailed = float((case.generators.p_kw - points.dg_p_kw).sum())
    return Costs(
        energy=float(case.price_per_kwh @ imported.sum(axis=1)) * case.hours,
        curtailment=rules.curtailment_per_kwh * curtailed * case.hours,
        reactive=rules.reactive_per_kvarh * float(np.abs(points.dg_q_kvar).sum()) * case.hours,
        shortfall=rules.shortfall_per_kwh * missed * case.hours,
    )


def delivery_of(settled: Settled, plan_kw: FloatArray, made: Promise) -> Delivery:
    """By exact power flow."""
    imported = made.imported_kw(settled.exact_import_kw)
    missed = made.missed_kw(imported)
    return Delivery(
        requirement=made.requirement,
        planned_kw=frozen(made.imported_kw(plan_kw)),
        import_kw=frozen(imported),
        shortfall_kw=frozen(missed),
        feasible=not missed.any(),
    )


def polygon_error(case: DispatchCase, points: Setpoints) -> PolygonError:
    """Of the converters' losses, at the setpoints."""
    polygon = Polygon(case.rules.polygon_sides)
    sop = case.sops.loss * np.hypot(points.sop_p_kw, points.sop_q_kvar)
    battery = case.batteries.loss * np.hypot(points.battery_p_kw, points.battery_q_kvar)
    modelled = points.sop_loss_kw.sum() + points.battery_loss_kw.sum()
    return PolygonError(
        sides=polygon.sides,
        largest=polygon.largest_error,
        losses_kwh=float(modelled) * case.hours,
        exact_losses_kwh=float(sop.sum() + battery.sum()) * case.hours,
    )
