"""From the answers of all tasks to the tables that ``schema`` describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from .schema import DC_STORAGE_TABLES

#: The only table that says what was varied.
_PLANS: Final = "plans"
_COUNTS: Final = ("ports", "iterations", "infeasible_iterations", "margin_rounds", "samples")


def build_tables(answers: Sequence[Mapping[str, Any]]) -> dict[str, pd.DataFrame]:
    """All tables in the order of the tasks."""
    return {name: _table(name, answers) for name in DC_STORAGE_TABLES}


def _table(name: str, answers: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    columns = list(DC_STORAGE_TABLES[name])
    parts = [
        pd.DataFrame({**_repeated(name, answer["keys"], rows), **rows})
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
    if name != _PLANS:
        return {}
    columns = [column for column in DC_STORAGE_TABLES[_PLANS] if column not in ("plan", "sweep")]
    missing: dict[str, list[Any]] = {column: [float("nan")] for column in columns}
    return missing | {
        "status": ["no plan"],
        "reason": [answer["failure"]],
        "return_binding": [False],
        **{column: [0] for column in _COUNTS},
        **{column: [value] for column, value in answer["asked"].items()},
    }


def _repeated(
    name: str, keys: Mapping[str, Any], rows: Mapping[str, list[Any]]
) -> dict[str, list[Any]]:
    count = len(next(iter(rows.values())))
    wanted = ("plan", "sweep") if name == _PLANS else ("plan",)
    return {key: [keys[key]] * count for key in wanted}
