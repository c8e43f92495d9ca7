"""The key figures of a stress study."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

#: The dispatch of an approved day may exceed a limit by the solver's tolerance only: rows are
#: closed to 1e-5 of their rating.
LINEAR_TOLERANCE = 5e-5


def build_summary(tables: Mapping[str, pd.DataFrame], answers: Sequence[Any]) -> dict[str, Any]:
    """What ``--json`` prints. Status "ok" means that every guarantee held in every episode."""
    episodes, boundaries = tables["episodes"], tables["boundaries"]
    outcome = episodes["outcome"]
    searched = [a["boundary"] for a in answers if "boundary" in a]
    unnamed = int((outcome == "unnamed").sum()) + sum(b["outcome"] == "unnamed" for b in searched)
    silent = int(episodes["silent_violation"].sum())
    silent += sum(b["silent_violation"] for b in searched)
    beyond = int((episodes["linear_excess"].astype(float) > LINEAR_TOLERANCE).sum())
    beyond += sum(b["linear_excess"] > LINEAR_TOLERANCE for b in searched)
    changed = int(episodes["changed_by_messages"].sum())
    agreed = int((outcome == "agreed").sum())
    return {
        "status": "failed" if unnamed or silent or beyond or changed else "ok",
        "episodes": len(episodes),
        "agreed": agreed,
        "named_failures": len(episodes) - agreed - int((outcome == "unnamed").sum()),
        "unnamed_failures": unnamed,
        "silent_violations": silent,
        "linear_violations": beyond,
        "changed_by_messages": changed,
        "twins_compared": int(((episodes["undisturbed"] != "") & (outcome == "agreed")).sum()),
        "promises_checked": int(((outcome == "agreed") & ~episodes["lied"].astype(bool)).sum()),
        "lies_that_broke_a_promise": int(_broken_by_lies(episodes).sum()),
        "messages_resent": int(episodes["resent"].sum()),
        "outcomes": _rows(tables["outcomes"]),
        "policies": _rows(tables["policies"]),
        "boundaries": _rows(boundaries),
    }


def _broken_by_lies(episodes: pd.DataFrame) -> pd.Series:
    broken = episodes["kept_promise"].map(lambda kept: kept is not None and not kept)
    return episodes["lied"].astype(bool) & broken.astype(bool)


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Plain rows; what is not there is null."""
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=15))
    return rows
