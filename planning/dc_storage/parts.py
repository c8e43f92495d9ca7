"""Cases cut in parts: feeders with and without ports, plans with only what stands."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from ...core.units import BoolArray, IntArray, frozen
from .case import DcStorageCase, Links
from .solution import DcPlan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """A case of some feeders, and where its buses and renewables are in the whole."""

    case: DcStorageCase
    buses: IntArray  #: [bus of the part]
    res: IntArray  #: [renewable of the part]


def with_ports(case: DcStorageCase) -> Part:
    """The feeders that a port may stand on: all that a plan changes."""
    return _part(case, _port_feeders(case))


def without_ports(case: DcStorageCase) -> Part:
    """The other feeders, without links."""
    return _part(without_links(case), set(case.network.heads) - _port_feeders(case))


def whole(case: DcStorageCase) -> Part:
    """All feeders."""
    return _part(case, case.network.heads)


def without_links(case: DcStorageCase) -> DcStorageCase:
    """The network as it is, without ports and storage."""
    none = np.zeros(0, np.int64)
    links = Links(
        names=(),
        vn_dc_kv=frozen([]),
        battery_modules_max=frozen(none, np.int64),
        port_buses=frozen(none, np.int64),
        port_link=frozen(none, np.int64),
        port_modules_max=frozen(none, np.int64),
    )
    return replace(case, links=links)


def standing(case: DcStorageCase, plan: DcPlan) -> DcStorageCase:
    """The case with a plan's ports only, and no battery where it has none."""
    batteries = np.where(plan.battery_modules > 0, case.links.battery_modules_max, 0)
    links = replace(case.links, battery_modules_max=frozen(batteries, np.int64))
    return replace(case, links=_with_ports(links, plan.converter_modules > 0))


def _with_ports(links: Links, kept: BoolArray) -> Links:
    return replace(
        links,
        port_buses=frozen(links.port_buses[kept], np.int64),
        port_link=frozen(links.port_link[kept], np.int64),
        port_modules_max=frozen(links.port_modules_max[kept], np.int64),
    )


def _port_feeders(case: DcStorageCase) -> set[str]:
    return {case.network.zones[bus] for bus in case.links.port_buses}


def _part(case: DcStorageCase, zones: Collection[str]) -> Part:
    buses = np.flatnonzero(np.isin(case.network.zones, list(zones)))
    days = case.scenarios
    res = np.flatnonzero(np.isin(days.res_buses, buses))
    scenarios = replace(
        days,
        load_p_kw=frozen(days.load_p_kw[..., buses]),
        load_q_kvar=frozen(days.load_q_kvar[..., buses]),
        res_buses=frozen(np.searchsorted(buses, days.res_buses[res]), np.int64),
        res_kw=frozen(days.res_kw[..., res]),
    )
    ports = np.searchsorted(buses, case.links.port_buses)
    links = replace(case.links, port_buses=frozen(ports, np.int64))
    network = case.network.part(zones)
    return Part(
        case=replace(case, network=network, scenarios=scenarios, links=links),
        buses=frozen(buses, np.int64),
        res=frozen(res, np.int64),
    )
