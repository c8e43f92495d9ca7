"""The key figures of an episode: what a person asks first, and what scripts read."""

from __future__ import annotations

from typing import Any

import numpy as np

from .agreement import Agreement
from .parts import Parts, StationPlan
from .recorder import options_to_json
from .results import package_versions
from .station_tables import social_cost


def build_summary(parts: Parts, seconds: dict[str, float], digest: str) -> dict[str, Any]:
    """Nested key figures; ``digest`` is the hash of the result tables.

    Only ``seconds`` and ``versions`` may differ between two runs of the same case and options.
    """
    return {
        "status": "agreed",
        "reason": "",
        "rounds": len(parts.together.rounds),
        "case": parts.case.name,
        "case_digest": parts.case.digest,
        "currency": parts.case.currency,
        "seed": parts.options.seed,
        "options": options_to_json(parts.options),
        "stations": _stations(parts),
        "market": _market(parts),
        "settlement": {
            "imbalance": abs(parts.by_prices.imbalance),
            "fees": float(np.sum(parts.by_prices.fees)),
        },
        "dso": _dso(parts),
        "ac": _ac(parts),
        "traffic": _traffic(parts),
        "seconds": seconds,
        "versions": package_versions(),
        "result_hash": digest,
    }


def _stations(parts: Parts) -> dict[str, Any]:
    alone, together = parts.alone.proposal, parts.together.proposal
    before, after = social_cost(parts, alone), social_cost(parts, together)
    return {
        "count": len(parts.case.stations),
        "cost_total": after,
        "cost_without_p2p": before,
        "saving_pct": 100 * (before - after) / abs(before) if before else 0.0,
        "traded_kwh": float(np.abs(together.trade_kw).sum()),
        "grid_purchase_kwh": float(together.schedule.buy_kw.sum()),
        "grid_purchase_without_p2p_kwh": float(alone.schedule.buy_kw.sum()),
        "grid_sale_kwh": float(together.schedule.sell_kw.sum()),
        "grid_sale_without_p2p_kwh": float(alone.schedule.sell_kw.sum()),
        "unserved_kwh": float(together.schedule.unserved_kw.sum()),
        "worse_off": list(parts.by_prices.losers),
        "largest_loss": float(np.max(-parts.by_prices.gain, initial=0.0)),
    }


def _market(parts: Parts) -> dict[str, Any]:
    rounds = [turn.proposal for turn in parts.together.rounds]
    cost = social_cost(parts, rounds[-1])
    return {
        "gap_to_central": (cost - parts.central.cost) / max(abs(parts.central.cost), 1e-9),
        "gap_certified": rounds[-1].exchanges[-1].gap,
        "mismatch_kw_max": _mismatch_kw(parts, rounds[-1]),
        "iterations": sum(row.steps for plan in rounds for row in plan.exchanges),
        "exchanges": sum(len(p.exchanges) for p in rounds),
    }


def _mismatch_kw(parts: Parts, plan: StationPlan) -> float:
    """Largest difference between what stations count on and what their links bring them."""
    place = {station.id: k for k, station in enumerate(parts.case.stations)}
    received = np.zeros_like(plan.schedule.trade_kw)
    for k, link in enumerate(parts.case.links):
        received[:, place[link.station_a]] += plan.trade_kw[:, k]
        received[:, place[link.station_b]] -= plan.trade_kw[:, k]
    return float(np.abs(received - plan.schedule.trade_kw).max(initial=0.0))


def _dso(parts: Parts) -> dict[str, Any]:
    cost = parts.approval.dispatch.cost
    return {
        "cost_total": cost.total,
        "cost_without_p2p": parts.alone.approval.dispatch.cost.total,
        "components": {
            "upstream_energy": cost.upstream_energy,
            "upstream_reactive": cost.upstream_reactive,
            "generation": cost.generation,
            "battery_wear": cost.degradation,
            "reserve": cost.reserve,
        },
        "adjusted_kwh": adjusted_kwh(parts.together),
    }


def adjusted_kwh(agreement: Agreement[StationPlan]) -> float:
    """Energy that the operator asked to change, over all rounds."""
    return float(sum(turn.adjusted_kw.sum() for turn in agreement.rounds))


def _ac(parts: Parts) -> dict[str, Any]:
    check, adequacy = parts.verification, parts.adequacy
    return {
        "samples": check.samples,
        "vm_min_pu": check.vm_min.value,
        "vm_max_pu": check.vm_max.value,
        "vur_max_pct": 100 * check.vur_max.value,
        "line_loading_max": check.loading_max.value,
        "violation_rate": max((worst.rate for worst in check.worst), default=0.0),
        "joint_violation_rate": check.joint_rate,
        "adequacy_violation_rate": adequacy.worst_rate,
        "promised": check.risk,
        "kept_promise": bool(check.kept_promise and adequacy.kept),
        "breaches": [str(breach) for breach in check.breaches]
        + ([] if adequacy.kept else [str(adequacy)]),
        "failed_flows": len(check.failed),
        "model_error_max_pu": check.linear_error_max_pu,
        "model_error_mean_pu": check.linear_error_mean_pu,
        "loss_kwh": check.loss_kwh,
    }


def _traffic(parts: Parts) -> dict[str, Any]:
    assignment = parts.forecast.assignment
    return {
        "relative_gap": float(np.max(assignment.certificate.relative_gap)),
        "unserved_charging": float(np.sum(assignment.unserved_charges_veh_per_h)),
        "unserved_trips": float(np.sum(assignment.unserved_trips_veh_per_h)),
        "charged_vehicles": float(np.sum(assignment.ev_per_h)),
        "charging_kwh": float(np.sum(parts.forecast.demand.expected_kw)),
        "charged_after_midnight_kwh": float(parts.forecast.load.overflow_kwh.sum(axis=1).mean()),
        "delay_veh_h": float(np.sum(assignment.delay_min * assignment.flow_veh_per_h)) / 60,
        "cost_total": assignment.cost.total,
        "certificate": assignment.certificate.worst(),
    }
