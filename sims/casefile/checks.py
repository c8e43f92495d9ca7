"""Checks between the rows and tables of a case: references, duplicates, orders, hours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ...core.errors import Problem
from .coordination import COORDINATION
from .layout import Layout, SettingsT
from .rows import Rows
from .settings import Settings
from .source import BASE_DEMAND, SETTINGS_FILE, TextTable, did_you_mean

Tables = Mapping[str, Rows[Any]]
Finding = Iterator[Problem]


class Reference(NamedTuple):
    """Cells of ``table.column`` must name a row of ``target``."""

    table: str
    column: str
    target: str


REFERENCES = (
    Reference("lines", "from_bus", "buses"),
    Reference("lines", "to_bus", "buses"),
    Reference("loads", "bus", "buses"),
    Reference("generators", "bus", "buses"),
    Reference("batteries", "bus", "buses"),
    Reference("wind_turbines", "bus", "buses"),
    Reference("injections", "bus", "buses"),
    Reference("stations", "bus", "buses"),
    Reference("roads", "from_node", "road_nodes"),
    Reference("roads", "to_node", "road_nodes"),
    Reference("trips", "origin", "road_nodes"),
    Reference("trips", "destination", "road_nodes"),
    Reference("stations", "road", "roads"),
    Reference("stations", "base_class", BASE_DEMAND),
    Reference("links", "station_a", "stations"),
    Reference("links", "station_b", "stations"),
)


def declared(texts: Mapping[str, TextTable], target: str) -> set[str]:
    """The names a table declares, good rows or not: one bad cell must not hide a station."""
    table = texts[target]
    if target == BASE_DEMAND:
        return {column.removesuffix("_factor") for column in table.header[1:]}
    return {row.get(COORDINATION.key_columns(target)[0], "") for row in table.rows.values()}


def said(content: Mapping[str, Any], section: str, key: str) -> Any:
    """What ``case.yaml`` says, checked or not: a fault elsewhere in it must not hide this."""
    keys = content.get(section)
    return keys.get(key) if isinstance(keys, dict) else None


def reference_problems(texts: Mapping[str, TextTable], content: Mapping[str, Any]) -> Finding:
    """One problem for each name that is used but not declared, with every place of its use."""
    uses: dict[tuple[str, str], list[str]] = defaultdict(list)
    for table, column, target in REFERENCES:
        if {table, target} <= texts.keys() and column in texts[table].header:
            known = declared(texts, target)
            for number, row in texts[table].rows.items():
                if row[column] and row[column] not in known:
                    uses[target, row[column]].append(texts[table].place(number, column))
    source = said(content, "feeder", "source_bus")
    if source is not None and "buses" in texts and str(source) not in declared(texts, "buses"):
        uses["buses", str(source)].append(f"{SETTINGS_FILE}, feeder.source_bus")
    for (target, name), places in uses.items():
        yield _unknown(texts, target, name, places)


def _unknown(texts: Mapping[str, TextTable], target: str, name: str, places: list[str]) -> Problem:
    what = "column" if target == BASE_DEMAND else "row"
    fault = f"{target}.csv has no {what} '{name}'{_also(places[1:])}"
    remedy = f"add it there, or correct it: {did_you_mean(name, declared(texts, target))}"
    return Problem(places[0], fault, remedy)


def _also(places: list[str]) -> str:
    """Where else a name is used; three places are enough to find it."""
    if not places:
        return ""
    rest = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return f" (also used in {' / '.join(places[:3])}{rest})"


def duplicate_problems(texts: Mapping[str, TextTable], layout: Layout[SettingsT]) -> Finding:
    """Names that stand twice in one table."""
    for name, table in texts.items():
        if name not in layout.tables or not set(layout.key_columns(name)) <= set(table.header):
            continue
        columns = layout.key_columns(name)
        first: dict[tuple[str, ...], int] = {}
        for number, row in table.rows.items():
            key = tuple(row[column] for column in columns)
            if key in first:
                label = "' to '".join(key)
                fault = f"'{label}' stands in row {first[key]} already"
                place = table.place(number, columns[0])
                yield Problem(place, fault, "rename or remove one of the two")
            first.setdefault(key, number)


def hours_problems(texts: Mapping[str, TextTable], content: Mapping[str, Any]) -> Finding:
    """Tables by the hour must have hours 0, 1, ... as many as ``case.hours`` says."""
    timed = [texts[name] for name in ("day", BASE_DEMAND) if name in texts]
    hours = said(content, "case", "hours")
    wrong = [table for table in timed if isinstance(hours, int) and len(table.rows) != hours]
    if wrong:
        counts = ", ".join(f"{table.file} has {len(table.rows)}" for table in wrong)
        fault = f"the day has {hours} hours (case.yaml, case.hours), but {counts}"
        yield Problem(wrong[0].file, fault, "give one row for every hour, or correct case.hours")
    for table in timed:
        if table not in wrong and "hour" in table.header:
            yield from _hour_order(table)


def _hour_order(table: TextTable) -> Finding:
    for expected, (number, row) in enumerate(table.rows.items()):
        if row["hour"] != str(expected):
            fault = f"'{row['hour']}' is not the hour that belongs here"
            yield Problem(table.place(number, "hour"), fault, f"count from 0: give {expected}")
            return


def injection_problems(injections: Rows[Any], hours: int) -> Finding:
    """Every injection has one bus, and every hour of the day in order."""
    seen: dict[str, list[Any]] = defaultdict(list)
    for number, row in injections.good.items():
        before = seen[row.injection]
        if before and before[0].bus != row.bus:
            fault = f"'{row.injection}' is at bus '{before[0].bus}' in other rows"
            yield Problem(injections.text.place(number, "bus"), fault, "give it one bus")
        if row.hour != len(before):
            fault = f"hour {row.hour} of '{row.injection}' is not the one that belongs here"
            remedy = f"count its hours from 0: give {len(before)}"
            yield Problem(injections.text.place(number, "hour"), fault, remedy)
        before.append(row)
    for name, rows in seen.items():
        if len(rows) != hours:
            fault = f"'{name}' has {len(rows)} hours, the day has {hours}"
            yield Problem(injections.text.file, fault, "give one row for every hour")


def row_problems(tables: Tables) -> Finding:
    """Values of one row that contradict each other."""
    for name, rule in _ROW_RULES.items():
        for number, row in tables[name].good.items():
            for column, fault, remedy in rule(row):
                yield Problem(tables[name].text.place(number, column), fault, remedy)


Contradiction = Iterator[tuple[str, str, str]]


def _energy_order(row: Any) -> Contradiction:
    if not row.e_min_kwh <= row.e_start_kwh <= row.e_max_kwh:
        values = f"{row.e_min_kwh:g}, {row.e_start_kwh:g}, {row.e_max_kwh:g}"
        fault = f"e_min_kwh, e_start_kwh, e_max_kwh are {values}, not in rising order"
        yield "e_start_kwh", fault, "give minimum <= start <= maximum"


def _station(row: Any) -> Contradiction:
    yield from _energy_order(row)
    if row.serves_traffic and row.ports == 0:
        fault = f"station '{row.station}' serves traffic on road {row.road} with 0 ports"
        yield "ports", fault, "give it ports, or set serves_traffic to no"


def _generator(row: Any) -> Contradiction:
    for low, high in (("p_min_kw", "p_max_kw"), ("q_per_p_min", "q_per_p_max")):
        if getattr(row, low) > getattr(row, high):
            fault = f"{low} {getattr(row, low):g} is above {high} {getattr(row, high):g}"
            yield low, fault, "give minimum <= maximum"


def _load(row: Any) -> Contradiction:
    total = row.share_a + row.share_b + row.share_c
    if abs(total - 1) > 1e-6:
        yield "share_a", f"the shares of the phases sum to {total:g}", "make them sum to 1"


def _link(row: Any) -> Contradiction:
    if row.station_a == row.station_b:
        fault = f"station '{row.station_a}' is linked to itself"
        yield "station_b", fault, "name the other station"


def _trip(row: Any) -> Contradiction:
    if row.origin == row.destination:
        yield "destination", f"the trip ends where it starts, '{row.origin}'", "name another node"


_ROW_RULES: dict[str, Callable[[Any], Contradiction]] = {
    "stations": _station,
    "batteries": _energy_order,
    "generators": _generator,
    "loads": _load,
    "links": _link,
    "trips": _trip,
}


def link_problems(links: Rows[Any]) -> Finding:
    """Pairs of stations that are linked twice, whichever way round."""
    first: dict[frozenset[str], int] = {}
    for number, row in links.good.items():
        pair = frozenset((row.station_a, row.station_b))
        if pair in first:
            fault = f"links the stations of row {first[pair]} again"
            yield Problem(links.text.place(number, "station_a"), fault, "remove one of the two")
        first.setdefault(pair, number)


def settings_problems(settings: Settings, day: Rows[Any]) -> Finding:
    """Settings that contradict each other or the hourly prices."""
    fleet, prices = settings.fleet, settings.prices
    rising = (
        ("fleet.battery_max_kwh", fleet.battery_min_kwh, fleet.battery_max_kwh),
        ("fleet.soc_mean", fleet.soc_min, fleet.soc_mean),
        ("fleet.soc_max", fleet.soc_mean, fleet.soc_max),
        ("fleet.soc_target", fleet.soc_max, fleet.soc_target),
    )
    for key, low, high in rising:
        if low > high:
            fault = f"{high:g} is below {low:g}"
            remedy = "give soc_min <= soc_mean <= soc_max <= soc_target and battery_min <= max"
            yield Problem(f"{SETTINGS_FILE}, {key}", fault, remedy)
    cheapest = min((row.buy_price_per_kwh for row in day), default=float("inf"))
    for key, price in (("sell", prices.sell_per_kwh), ("export", prices.export_per_kwh)):
        if price > cheapest:
            fault = f"{price:g} per kWh is above the cheapest buy_price_per_kwh, {cheapest:g}"
            remedy = "buying to sell again would pay without end: lower it"
            yield Problem(f"{SETTINGS_FILE}, prices.{key}_per_kwh", fault, remedy)
