"""A risk study's tables as its pictures want them: means and spreads over seeds, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..case import Case
from ..results import Run
from .design import Method
from .looks import DISTRIBUTIONS
from .schema import TABLES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """A finished study, whatever part of it there is."""

    case: Case
    summary: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]  #: all of ``TABLES``, some perhaps without rows
    samples: int  #: of the reference cell
    confidence: float  #: of the reference cell

    def table(self, name: str, **keys: Any) -> pd.DataFrame:
        """Rows of a table with these values of its columns."""
        table = self.tables[name]
        for column, value in keys.items():
            table = table[table[column] == value]
        return table

    def methods(self, level: str) -> list[str]:
        """Methods with any plan at a level, from the least to the most cautious."""
        planned = self.table("cells", level=level)
        there = set(planned.loc[planned["cost"].notna(), "method"])
        return [method.value for method in Method if method.value in there]

    def distributions(self) -> list[str]:
        """Distributions of fresh scenarios that were looked at."""
        there = set(self.tables["out_of_sample"]["distribution"])
        return [name for name in DISTRIBUTIONS if name in there]

    def levels(self) -> list[str]:
        """Levels with any plan."""
        return [level for level in ("station", "dso") if self.methods(level)]

    def choices(self, column: str, level: str) -> list[Any]:
        """Sample sizes or confidences that occur at a level, ascending."""
        return sorted(self.table("cells", level=level)[column].unique().tolist())

    def at_reference(self, name: str, **keys: Any) -> pd.DataFrame:
        """Rows of a table at the reference cell."""
        return self.table(name, samples=self.samples, confidence=self.confidence, **keys)


def reading_of(run: Run, case: Case) -> Reading:
    """The study of ``run``; if it has no reference cell, what comes nearest stands for it."""
    tables = {
        name: run.tables.get(name, pd.DataFrame(columns=list(columns)))
        for name, columns in TABLES.items()
    }
    wanted = run.summary.get("reference") or {}
    cells = tables["cells"]
    return Reading(
        case=case,
        summary=run.summary,
        tables=tables,
        samples=int(_nearest(cells["samples"], wanted.get("samples", 1000))),
        confidence=float(_nearest(cells["confidence"], wanted.get("confidence", 0.95))),
    )


def _nearest(column: pd.Series[Any], wanted: float) -> float:
    there = np.unique(column.to_numpy(dtype=float))
    return float(there[np.abs(there - wanted).argmin()]) if there.size else wanted


def over_seeds(table: pd.DataFrame, by: str | Sequence[str], column: str) -> pd.DataFrame:
    """Mean, least and largest over seeds of a column, as ``mean``, ``low``, ``high``."""
    values = table.astype({column: float}).groupby(by, sort=True)[column]
    return values.agg(mean="mean", low="min", high="max").dropna()


def rates(table: pd.DataFrame, by: str | Sequence[str], worst: bool) -> pd.DataFrame:
    """Violation frequencies in percent by ``by``: ``mean``, ``low``, ``high``.

    The mean is over seeds; the interval reaches from the lowest lower end to the highest upper end
    of the seeds' 95 % intervals, so it is wider than one of all draws together would be.
    """
    rate, low, high = (
        ("worst_violation", "worst_low", "worst_high")
        if worst
        else ("out_of_sample_violation", "violation_low", "violation_high")
    )
    groups = table.astype({rate: float, low: float, high: float}).groupby(by, sort=True)
    found = groups.agg(mean=(rate, "mean"), low=(low, "min"), high=(high, "max"))
    return 100 * found.dropna()


def part(spread: pd.DataFrame, *key: str) -> pd.DataFrame:
    """Rows whose index begins with ``key``, by what is left of it; none if there are none."""
    if key in spread.index:
        return spread.xs(key, level=list(range(len(key))))
    return spread.iloc[:0].droplevel(list(range(len(key))))


def broken_at(reading: Reading, level: str) -> dict[tuple[str, str], list[float]]:
    """By (method, distribution): confidences at which a promise is broken, reference size.

    Broken means: in at least half of the seeds. What is broken nowhere is left out.
    """
    table = reading.table("out_of_sample", level=level, samples=reading.samples)
    keys = ["method", "distribution", "confidence"]
    kept = table.astype({"kept": float}).groupby(keys)["kept"].mean()
    found: dict[tuple[str, str], list[float]] = {}
    for method, distribution, confidence in kept.index[kept <= 0.5]:
        found.setdefault((method, distribution), []).append(float(confidence))
    return found
