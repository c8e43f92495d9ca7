"""From the rows of all tasks to the tables that ``schema`` describes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from .design import Design, Distribution, Method
from .schema import TABLES

Answers = Sequence[Mapping[str, list[dict[str, Any]]]]

#: What tells one cell from another, apart from its method.
SIDES: Final = ["level", "samples", "confidence", "seed"]


def build_tables(answers: Answers, design: Design) -> dict[str, pd.DataFrame]:
    """All tables, each in a fixed order of rows, with exactly the columns of its schema."""
    cells = [row for answer in answers for row in answer.get("cells", [])]
    outside = _outside(cells)
    tables = {
        "cells": _cells(cells),
        "out_of_sample": outside,
        "values": _values(cells, outside),
        "schemes": _joined(answers, "schemes", ["scheme", "realisation", "seed"]),
        "day_ahead": _day_ahead(cells, design),
        "scheme_voltages": _joined(answers, "scheme_voltages", ["scheme", "seed"]),
    }
    return {name: table[list(TABLES[name])] for name, table in tables.items()}


def _cells(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    flat = [{**row, **row["outcomes"].get(Distribution.NORMAL.value, {})} for row in rows]
    return _ordered(pd.DataFrame(flat, columns=list(TABLES["cells"])))


def _outside(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    flat = [
        {**row, "distribution": distribution, **outcome}
        for row in rows
        for distribution, outcome in row["outcomes"].items()
    ]
    return _ordered(pd.DataFrame(flat, columns=list(TABLES["out_of_sample"])))


def _values(rows: Iterable[dict[str, Any]], outside: pd.DataFrame) -> pd.DataFrame:
    """Each method against deterministic (realised) and against stochastic (planned), same draws."""
    planned = pd.DataFrame([{k: row[k] for k in (*SIDES, "method", "cost")} for row in rows])
    table = outside.merge(planned, on=[*SIDES, "method"], validate="many_to_one")
    naive = table[table["method"] == Method.DETERMINISTIC].set_index([*SIDES, "distribution"])
    table = table.join(naive["realised_mean"].rename("naive_mean"), on=[*SIDES, "distribution"])
    sp_cost = planned[planned["method"] == Method.SP].set_index(SIDES)["cost"].rename("sp_cost")
    table = table.join(sp_cost, on=SIDES)
    price = table["cost"] - table["sp_cost"]
    return table.assign(
        value_of_stochastic_solution=table["naive_mean"] - table["realised_mean"],
        price_of_robustness=price,
        price_of_robustness_pct=100 * price / table["sp_cost"].abs(),
    )


def _day_ahead(rows: Iterable[dict[str, Any]], design: Design) -> pd.DataFrame:
    """Table B.II: mean over seeds at the reference cell; methods without a plan are left out."""
    found = pd.DataFrame(
        [
            {"method": row["method"], "total_cost": row["cost"], **row["parts"]}
            for row in rows
            if row["level"] == "dso"
            and design.is_reference(row["samples"], row["confidence"])
            and not row["reason"]
        ],
        columns=[name for name in TABLES["day_ahead"] if name != "over_sp_pct"],
    )
    table = _ordered(found.groupby("method", as_index=False, sort=False).mean())
    stochastic = table.loc[table["method"] == Method.SP, "total_cost"].mean()
    return table.assign(over_sp_pct=100 * (table["total_cost"] / stochastic - 1))


def _joined(answers: Answers, kind: str, keys: list[str]) -> pd.DataFrame:
    rows = [row for answer in answers for row in answer.get(kind, [])]
    table = pd.DataFrame(rows, columns=list(TABLES[kind]))
    return table.sort_values(keys, kind="stable", ignore_index=True)


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    """Levels, then methods from the least to the most cautious, then the other keys."""
    order = {method.value: place for place, method in enumerate(Method)}
    keys = [key for key in ("level", "method", *SIDES[1:], "distribution") if key in table]
    return table.sort_values(
        keys,
        kind="stable",
        ignore_index=True,
        key=lambda column: column.map(order) if column.name == "method" else column,
    )
