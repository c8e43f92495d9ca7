"""Cases of every kind: which there are, how large, and whether one is usable."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..planning.fdn.case import FdnCase
from .case import Case, load_case
from .casefile.library import CaseKind, built_in_names, find_case, kind_of
from .planfile import load_fdn_case


class Entry(NamedTuple):
    """What a list of cases says about one."""

    name: str
    kind: CaseKind
    title: str
    size: str


def built_in_cases() -> Iterator[Entry]:
    """All built-in cases."""
    for name in built_in_names(*CaseKind):
        case = load_any(name)
        kind = CaseKind.COORDINATION if isinstance(case, Case) else CaseKind.FDN_PLANNING
        yield Entry(name, kind, case.title, _size(case))


def load_any(source: str | Path) -> Case | FdnCase:
    """A case of whichever kind; raises ``CaseError`` with every problem found."""
    coordination = kind_of(find_case(source)) is CaseKind.COORDINATION
    return load_case(source) if coordination else load_fdn_case(source)


def _size(case: Case | FdnCase) -> str:
    if isinstance(case, Case):
        buses, roads = len(case.feeder.buses), len(case.roads.roads)
        return f"{buses} buses, {len(case.stations)} stations, {roads} roads, {case.hours} hours"
    sites = len(case.evcs_sites) + len(case.pv_sites)
    network = case.network
    buses, feeders = len(network.buses), len(network.heads)
    return f"{buses} buses, {feeders} feeders, {sites} sites, {len(case.stages)} stages"
