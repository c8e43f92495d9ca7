"""The stations' tables: what they do, trade and pay, and how the operator answered."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ..agents.messages import AdjustmentSignal
from ..core.units import PHASES, FloatArray
from ..market.station import TradeLink
from .long_table import hours_of, long_table, stations_of
from .parts import Parts, StationPlan
from .schema import TABLES

#: Trades below this are what the negotiation leaves of a zero.
_TRADE_KWH = 1e-6


def _stacked(parts: Parts, field: str) -> FloatArray:
    """One field of the stations' days [time, station]."""
    return np.column_stack([getattr(day, field) for day in parts.days])


def station_hours(parts: Parts) -> pd.DataFrame:
    """What every station does in every hour, and what it may."""
    plan, limits = parts.together.proposal, parts.together.limits
    charging = np.zeros((parts.case.hours, len(parts.case.stations)))
    for k, station in enumerate(parts.forecast.demand.stations):
        charging[:, stations_of(parts).index(station)] = parts.forecast.demand.expected_kw[:, k]
    schedule = plan.schedule
    return long_table(
        {"hour": hours_of(parts), "station": stations_of(parts)},
        {
            "demand_kw": _stacked(parts, "demand_kw"),
            "charging_kw": charging,
            "margin_kw": _stacked(parts, "margin_kw"),
            "pv_available_kw": _stacked(parts, "pv_kw"),
            "pv_kw": schedule.pv_kw,
            "buy_kw": schedule.buy_kw,
            "sell_kw": schedule.sell_kw,
            "trade_kw": schedule.trade_kw,
            "charge_kw": schedule.charge_kw,
            "discharge_kw": schedule.discharge_kw,
            "soc_kwh": schedule.soc_kwh,
            "unserved_kw": schedule.unserved_kw,
            "withdrawal_kw": schedule.withdrawal_kw,
            "withdrawal_min_kw": limits.lower_kw,
            "withdrawal_max_kw": limits.upper_kw,
            "price_per_kwh": plan.price_per_kwh,
        },
    )


def trades(parts: Parts) -> pd.DataFrame:
    """Every trade by hour and link, with who sells, who buys and at what price."""
    links: tuple[TradeLink, ...] = parts.case.links
    trade = parts.together.proposal.trade_kw
    hours, used = np.nonzero(np.abs(trade) > _TRADE_KWH)
    buys = trade[hours, used] > 0
    ends = np.array([(link.station_a, link.station_b) for link in links]).reshape(-1, 2)
    return pd.DataFrame(
        {
            "hour": hours,
            "link": np.array([link.id for link in links], dtype=object)[used],
            "seller": np.where(buys, ends[used, 1], ends[used, 0]),
            "buyer": np.where(buys, ends[used, 0], ends[used, 1]),
            "energy_kwh": np.abs(trade[hours, used]),
            "price_per_kwh": parts.by_prices.price_per_kwh[hours, used],
            "fee_per_kwh": np.array([link.fee_per_kwh for link in links])[used],
        }
    )


def settlement(parts: Parts) -> pd.DataFrame:
    """Who pays whom, and what trading is worth to each station."""
    prices, bargained = parts.by_prices, parts.by_bargaining
    return pd.DataFrame(
        {
            "station": stations_of(parts),
            "cost_alone": prices.standalone_cost,
            "cost_own": parts.together.proposal.schedule.cost,
            "payment": prices.payment,
            "cost_traded": prices.cost,
            "gain": prices.gain,
            "payment_nash": bargained.payment,
            "gain_nash": bargained.gain,
        }
    )


def negotiation(parts: Parts) -> pd.DataFrame:
    """The gap after every exchange of every trading round."""
    rows = []
    for turn in parts.together.rounds:
        plan = turn.proposal
        before = plan.exchanges[0].iteration - plan.exchanges[0].steps if plan.exchanges else 0
        rows += [
            {
                "trading_round": turn.number,
                "exchange": exchange,
                "iterations": row.iteration - before,
                "primal_kw": row.primal_kw,
                "dual_kw": row.dual_kw,
                "upper_bound": _finite(row.upper),
                "lower_bound": _finite(row.lower),
                "gap": _finite(row.gap),
            }
            for exchange, row in enumerate(plan.exchanges, 1)
        ]
    return pd.DataFrame(rows, columns=list(TABLES["negotiation"]))


def _finite(value: float) -> float:
    """A bound that does not exist yet is empty, not infinite."""
    return value if math.isfinite(value) else math.nan


def trading_rounds(parts: Parts) -> pd.DataFrame:
    """The operator's answer to every trading round."""
    rows = []
    for turn in parts.together.rounds:
        answer, adjusted = turn.answer, turn.adjusted_kw
        signal = answer if isinstance(answer, AdjustmentSignal) else None
        rows.append(
            {
                "trading_round": turn.number,
                "answer": turn.verdict,
                "exchanges": len(turn.proposal.exchanges),
                "stations_cost": social_cost(parts, turn.proposal),
                "adjusted_kwh": float(adjusted.sum()),
                "stations_adjusted": int((adjusted > 0).any(axis=0).sum()),
                "unserved_kwh": float(turn.proposal.schedule.unserved_kw.sum()),
                "binding": "; ".join(signal.binding) if signal else "",
            }
        )
    return pd.DataFrame(rows)


def social_cost(parts: Parts, plan: StationPlan) -> float:
    """What the stations' day costs them together: own costs and network fees; payments cancel."""
    fees = np.array([link.fee_per_kwh for link in parts.case.links])
    return float(plan.schedule.cost.sum() + (np.abs(plan.trade_kw) @ fees).sum())


def adjustments(parts: Parts) -> pd.DataFrame:
    """The adjustment signals by round, hour, station and phase, where not 0."""
    share = np.array([s.phase_share for s in parts.case.stations])
    pieces = [pd.DataFrame(columns=list(TABLES["adjustments"]))]
    for turn in parts.together.rounds:
        if not isinstance(turn.answer, AdjustmentSignal):
            continue
        table = long_table(
            {"hour": hours_of(parts), "station": stations_of(parts), "phase": PHASES},
            {
                "submitted_kw": turn.proposal.withdrawal_kw[..., None] * share,
                "adjustment_kw": turn.answer.adjustment_kw,
                "permitted_kw": turn.answer.permitted_kw[..., None] * share,
            },
        )
        table.insert(0, "trading_round", turn.number)
        pieces.append(table[table["adjustment_kw"] != 0])
    kept = [piece for piece in pieces if len(piece)] or pieces[:1]
    return pd.concat(kept, ignore_index=True)
