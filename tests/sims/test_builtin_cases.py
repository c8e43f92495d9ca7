"""The built-in cases hold the numbers their SOURCES.md promises."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from roadvolt.grid.forecast_errors import fit_moments, sample_errors, support_kw
from roadvolt.grid.powerflow import AcModel
from roadvolt.sims.case import Case, load_case
from roadvolt.traffic.assignment import solve_assignment
from roadvolt.traffic.fleet_energy import energy_per_charge_kwh
from roadvolt.uncertainty.seeds import generator

DEFAULT = "utn12-ieee33"


@cache
def default(*overrides: tuple[str, str]) -> Case:
    return load_case(DEFAULT, overrides=dict(overrides))


# Baran and Wu, IEEE Transactions on Power Delivery 4(2), 1989: from, to, r ohm, x ohm.
BARAN_WU = """
1 2 0.0922 0.0470; 2 3 0.4930 0.2511; 3 4 0.3660 0.1864; 4 5 0.3811 0.1941; 5 6 0.8190 0.7070;
6 7 0.1872 0.6188; 7 8 0.7114 0.2351; 8 9 1.0300 0.7400; 9 10 1.0440 0.7400; 10 11 0.1966 0.0650;
11 12 0.3744 0.1238; 12 13 1.4680 1.1550; 13 14 0.5416 0.7129; 14 15 0.5910 0.5260;
15 16 0.7463 0.5450; 16 17 1.2890 1.7210; 17 18 0.7320 0.5740; 2 19 0.1640 0.1565;
19 20 1.5042 1.3554; 20 21 0.4095 0.4784; 21 22 0.7089 0.9373; 3 23 0.4512 0.3083;
23 24 0.8980 0.7091; 24 25 0.8960 0.7011; 6 26 0.2030 0.1034; 26 27 0.2842 0.1447;
27 28 1.0590 0.9337; 28 29 0.8042 0.7006; 29 30 0.5075 0.2585; 30 31 0.9744 0.9630;
31 32 0.3105 0.3619; 32 33 0.3410 0.5302
"""


def test_every_line_has_the_positive_sequence_impedance_of_baran_and_wu() -> None:
    lines = default().feeder.lines
    assert [line.id for line in lines] == [str(number) for number in range(1, 33)]
    for line, published in zip(lines, BARAN_WU.split(";"), strict=True):
        from_bus, to_bus, r_ohm, x_ohm = published.split()
        mutual = line.z_ohm[[0, 0, 1], [1, 2, 2]].mean()
        positive = np.diag(line.z_ohm).mean() - mutual
        assert (line.from_bus, line.to_bus) == (from_bus, to_bus)
        assert positive == pytest.approx(float(r_ohm) + 1j * float(x_ohm), abs=1e-6)
        assert np.linalg.eigvalsh(line.z_ohm.real)[0] > 0


def test_the_first_line_is_built_from_configuration_601() -> None:
    z_ohm = default().feeder.lines[0].z_ohm
    expected = [0.104843 + 0.080168j, 0.012286 + 0.039513j, 0.012444 + 0.033362j]
    np.testing.assert_allclose(z_ohm[0], expected, atol=1e-12)
    assert z_ohm[1, 2] == 0.012089 + 0.030314j


def test_loads_sum_to_the_published_totals_and_divide_among_phases_as_documented() -> None:
    loads = default().feeder.loads
    p_kw, q_kvar = sum(load.p_kw for load in loads), sum(load.q_kvar for load in loads)
    np.testing.assert_allclose(p_kw, [1236.5, 1253.25, 1225.25])
    np.testing.assert_allclose(q_kvar, [819.25, 753.5, 727.25])
    assert p_kw.sum() == pytest.approx(3715)
    assert q_kvar.sum() == pytest.approx(2300)
    balanced = default(("feeder.unbalance", "0")).feeder.loads
    np.testing.assert_allclose(sum(load.p_kw for load in balanced), [3715 / 3] * 3)


def test_full_load_without_devices_meets_the_reference_power_flow() -> None:
    """204.099 kW of losses and 0.905536 pu at phase a of bus 18, cross-checked between engines."""
    feeder = default().feeder
    p_kw, q_kvar = np.zeros((2, 1, 33, 3))
    for load in feeder.loads:
        p_kw[0, feeder.buses.index(load.bus)] = load.p_kw
        q_kvar[0, feeder.buses.index(load.bus)] = load.q_kvar
    result = AcModel(feeder).solve(p_kw, q_kvar)
    assert result.loss_kw[0] == pytest.approx(204.099, abs=0.001)
    assert np.unravel_index(result.vm_pu[0].argmin(), (33, 3)) == (feeder.buses.index("18"), 0)
    assert result.vm_pu.min() == pytest.approx(0.905536, abs=1e-6)


def test_generators_are_those_of_table_a_ii_in_kilowatts() -> None:
    rows = [
        (g.bus, g.p_max_kw, g.ramp_up_kw_per_h, g.cost_linear_per_kwh, g.cost_quadratic_per_kw2h)
        for g in default().feeder.generators
    ]
    assert rows == [
        ("6", 860, 520, 0.058, 9e-9),
        ("9", 760, 380, 0.060, 10e-9),
        ("19", 980, 720, 0.062, 11e-9),
    ]
    first = default().feeder.generators[0]
    a_megawatt_hour = first.cost_quadratic_per_kw2h * 1000**2 + first.cost_linear_per_kwh * 1000
    assert a_megawatt_hour == pytest.approx(58 + 9e-3)


def test_batteries_and_turbines_are_those_of_appendix_a() -> None:
    batteries = default().feeder.batteries
    rows = [(b.bus, b.e_min_kwh, b.e_max_kwh, b.p_charge_max_kw) for b in batteries]
    assert rows == [("8", 46, 460, 170), ("15", 52, 520, 180), ("31", 42, 420, 160)]
    assert {b.efficiency_charge for b in batteries} == {0.9}
    assert [turbine.p_rated_kw for turbine in default().feeder.wind_turbines] == [160] * 4


def test_roads_and_trips_sum_to_what_their_sources_say() -> None:
    roads = default().roads
    assert (len(roads.nodes), len(roads.roads), len(roads.trips)) == (12, 20, 6)
    assert sum(road.t0_min for road in roads.roads) == pytest.approx(121.35)
    assert sum(road.capacity_veh_per_h for road in roads.roads) == 14540
    assert sum(trip.veh_per_h for trip in roads.trips) == 3800
    assert roads.traffic_factor.sum() == pytest.approx(12.84)
    assert roads.drivers.demand_sd == 0.05


def test_stations_lie_in_the_published_ranges_and_bear_the_number_of_their_bus() -> None:
    stations = default().stations
    assert [station.id for station in stations] == [f"EVCS{bus}" for bus in range(2, 34)]
    for station in stations:
        assert station.id == f"EVCS{station.bus}"
        assert 200 <= station.pv_kw <= 250
        assert 150 <= station.e_max_kwh <= 250
        assert station.battery_kw == pytest.approx(0.35 * station.e_max_kwh, abs=2.5)
    assert {s.pv_kw for s in stations} >= {200, 250}
    assert {s.e_max_kwh for s in stations} >= {150, 250}


def test_traffic_reaches_the_eight_stations_of_the_paper_and_prices_keep_them_all_in_use() -> None:
    case = default()
    hosts = {site.station: site.road for site in case.roads.sites}
    assert hosts == {
        "EVCS3": "R3",
        "EVCS4": "R8",
        "EVCS8": "R6",
        "EVCS9": "R13",
        "EVCS11": "R15",
        "EVCS19": "R11",
        "EVCS26": "R10",
        "EVCS29": "R16",
    }
    assert case.hosting_road["EVCS18"] == "R7"
    energy_kwh = energy_per_charge_kwh(case.roads.fleet)
    charged = solve_assignment(case.roads, case.charging_price_per_kwh, energy_kwh).ev_per_h
    assert charged.sum() == pytest.approx(487.92)
    assert charged.sum(axis=0).min() > 25
    assert charged.sum() * energy_kwh == pytest.approx(13_332, rel=1e-3)
    # The paper's four busiest, EVCS 4, 11, 19 and 26, take 70.6 % (appendix B1).
    assert 0.6 < charged.sum(axis=0)[[1, 4, 5, 6]].sum() / charged.sum() < 0.8


@pytest.mark.parametrize("name", [DEFAULT, "tiny"])
def test_every_station_can_reach_every_other_by_trades(name: str) -> None:
    case = load_case(name)
    reached, before = {case.stations[0].id}, 0
    while len(reached) > before:
        before = len(reached)
        pairs = [{link.station_a, link.station_b} for link in case.links]
        reached |= set().union(*(pair for pair in pairs if pair & reached))
    assert reached == {station.id for station in case.stations}


def test_links_join_the_six_nearest_and_cost_more_the_farther_they_reach() -> None:
    case = default()
    degree = {
        s.id: sum(s.id in (k.station_a, k.station_b) for k in case.links) for s in case.stations
    }
    assert len(case.links) == 121
    assert (min(degree.values()), max(degree.values())) == (6, 11)
    assert {link.capacity_kw for link in case.links} == {150}
    assert all(0.0005 <= link.fee_per_kwh <= 0.003 for link in case.links)
    # By hand: bus 2 to 3 is |0.493 + j0.2511| = 0.5533 ohm; 0.0005 + 0.0005 x 0.5533.
    near = next(link for link in case.links if link.id == "EVCS2-EVCS3")
    assert near.fee_per_kwh == pytest.approx(0.0008, abs=5e-5)


def test_prices_have_the_published_level_and_an_evening_peak() -> None:
    tariff = default().tariff
    assert tariff.buy_per_kwh.mean() == pytest.approx(0.07, abs=0.002)
    assert (tariff.buy_per_kwh.min(), tariff.buy_per_kwh.max()) == (0.05, 0.11)
    assert tariff.buy_per_kwh.argmax() == 19
    assert set(tariff.sell_per_kwh) == {0.014}


def test_the_sun_peaks_at_noon_and_the_energy_balance_is_the_documented_one() -> None:
    case = default()
    pv_kwh = sum(station.pv_kw for station in case.stations) * case.pv_factor.sum()
    base_kwh = sum(station.base_kw.sum() for station in case.stations)
    load_kwh = 3715 * case.grid_day.load_factor.sum()
    assert case.pv_factor.max() == pytest.approx(0.8, abs=0.02)
    assert pv_kwh / 1e3 == pytest.approx(47.2, abs=0.1)
    assert base_kwh / 1e3 == pytest.approx(26.2, abs=0.1)
    assert load_kwh / 1e3 == pytest.approx(51.9, abs=0.1)


@pytest.mark.parametrize("name", [DEFAULT, "tiny"])
def test_the_error_model_gives_a_covariance(name: str) -> None:
    case = load_case(name)
    rng = generator(1, "test")
    errors_kw = sample_errors(case.feeder, case.grid_day, case.error_model, rng, 200)
    fit_moments(errors_kw, support_kw(case.feeder, case.grid_day, case.error_model))
    assert errors_kw.shape[0] == 200
    assert np.isfinite(errors_kw).all()


@pytest.mark.parametrize("hour", [12, 19])
def test_the_feeder_bears_all_pv_at_noon_and_its_load_in_the_evening(hour: int) -> None:
    case = default()
    feeder, day = case.feeder, case.grid_day
    p_kw, q_kvar = np.zeros((2, 1, 33, 3))
    for load in feeder.loads:
        p_kw[0, feeder.buses.index(load.bus)] += load.p_kw * day.load_factor[hour]
        q_kvar[0, feeder.buses.index(load.bus)] += load.q_kvar * day.load_factor[hour]
    if hour == 12:
        for station in case.stations:
            phases = ["abc".index(phase) for phase in station.phases]
            output_kw = station.pv_kw * case.pv_factor[hour] / len(phases)
            p_kw[0, feeder.buses.index(station.bus), phases] -= output_kw
    result = AcModel(feeder).solve(p_kw, q_kvar)
    mean = result.vm_pu.mean(axis=2, keepdims=True)
    assert 0.92 < result.vm_pu.min() < result.vm_pu.max() < 1.07
    assert (np.abs(result.vm_pu - mean) / mean).max() < 0.02
    assert (result.s_kva[0] / np.array([[line.s_max_kva] for line in feeder.lines])).max() < 0.7
