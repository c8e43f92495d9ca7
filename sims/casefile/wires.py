"""Checks of the feeder's and the roads' shape: radial, connected, phases, resistances."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ...core.errors import Problem
from ...core.units import PHASES
from .checks import Finding, Tables
from .settings import Settings
from .tables import LineRow, LoadRow

PAIRS = ("aa", "ab", "ac", "bb", "bc", "cc")


def line_impedance_ohm(row: LineRow) -> np.ndarray[Any, np.dtype[np.complex128]]:
    """The symmetric 3x3 series impedance of a line."""
    z_ohm = np.zeros((3, 3), dtype=np.complex128)
    for pair in PAIRS:
        i, j = (PHASES.index(phase) for phase in pair)
        z_ohm[i, j] = z_ohm[j, i] = complex(
            getattr(row, f"r_{pair}_ohm"), getattr(row, f"x_{pair}_ohm")
        )
    return z_ohm


def impedance_problems(tables: Tables) -> Finding:
    """Impedance on a conductor that is not there, and resistances that would create energy."""
    lines = tables["lines"]
    for number, row in lines.good.items():
        present = [PHASES.index(phase) for phase in row.phases]
        z_ohm = line_impedance_ohm(row)
        rest = z_ohm.copy()
        rest[np.ix_(present, present)] = 0
        if np.any(rest):
            fault = f"line '{row.line}' has impedance on phases other than '{row.phases}'"
            yield Problem(
                lines.text.place(number, "phases"), fault, "set it to 0, or add the phase"
            )
        elif np.linalg.eigvalsh(z_ohm.real[np.ix_(present, present)])[0] <= 0:
            fault = f"the resistance matrix of line '{row.line}' is not positive definite"
            remedy = "make mutual resistances smaller than self resistances"
            yield Problem(lines.text.place(number, "r_aa_ohm"), fault, remedy)


class Groups:
    """Names that are joined step by step; tells which hang together."""

    def __init__(self, names: Iterable[str]) -> None:
        self._members = {name: {name} for name in names}

    def join(self, one: str, other: str) -> bool:
        """Joins the groups of two names; False if they hang together already."""
        if self.together(one, other):
            return False
        union = self._members[one] | self._members[other]
        self._members.update(dict.fromkeys(union, union))
        return True

    def together(self, one: str, other: str) -> bool:
        """Whether two names hang together."""
        return other in self._members[one]

    def __iter__(self) -> Iterator[set[str]]:
        return iter({id(members): members for members in self._members.values()}.values())


def shape_problems(tables: Tables, source_bus: str) -> Finding:
    """Buses that no line reaches, and lines that close a loop."""
    lines, groups = tables["lines"], Groups(row.bus for row in tables["buses"])
    for number, row in lines.good.items():
        if not groups.join(row.from_bus, row.to_bus):
            fault = f"line '{row.line}' closes a loop between '{row.from_bus}' and '{row.to_bus}'"
            remedy = "leave out normally open lines: the feeder must be a tree"
            yield Problem(lines.text.place(number, "to_bus"), fault, remedy)
    for part in groups:
        if source_bus not in part:
            names = ", ".join(f"'{row.bus}'" for row in tables["buses"] if row.bus in part)
            fault = f"island: no line connects {names} to the source bus '{source_bus}'"
            yield Problem(lines.text.file, fault, "add the missing line, or remove these buses")


def phases_by_bus(tables: Tables, source_bus: str) -> dict[str, str]:
    """The phases that reach each bus of a radial feeder."""
    reached, waiting = {source_bus: "abc"}, list(tables["lines"])
    while waiting:
        for row in waiting:
            for above, below in ((row.from_bus, row.to_bus), (row.to_bus, row.from_bus)):
                if above in reached and below not in reached:
                    reached[below] = "".join(p for p in reached[above] if p in row.phases)
        waiting = [row for row in waiting if not {row.from_bus, row.to_bus} <= reached.keys()]
    return reached


def phase_problems(tables: Tables, source_bus: str) -> Finding:
    """Lines, loads, devices and stations on phases that do not reach their bus."""
    reached = phases_by_bus(tables, source_bus)
    for name, phases_of in _USERS.items():
        for number, row in tables[name].good.items():
            absent = set(phases_of(row)) - set(reached.get(row.bus, PHASES))
            if absent:
                fault = f"uses phase {', '.join(sorted(absent))}, but bus '{row.bus}' has only "
                remedy = "move it to the phases of the bus, or add the phase to the lines before it"
                place = tables[name].text.place(number, _COLUMN.get(name, "bus"))
                yield Problem(place, fault + f"'{reached[row.bus]}'", remedy)


def _load_phases(row: LoadRow) -> str:
    return "".join(phase for phase in PHASES if getattr(row, f"share_{phase}") > 0)


_USERS: dict[str, Any] = {
    "loads": _load_phases,
    "stations": lambda row: row.phases,
    "generators": lambda _: "abc",
    "batteries": lambda _: "abc",
    "wind_turbines": lambda _: "abc",
    # One bus for all hours: one problem, not one for each.
    "injections": lambda row: "abc" if row.hour == 0 else "",
}
_COLUMN = {"loads": "share_a", "stations": "phases"}


def unbalance_problems(tables: Tables, settings: Settings) -> Finding:
    """Loads that the ``unbalance`` factor would turn into generators on a phase."""
    smallest = min(
        (scaled_shares(row, settings.feeder.unbalance).min() for row in tables["loads"]),
        default=0.0,
    )
    if smallest < -1e-9:
        fault = f"{settings.feeder.unbalance:g} makes the load of a phase negative"
        remedy = "give a smaller factor; 1 leaves the shares of loads.csv as they are"
        yield Problem("case.yaml, feeder.unbalance", fault, remedy)


def scaled_shares(row: LoadRow, unbalance: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Shares [phase] with their deviation from equal shares scaled; phases without load stay so.

    ``share' = 1/n + unbalance (share - 1/n)`` over the n phases that the load uses.
    """
    shares = np.array([row.share_a, row.share_b, row.share_c])
    used = shares > 0
    equal = used / used.sum()
    return np.asarray(equal + unbalance * (shares - equal))


def road_problems(tables: Tables) -> Finding:
    """Trips between nodes that no road connects."""
    groups, trips = Groups(row.node for row in tables["road_nodes"]), tables["trips"]
    for row in tables["roads"]:
        groups.join(row.from_node, row.to_node)
    for number, row in trips.good.items():
        if not groups.together(row.origin, row.destination):
            fault = f"no road leads from node '{row.origin}' to '{row.destination}'"
            place = trips.text.place(number, "destination")
            yield Problem(place, fault, "add roads, or remove the trip")
