"""The tables of a stress study from the answers of its tasks; see ``schema`` for columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from ..campaign import Task
from .perturbations import draw_perturbations
from .schema import STRESS_TABLES

Row = dict[str, Any]

_MEANS = (
    "rounds",
    "adjusted_kwh",
    "adjustment_cost",
    "fairness",
    "unserved_kwh",
)


def build_tables(
    tasks: Sequence[Task], answers: Sequence[Any], details: dict[int, tuple[str, ...]]
) -> dict[str, pd.DataFrame]:
    """Every table of ``STRESS_TABLES``.

    Args:
        tasks: in the order of the plan.
        answers: of these tasks.
        details: what the perturbations of each day did, in words.
    """
    played = [
        (number, task.settings, answer)
        for number, (task, answer) in enumerate(
            (t, a) for t, a in zip(tasks, answers, strict=True) if t.settings["part"] == "episode"
        )
    ]
    boundaries = [
        {"policy": task.settings["policy"], **answer["boundary"]}
        for task, answer in zip(tasks, answers, strict=True)
        if task.settings["part"] == "boundary"
    ]
    episodes = _frame("episodes", (_episode(*one) for one in played))
    shares = _frame("shares", _inner("shares", played))
    return {
        "episodes": episodes,
        "perturbations": _frame("perturbations", _perturbations(tasks, details)),
        "shares": shares,
        "cuts": _frame("cuts", _inner("cuts", played)),
        "outcomes": _frame("outcomes", _outcomes(episodes)),
        "policies": _frame("policies", _policies(episodes, shares)),
        "boundaries": _frame("boundaries", boundaries),
    }


def _frame(name: str, rows: Iterable[Row]) -> pd.DataFrame:
    columns = list(STRESS_TABLES[name])
    return pd.DataFrame([{c: row.get(c) for c in columns} for row in rows], columns=columns)


def _keys(number: int, settings: Row) -> Row:
    return {"episode": number, "day": settings["day"], "policy": settings["policy"]}


def _episode(number: int, settings: Row, answer: Row) -> Row:
    items = draw_perturbations(settings["seed"], settings["day"])
    words = {
        "seed": settings["seed"],
        "perturbations": "; ".join(map(str, items)),
        "severity": max(item.severity for item in items),
        "envelope": False,
        "bearer": "",
        "breach": "",
        "binding": "",
        "forensics": "",
        "linear_limit": "",
        "agreement": "",
        "undisturbed": "",
        "changed_by_messages": False,
    }
    found: Row = answer["episode"]
    return _keys(number, settings) | words | found


def _inner(name: str, played: Sequence[tuple[int, Row, Row]]) -> Iterable[Row]:
    for number, settings, answer in played:
        for row in answer[name]:
            yield _keys(number, settings) | row


def _perturbations(tasks: Sequence[Task], details: dict[int, tuple[str, ...]]) -> Iterable[Row]:
    seeds = {t.settings["day"]: t.settings["seed"] for t in tasks if "day" in t.settings}
    for day, seed in seeds.items():
        for item, words in zip(draw_perturbations(seed, day), details[day], strict=True):
            yield {
                "day": day,
                "perturbation": item.kind.value,
                "severity": item.severity,
                "detail": words,
            }


def _outcomes(episodes: pd.DataFrame) -> Iterable[Row]:
    for policy, of_policy in episodes.groupby("policy", sort=False):
        for outcome, count in of_policy["outcome"].value_counts().sort_index().items():
            share = count / len(of_policy)
            yield {"policy": policy, "outcome": outcome, "episodes": int(count), "share": share}


def _policies(episodes: pd.DataFrame, shares: pd.DataFrame) -> Iterable[Row]:
    """Means over the days on which every policy agreed and some policy had to adjust."""
    curtailed = shares.groupby("episode")["curtailed_kwh"].sum()
    by_day = episodes.groupby("day")
    common = episodes[by_day["outcome"].transform(lambda o: (o == "agreed").all())]
    stressed = common[common.groupby("day")["adjusted_kwh"].transform("max") > 0]
    for policy in episodes["policy"].unique():
        mine = stressed[stressed["policy"] == policy]
        means = {name: mine[name].astype(float).mean() for name in _MEANS}
        honest = mine[~mine["lied"].astype(bool)]["ac_violation_rate"].astype(float).mean()
        all_days = episodes[episodes["policy"] == policy]["outcome"]
        yield {
            "policy": policy,
            "episodes": int((common["policy"] == policy).sum()),
            "adjusted_days": len(mine),
            "envelope_share": mine["envelope"].astype(float).mean(),
            **means,
            "ac_violation_rate": honest,
            "agreed_share": float((all_days == "agreed").mean()),
            "curtailed_kwh": float(curtailed.reindex(mine["episode"]).mean()),
        }
