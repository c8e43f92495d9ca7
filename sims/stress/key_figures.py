"""The cards at the top of a stress study's page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..case import Case
from ..reporting.masthead import Card
from ..reporting.study_page import figure_text, percent
from .evidence import AGREED, Tables, adjusted, agreed, policies_of, rows_of


def key_figures(case: Case, summary: Mapping[str, Any], tables: Tables) -> list[Card]:
    """In the order of the questions a reader asks."""
    return [
        *_count_cards(summary, tables),
        *_guarantee_cards(summary, tables),
        *_adjustment_cards(case, tables),
        *_disturbance_cards(summary, tables),
    ]


def _count_cards(summary: Mapping[str, Any], tables: Tables) -> list[Card]:
    episodes = rows_of(tables, "episodes")
    failed = episodes.loc[episodes["outcome"] != AGREED, "outcome"].value_counts()
    policies = len(policies_of(tables))
    plural = "policies" if policies != 1 else "policy"
    return [
        Card(
            name="Episodes",
            value=f"{len(episodes):,}",
            aside=f"{episodes['day'].nunique():,} perturbed days, {policies} {plural}",
        ),
        Card(
            name="Agreed",
            value=f"{summary['agreed']:,}",
            unit=percent(100 * summary["agreed"] / max(len(episodes), 1)),
            aside="of all episodes",
        ),
        Card(
            name="Ended for a named reason",
            value=f"{summary['named_failures']:,}",
            aside=", ".join(
                f"{count} {name}" for name, count in failed.items() if name != "unnamed"
            ),
        ),
    ]


def _guarantee_cards(summary: Mapping[str, Any], tables: Tables) -> list[Card]:
    rows = agreed(tables)
    honest = rows[~rows["lied"].astype(bool)]
    worst = honest["ac_violation_rate"].astype(float).max() if len(honest) else None
    allowed = f"{100 * rows['promised'].iloc[0]:.3g} % allowed" if len(rows) else ""
    zeros = (
        ("Ended without a named reason", "unnamed_failures", "must be 0"),
        ("Silent violations", "silent_violations", "approved, nobody lied, promise broken"),
        ("Beyond a linear limit", "linear_violations", "approved days; must be 0"),
    )
    return [
        *(
            Card(name=name, value=f"{summary[key]:,}", aside=aside, wrong=summary[key] > 0)
            for name, key, aside in zeros
        ),
        Card(
            name="Worst AC rate, nobody lying",
            value=percent(None if worst is None else 100 * worst),
            aside=allowed,
        ),
    ]


def _adjustment_cards(case: Case, tables: Tables) -> list[Card]:
    rows, changed = agreed(tables), adjusted(tables)
    if rows.empty:
        return []
    rounds = rows["rounds"].astype(int)
    cards = [
        Card(
            name="Rounds to agreement",
            value=f"{rounds.mean():.2f}",
            unit="mean",
            aside=f"at most {rounds.max()}; {percent(100 * rows['envelope'].astype(float).mean())} "
            "by envelope",
        )
    ]
    if changed.empty:
        return cards
    share = changed["adjustment_cost_pct"].astype(float).median()
    medians = changed[["adjusted_kwh", "adjustment_cost"]].astype(float).median()
    return [
        *cards,
        Card(
            name="Asked to change",
            value=figure_text(medians["adjusted_kwh"]),
            unit="kWh",
            aside=f"median of {len(changed):,} adjusted of {len(rows):,} agreed episodes",
        ),
        Card(
            name="Cost of the adjustment",
            value=figure_text(medians["adjustment_cost"], 2),
            unit=case.currency,
            aside=f"median; {percent(share)} of the cost without limits",
        ),
        Card(
            name="Jain's index of curtailment",
            value=figure_text(changed["fairness"].astype(float).mean(), 2),
            aside="mean; 1 would be the same share for all",
        ),
    ]


def _disturbance_cards(summary: Mapping[str, Any], tables: Tables) -> list[Card]:
    rows = rows_of(tables, "episodes")
    lied = int((rows["lied"].astype(bool) & (rows["outcome"] == AGREED)).sum())
    return [
        Card(
            name="Promises broken by a lie",
            value=f"{summary['lies_that_broke_a_promise']:,}",
            aside=f"of {lied:,} approved episodes with a liar",
        ),
    ]
