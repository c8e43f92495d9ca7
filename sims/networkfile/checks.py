"""Checks of a network's tables: references, shapes, heads and ties."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from ...core.errors import Problem
from ..casefile.checks import Finding, Tables
from ..casefile.rows import Rows
from ..casefile.source import TextTable, did_you_mean

#: One bad row in these tables would make many buses look lost.
_SHAPE = ("lines", "buses", "feeders")


def network_problems(
    texts: Mapping[str, TextTable], tables: Tables, *users: tuple[str, str]
) -> Iterator[Problem]:
    """All that is wrong with the network; ``users`` are (table, column) that name buses."""
    yield from (references := list(reference_problems(texts, *users)))
    yield from _twin_problems(tables)
    whole = all(len(tables[name].good) == len(tables[name].text.rows) for name in _SHAPE)
    if whole and not references:
        yield from _shape_problems(tables["lines"], tables["buses"], tables["feeders"])


def reference_problems(texts: Mapping[str, TextTable], *users: tuple[str, str]) -> Finding:
    """Buses that are used but not declared; only lines may start at the head of a feeder."""
    buses, heads = _said(texts, "buses", "bus"), _said(texts, "feeders", "head_bus")
    uses = (
        ("lines", "from_bus", buses | heads),
        ("lines", "to_bus", buses),
        ("ties", "from_bus", buses),
        ("ties", "to_bus", buses),
        *((table, column, buses) for table, column in users),
    )
    for table, column, known in uses:
        for number, name in _cells(texts, table, column):
            if name and name not in known:
                fault = f"there is no bus '{name}' that could stand here"
                remedy = f"add it to buses.csv, or correct it: {did_you_mean(name, known)}"
                yield Problem(texts[table].place(number, column), fault, remedy)
    for number, name in _cells(texts, "feeders", "head_bus"):
        if name in buses:
            fault = f"the head '{name}' stands in buses.csv as well"
            remedy = "a head is no bus that is planned for: name it differently, or remove it there"
            yield Problem(texts["feeders"].place(number, "head_bus"), fault, remedy)


def _shape_problems(lines: Rows[Any], buses: Rows[Any], feeders: Rows[Any]) -> Finding:
    """Every bus must be the end of one line, and hang on a head."""
    ends: dict[str, int] = {}
    for number, row in lines.good.items():
        if row.to_bus in ends:
            fault = f"bus '{row.to_bus}' is the end of the line in row {ends[row.to_bus]} already"
            remedy = "feeders are radial: remove one, move it to ties.csv, or swap its ends"
            yield Problem(lines.text.place(number, "to_bus"), fault, remedy)
        ends.setdefault(row.to_bus, number)
    reached = _reached(lines, {row.head_bus for row in feeders})
    for number, row in buses.good.items():
        if row.bus not in reached:
            fault = f"bus '{row.bus}' is not reached from the head of a feeder"
            remedy = "add the line that feeds it, written away from the head"
            yield Problem(buses.text.place(number, "bus"), fault, remedy)


def _reached(lines: Rows[Any], heads: set[str]) -> set[str]:
    onward = defaultdict(list)
    for row in lines:
        onward[row.from_bus].append(row.to_bus)
    reached, waiting = set(heads), list(heads)
    while waiting:
        new = [bus for bus in onward[waiting.pop()] if bus not in reached]
        reached.update(new)
        waiting.extend(new)
    return reached


def _twin_problems(tables: Tables) -> Finding:
    """Heads of two feeders at one bus; ties from a bus to itself."""
    first: dict[str, int] = {}
    feeders, ties = tables["feeders"], tables["ties"]
    for number, row in feeders.good.items():
        if row.head_bus in first:
            place = feeders.text.place(number, "head_bus")
            fault = f"bus '{row.head_bus}' stands in row {first[row.head_bus]} already"
            yield Problem(place, fault, "put them together in one row")
        first.setdefault(row.head_bus, number)
    for number, row in ties.good.items():
        if row.from_bus == row.to_bus:
            fault = f"tie '{row.tie}' ends where it starts"
            yield Problem(ties.text.place(number, "to_bus"), fault, "name another bus")


def _said(texts: Mapping[str, TextTable], table: str, column: str) -> set[str]:
    return {name for _, name in _cells(texts, table, column)}


def _cells(texts: Mapping[str, TextTable], table: str, column: str) -> Iterator[tuple[int, str]]:
    """The cells of a column, good rows or not: one bad cell must not hide a bus."""
    if table in texts and column in texts[table].header:
        for number, row in texts[table].rows.items():
            yield number, row[column]
