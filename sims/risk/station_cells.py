"""The station level: what a method costs all stations together, and what it keeps.

A cell is a plan: margins of a method, then the central optimum of the whole market with them
(exact, so that differences between cells are those of the margins). In real time every station
settles its own difference between margin and error, with the upstream grid.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.units import FloatArray
from ...market.central import solve_central
from ..case import Case
from .design import EMERGENCY_MULTIPLE, Distribution, Method, risk_at
from .rates import Violations, realised_row, violations
from .station_draws import StationDraws, days_with, draw_stations
from .station_margins import station_margins

#: A station is short of energy beyond this: the optimum closes its balances to a few 1e-7 kW.
_SLACK_KW = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StationPlan:
    """A day ahead: what is paid, and how much error each station has covered."""

    cost: float  #: of the optimum, unserved demand at its price
    firm_cost: float  #: the same without the price of unserved demand
    cover_kw: FloatArray  #: [time, station], margin less demand that is not served as planned
    margin_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What fresh scenarios of one distribution make of a plan."""

    violations: Violations
    realised: dict[str, float]


def station_cells(
    case: Case, seed: int, samples: int, confidences: list[float], largest: int, fresh: int
) -> list[dict[str, Any]]:
    """All methods at all confidence levels for one sample, as rows.

    Deterministic and robust plans do not depend on the confidence: they are made once.
    """
    draws = draw_stations(case, seed, largest, fresh)
    fixed: dict[Method, dict[str, Any]] = {}
    rows = []
    for confidence in confidences:
        risk = risk_at(confidence)
        for method in Method:
            if method not in fixed:
                cell = _cell(case, draws, method, samples, risk)
                if method in (Method.DETERMINISTIC, Method.RO):
                    fixed[method] = cell
            else:
                cell = fixed[method]
            key = {"method": method.value, "samples": samples, "confidence": confidence}
            rows.append({"level": "station", **key, "seed": seed, **_rated(cell, risk)})
    return rows


def plan_stations(case: Case, expected_kw: FloatArray, margin_kw: FloatArray) -> StationPlan:
    """The cheapest day of all stations together with these margins [time, station]."""
    days = days_with(case, expected_kw, margin_kw)
    optimum = solve_central(case.stations, case.links, case.tariff, days)
    unserved_kw = optimum.schedule.unserved_kw
    price = case.tariff.unserved_per_kwh
    return StationPlan(
        cost=optimum.cost,
        firm_cost=optimum.cost - price * float(unserved_kw.sum()),
        cover_kw=margin_kw - unserved_kw,
        margin_kwh=float(margin_kw.sum()),
    )


def realised_cost(
    case: Case, plan: StationPlan, errors_kw: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(cost of plan and recourse, energy bought in an emergency) [scenario].

    A station whose error exceeds its cover buys the rest at ``EMERGENCY_MULTIPLE`` times the
    hour's price; what it has too much of it sells at the sale price.

    Args:
        case: prices.
        plan: what was bought.
        errors_kw: fresh errors [scenario, time, station].
    """
    missing = errors_kw - plan.cover_kw
    short = np.maximum(missing, 0.0).sum(axis=2)
    over = short - missing.sum(axis=2)
    buy, sell = case.tariff.buy_per_kwh, case.tariff.sell_per_kwh
    cost = plan.firm_cost + EMERGENCY_MULTIPLE * (short @ buy) - over @ sell
    return np.asarray(cost), np.asarray(short.sum(axis=1))


def _cell(
    case: Case, draws: StationDraws, method: Method, samples: int, risk: float
) -> dict[str, Any]:
    margin_kw, scale = station_margins(
        method, draws.learn_kw[:samples], risk, draws.lowest_kw, draws.highest_kw, case.risk
    )
    plan = plan_stations(case, draws.expected_kw, margin_kw)
    return {
        "cost": plan.cost,
        "reason": "",
        "margin_kwh": plan.margin_kwh,
        "radius_scale": scale,
        "outcomes": dict(_outcomes(case, draws, plan)),
    }


def _outcomes(
    case: Case, draws: StationDraws, plan: StationPlan
) -> Iterator[tuple[Distribution, _Outcome]]:
    def name(hour: int, station: int) -> str:
        return f"{case.stations[station].id} {hour:02d}:00"

    for distribution, errors_kw in draws.fresh_kw.items():
        beyond = errors_kw > plan.cover_kw + _SLACK_KW
        cost, short = realised_cost(case, plan, errors_kw)
        yield (
            distribution,
            _Outcome(violations=violations(beyond, name), realised=realised_row(cost, short)),
        )


def _rated(cell: dict[str, Any], risk: float) -> dict[str, Any]:
    """The cell with its outcomes as columns, held against the promised risk."""
    outcomes = {
        distribution.value: outcome.violations.row(risk) | outcome.realised
        for distribution, outcome in cell["outcomes"].items()
    }
    return {**cell, "outcomes": outcomes}
