"""From the answers of all tasks to the tables that ``schema`` describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from ...planning.fdn.choices import Algorithm, Variant
from .schema import FDN_TABLES

KEYS: Final = ["variant", "risk", "algorithm"]


def build_tables(answers: Sequence[Mapping[str, Any]]) -> dict[str, pd.DataFrame]:
    """All tables in the order of variants, risks and algorithms, whatever the order of tasks."""
    ordered = sorted(answers, key=_place)
    return {name: _table(name, ordered) for name in FDN_TABLES}


def _place(answer: Mapping[str, Any]) -> tuple[int, float, int]:
    keys = answer["keys"]
    variant, algorithm = Variant(keys["variant"]), Algorithm(keys["algorithm"])
    return list(Variant).index(variant), keys["risk"], list(Algorithm).index(algorithm)


def _table(name: str, answers: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    columns = list(FDN_TABLES[name])
    parts = [
        pd.DataFrame({**_repeated(answer["keys"], rows), **rows})
        for answer in answers
        if (rows := _rows(name, answer)) and len(next(iter(rows.values())))
    ]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)[columns]


def _rows(name: str, answer: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Columns of one plan's table; a plan that is not there has one row among the plans."""
    if not answer["failure"]:
        rows: dict[str, list[Any]] = answer["tables"][name]
        return rows
    if name != "plans":
        return {}
    missing = {column: [float("nan")] for column in FDN_TABLES["plans"] if column not in KEYS}
    return missing | {
        "status": ["no plan"],
        "reason": [answer["failure"]],
        "worst_limit": [""],
        **{name: [0] for name in _COUNTS},
    }


_COUNTS: Final = ("iterations", "best", "certifications", "fresh_samples", "first_sop_stage")


def _repeated(keys: Mapping[str, Any], rows: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    count = len(next(iter(rows.values())))
    return {name: [value] * count for name, value in keys.items()}
