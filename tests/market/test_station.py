"""Judges: shares and wear worked by hand; the cost that the linear program reports."""

from dataclasses import replace

import numpy as np
import pytest

from roadvolt.market.local import solve_standalone
from roadvolt.market.station import Station


@pytest.mark.parametrize(
    ("phases", "share"), [("abc", (1 / 3, 1 / 3, 1 / 3)), ("b", (0, 1, 0)), ("c", (0, 0, 1))]
)
def test_a_station_draws_equally_from_the_phases_it_uses(phases, share, make_market):
    station = replace(make_market(3).stations[0], phases=phases)
    assert station.phase_share == pytest.approx(share)


def test_wear_is_counted_in_the_battery():
    # 10 kW in at 0.8 store 8 kWh, 10 kW out at 0.5 take 20 kWh: at 0.01 that is 0.08 and 0.20.
    station = Station(
        id="a", bus="1", phases="abc", pv_kw=0.0, e_min_kwh=0.0, e_max_kwh=50.0, e_start_kwh=0.0,
        battery_kw=10.0, efficiency_charge=0.8, efficiency_discharge=0.5,
        degradation_per_kwh=0.01, grid_limit_kw=50.0, base_kw=np.zeros(2),
    )  # fmt: skip
    wear = station.wear_cost(np.array([10.0, 0.0]), np.array([0.0, 10.0]))
    np.testing.assert_allclose(wear, [0.08, 0.20])


def test_the_items_of_a_station_add_up_to_its_cost(make_market):
    market = make_market(6, seed=3, limit_kw=140.0)
    s, tariff = solve_standalone(market.stations, market.days, market.tariff), market.tariff
    wear = [
        station.wear_cost(s.charge_kw[:, k], s.discharge_kw[:, k]).sum()
        for k, station in enumerate(market.stations)
    ]
    assert max(wear) > 0.1
    energy = tariff.buy_per_kwh @ s.buy_kw - tariff.sell_per_kwh @ s.sell_kw
    unserved = tariff.unserved_per_kwh * s.unserved_kw.sum(axis=0)
    np.testing.assert_allclose(energy + wear + unserved, s.cost, rtol=1e-7)
