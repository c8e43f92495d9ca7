"""What the page and the figures of a stress study count in its tables: the same for both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from .perturbations import Kind
from .schema import STRESS_TABLES

Tables = Mapping[str, pd.DataFrame]

AGREED: Final = "agreed"
#: Agreed too, but only after the operator had told everybody an operating envelope.
BY_ENVELOPE: Final = "agreed by envelope"
#: Borders of the classes of severity.
SEVERITY_EDGES: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
#: Below this nothing was changed, nobody bears a cost [kWh, currency].
NOTHING: Final = 1e-3
#: What approved days did with their promise, from best to worst.
AC_CLASSES: Final = (
    "no violation in any sample",
    "within the promise",
    "above it, but within chance",
    "broken, a station lied",
    "broken silently",
)


#: Parts of the way from severity 0 to 1, in this order.
BOUNDARY_PARTS: Final = (
    "agreed",
    "not tried between",
    "not agreed",
    "agreed, but a lie breaks the promise",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoundaryPart:
    """A part of the bars of all rows of ``boundaries``: how long, and what to say of it."""

    words: str
    length: np.ndarray[Any, Any]
    told: list[str]


def rows_of(tables: Tables, name: str) -> pd.DataFrame:
    """The table with the columns of the schema; no rows where the study holds none."""
    table = tables.get(name)
    if table is None or table.empty:
        return pd.DataFrame(columns=list(STRESS_TABLES[name]))
    return table


def policies_of(tables: Tables) -> list[str]:
    """The policies in the order of the study."""
    return [str(policy) for policy in rows_of(tables, "episodes")["policy"].unique()]


def ends_of(episodes: pd.DataFrame) -> pd.Series[str]:
    """How each episode ended: its outcome, agreements with and without an envelope apart."""
    enveloped = (episodes["outcome"] == AGREED) & episodes["envelope"].astype(bool)
    return episodes["outcome"].astype(str).mask(enveloped, BY_ENVELOPE)


def ends_present(tables: Tables) -> list[str]:
    """The ends that occur: agreements, then named failures by how many, unnamed ones last."""
    counts = ends_of(rows_of(tables, "episodes")).value_counts()
    rank = {AGREED: -2, BY_ENVELOPE: -1, "unnamed": 1}
    return sorted(map(str, counts.index), key=lambda end: (rank.get(end, 0), -counts[end], end))


def agreed(tables: Tables) -> pd.DataFrame:
    """The episodes that ended in an agreement."""
    episodes = rows_of(tables, "episodes")
    return episodes[episodes["outcome"] == AGREED]


def adjusted(tables: Tables) -> pd.DataFrame:
    """The agreed episodes in which the operator asked for a change."""
    found = agreed(tables)
    return found[found["adjusted_kwh"].astype(float) > NOTHING]


def paired(tables: Tables) -> pd.DataFrame:
    """Episodes of days on which every policy agreed and some policy asked for a change."""
    episodes = rows_of(tables, "episodes")
    if episodes.empty:
        return episodes
    days = episodes.groupby("day")
    all_agreed = days["outcome"].transform(lambda outcome: (outcome == AGREED).all())
    most = days["adjusted_kwh"].transform("max").astype(float)
    return episodes[all_agreed.astype(bool) & (most > 0)]


def by_kind(tables: Tables) -> pd.DataFrame:
    """Episodes once for each kind of perturbation in their day.

    Returns:
        the columns of ``episodes``, besides ``end``, ``kind`` and ``own_severity`` of the kind.
    """
    episodes = rows_of(tables, "episodes").assign(end=ends_of(rows_of(tables, "episodes")))
    done = rows_of(tables, "perturbations").rename(
        columns={"perturbation": "kind", "severity": "own_severity"}
    )
    return episodes.merge(done[["day", "kind", "own_severity"]], on="day")


def kinds_in(rows: pd.DataFrame) -> list[str]:
    """The kinds in column ``kind``, in the order of ``Kind``."""
    present = set(rows["kind"])
    return [kind.value for kind in Kind if kind.value in present]


def shares_of_ends(rows: pd.DataFrame, kinds: list[str], ends: list[str]) -> pd.DataFrame:
    """Share [%] of each end (column) among the episodes with each kind (row)."""
    table = pd.crosstab(rows["kind"], rows["end"]).reindex(index=kinds, columns=ends, fill_value=0)
    return 100 * table.div(table.sum(axis=1).clip(lower=1), axis=0)


def agreement_by_severity(
    rows: pd.DataFrame, kinds: list[str]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """How many agreed, and of how many episodes, by kind (row) and class of severity (column)."""
    place = np.clip(
        np.searchsorted(SEVERITY_EDGES, rows["own_severity"].to_numpy(dtype=float), "right") - 1,
        0,
        len(SEVERITY_EDGES) - 2,
    )
    agreed_count, count = (np.zeros((len(kinds), len(SEVERITY_EDGES) - 1), int) for _ in "ab")
    row = np.array([kinds.index(kind) for kind in rows["kind"]], dtype=int)
    np.add.at(count, (row, place), 1)
    held = (rows["outcome"] == AGREED).to_numpy()
    np.add.at(agreed_count, (row[held], place[held]), 1)
    return agreed_count, count


def boundary_parts(rows: pd.DataFrame) -> list[BoundaryPart]:
    """Rows of ``boundaries`` as bars from severity 0 to 1.

    Each part begins where the one before it ends; that of lies is there only if one was found.
    """
    agreed_to = rows["agreed_up_to"].to_numpy(dtype=float)
    fails = rows["fails_from"].astype(float).fillna(1.0).to_numpy()
    lied = (rows["outcome"] == "promise_broken").to_numpy()
    pairs = zip(rows["outcome"], rows["reason"].fillna(""), strict=True)
    why = [f"{outcome} {str(reason)[:140]}".strip() for outcome, reason in pairs]
    lengths = (agreed_to, fails - agreed_to, (1 - fails) * ~lied, (1 - fails) * lied)
    told = ([f"up to {v:.3g}" for v in agreed_to], [""] * len(rows), why, why)
    return [
        BoundaryPart(words=name, length=length, told=words)
        for name, length, words in zip(BOUNDARY_PARTS, lengths, told, strict=True)
        if name != BOUNDARY_PARTS[3] or lied.any()
    ]


def rounds_count(tables: Tables) -> pd.DataFrame:
    """Agreed episodes by policy and end (rows) and trading round (columns, from 1)."""
    rows = agreed(tables)
    most = max(int(rows["rounds"].max()), 1) if len(rows) else 1
    table = pd.crosstab([rows["policy"], ends_of(rows)], rows["rounds"].astype(int))
    return table.reindex(columns=range(1, most + 1), fill_value=0)


def without_crowds(tables: Tables) -> pd.DataFrame:
    """``paired`` without days of a crowd: its stations exist on no other day."""
    done, rows = rows_of(tables, "perturbations"), paired(tables)
    crowded = done.loc[done["perturbation"] == Kind.CROWDED_LATERAL.value, "day"]
    return rows[~rows["day"].isin(crowded)]


def by_station(tables: Tables) -> pd.DataFrame:
    """What each station gave up and bears, over the days of ``without_crowds``.

    Returns:
        by station and policy: ``curtailed_kwh`` and ``borne``, both a mean day's, and
        ``bears_most``, the number of days on which it bears most.
    """
    episodes = without_crowds(tables)
    columns = ["curtailed_kwh", "borne"]
    shares = rows_of(tables, "shares")
    shares = shares[shares["episode"].isin(episodes["episode"])]
    days = max(episodes["day"].nunique(), 1)
    means = shares.groupby(["station", "policy"], sort=False)[columns].sum() / days
    bearers = episodes[episodes["bearer"] != ""].groupby(["bearer", "policy"]).size()
    return means.assign(bears_most=bearers.reindex(means.index, fill_value=0)).reset_index()


def largest_stations(table: pd.DataFrame, most: int) -> list[str]:
    """The stations of ``by_station`` that gave up most under any policy, the first one most."""
    largest = table.groupby("station", sort=False)["curtailed_kwh"].max()
    order = largest.sort_values(ascending=False, kind="stable").index
    return [str(station) for station in order[:most]]


def curtailed_by_policy(tables: Tables) -> dict[str, float]:
    """Energy that all stations together gave up on a mean day of ``paired`` [kWh], by policy."""
    episodes, shares = paired(tables), rows_of(tables, "shares")
    of_episode = shares.groupby("episode")["curtailed_kwh"].sum()
    energy = episodes["episode"].map(of_episode).astype(float)
    means = energy.groupby(episodes["policy"]).mean()
    return {str(policy): float(value) for policy, value in means.items()}


def ac_class(row: Any) -> str:
    """What an approved day did with its promise, one of ``AC_CLASSES``."""
    if row.silent_violation:
        return AC_CLASSES[4]
    if not row.kept_promise:
        return AC_CLASSES[3]
    if row.ac_violation_rate > row.promised:
        return AC_CLASSES[2]
    return AC_CLASSES[1] if row.ac_violation_rate > 0 else AC_CLASSES[0]


def ac_classes(tables: Tables) -> pd.DataFrame:
    """The agreed episodes with their class, the highest rate of violation first."""
    rows = agreed(tables)
    found = [ac_class(row) for row in rows.itertuples()]
    order = rows["ac_violation_rate"].astype(float).sort_values(ascending=False, kind="stable")
    return rows.assign(ac_class=found).loc[order.index]
