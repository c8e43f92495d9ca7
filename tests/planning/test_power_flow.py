"""The block fixed point against power-grid-model's Newton method, and against Kirchhoff."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from roadvolt.core.errors import PowerFlowError
from roadvolt.core.units import FloatArray, frozen
from roadvolt.planning.fdn.case import FdnCase
from roadvolt.planning.power_flow import network_loss_kw, solve_feeders
from roadvolt.planning.radial import HEAD, RadialNetwork
from roadvolt.uncertainty.seeds import generator

Newton = Callable[[RadialNetwork, FloatArray, FloatArray], tuple[FloatArray, FloatArray]]
PARENTS = (HEAD, 0, 1, 1, HEAD, 4, HEAD, 6, 6)
ZONES = ("A", "A", "A", "A", "B", "B", "C", "C", "C")


@pytest.fixture(scope="module")
def network() -> RadialNetwork:
    """Three feeders of unequal length, one of them with a fork in the middle."""
    rng = generator(3, "network")
    count = len(PARENTS)
    return RadialNetwork(
        vn_kv=11.4,
        s_base_kva=1000.0,
        buses=tuple(str(k + 1) for k in range(count)),
        zones=ZONES,
        heads={"A": "101", "B": "102", "C": "103"},
        parent=frozen(PARENTS, np.int64),
        r_ohm=frozen(rng.uniform(0.1, 0.5, count)),
        x_ohm=frozen(rng.uniform(0.2, 0.9, count)),
        length_km=frozen(np.ones(count)),
        load_p_kw=frozen(rng.uniform(100, 900, count)),
        load_q_kvar=frozen(rng.uniform(50, 500, count)),
        x_km=frozen(np.arange(count)),
        y_km=frozen(np.zeros(count)),
        ties=(),
    )


@pytest.fixture(scope="module")
def loads(network: RadialNetwork) -> tuple[FloatArray, FloatArray]:
    """Consumption and production at random, more samples than fit into one chunk."""
    rng = generator(4, "loads")
    shape = (700, len(network.buses))
    return (
        rng.uniform(-2, 2, shape) * network.load_p_kw,
        rng.uniform(-1, 2, shape) * network.load_q_kvar,
    )


def test_voltages_are_those_of_newtons_method(
    network: RadialNetwork, loads: tuple[FloatArray, FloatArray], newton_flow: Newton
) -> None:
    flow = solve_feeders(network, *loads)
    for k in (0, 511, 512, 699):
        expected, _ = newton_flow(network, loads[0][k], loads[1][k])
        np.testing.assert_allclose(flow.v_pu[k], expected, rtol=0, atol=2e-8)


def test_the_84_bus_system_loses_what_the_literature_says(
    tpc84: FdnCase, newton_flow: Newton
) -> None:
    # Su and Lee, IEEE Transactions on Power Delivery 18(3), 2003: 531.99 kW, 0.92852 pu.
    network = tpc84.network
    flow = solve_feeders(network, network.load_p_kw[None], network.load_q_kvar[None])
    assert network_loss_kw(network, flow.i_pu)[0] == pytest.approx(531.994, abs=1e-3)
    assert flow.v_pu.min() == pytest.approx(0.928519, abs=1e-6)
    assert network.buses[flow.v_pu.argmin()] == "9"
    expected, _ = newton_flow(network, network.load_p_kw, network.load_q_kvar)
    np.testing.assert_allclose(flow.v_pu[0], expected, rtol=0, atol=2e-8)


def test_a_part_of_a_network_has_the_voltages_of_the_whole(tpc84: FdnCase) -> None:
    network = tpc84.network
    part = network.part({"I", "C"})
    kept = np.flatnonzero(np.isin(network.zones, ["C", "I"]))
    whole = solve_feeders(network, network.load_p_kw[None], network.load_q_kvar[None])
    own = solve_feeders(part, part.load_p_kw[None], part.load_q_kvar[None])
    np.testing.assert_array_equal(own.voltage_pu, whole.voltage_pu[:, kept])
    assert part.buses == tuple(network.buses[k] for k in kept)
    ends = {(part.buses[tie.from_bus], part.buses[tie.to_bus]) for tie in part.ties}
    whole_ends = {(network.buses[tie.from_bus], network.buses[tie.to_bus]) for tie in network.ties}
    assert ends == {pair for pair in whole_ends if set(pair) <= set(part.buses)}


def test_every_bus_draws_exactly_its_power_and_every_branch_drops_its_voltage(
    network: RadialNetwork, loads: tuple[FloatArray, FloatArray]
) -> None:
    flow = solve_feeders(network, *loads)
    z_pu = network.r_pu + 1j * network.x_pu
    into = flow.current_pu @ (np.eye(len(PARENTS)) - children(network)).T
    s_pu = (loads[0] + 1j * loads[1]) / network.s_base_kva
    np.testing.assert_allclose(flow.voltage_pu * into.conj(), s_pu, atol=1e-7)
    upstream = np.where(network.parent == HEAD, 1.0, flow.voltage_pu[:, network.parent])
    np.testing.assert_allclose(upstream - flow.voltage_pu, z_pu * flow.current_pu, atol=1e-7)


def children(network: RadialNetwork) -> FloatArray:
    """1 at [bus, branch] where the branch leaves the bus."""
    leaves = np.zeros((len(PARENTS), len(PARENTS)))
    for branch, bus in enumerate(network.parent):
        if bus != HEAD:
            leaves[bus, branch] = 1.0
    return leaves


def test_loss_is_what_enters_the_heads_and_does_not_reach_a_load(
    network: RadialNetwork, loads: tuple[FloatArray, FloatArray]
) -> None:
    flow = solve_feeders(network, *loads)
    entering = flow.current_pu[:, network.parent == HEAD].real.sum(axis=1) * network.s_base_kva
    loss = network_loss_kw(network, flow.i_pu)
    np.testing.assert_allclose(loss, entering - loads[0].sum(axis=1), atol=1e-3)


def test_feeders_that_were_not_asked_for_stay_empty_and_others_are_the_same(
    network: RadialNetwork, loads: tuple[FloatArray, FloatArray]
) -> None:
    every, some = solve_feeders(network, *loads), solve_feeders(network, *loads, zones=("B",))
    asked = np.array(ZONES) == "B"
    np.testing.assert_array_equal(some.voltage_pu[:, asked], every.voltage_pu[:, asked])
    assert np.isnan(some.v_pu[:, ~asked]).all()
    assert np.isnan(some.i_pu[:, ~asked]).all()


def test_loads_beyond_the_wires_are_counted_by_sample(
    network: RadialNetwork, loads: tuple[FloatArray, FloatArray]
) -> None:
    p_kw, q_kvar = loads[0].copy(), loads[1]
    p_kw[[5, 600], 3] = 4e5
    p_kw[5, 7] = 4e5
    with pytest.raises(PowerFlowError, match="2 of 700") as caught:
        solve_feeders(network, p_kw, q_kvar)
    assert caught.value.failed == 2
