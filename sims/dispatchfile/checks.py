"""Checks between the rows and tables of a case: times, limits, and what no dispatch could mend."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from ...core.errors import Problem
from ..casefile.checks import Finding, Tables
from ..casefile.rows import Rows
from ..casefile.source import SETTINGS_FILE, did_you_mean
from .clock import HOUR_MIN, clock_of
from .series import day_min, row_min
from .settings import DispatchSettings
from .tables import ALL_FEEDERS, CHARGING

#: Tables with windows, and the columns of their ends.
_WINDOWS = (("deferrable", "start", "deadline"), ("requirements", "start", "end"))
_ROW_MINUTES = (15, HOUR_MIN)
_SLACK = 1e-9


def settings_problems(settings: DispatchSettings) -> Finding:
    """Settings that contradict each other."""
    network, sides = settings.network, settings.devices.polygon_sides
    if network.v_min_pu >= network.v_max_pu:
        fault = f"v_min_pu {network.v_min_pu:g} is not below v_max_pu {network.v_max_pu:g}"
        yield Problem(f"{SETTINGS_FILE}, network.v_min_pu", fault, "give minimum < maximum")
    if sides % 2:
        fault = f"a polygon of {sides} sides is not as wide for -P as for P"
        place = f"{SETTINGS_FILE}, devices.polygon_sides"
        yield Problem(place, fault, f"give an even number: {sides + 1}")


def day_problems(day: Rows[Any]) -> Finding:
    """Rows follow each other evenly from midnight, every hour or every quarter, for whole hours."""
    every = row_min(day)
    if every not in _ROW_MINUTES:
        every = HOUR_MIN
    for place, (number, row) in enumerate(day.good.items()):
        if row.time != place * every:
            fault = f"{clock_of(row.time)} is not the time that belongs here"
            remedy = f"start at 00:00, one row every {every} min: give {clock_of(place * every)}"
            yield Problem(day.text.place(number, "time"), fault, remedy)
            return
    if day_min(day) % HOUR_MIN:
        fault = f"ends at {clock_of(day_min(day))}, within an hour"
        yield Problem(day.text.file, fault, "give whole hours")


def window_problems(tables: Tables, step_min: int) -> Finding:
    """Windows begin before they end, on whole steps, within the day."""
    end_min = day_min(tables["day"])
    for name, first, last in _WINDOWS:
        for number, row in tables[name].good.items():
            start, end = getattr(row, first), getattr(row, last)
            yield from _off_step(tables[name], number, {first: start, last: end}, step_min)
            if start >= end:
                fault = f"{clock_of(start)} is not before {last} {clock_of(end)}"
                remedy = "windows do not reach over midnight: divide it in two rows, or correct it"
                yield Problem(tables[name].text.place(number, first), fault, remedy)
            if end > end_min:
                fault = f"{clock_of(end)} is after the day's end"
                place = tables[name].text.place(number, last)
                yield Problem(place, fault, f"give at most {clock_of(end_min)}")


def _off_step(rows: Rows[Any], number: int, times: dict[str, int], step_min: int) -> Finding:
    for column, time in times.items():
        if time % step_min:
            fault = f"no step of {step_min} min begins at {clock_of(time)}"
            finer = "" if time % 15 else ", or set time.step_min to 15 (--steps 96)"
            remedy = f"give a multiple of {step_min} min{finer}"
            yield Problem(rows.text.place(number, column), fault, remedy)


def deferrable_problems(loads: Rows[Any]) -> Finding:
    """A load can take its energy in its window."""
    for number, row in loads.good.items():
        most = row.p_max_kw * (row.deadline - row.start) / HOUR_MIN
        if row.start < row.deadline and row.energy_kwh > most * (1 + _SLACK):
            fault = f"{row.energy_kwh:g} kWh do not fit in its window: at most {most:g}"
            remedy = "raise p_max_kw, widen the window, or lower the energy"
            yield Problem(loads.text.place(number, "energy_kwh"), fault, remedy)


def generator_problems(tables: Tables) -> Finding:
    """No schedule exceeds the converter it goes through."""
    sunniest = max((row.pv_factor for row in tables["day"]), default=1.0)
    for number, row in tables["generators"].good.items():
        most = row.p_kw * (sunniest if row.profile == "pv" else 1.0)
        if most > row.s_kva * (1 + _SLACK):
            fault = f"its schedule reaches {most:g} kW, its converter has {row.s_kva:g} kVA"
            place = tables["generators"].text.place(number, "p_kw")
            yield Problem(place, fault, "lower p_kw, or raise s_kva")


def terminal_problems(terminals: Rows[Any]) -> Finding:
    """A soft open point joins at least two buses."""
    rows: dict[str, list[int]] = defaultdict(list)
    for number, row in terminals.good.items():
        rows[row.sop].append(number)
    for name, numbers in rows.items():
        if len(numbers) < 2:
            fault = f"soft open point '{name}' has one terminal"
            place = terminals.text.place(numbers[0], "sop")
            yield Problem(place, fault, "add the row of its other end, with the same name")


def battery_problems(batteries: Rows[Any]) -> Finding:
    """States of charge in rising order."""
    for number, row in batteries.good.items():
        for low, high in (("soc_min", "soc_start"), ("soc_start", "soc_max")):
            if getattr(row, low) > getattr(row, high):
                fault = f"{getattr(row, low):g} is above {high}, {getattr(row, high):g}"
                remedy = "give soc_min <= soc_start <= soc_max"
                yield Problem(batteries.text.place(number, low), fault, remedy)


def requirement_problems(requirements: Rows[Any], feeders: Rows[Any]) -> Finding:
    """Requirements name a feeder, or all."""
    known = [row.feeder for row in feeders]
    for number, row in requirements.good.items():
        if row.feeder not in (*known, ALL_FEEDERS):
            fault = f"feeders.csv has no feeder '{row.feeder}'"
            remedy = did_you_mean(row.feeder, [*known, ALL_FEEDERS])
            yield Problem(requirements.text.place(number, "feeder"), fault, remedy)


def charging_problems(charging: Rows[Any], day: Rows[Any]) -> Iterator[Problem]:
    """Every hour of each bus once, and never more than can be charged at once."""
    buses = list(dict.fromkeys(row.bus for row in charging))
    given = {(row.bus, row.time) for row in charging}
    wanted = list(itertools.product(buses, range(0, day_min(day), HOUR_MIN)))
    for number, row in charging.good.items():
        if (row.bus, row.time) not in wanted:
            fault = f"{clock_of(row.time)} is no full hour of the day"
            yield Problem(charging.text.place(number, "time"), fault, "give 00:00, 01:00, ..")
        if row.charging_kw > row.p_max_kw * (1 + _SLACK):
            fault = f"{row.charging_kw:g} kW is above p_max_kw {row.p_max_kw:g}"
            remedy = "raise p_max_kw: who charges at once could not be served"
            yield Problem(charging.text.place(number, "charging_kw"), fault, remedy)
    missing = [one for one in wanted if one not in given]
    if missing:
        bus, time = missing[0]
        fault = f"hours are missing, {len(missing)} in all, the first is {clock_of(time)} at {bus}"
        yield Problem(f"{CHARGING}.csv", fault, "give every hour of each bus, with 0 if need be")
