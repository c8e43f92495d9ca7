"""Judge: two parallel roads solved by hand, then spoilt in ways whose measure is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roadvolt.core.units import frozen
from roadvolt.traffic.assignment import solve_assignment
from roadvolt.traffic.certificate import Candidate, certify, shortest_distances
from roadvolt.traffic.fleet_energy import energy_per_charge_kwh
from roadvolt.traffic.layered_graph import (
    END_CHARGED,
    END_OTHER,
    LayeredGraph,
    build_layered_graph,
    link_costs,
    split_demand,
)
from roadvolt.traffic.network import ChargingSite, Road, RoadNetwork, RoadNode, TripDemand
from roadvolt.traffic.waiting import WaitingSteps


@pytest.fixture(scope="module")
def parallel(utn12: RoadNetwork) -> RoadNetwork:
    """10 min and 500 veh/h beside 15 min and 800, for 900; 100 of them charge on the slow road."""
    drivers = replace(
        utn12.drivers,
        charging_share=1 / 9,
        time_cost_free_per_min=1.0,
        time_cost_delay_per_min=1.0,
        unserved_trip_cost=200.0,
        unserved_charge_cost=200.0,
    )
    slow_site = ChargingSite(station="s", road="slow", ports=100, charger_kw=30.0)
    return RoadNetwork(
        nodes=(RoadNode(id="a", x_km=0, y_km=0), RoadNode(id="b", x_km=1, y_km=0)),
        roads=tuple(
            Road(id=name, from_node="a", to_node="b", t0_min=t0, capacity_veh_per_h=capacity)
            for name, t0, capacity in (("fast", 10.0, 500.0), ("slow", 15.0, 800.0))
        ),
        trips=(TripDemand(origin="a", destination="b", veh_per_h=900.0),),
        traffic_factor=frozen([1.0]),
        sites=(slow_site,),
        drivers=drivers,
        fleet=utn12.fleet,
    )


def flows(graph: LayeredGraph, fast: float, slow: float, charged: float) -> np.ndarray:
    """Other vehicles by either road, charging ones by the slow road's station."""
    flow = np.zeros((1, len(graph.tail)))
    for arc, other in ((0, fast), (2, slow)):
        flow[0, (graph.arc == arc) & ~graph.charging] = other
    flow[0, (graph.arc == 2) & (graph.site == 0)] = charged
    flow[0, graph.ends[0, [END_OTHER, END_CHARGED]]] = fast + slow, charged
    return flow


@pytest.fixture(scope="module")
def equilibrium(parallel: RoadNetwork) -> Candidate:
    """By hand: 500 wait 5 min on the fast road, 300 + 100 do not on the slow one.

    The waiting steps take 80 vehicles at no wait and 40 more at 2 min, so a place costs 2.
    """
    graph = build_layered_graph(parallel)
    return Candidate(
        graph=graph,
        steps=WaitingSteps(
            width_ev_per_h=np.array([[80.0, 40.0]]), wait_min=np.array([[0.0, 2.0]])
        ),
        link_flow=flows(graph, 500.0, 300.0, 100.0),
        link_cost=link_costs(graph, parallel, np.array([[7.0]])),
        demand=split_demand(parallel),
        road_price=np.array([[5.0, 0.0, 0.0, 0.0]]),
        queue_price=np.array([[2.0]]),
        delay_cost_per_min=1.0,
    )


def test_an_equilibrium_found_by_hand_is_certified(equilibrium: Candidate):
    assert certify(equilibrium).worst() == pytest.approx(
        dict.fromkeys(certify(equilibrium).worst(), 0.0), abs=1e-12
    )


def test_distances_are_those_of_the_cheapest_ways(equilibrium: Candidate):
    graph = equilibrium.graph
    free = shortest_distances(graph, equilibrium.link_cost)[0]
    assert free[graph.terminal[0]].tolist() == [10.0, 22.0]  # 15 min and a charge of 7


def test_too_few_vehicles_on_the_cheaper_road_leave_a_gap(equilibrium: Candidate):
    # Without road prices 300 drive 5 min too long: 1500 of 800 x 10 + 100 x 24.
    spoilt = replace(equilibrium, road_price=np.zeros((1, 4)))
    found = certify(spoilt)
    assert found.relative_gap[0] == pytest.approx(1500 / (8000 + 2400))
    assert found.wardrop_excess[0] == pytest.approx(5)
    assert found.duality_gap[0] == pytest.approx(1500 / (500 * 10 + 300 * 15 + 100 * 22 + 40))


def test_a_price_on_a_road_with_room_is_slack(equilibrium: Candidate):
    moved = replace(equilibrium, link_flow=flows(equilibrium.graph, 480.0, 320.0, 100.0))
    found = certify(moved)
    assert found.road_slackness[0] == pytest.approx(5 * 20)
    assert found.relative_gap[0] == pytest.approx(0, abs=1e-12)  # both roads cost 15
    assert found.duality_gap[0] > 1e-3


def test_more_than_the_capacity_is_a_violation(equilibrium: Candidate):
    moved = replace(equilibrium, link_flow=flows(equilibrium.graph, 530.0, 270.0, 100.0))
    assert certify(moved).road_violation[0] == pytest.approx(30)


def test_more_vehicles_than_ports_is_a_violation(equilibrium: Candidate):
    moved = replace(equilibrium, link_flow=flows(equilibrium.graph, 500.0, 300.0, 125.0))
    assert certify(moved).port_violation[0] == pytest.approx(5)


def test_a_queue_price_below_the_wait_is_slack(equilibrium: Candidate):
    # 20 vehicles wait at a cost of 2 but a place is priced 1.5; then 3: 20 places empty at + 1.
    cheap = replace(equilibrium, queue_price=np.array([[1.5]]))
    dear = replace(equilibrium, queue_price=np.array([[3.0]]))
    assert certify(cheap).port_slackness[0] == pytest.approx(20 * 0.5)
    assert certify(dear).port_slackness[0] == pytest.approx(20 * 1.0)


def test_vehicles_that_vanish_on_the_way_are_noticed(equilibrium: Candidate):
    flow = flows(equilibrium.graph, 500.0, 300.0, 100.0)
    flow[0, equilibrium.graph.ends[0, END_OTHER]] -= 7
    assert certify(replace(equilibrium, link_flow=flow)).balance_violation[0] == pytest.approx(7)


def test_demand_that_is_not_met_is_noticed(equilibrium: Candidate):
    assert certify(replace(equilibrium, demand=equilibrium.demand * 1.1)).balance_violation[
        0
    ] == pytest.approx(80)


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0, 1.6])
@pytest.mark.parametrize("waiting", [False, True])
def test_assignments_are_equilibria_from_empty_to_overfull_roads(
    utn12: RoadNetwork, factor: float, waiting: bool
):
    roads = replace(
        utn12,
        traffic_factor=factor * utn12.traffic_factor,
        drivers=replace(utn12.drivers, charging_share=0.04),
    )
    price = 0.2 + 0.2 * np.random.default_rng(5).random((24, 8))
    found = solve_assignment(roads, price, energy_per_charge_kwh(utn12.fleet), waiting=waiting)
    worst = found.certificate.worst()
    assert worst["relative_gap"] < 1e-9
    assert worst["duality_gap"] < 1e-9
    # HiGHS accepts duals that are wrong by 1e-7.
    assert worst["wardrop_excess"] < 1e-6
    assert max(worst["road_slackness"], worst["port_slackness"]) < 1e-5
    assert max(worst["road_violation"], worst["port_violation"]) < 1e-6
    assert worst["balance_violation"] < 1e-6
