"""The built-in 84-bus case, and the plan that was published for it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from roadvolt.core.units import frozen
from roadvolt.planning.fdn.case import FdnCase
from roadvolt.planning.fdn.plan import Plan, Sop
from roadvolt.sims.planfile.load import load_fdn_case

# Wang et al., Multi-resource dynamic coordinated planning of flexible distribution network, Nature
# Communications 15, 2024, Table 1: capacity in MVA by bus, stages I to IV.
PUBLISHED_SOPS = (
    (),
    ({"7": 0.16, "72": 0.04},),
    ({"7": 0.81, "72": 0.64, "83": 0.79},),
    ({"7": 0.81, "64": 3.34, "72": 1.06, "83": 1.76}, {"29": 0.96, "39": 0.97}),
)
PUBLISHED_EVCS = (
    {"49": 1.65},
    {"28": 2.00, "49": 2.00, "68": 1.96},
    {"28": 2.00, "49": 2.00, "68": 2.00, "72": 1.60, "83": 1.27},
    {"28": 2.00, "49": 2.00, "68": 2.00, "72": 2.00, "82": 1.48, "83": 2.00},
)
# fmt: off
PUBLISHED_PV = (
    {"10": 2.87, "24": 0.45, "39": 0.79, "40": 0.04, "55": 0.79, "64": 0.31},
    {"10": 3.00, "24": 1.63, "29": 1.92, "39": 1.81, "40": 0.04, "55": 2.54, "60": 0.15,
     "63": 0.70, "64": 0.55, "76": 0.23},
    {"10": 3.00, "11": 3.00, "24": 2.78, "29": 3.00, "39": 2.81, "40": 0.04, "55": 3.00,
     "60": 1.52, "63": 0.74, "64": 0.58, "76": 2.88},
    {"10": 3.00, "11": 3.00, "24": 3.00, "29": 3.00, "39": 3.00, "40": 2.72, "55": 3.00,
     "60": 3.00, "63": 3.00, "64": 3.00, "76": 3.00},
)
# fmt: on


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Many small matrix products: a second thread costs more than it brings."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def tpc84() -> FdnCase:
    """The case with its default distributions."""
    return load_fdn_case("tpc84")


@pytest.fixture(scope="session")
def published_plan(tpc84: FdnCase) -> Plan:
    """Table 1 of the paper, every converter used up to its rating."""
    name = tpc84.network.buses
    evcs = [[1e3 * row.get(name[s.bus], 0) for s in tpc84.evcs_sites] for row in PUBLISHED_EVCS]
    pv = [[1e3 * row.get(name[s.bus], 0) for s in tpc84.pv_sites] for row in PUBLISHED_PV]
    sops = tuple(
        tuple(published_sop(tpc84, slot, sop) for slot, sop in enumerate(row))
        for row in PUBLISHED_SOPS
    )
    return Plan(
        sops=sops,
        evcs_kva=frozen(evcs),
        evcs_rated_kw=frozen(evcs),
        pv_kva=frozen(pv),
        pv_rated_kw=frozen(tpc84.rules.pv_power_factor * np.array(pv)),
    )


def published_sop(case: FdnCase, slot: int, mva: dict[str, float]) -> Sop:
    """One entry of the table; line lengths are not in it."""
    return Sop(
        slot=slot,
        buses=tuple(case.network.index(bus) for bus in mva),
        kva=tuple(1e3 * capacity for capacity in mva.values()),
        line_km=0.0,
    )
