"""Checks between the rows and tables of a planning case: references, shapes, sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from ...core.errors import Problem
from ..casefile.checks import Finding, Tables
from ..casefile.rows import Rows
from ..casefile.source import SETTINGS_FILE, TextTable, did_you_mean
from .settings import PlanSettings

POWERS = ("load", "ev", "pv")


def reference_problems(texts: Mapping[str, TextTable]) -> Finding:
    """Buses that are used but not declared; only lines may start at the head of a feeder."""
    buses, heads = _said(texts, "buses", "bus"), _said(texts, "feeders", "head_bus")
    uses = (
        ("lines", "from_bus", buses | heads),
        ("lines", "to_bus", buses),
        ("ties", "from_bus", buses),
        ("ties", "to_bus", buses),
        ("sites", "bus", buses),
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


def shape_problems(lines: Rows[Any], buses: Rows[Any], feeders: Rows[Any]) -> Finding:
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


def twin_problems(tables: Tables) -> Finding:
    """Heads of two feeders, or two sites for the same thing, at one bus; ties from a bus to it."""
    sites, feeders, ties = tables["sites"], tables["feeders"], tables["ties"]
    first: dict[tuple[str, ...], int] = {}
    places = [(feeders, n, "head_bus", (row.head_bus, "head")) for n, row in feeders.good.items()]
    places += [(sites, n, "bus", (row.bus, row.builds)) for n, row in sites.good.items()]
    for table, number, column, key in places:
        if key in first:
            fault = f"bus '{key[0]}' stands in row {first[key]} already"
            yield Problem(table.text.place(number, column), fault, "put them together in one row")
        first.setdefault(key, number)
    for number, row in ties.good.items():
        if row.from_bus == row.to_bus:
            fault = f"tie '{row.tie}' ends where it starts"
            yield Problem(ties.text.place(number, "to_bus"), fault, "name another bus")


def stage_problems(stages: Rows[Any]) -> Finding:
    """Stages are counted 1, 2, ... in the order of their rows."""
    for expected, (number, row) in enumerate(stages.good.items(), start=1):
        if row.stage != expected:
            fault = f"'{row.stage}' is not the stage that belongs here"
            yield Problem(stages.text.place(number, "stage"), fault, f"give {expected}")
            return


def settings_problems(settings: PlanSettings) -> Finding:
    """Settings that contradict each other."""
    network = settings.network
    if network.v_min_pu >= network.v_max_pu:
        fault = f"v_min_pu {network.v_min_pu:g} is not below v_max_pu {network.v_max_pu:g}"
        yield Problem(f"{SETTINGS_FILE}, network.v_min_pu", fault, "give minimum < maximum")


def factor_problems(settings: PlanSettings, factors: Rows[Any], mixtures: Rows[Any]) -> Finding:
    """The set asked for must say everything about load, ev and pv."""
    chosen, known = settings.uncertainty.factor_set, {row.factor_set for row in factors}
    if known and chosen not in known:
        fault = f"factors.csv has no set '{chosen}'"
        place = f"{SETTINGS_FILE}, uncertainty.factor_set"
        yield Problem(place, fault, did_you_mean(chosen, known))
        return
    given = {row.power for row in factors if row.factor_set == chosen}
    for power in (power for power in POWERS if power not in given):
        fault = f"set '{chosen}' has no factor for {power}"
        yield Problem(factors.text.file, fault, "add its row")
    for number, row in factors.good.items():
        if row.low is not None and row.high is not None and row.low >= row.high:
            fault = f"low {row.low:g} is not below high {row.high:g}"
            yield Problem(factors.text.place(number, "low"), fault, "give low < high")
    if len(mixtures.good) == len(mixtures.text.rows):
        yield from _mixture_problems(factors, mixtures)


def _mixture_problems(factors: Rows[Any], mixtures: Rows[Any]) -> Finding:
    weights: dict[tuple[str, str], float] = defaultdict(float)
    last: dict[tuple[str, str], int] = {}
    for number, row in mixtures.good.items():
        weights[row.factor_set, row.power] += row.weight
        last[row.factor_set, row.power] = number
    for key, total in weights.items():
        if abs(total - 1) > 1e-6:
            fault = f"the weights of '{key[0]}', {key[1]} sum to {total:g}"
            yield Problem(mixtures.text.place(last[key], "weight"), fault, "make them sum to 1")
    for number, row in factors.good.items():
        if (row.factor_set, row.power) not in weights:
            fault = f"mixtures.csv has no component of '{row.factor_set}', {row.power}"
            yield Problem(factors.text.place(number, "power"), fault, "add its components there")


def _said(texts: Mapping[str, TextTable], table: str, column: str) -> set[str]:
    return {name for _, name in _cells(texts, table, column)}


def _cells(texts: Mapping[str, TextTable], table: str, column: str) -> Iterator[tuple[int, str]]:
    """The cells of a column, good rows or not: one bad cell must not hide a bus."""
    if table in texts and column in texts[table].header:
        for number, row in texts[table].rows.items():
            yield number, row[column]
