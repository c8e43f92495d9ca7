"""The laws that a stress study puts to the test, and how often each was kept and broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..reporting.study_page import percent
from .evidence import Tables, agreed, rows_of
from .perturbations import Kind
from .summary import LINEAR_TOLERANCE

#: Perturbations that must not change what is agreed.
_SPOILING = f"{Kind.MESSAGE_FAULTS.value}|{Kind.HOST_KILLED.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantee:
    """A law of the study, what was looked at, and how often it was broken."""

    law: str
    looked_at: str
    found: str
    broken: int


def guarantees(tables: Tables, summary: Mapping[str, Any]) -> list[Guarantee]:
    """The laws that a stress study puts to the test."""
    return [
        _ends_always(tables, summary),
        _within_linear_limits(tables, summary),
        _keeps_promises(tables, summary),
        _survives_messages(tables),
    ]


def _ends_always(tables: Tables, summary: Mapping[str, Any]) -> Guarantee:
    episodes = rows_of(tables, "episodes")
    searches = len(rows_of(tables, "boundaries"))
    most = int(episodes["rounds"].max()) if len(episodes) else 0
    return Guarantee(
        law="An episode always ends, agreed or for a named reason",
        looked_at=f"{len(episodes):,} episodes, {searches} searches for a boundary",
        found=f"{summary['agreed']:,} agreed, {summary['named_failures']:,} named reasons, "
        f"at most {most} rounds",
        broken=int(summary["unnamed_failures"]),
    )


def _within_linear_limits(tables: Tables, summary: Mapping[str, Any]) -> Guarantee:
    rows = agreed(tables)
    most = float(rows["linear_excess"].astype(float).max()) if len(rows) else 0.0
    return Guarantee(
        law="An approved day never violates a limit of the linear model",
        looked_at=f"{len(rows):,} approved days, voltages and ratings recomputed from the dispatch",
        found=f"largest excess {most:.2g} (tolerance {LINEAR_TOLERANCE:g}, in pu or parts of the "
        "rating)",
        broken=int(summary["linear_violations"]),
    )


def _keeps_promises(tables: Tables, summary: Mapping[str, Any]) -> Guarantee:
    rows = agreed(tables)
    honest = rows[~rows["lied"].astype(bool)]
    worst = float(honest["ac_violation_rate"].astype(float).max()) if len(honest) else 0.0
    allowed = 100 * float(rows["promised"].iloc[0]) if len(rows) else None
    return Guarantee(
        law="In exact power flows no limit is exceeded more often than promised",
        looked_at=f"{len(honest):,} approved days on which nobody lied, fresh samples",
        found=f"worst rate {percent(100 * worst)}, allowed {percent(allowed)}",
        broken=int(summary["silent_violations"]),
    )


def _survives_messages(tables: Tables) -> Guarantee:
    rows = rows_of(tables, "episodes")
    spoilt = rows[rows["perturbations"].astype(str).str.contains(_SPOILING)]
    twins = agreed(tables).get("undisturbed", pd.Series(dtype=str))
    compared = int((twins.notna() & (twins != "")).sum())
    changed = rows.get("changed_by_messages", pd.Series(dtype=bool))
    return Guarantee(
        law="Lost, late, repeated or reordered messages and killed processes change no agreed day",
        looked_at=f"{len(spoilt):,} episodes with such faults; {compared:,} agreed ones compared "
        "with the same day undisturbed",
        found=f"{int(rows['resent'].sum()):,} messages sent again; "
        f"{int((rows['outcome'] == 'MessageLost').sum()):,} episodes ended for want of a reply",
        broken=int(changed.eq(other=True).sum()),
    )
