"""Cases of every kind: which there are, how large, and whether one is usable."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

from ..planning.dc_storage.case import DcStorageCase
from ..planning.der.case import DerCase
from ..planning.dispatch.case import DispatchCase
from ..planning.fdn.case import FdnCase
from .case import Case, load_case
from .casefile.library import CaseKind, built_in_names, find_case, kind_of
from .dcfile import load_dc_storage_case
from .derfile import load_der_case
from .dispatchfile import load_dispatch_case
from .planfile import load_fdn_case

AnyCase: TypeAlias = Case | FdnCase | DerCase | DcStorageCase | DispatchCase


class Entry(NamedTuple):
    """What a list of cases says about one."""

    name: str
    kind: CaseKind
    title: str
    size: str


def built_in_cases() -> Iterator[Entry]:
    """All built-in cases."""
    for kind in CaseKind:
        for name in built_in_names(kind):
            case = load_any(name)
            yield Entry(name, kind, case.title, _size(case))


def load_any(source: str | Path) -> AnyCase:
    """A case of whichever kind; raises ``CaseError`` with every problem found."""
    match kind_of(find_case(source)):
        case CaseKind.COORDINATION:
            return load_case(source)
        case CaseKind.FDN_PLANNING:
            return load_fdn_case(source)
        case CaseKind.DER_PLANNING:
            return load_der_case(source)
        case CaseKind.DISPATCH:
            return load_dispatch_case(source)
        case CaseKind.DC_STORAGE_PLANNING:
            return load_dc_storage_case(source)


def _size(case: AnyCase) -> str:
    if isinstance(case, Case):
        buses, roads = len(case.feeder.buses), len(case.roads.roads)
        return f"{buses} buses, {len(case.stations)} stations, {roads} roads, {case.hours} hours"
    if isinstance(case, DispatchCase):
        generators, batteries = len(case.generators.names), len(case.batteries.names)
        loads = f"{len(case.deferrable.names)} deferrable loads"
        devices = f"{generators} generators, {batteries} batteries, {loads}"
        return f"{len(case.network.buses)} buses, {devices}, {case.steps} steps"
    if isinstance(case, DerCase):
        sites = len({*case.pv_sites.tolist(), *case.battery_sites.tolist()})
        days, chosen = len(case.year.pv), len(case.scenarios.weight)
        return f"{len(case.network.buses)} buses, {sites} sites, {chosen} of {days} days"
    if isinstance(case, DcStorageCase):
        links, days = case.links, len(case.scenarios.weight)
        many = "s" * (len(links.names) != 1)
        ports = f"{len(links.port_buses)} ports on {len(links.names)} link{many}"
        return f"{len(case.network.buses)} buses, {ports}, {days} days"
    sites = len(case.evcs_sites) + len(case.pv_sites)
    network = case.network
    buses, feeders = len(network.buses), len(network.heads)
    return f"{buses} buses, {feeders} feeders, {sites} sites, {len(case.stages)} stages"
