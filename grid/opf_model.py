"""The operator's problem before any station has spoken: what stays the same for an episode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.errors import CaseError, Problem
from ..core.units import FloatArray, frozen
from .feeder import ConnectionPoint, Feeder, GridDay
from .forecast_errors import ErrorMoments
from .lindist3flow import LinearModel, build_linear_model
from .network_limits import NetworkLimits, build_network_limits
from .opf_options import OpfOptions
from .risk_margins import RiskMargins, build_risk_margins

__all__ = ["OpfModel", "OpfOptions", "build_opf", "point_nodes"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpfModel:
    """Everything about the operator's day that does not depend on the stations."""

    feeder: Feeder
    day: GridDay
    options: OpfOptions
    moments: ErrorMoments
    linear: LinearModel
    limits: NetworkLimits
    margins: RiskMargins
    reference_alpha: FloatArray  #: [device], shares by size, generators then batteries
    p_load_kw: FloatArray  #: expected net load without stations [time, node]
    q_load_kvar: FloatArray  #: [time, node]
    w_offset: FloatArray  #: [time, node], added to the linear squared voltages, see ``anchoring``


def build_opf(
    feeder: Feeder, day: GridDay, moments: ErrorMoments, options: OpfOptions | None = None
) -> OpfModel:
    """Prepares the chance-constrained three-phase optimal power flow; does not solve it.

    Args:
        feeder: wires, devices and limits.
        day: forecast and prices.
        moments: of the forecast errors, see ``fit_moments``.
        options: treatment of risk; the default is distributionally robust at 5 %.

    Raises:
        CaseError: the feeder is not radial, something sits on an absent phase, or energy sold
            upstream earns more than it costs.
    """
    options = options or OpfOptions()
    _check_prices(day)
    linear = build_linear_model(feeder)
    limits = build_network_limits(feeder, linear)
    reference = _reference_alpha(feeder, options.upstream_share_max)
    p_load_kw, q_load_kvar = _expected_net_load(feeder, day, linear)
    return OpfModel(
        feeder=feeder,
        day=day,
        options=options,
        moments=moments,
        linear=linear,
        limits=limits,
        margins=build_risk_margins(feeder, linear, limits, moments, options, reference),
        reference_alpha=frozen(reference),
        p_load_kw=frozen(p_load_kw),
        q_load_kvar=frozen(q_load_kvar),
        w_offset=frozen(np.zeros_like(p_load_kw)),
    )


def _reference_alpha(feeder: Feeder, upstream_share_max: float) -> FloatArray:
    """Shares [device] by size when the upstream grid balances all it may."""
    size = np.array(
        [generator.p_max_kw for generator in feeder.generators]
        + [battery.p_discharge_max_kw for battery in feeder.batteries]
    )
    return np.asarray((1 - upstream_share_max) * size / max(size.sum(), 1e-9))


def point_nodes(model: OpfModel, points: tuple[ConnectionPoint, ...]) -> FloatArray:
    """Load of the nodes per kW drawn at each point [point, node].

    Raises:
        CaseError: a point is at an unknown bus, or draws on a phase that the bus lacks.
    """
    full = np.zeros((len(points), len(model.feeder.buses), 3))
    problems = []
    for k, point in enumerate(points):
        if point.bus not in model.feeder.buses:
            problems.append(Problem(f"point {point.id}", f"unknown bus {point.bus}", "correct it"))
            continue
        bus = model.feeder.buses.index(point.bus)
        full[k, bus] = point.share
        if np.any(full[k, bus][model.linear.node_of[bus] < 0]):
            fault = f"draws on a phase that bus {point.bus} lacks"
            problems.append(Problem(f"point {point.id}", fault, "correct its shares"))
    if problems:
        raise CaseError("connection points", tuple(problems))
    return model.linear.to_nodes(full)


def _expected_net_load(
    feeder: Feeder, day: GridDay, linear: LinearModel
) -> tuple[FloatArray, FloatArray]:
    """Loads less wind and scheduled injections [time, node]."""
    number = {bus: k for k, bus in enumerate(feeder.buses)}
    p, q, wind = np.zeros((3, len(feeder.buses), 3))
    for load in feeder.loads:
        p[number[load.bus]] += load.p_kw
        q[number[load.bus]] += load.q_kvar
    for turbine in feeder.wind_turbines:
        wind[number[turbine.bus]] += turbine.p_rated_kw / 3
    p, q, wind = (linear.to_nodes(values) for values in (p, q, wind))
    p_net = np.outer(day.load_factor, p) - np.outer(day.wind_factor, wind)
    q_net = np.outer(day.load_factor, q)
    for injection in day.injections:
        third = np.zeros((len(feeder.buses), 3))
        third[number[injection.bus]] = 1 / 3
        p_net -= np.outer(injection.p_kw, linear.to_nodes(third))
        q_net -= np.outer(injection.q_kvar, linear.to_nodes(third))
    return p_net, q_net


def _check_prices(day: GridDay) -> None:
    hours = np.flatnonzero(day.export_price_per_kwh > day.upstream_price_per_kwh)
    if len(hours):
        fault, remedy = "energy sold upstream earns more than it costs", "lower the export price"
        problems = tuple(Problem(f"prices at {t:02d}:00", fault, remedy) for t in hours)
        raise CaseError("grid day", problems)
