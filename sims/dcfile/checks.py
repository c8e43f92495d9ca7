"""Checks between the rows and tables of a case: references, probabilities, hours, sizes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from ...core.errors import Problem
from ..casefile.checks import Finding, Tables
from ..casefile.rows import Rows
from ..casefile.source import SETTINGS_FILE, TextTable, did_you_mean
from .settings import DcStorageSettings

DAY_HOURS: Final = 24
#: (table, column) must name what stands in the column of the other table.
_REFERENCES: Final = (
    ("ports", "link", "links", "link"),
    ("days", "boundary", "boundaries", "boundary"),
    ("renewables", "boundary", "boundaries", "boundary"),
    ("days", "day", "hours", "day"),
)
#: Every row of the first must be used by a row of the second.
_USED: Final = (
    ("links", "link", "ports", "link", "give it ports, or remove it"),
    ("boundaries", "boundary", "days", "boundary", "give it typical days, or remove it"),
    ("hours", "day", "days", "day", "say there how likely this day is, or remove its hours"),
)
_TOLERANCE: Final = 1e-6


def reference_problems(texts: Mapping[str, TextTable]) -> Finding:
    """Links, boundary conditions and days that are used but not declared, or never used."""
    for table, column, target, key in _REFERENCES:
        known = set(_cells(texts, target, key).values())
        for number, name in _cells(texts, table, column).items():
            if name and known and name not in known:
                fault = f"{target}.csv has no {key} '{name}'"
                remedy = f"add it there, or correct it: {did_you_mean(name, known)}"
                yield Problem(texts[table].place(number, column), fault, remedy)
    for table, column, user, key, remedy in _USED:
        used, told = set(_cells(texts, user, key).values()), set[str]()
        for number, name in _cells(texts, table, column).items():
            if name and used and name not in used | told:
                told.add(name)
                fault = f"no row of {user}.csv uses {column} '{name}'"
                yield Problem(texts[table].place(number, column), fault, remedy)


def _cells(texts: Mapping[str, TextTable], table: str, column: str) -> dict[int, str]:
    """The cells of a column, good rows or not: one bad cell must not hide a name."""
    present = table in texts and column in texts[table].header
    return {n: row[column] for n, row in texts[table].rows.items()} if present else {}


def probability_problems(tables: Tables) -> Finding:
    """Probabilities of boundary conditions sum to 1, and those of the days of each."""
    for name, label in (("boundaries", lambda row: ""), ("days", lambda row: row.boundary)):
        total: dict[str, float] = defaultdict(float)
        last: dict[str, int] = {}
        for number, row in tables[name].good.items():
            total[label(row)] += row.probability
            last[label(row)] = number
        for key, value in total.items():
            if abs(value - 1) > _TOLERANCE:
                of = f" of '{key}'" if key else ""
                fault = f"the probabilities{of} sum to {value:g}"
                place = tables[name].text.place(last[key], "probability")
                yield Problem(place, fault, "make them sum to 1")


def hour_problems(hours: Rows[Any]) -> Finding:
    """Every typical day has the same hours, evenly spaced from 0 over 24."""
    days: dict[str, dict[int, int]] = defaultdict(dict)
    for number, row in hours.good.items():
        days[row.day][row.hour] = number
    steps = max((len(day) for day in days.values()), default=1)
    if DAY_HOURS % steps:
        fault = f"a day of {steps} hours cannot be spaced evenly"
        yield Problem(hours.text.file, fault, "give 24 hours, or every 2nd, 3rd, 4th, ... of them")
        return
    wanted = range(0, DAY_HOURS, DAY_HOURS // steps)
    for name, day in days.items():
        for hour, number in day.items():
            if hour not in wanted:
                fault = f"hour {hour} of '{name}' is none of {_listed(wanted)}"
                remedy = "give every day the same hours, evenly spaced from 0"
                yield Problem(hours.text.place(number, "hour"), fault, remedy)
        missing = [hour for hour in wanted if hour not in day]
        if missing and set(day) <= set(wanted):
            fault = f"'{name}' has no hour {missing[0]}, {len(missing)} are missing in all"
            yield Problem(hours.text.file, fault, "give every day the same hours")


def _listed(hours: range) -> str:
    first = ", ".join(str(hour) for hour in hours[:3])
    return f"{first}, ..." if len(hours) > 3 else first


def settings_problems(settings: DcStorageSettings) -> Finding:
    """Settings that contradict each other."""
    network, batteries = settings.network, settings.batteries
    rising = [
        ("network.v_min_pu", network.v_min_pu, "v_max_pu", network.v_max_pu, True),
        ("batteries.soc_min", batteries.soc_min, "soc_max", batteries.soc_max, True),
    ]
    if batteries.soc_start is not None:
        start = batteries.soc_start
        rising += [
            ("batteries.soc_min", batteries.soc_min, "soc_start", start, False),
            ("batteries.soc_start", start, "soc_max", batteries.soc_max, False),
        ]
    for key, low, other, high, strictly in rising:
        if low > high or (strictly and low == high):
            what = "is not below" if strictly else "is above"
            fault = f"{low:g} {what} {other}, {high:g}"
            yield Problem(f"{SETTINGS_FILE}, {key}", fault, "give them in rising order")


def size_problems(settings: DcStorageSettings, tables: Tables) -> Finding:
    """Ports and batteries must hold one module at least; a battery may be ruled out by 0."""
    module_kva, module_kwh = settings.converters.module_kva, settings.batteries.module_kwh
    for name, column, module, unit in (
        ("ports", "max_kva", module_kva, "kVA"),
        ("links", "battery_max_kwh", module_kwh, "kWh"),
    ):
        for number, row in tables[name].good.items():
            size = getattr(row, column)
            if 0 < size < module:
                fault = f"{size:g} {unit} hold no module of {module:g}"
                remedy = "raise it, or make modules smaller in case.yaml"
                yield Problem(tables[name].text.place(number, column), fault, remedy)
