"""The page's tables: guarantees and their counts, failures, policies side by side, forensics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..case import Case
from ..reporting.page import Table
from ..reporting.study_page import figure_text, money, percent
from .evidence import (
    AC_CLASSES,
    AGREED,
    NOTHING,
    Tables,
    ac_classes,
    adjusted,
    curtailed_by_policy,
    paired,
    policies_of,
    rows_of,
)
from .guarantees import guarantees
from .looks import end_colour, end_words, kind_words, policy_colour
from .perturbations import Kind
from .policy_pictures import MEASURES

#: Rows of the forensics and of the failures; the largest of very many.
MOST_ROWS = 60
#: Days differ between policies if by more than this, relative to the larger value.
_EQUAL = 1e-3

_NOTHING = "\N{EN DASH}"


def guarantee_table(tables: Tables, summary: Mapping[str, Any]) -> Table:
    """Each law with its count; a broken one is loud."""
    laws = guarantees(tables, summary)
    return Table(
        title="Laws and counts",
        caption_html="",
        headings=("law", "looked at", "found", "held", "broken [times]"),
        rows=[
            (g.law, g.looked_at, g.found, "no" if g.broken else "yes", f"{g.broken:,}")
            for g in laws
        ],
        labels=4,
        marks={k: "bad" for k, g in enumerate(laws) if g.broken},
    )


def outcome_table(tables: Tables) -> Table | None:
    """Counts and shares of each outcome by policy."""
    rows, policies = rows_of(tables, "outcomes"), policies_of(tables)
    if rows.empty:
        return None
    ends = list(rows.groupby("outcome")["episodes"].sum().sort_values(ascending=False).index)
    count = rows.pivot(index="outcome", columns="policy", values="episodes").fillna(0)
    share = rows.pivot(index="outcome", columns="policy", values="share").fillna(0.0)

    def cell(end: str, policy: str) -> str:
        return f"{count.loc[end, policy]:,.0f}  ({100 * share.loc[end, policy]:.1f} %)"

    return Table(
        title="Outcomes by policy",
        caption_html="Episodes, and their share of the policy's episodes.",
        headings=("outcome", *policies, "all"),
        rows=[
            (end_words(end), *(cell(end, p) for p in policies), f"{count.loc[end].sum():,.0f}")
            for end in ends
        ],
        marks={k: "bad" for k, end in enumerate(ends) if end == "unnamed"},
        dots={k: end_colour(end) for k, end in enumerate(ends)},
    )


def failure_table(tables: Tables) -> Table | None:
    """Days without agreement, with the reason given; one row where policies ended alike."""
    episodes = rows_of(tables, "episodes")
    failed = episodes[episodes["outcome"] != AGREED]
    if failed.empty:
        return None
    everybody = len(policies_of(tables))
    groups = list(failed.groupby(["day", "outcome"], sort=False))
    rows = [
        (
            str(day),
            str(group["perturbations"].iloc[0]).replace("_", " "),
            _together(group["policy"], everybody),
            end_words(str(outcome)),
            _short(str(group["reason"].iloc[0])),
        )
        for (day, outcome), group in groups[:MOST_ROWS]
    ]
    return Table(
        title="Days without agreement, and why",
        caption_html=f"{len(rows)} of {len(groups)}. The reason names the limits that no change "
        "of the stations can keep, with element, phase and hour.",
        headings=("day", "what went wrong, with severity", "policies", "outcome", "reason"),
        rows=rows,
        labels=5,
    )


def _together(policies: pd.Series[str], everybody: int) -> str:
    return "all" if len(policies) == everybody else ", ".join(policies)


def _short(text: str, most: int = 170) -> str:
    text = text.removeprefix("trading adjustment: ")
    return text if len(text) <= most else text[: most - 2].rstrip() + " .."


def boundary_table(tables: Tables) -> Table | None:
    """The boundaries in numbers, with what ended agreement."""
    rows = rows_of(tables, "boundaries")
    everybody = rows.groupby("perturbation")["policy"].nunique()
    ended = rows[rows["fails_from"].notna()]
    if ended.empty:
        return None
    alike = ["perturbation", "agreed_up_to", "fails_from", "reason"]
    return Table(
        title="What ends agreement there",
        caption_html="Only perturbations that end it by themselves.",
        headings=("perturbation", "policies", "agreed up to", "fails from", "reason"),
        rows=[
            (
                kind_words(str(kind)),
                _together(group["policy"], everybody[kind]),
                f"{agreed_up_to:.3g}",
                f"{fails_from:.3g}",
                _short(str(reason)),
            )
            for (kind, agreed_up_to, fails_from, reason), group in ended.groupby(alike, sort=False)
        ],
        labels=5,
    )


def policy_table(case: Case, tables: Tables) -> Table | None:
    """The study's table ``policies``: means over the days on which every policy agreed."""
    rows = rows_of(tables, "policies")
    if rows.empty or not rows["adjusted_days"].max():
        return None
    days = int(rows["adjusted_days"].iloc[0])
    given_up = curtailed_by_policy(tables)
    return Table(
        title="Policies side by side",
        caption_html=(
            f"Means over the {days} day{'s' * (days != 1)} on which every policy agreed and some "
            "policy had to adjust, so that all are judged by the same days."
        ),
        headings=(
            "policy",
            "rounds",
            "envelope needed",
            "asked to change [kWh]",
            "given up [kWh]",
            f"cost of it [{case.currency}]",
            "Jain's index",
            "not served [kWh]",
        ),
        rows=[
            (
                str(row.policy),
                figure_text(row.rounds, 2),
                percent(100 * row.envelope_share),
                figure_text(row.adjusted_kwh, 1),
                figure_text(given_up.get(str(row.policy)), 1),
                money(row.adjustment_cost),
                figure_text(row.fairness, 3),
                figure_text(row.unserved_kwh, 1),
            )
            for row in rows.itertuples()
        ],
        dots={k: policy_colour(str(policy)) for k, policy in enumerate(rows["policy"])},
    )


def duel_table(case: Case, tables: Tables) -> Table | None:
    """On how many days a policy does with less than the first one."""
    rows, policies = paired(tables), policies_of(tables)
    if rows.empty or len(policies) < 2:
        return None
    first, *others = policies
    found = []
    for column, what, unit in (*MEASURES, ("rounds", "trading rounds", "rounds")):
        table = rows.pivot(index="day", columns="policy", values=column).astype(float)
        found += [
            (
                what,
                f"{policy} against {first}",
                *_duel(table[policy], table[first]),
                unit or case.currency,
            )
            for policy in others
        ]
    return Table(
        title="Day by day",
        caption_html="The same days one by one: on how many a policy needs less, as much "
        f"(within {100 * _EQUAL:g} %) or more.",
        headings=("what", "policies", "less", "equal", "more", "mean difference", "unit"),
        rows=found,
        labels=2,
    )


def _duel(mine: pd.Series[float], theirs: pd.Series[float]) -> tuple[str, ...]:
    change = mine - theirs
    size = pd.concat([mine.abs(), theirs.abs()], axis=1).max(axis=1)
    equal = change.abs() <= (_EQUAL * size).clip(lower=NOTHING)
    counts = ((change < 0) & ~equal, equal, (change > 0) & ~equal)
    return (*(f"{int(c.sum())}" for c in counts), figure_text(float(change.mean()), 2, sign=True))


def promise_table(tables: Tables) -> Table | None:
    """What approved days did with their promise, by policy."""
    rows, policies = ac_classes(tables), policies_of(tables)
    if rows.empty:
        return None
    count = pd.crosstab(rows["ac_class"], rows["policy"]).reindex(
        index=list(AC_CLASSES), columns=policies, fill_value=0
    )
    return Table(
        title="Promises of approved days",
        caption_html=(
            "By the worst limit of the day in exact three-phase power flows on fresh samples. "
            "<b>Within chance:</b> above the promise, but its 95 % confidence interval is not."
        ),
        headings=("approved episodes", *policies, "all"),
        rows=[
            (name, *(f"{count.loc[name, p]:,}" for p in policies), f"{count.loc[name].sum():,}")
            for name in AC_CLASSES
        ],
        marks={len(AC_CLASSES) - 1: "bad"} if count.loc[AC_CLASSES[-1]].sum() else None,
    )


def breach_table(tables: Tables) -> Table | None:
    """Every broken promise, who drew other than reported, and the worst limit."""
    rows = ac_classes(tables)
    rows = rows[rows["breach"].astype(str) != ""]
    if rows.empty:
        return None
    done, everybody = rows_of(tables, "perturbations"), len(policies_of(tables))
    lies = done[done["perturbation"] == Kind.STATION_LIES.value].set_index("day")["detail"]
    rows = rows.assign(limit=rows["breach"].astype(str).str.partition(" exceeded")[0])
    groups = list(rows.groupby(["day", "limit", "ac_violation_rate"], sort=False))[:MOST_ROWS]
    return Table(
        title="Broken promises, all of them",
        caption_html="The stations' reports were followed to the letter; the wires felt the truth.",
        headings=("day", "policies", "who lied", "worst limit", "rate"),
        rows=[
            (
                str(day),
                _together(group["policy"], everybody),
                str(lies.get(day, "nobody")) if group["lied"].any() else "nobody",
                str(limit),
                percent(100 * float(rate)),
            )
            for (day, limit, rate), group in groups
        ],
        labels=4,
        marks={k: "bad" for k, (_, g) in enumerate(groups) if g["silent_violation"].any()},
    )


def forensics_table(case: Case, tables: Tables) -> Table | None:
    """The largest cut of each adjusted episode in words, with what it led to."""
    rows = adjusted(tables)
    if rows.empty:
        return None
    largest = rows_of(tables, "cuts").drop_duplicates("episode").set_index("episode")["cut_kwh"]
    size = rows["episode"].map(largest).astype(float).abs()
    rows = rows.loc[size.sort_values(ascending=False, kind="stable").index]
    return Table(
        title="The largest cut of an episode, in words",
        caption_html=(
            f"{min(len(rows), MOST_ROWS)} of {len(rows)} adjusted episodes, the largest cut first: "
            "the limit that binds most in that hour, with its phase, and who had to change by how "
            "much. All cuts are in the table <code>cuts</code>."
        ),
        headings=(
            "largest cut",
            "day",
            "what went wrong, with severity",
            "policy",
            "rounds",
            "asked [kWh]",
            f"cost [{case.currency}]",
            "borne most by",
        ),
        rows=[
            (
                str(row.forensics),
                str(row.day),
                str(row.perturbations).replace("_", " "),
                str(row.policy),
                f"{row.rounds}",
                figure_text(row.adjusted_kwh, 1),
                money(row.adjustment_cost),
                str(row.bearer) or _NOTHING,
            )
            for row in rows.head(MOST_ROWS).itertuples()
        ],
        labels=4,
    )
