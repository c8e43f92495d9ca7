"""The 12-node network of the tests, typed in.

Trips: Table A.I of Chen et al.. Topology: union of the arcs in the public path list of
eityh41-oss/Meta_RL_Extreme_events (commit a918943d). Free-flow times, capacities, hosts of the
sites and daily course are reconstructions of this project, with generic decimals so that the
flows and delays of the linear program are unique.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from roadvolt.core.units import frozen
from roadvolt.traffic.network import (
    ChargingSite,
    Drivers,
    Fleet,
    Road,
    RoadNetwork,
    RoadNode,
    TripDemand,
)

POSITIONS = {
    1: (2, 6), 2: (4, 6), 3: (0, 4), 4: (2, 4), 5: (4, 4), 6: (6, 4),
    7: (0, 2), 8: (2, 2), 9: (4, 2), 10: (6, 2), 11: (2, 0), 12: (4, 0),
}  # fmt: skip
ROADS = [
    (1, 2, 5.23, 613), (1, 3, 7.31, 657), (1, 4, 5.54, 709), (2, 5, 5.12, 743),
    (2, 6, 7.63, 661), (3, 4, 5.37, 811), (3, 7, 6.41, 571), (4, 5, 6.22, 907),
    (4, 8, 6.13, 853), (5, 6, 5.46, 797), (5, 9, 5.91, 839), (6, 10, 6.74, 569),
    (7, 8, 5.61, 803), (7, 11, 7.22, 647), (8, 9, 6.35, 893), (8, 11, 5.72, 701),
    (9, 10, 5.03, 787), (9, 12, 5.84, 719), (10, 12, 7.43, 653), (11, 12, 5.08, 607),
]  # fmt: skip
TRIPS = {(1, 12): 600, (2, 7): 800, (3, 11): 500, (6, 3): 500, (7, 6): 800, (10, 1): 600}
HOSTS = {3: 3, 4: 8, 8: 6, 9: 13, 11: 15, 19: 11, 26: 10, 29: 16}
COURSE = [
    0.10, 0.07, 0.05, 0.05, 0.08, 0.20, 0.50, 0.85, 1.00, 0.85, 0.70, 0.68,
    0.72, 0.70, 0.68, 0.75, 0.90, 1.00, 0.92, 0.70, 0.50, 0.38, 0.28, 0.18,
]  # fmt: skip


@pytest.fixture(scope="session")
def fleet() -> Fleet:
    """Batteries of Chen et al.; states of charge, efficiency and target are ours."""
    return Fleet(
        battery_min_kwh=40.0,
        battery_max_kwh=64.0,
        soc_mean=0.3,
        soc_sd=0.1,
        soc_min=0.1,
        soc_max=0.6,
        soc_target=0.8,
        charge_efficiency=0.95,
    )


@pytest.fixture(scope="session")
def utn12(fleet: Fleet) -> RoadNetwork:
    """Eight sites of eight 60 kW ports; values of time 0.2 and 0.4 per minute as in Chen et al.."""
    return RoadNetwork(
        nodes=tuple(RoadNode(id=str(k), x_km=x, y_km=y) for k, (x, y) in POSITIONS.items()),
        roads=tuple(
            Road(
                id=f"R{k}",
                from_node=str(i),
                to_node=str(j),
                t0_min=t0,
                capacity_veh_per_h=float(capacity),
            )
            for k, (i, j, t0, capacity) in enumerate(ROADS, start=1)
        ),
        trips=tuple(
            TripDemand(origin=str(r), destination=str(s), veh_per_h=float(demand))
            for (r, s), demand in TRIPS.items()
        ),
        traffic_factor=frozen(COURSE),
        sites=tuple(
            ChargingSite(station=f"s{h}", road=f"R{road}", ports=8, charger_kw=60.0)
            for h, road in HOSTS.items()
        ),
        drivers=Drivers(
            charging_share=0.01,
            time_cost_free_per_min=0.2,
            time_cost_delay_per_min=0.4,
            demand_sd=0.05,
            unserved_trip_cost=60.0,
            unserved_charge_cost=60.0,
        ),
        fleet=fleet,
    )


@pytest.fixture(scope="session")
def utn12_roads_only(utn12: RoadNetwork) -> RoadNetwork:
    """Nobody charges and every minute costs 1: the program of the published figures."""
    drivers = replace(
        utn12.drivers, charging_share=0.0, time_cost_free_per_min=1.0, time_cost_delay_per_min=1.0
    )
    return replace(utn12, drivers=drivers)
