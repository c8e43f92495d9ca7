"""The history of loads, a table with a column for each bus: ``day``, ``hour``, ``<bus>_kw``, ..."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from ...core.errors import Problem
from ...core.units import FloatArray
from ..casefile.checks import Finding
from ..casefile.source import TextTable, did_you_mean

_KEYS: Final = ("day", "hour")
_ENDING: Final = "_kw"
_MOST_KW: Final = 20_000.0


def without_loads(table: TextTable | None) -> TextTable | None:
    """The table with its columns ``day`` and ``hour`` alone, to be checked as any other."""
    if table is None:
        return None
    header = tuple(column for column in table.header if column in _KEYS)
    rows = {number: {c: row[c] for c in header} for number, row in table.rows.items()}
    return replace(table, header=header, rows=rows)


def loads_of(table: TextTable) -> dict[str, FloatArray]:
    """Load in kW of each bus that the table has, an entry for each row."""
    columns = [column for column in table.header if column not in _KEYS]
    return {column.removesuffix(_ENDING): _values(table, column) for column in columns}


def load_problems(table: TextTable | None, buses: Mapping[str, float], head: str) -> Finding:
    """Columns that name no bus, cells that are no load, buses that are left out.

    ``buses`` maps all buses to their nominal load in kW.
    """
    if table is None:
        return
    columns = [column for column in table.header if column not in _KEYS]
    for column in dict.fromkeys(columns):
        if columns.count(column) > 1:
            yield Problem(table.file, f"column '{column}' stands twice", "remove one")
        bus = column.removesuffix(_ENDING)
        if column == bus or bus not in buses or bus == head:
            fault = f"column '{column}' names no bus that has a load"
            wanted = [name + _ENDING for name in buses if name != head]
            yield Problem(table.file, fault, did_you_mean(bus + _ENDING, wanted))
        else:
            yield from _cell_problems(table, column)
    for bus, nominal_kw in buses.items():
        if nominal_kw > 0 and bus != head and bus + _ENDING not in columns:
            remedy = f"add a column {bus}{_ENDING}, or give it 0 kW in buses.csv"
            yield Problem(table.file, f"says nothing of bus '{bus}'", remedy)


def _cell_problems(table: TextTable, column: str) -> Iterator[Problem]:
    """One problem for all bad cells of a column."""
    values = _values(table, column)
    bad = np.flatnonzero(~((values >= 0) & (values <= _MOST_KW)))
    if bad.size:
        number = list(table.rows)[bad[0]]
        more = f" (and {bad.size - 1} more in this column)" if bad.size > 1 else ""
        fault = f"'{table.rows[number][column]}' is no load{more}"
        remedy = f"give a number from 0 to {_MOST_KW:g} kW"
        yield Problem(table.place(number, column), fault, remedy)


def _values(table: TextTable, column: str) -> FloatArray:
    return np.array([_number(row[column]) for row in table.rows.values()])


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return np.nan
