"""What one episode leaves behind: rows of plain JSON for the tables of ``schema``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...agents.messages import AdjustmentSignal
from ...core.units import FloatArray
from ...grid.limit_rates import LimitRate
from ...market.central import CentralClearing
from ...market.settlement import settle_by_prices
from ..agreement import TradingRound
from ..case import Case
from ..parts import StationPlan
from .fingerprint import fingerprint
from .perturbed_day import PerturbedDay
from .play import Played, Trace

Row = dict[str, Any]

#: Cuts kept of every episode, largest first.
CUTS_KEPT = 10
#: Below this nobody has been cut, and nobody bears a cost [kWh, currency].
_NOTHING = 1e-3


def judge(day: PerturbedDay, trace: Trace, undisturbed: str = "") -> Row:
    """Everything about an episode: ``{"episode": row, "shares": rows, "cuts": rows}``.

    Args:
        day: as it was played.
        trace: what came of it.
        undisturbed: the fingerprint of the same day with a faithful post; "" if not played.
    """
    row = _ending(trace) | {"lied": day.lied, "silent_violation": False, "undisturbed": undisturbed}
    if trace.played is None:
        return {"episode": row, "shares": [], "cuts": []}
    shares, cuts = _shares(trace.played), _cuts(trace.played)
    row |= _approved(trace.played, shares)
    # A liar's injection is not what was approved: that promise was not given.
    row["silent_violation"] = not (row["kept_promise"] or day.lied)
    row["agreement"] = fingerprint(trace.played.agreement)
    row["changed_by_messages"] = undisturbed not in ("", row["agreement"])
    if cuts:
        row |= {"forensics": cuts[0]["text"]}
    return {"episode": row, "shares": shares, "cuts": cuts}


def jain(values: FloatArray) -> float:
    """(sum x)^2 / (n sum x^2): 1 where all are alike, 1/n where one has all; NaN where none has.

    References:
        Jain, Chiu and Hawe, A quantitative measure of fairness, DEC-TR-301, 1984.
    """
    square = len(values) * float(np.sum(np.square(values)))
    return float(np.sum(values)) ** 2 / square if square > 0 else float("nan")


def _ending(trace: Trace) -> Row:
    error = trace.error
    outcome = "agreed" if trace.played else type(error).__name__ if error else "unnamed"
    return {
        "outcome": outcome,
        "reason": str(error) if error else trace.unnamed,
        "rounds": trace.rounds,
        "adjusted_kwh": trace.adjusted_kwh,
        "resent": trace.resent,
    }


def _approved(played: Played, shares: list[Row]) -> Row:
    agreement, check = played.agreement, played.verification
    cost, free = played.limited.cost, played.free.cost
    curtailed = np.array([s["curtailed_share"] for s in shares if s["exchanged_free_kwh"] > 1.0])
    borne = {s["station"]: s["borne"] for s in shares}
    bearer = max(borne, key=lambda name: borne[name])
    fair = jain(curtailed) if curtailed.sum() > _NOTHING else float("nan")
    signals = [turn for turn in agreement.rounds if isinstance(turn.answer, AdjustmentSignal)]
    asked = np.any([turn.concerned for turn in signals], axis=0) if signals else np.zeros(1)
    first = signals[0].answer if signals else None
    named = isinstance(first, AdjustmentSignal) and first.binding
    return {
        "envelope": any(turn.verdict == "envelope" for turn in agreement.rounds),
        "stations_adjusted": int(asked.sum()),
        "cost_free": free,
        "cost": cost,
        "adjustment_cost": cost - free,
        "adjustment_cost_pct": 100 * (cost - free) / max(abs(free), 1e-9),
        "bearer": bearer if borne[bearer] > _NOTHING else "",
        "fairness": None if np.isnan(fair) else fair,
        "unserved_kwh": float(agreement.proposal.schedule.unserved_kw.sum()),
        "linear_excess": max(played.linear.amount, 0.0),
        "linear_limit": played.linear.limit,
        **_worst_rate(check.worst),
        "fresh_samples": check.samples,
        "promised": check.risk,
        "kept_promise": check.kept_promise,
        "breach": str(check.breaches[0]) if check.breaches else "",
        "binding": named[0] if named else "",
    }


def _worst_rate(worst: tuple[LimitRate, ...]) -> Row:
    """The limit exceeded most often in AC flows, and where its true rate may lie."""
    if not worst:
        return {"ac_violation_rate": 0.0, "ac_violation_low": 0.0, "ac_violation_high": 1.0}
    most = max(worst, key=lambda one: one.rate)
    return {
        "ac_violation_rate": most.rate,
        "ac_violation_low": most.lower,
        "ac_violation_high": most.upper,
    }


def _shares(played: Played) -> list[Row]:
    """By station: what it gave up, and what that costs it."""
    first, last = played.agreement.rounds[0].proposal, played.agreement.proposal
    exchanged = np.abs(first.withdrawal_kw)
    curtailed = np.maximum(exchanged - np.abs(last.withdrawal_kw), 0).sum(axis=0)
    whole = exchanged.sum(axis=0)
    limited = played.limited is not played.free
    free, cost = (_borne(played.case, market) for market in (played.free, played.limited))
    return [
        {
            "station": station.id,
            "exchanged_free_kwh": float(whole[k]),
            "curtailed_kwh": float(curtailed[k]) if limited else 0.0,
            "curtailed_share": float(curtailed[k] / max(whole[k], 1e-9)) if limited else 0.0,
            "cost_free": float(free[k]),
            "cost": float(cost[k]),
            "borne": float(cost[k] - free[k]),
        }
        for k, station in enumerate(played.case.stations)
    ]


def _borne(case: Case, market: CentralClearing) -> FloatArray:
    """What every station bears in a market: its own cost, payments to peers included."""
    return settle_by_prices(
        case.stations,
        case.links,
        trade_kw=market.trade_kw,
        trade_price_per_kwh=market.trade_price_per_kwh,
        schedule_cost=market.schedule.cost,
        standalone_cost=market.schedule.cost,
    ).cost


def _cuts(played: Played) -> list[Row]:
    """The largest changes that the operator asked for, in words."""
    stations = [station.id for station in played.case.stations]
    rows = [row for turn in played.agreement.rounds for row in _cuts_of_round(turn, stations)]
    return sorted(rows, key=lambda row: -abs(row["cut_kwh"]))[:CUTS_KEPT]


def _cuts_of_round(turn: TradingRound[StationPlan], stations: list[str]) -> list[Row]:
    answer = turn.answer
    if not isinstance(answer, AdjustmentSignal):
        return []
    change = answer.adjustment_kw.sum(axis=-1)
    hours, places = np.nonzero(np.abs(change) > _NOTHING)
    largest = np.argsort(-np.abs(change[hours, places]), kind="stable")[:CUTS_KEPT]
    return [_cut(turn, answer, stations, int(hours[k]), int(places[k])) for k in largest]


def _cut(
    turn: TradingRound[StationPlan],
    answer: AdjustmentSignal,
    stations: list[str],
    hour: int,
    place: int,
) -> Row:
    time = f"{hour:02d}:00"
    here = [name for name in answer.binding if time in name]
    limit = here[0].partition(time)[0].strip() if here else "limits of other hours"
    cut = float(answer.adjustment_kw[hour, place].sum())
    return {
        "trading_round": turn.number,
        "hour": hour,
        "station": stations[place],
        "limit": limit,
        "submitted_kwh": float(turn.proposal.withdrawal_kw[hour, place]),
        "cut_kwh": cut,
        "text": f"{limit}, {time}, cut {stations[place]} by {abs(cut):.1f} kWh",
    }
