"""Checks between the rows and tables of a case: references, the head, days and hours, limits."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from ...core.errors import Problem
from ...planning.der.profiles import HOURS
from ..casefile.checks import Finding, Tables, said
from ..casefile.rows import Rows
from ..casefile.source import SETTINGS_FILE, TextTable, did_you_mean
from .layout import CHARGING
from .settings import DerSettings

#: Tables and columns that name buses.
_USES = (
    ("lines", "from_bus"),
    ("lines", "to_bus"),
    ("sites", "bus"),
    (CHARGING, "bus"),
)
_NOT_THE_HEAD = ("sites", CHARGING)


def reference_problems(
    texts: Mapping[str, TextTable], content: Mapping[str, Any]
) -> Iterator[Problem]:
    """One problem for each bus that is used but not declared, at the first place of its use."""
    known = {row["bus"] for row in _rows(texts, "buses", "bus").values()}
    uses: dict[str, list[str]] = defaultdict(list)
    for table, column in _USES:
        for number, row in _rows(texts, table, column).items():
            if row[column] and row[column] not in known:
                uses[row[column]].append(texts[table].place(number, column))
    head = said(content, "network", "head_bus")
    if head is not None and str(head) not in known:
        uses[str(head)].append(f"{SETTINGS_FILE}, network.head_bus")
    for name, places in uses.items():
        more = f", nor for {len(places) - 1} more" if len(places) > 1 else ""
        fault = f"buses.csv has no bus '{name}' for this use{more}"
        remedy = f"add it there, or correct it: {did_you_mean(name, known)}"
        yield Problem(places[0], fault, remedy)


def _rows(texts: Mapping[str, TextTable], table: str, column: str) -> Mapping[int, dict[str, str]]:
    """Rows of a table that has the column, good or not: one bad cell must not hide a bus."""
    present = table in texts and column in texts[table].header
    return texts[table].rows if present else {}


def head_problems(head: str, tables: Tables) -> Finding:
    """The head is the grid upstream: it has neither load nor sites."""
    remedy = "a feeder starts at its head, nothing is planned for there: leave it out"
    for name in _NOT_THE_HEAD:
        rows = (number for number, row in tables[name].good.items() if row.bus == head)
        for number in list(rows)[:1]:
            yield Problem(tables[name].text.place(number, "bus"), f"'{head}' is the head", remedy)
    for number, row in tables["buses"].good.items():
        if row.bus == head and (row.p_kw or row.q_kvar):
            fault = f"the head '{head}' has a load"
            yield Problem(tables["buses"].text.place(number, "p_kw"), fault, "give it 0")


def hour_problems(prices: Rows[Any]) -> Finding:
    """Hours are counted 0, 1, ... in the order of their rows."""
    for expected, (number, row) in enumerate(prices.good.items()):
        if row.hour != expected:
            fault = f"'{row.hour}' is not the hour that belongs here"
            yield Problem(
                prices.text.place(number, "hour"), fault, f"count from 0: give {expected}"
            )
            return


def origin_problems(settings: DerSettings, tables: Tables, given: set[str]) -> Finding:
    """A history that is said to stand in a table does, and no table stands there unused."""
    for name in ("pv", "load"):
        key, synthetic = f"history.{name}", getattr(settings.history, name) == "synthetic"
        if synthetic and name in given:
            remedy = f"set {key} to table, or remove the file"
            yield Problem(f"{name}.csv", f"is not used: {key} is synthetic", remedy)
        if not synthetic and name not in given:
            remedy = f"add it, or set {key} to synthetic"
            yield Problem(f"{name}.csv", f"is missing: {key} is table", remedy)
        hours = len(tables["prices"].good)
        if synthetic and hours != HOURS:
            fault = f"a synthetic history has {HOURS} hours, prices.csv has {hours}"
            yield Problem(f"{SETTINGS_FILE}, {key}", fault, f"give {HOURS} prices")


def series_problems(tables: Tables) -> Finding:
    """Days are counted 1, 2, ..., each has every hour; no table has hours that have no price."""
    hours = len(tables["prices"].good)
    for name in ("pv", "load", CHARGING):
        late = [number for number, row in tables[name].good.items() if row.hour >= hours]
        if late:
            place = tables[name].text.place(late[0], "hour")
            fault = f"prices.csv has no hour {tables[name].good[late[0]].hour}"
            yield Problem(place, fault, "give it a price, or leave it out")
    for name in ("pv", "load"):
        yield from _gap_problems(tables[name], hours)
    pv_days, load_days = days_in(tables["pv"]), days_in(tables["load"])
    if 0 < pv_days != load_days > 0:
        fault = f"has {load_days} days, pv.csv has {pv_days}"
        yield Problem(tables["load"].text.file, fault, "give both the same days")


def days_in(rows: Rows[Any]) -> int:
    """How many days a history has; 0 if it has no rows."""
    return max((row.day for row in rows), default=0)


def _gap_problems(rows: Rows[Any], hours: int) -> Finding:
    given = {(row.day, row.hour) for row in rows}
    wanted = itertools.product(range(1, days_in(rows) + 1), range(hours))
    missing = [one for one in wanted if one not in given]
    if missing:
        day, hour = missing[0]
        fault = f"hours are missing, {len(missing)} in all, the first is hour {hour} of day {day}"
        yield Problem(rows.text.file, fault, "give every hour of every day")


def settings_problems(settings: DerSettings, prices: Rows[Any]) -> Finding:
    """Settings that contradict each other."""
    network, sizes, batteries = settings.network, settings.sizes, settings.batteries
    chosen = settings.uncertainty
    rising = (
        ("network.v_min_pu", network.v_min_pu, "network.v_max_pu", network.v_max_pu, True),
        ("sizes.size_min", sizes.size_min, "sizes.size_max", sizes.size_max, False),
        ("batteries.soc_min", batteries.soc_min, "soc_start", batteries.soc_start, False),
        ("batteries.soc_start", batteries.soc_start, "soc_max", batteries.soc_max, False),
        ("uncertainty.quantile_low", chosen.quantile_low, "high", chosen.quantile_high, True),
    )
    for key, low, other, high, strictly in rising:
        if low > high or (strictly and low == high):
            what = "is not below" if strictly else "is above"
            fault = f"{low:g} {what} {other.rpartition('.')[2]}, {high:g}"
            yield Problem(f"{SETTINGS_FILE}, {key}", fault, "give them in rising order")
    unserved = settings.costs.unserved_per_kwh
    dearest = max((row.price_per_kwh for row in prices), default=0.0)
    if unserved is not None and unserved <= dearest:
        fault = f"{unserved:g} is not above the dearest price, {dearest:g}"
        remedy = "serving no load would be cheaper than serving it: raise it"
        yield Problem(f"{SETTINGS_FILE}, costs.unserved_per_kwh", fault, remedy)


def scenario_problems(settings: DerSettings, tables: Tables) -> Finding:
    """No more representative days than there are."""
    scenarios, days = settings.uncertainty.scenarios, days_of(settings, tables)
    if scenarios > days:
        fault = f"{scenarios} representative days of only {days}"
        place = f"{SETTINGS_FILE}, uncertainty.scenarios"
        yield Problem(place, fault, f"give at most {days}")


def days_of(settings: DerSettings, tables: Tables) -> int:
    """Days of the history: those of its tables, or as many as are to be made."""
    return max(days_in(tables["pv"]), days_in(tables["load"])) or settings.history.days
