"""Checks between the rows and tables of a planning case: references, shapes, sums."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ...core.errors import Problem
from ..casefile.checks import Finding
from ..casefile.rows import Rows
from ..casefile.source import SETTINGS_FILE, did_you_mean
from .settings import PlanSettings

POWERS = ("load", "ev", "pv")


def twin_problems(sites: Rows[Any]) -> Finding:
    """Two sites for the same thing at one bus."""
    first: dict[tuple[str, str], int] = {}
    for number, row in sites.good.items():
        key = (row.bus, row.builds)
        if key in first:
            fault = f"bus '{row.bus}' stands in row {first[key]} already"
            remedy = "put them together in one row"
            yield Problem(sites.text.place(number, "bus"), fault, remedy)
        first.setdefault(key, number)


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
