"""The synthetic year against its formulas, and against the generator of the reference optima."""

from __future__ import annotations

import math

import numpy as np
import pytest

from roadvolt.planning.der.case import Year
from roadvolt.planning.der.deviations import deviations_of, scenarios_of
from roadvolt.planning.der.profiles import synthetic_year
from roadvolt.sims.derfile import load_der_case

SUNSHINE = 172  # longest day, counted from 0
RESIDENTIAL, COMMERCIAL, OWN_PV = (0, 1), (2, 3), (4,)
CLEARNESS = 0.66 * 14 / 16 + 0.24 * 6 / 10 + 0.10 * 2 / 7  # its mean


@pytest.fixture(scope="module")
def nominal_kw() -> np.ndarray:
    return 0.5 * load_der_case("der33").network.load_p_kw


@pytest.fixture(scope="module")
def year(nominal_kw: np.ndarray) -> Year:
    return synthetic_year(nominal_kw)


@pytest.fixture(scope="module")
def long() -> Year:
    """Five buses of 1 kW over ten years: averages stand out of the noise."""
    return synthetic_year(np.ones(5), seed=7, days=3650)


# The next figures are those of the research prototype that the reference optima of the models were
# computed with (seed 1, half of the nominal loads of Baran and Wu): they hold the order of draws.


def test_seed_1_draws_what_the_reference_optima_were_computed_from(year: Year) -> None:
    assert year.pv[[0, SUNSHINE, 364], [12, 12, 9]] == pytest.approx(
        [0.5073267145851755, 0.9093246206091771, 0.20842877506123972], rel=1e-12
    )
    assert year.load_kw[[0, SUNSHINE, 364], [0, 4, 31], [19, 12, 23]] == pytest.approx(
        [56.8942014706677, 0.6925511890054512, 22.046163724891663], rel=1e-12
    )
    assert (year.pv.sum(), year.load_kw.sum()) == pytest.approx(
        (1656.6465858894894, 9270991.424968064), rel=1e-12
    )


def test_seed_2_is_another_year(nominal_kw: np.ndarray) -> None:
    other = synthetic_year(nominal_kw, seed=2)
    assert (other.pv.sum(), other.load_kw.sum()) == pytest.approx(
        (1677.7255565670841, 9276624.333330847), rel=1e-12
    )


def test_nine_days_stand_for_the_year_as_in_the_reference(year: Year) -> None:
    scenarios = scenarios_of(year, 9)
    assert scenarios.days.tolist() == [42, 72, 141, 239, 242, 265, 324, 325, 336]
    assert scenarios.weight * 365 == pytest.approx([29, 54, 51, 51, 29, 37, 41, 44, 29])
    assert np.array_equal(scenarios.pv, year.pv[scenarios.days])
    assert np.array_equal(scenarios.load_kw, year.load_kw[scenarios.days])


def test_means_and_deviations_have_the_energies_of_the_reference(year: Year) -> None:
    spread = deviations_of(year, scenarios_of(year, 9))
    load, highest = spread.load_mean_kw, spread.load_mean_kw + spread.load_up_kw
    assert load.sum() == pytest.approx(25727.58315794691)  # kWh a day
    assert load.sum(axis=0).max() == pytest.approx(1463.8524198678178)
    assert highest.sum(axis=0).max() == pytest.approx(1739.3287181856278)
    assert (load - spread.load_down_kw).sum() == pytest.approx(20825.151034208597)
    assert spread.pv_mean.sum() == pytest.approx(4.538757769560244)  # kWh of a kW
    assert (spread.pv_mean - spread.pv_down).sum() == pytest.approx(2.5274032101614257)
    assert (spread.pv_mean + spread.pv_up).sum() == pytest.approx(6.8725227763905075)


# ---- formulas ------------------------------------------------------------------------------------


def test_no_hour_has_more_than_a_clear_sky_and_nights_are_dark(long: Year) -> None:
    for day, hour in ((SUNSHINE, 12), (SUNSHINE, 6), (355, 8), (355, 15), (80, 10)):
        season = math.cos(2 * math.pi * (day - 172) / 365)
        daylight_h = 12 + 2.8 * season
        risen = (hour + 0.5 - (12.5 - daylight_h / 2)) / daylight_h
        clear = (0.82 + 0.13 * season) * math.sin(math.pi * risen) ** 1.2
        assert long.pv[day, hour] <= clear + 1e-12
        assert long.pv[day, hour] >= 0.02 * clear
    assert np.all(long.pv[:, [0, 1, 2, 3, 22, 23]] == 0)
    assert long.pv[355, 7] == 0 < long.pv[SUNSHINE, 7]


def test_clearness_has_the_mean_of_its_three_kinds_of_day(long: Year) -> None:
    season = np.cos(2 * np.pi * (np.arange(3650) - 172) / 365)
    risen = (12 + 0.5 - 12.5 + (12 + 2.8 * season) / 2) / (12 + 2.8 * season)
    clear = (0.82 + 0.13 * season) * np.sin(np.pi * risen) ** 1.2
    assert (long.pv[:, 12] / clear).mean() == pytest.approx(CLEARNESS, abs=0.015)


def test_each_archetype_has_its_day(long: Year) -> None:
    course = long.load_kw.mean(axis=0)
    assert [course[bus].argmax() for bus in (*RESIDENTIAL, *COMMERCIAL, *OWN_PV)] == [
        20, 20, 13, 13, 20,
    ]  # fmt: skip
    assert course[4, 12] < 0.1 < 0.3 < course[4, 2]  # own PV hollows out noon
    raised = 1 + 0.10 * (1 - CLEARNESS)  # nominal, but for dark days
    assert course.max(axis=1) == pytest.approx(raised, abs=0.005)


def test_winter_raises_load_most_where_people_live(long: Year) -> None:
    season = np.cos(2 * np.pi * (np.arange(3650) - 15) / 365)
    daily = long.load_kw.mean(axis=2)
    swing = 2 * (daily * season[:, None]).mean(axis=0) / daily.mean(axis=0)
    expected = np.array([0.18, 0.18, 0.108, 0.108, 0.18]) / (1 + 0.10 * (1 - CLEARNESS))
    assert swing == pytest.approx(expected, abs=0.006)


def test_dark_days_have_more_load(long: Year) -> None:
    brightness = long.pv.sum(axis=1) / long.pv.sum(axis=1).reshape(10, 365).mean(0).repeat(10)
    residential = long.load_kw[:, 0].mean(axis=1)
    season = np.cos(2 * np.pi * (np.arange(3650) - 15) / 365)
    left = residential / (1 + 0.18 * season)
    assert np.corrcoef(brightness, left)[0, 1] < -0.1


def test_load_is_in_proportion_to_nominal_load(year: Year, nominal_kw: np.ndarray) -> None:
    double = synthetic_year(2 * nominal_kw)
    np.testing.assert_allclose(double.load_kw, 2 * year.load_kw)
    assert np.array_equal(double.pv, year.pv)


def test_other_buses_leave_pv_alone(year: Year) -> None:
    assert np.array_equal(synthetic_year(np.ones(3)).pv, year.pv)


# ---- deviations ----------------------------------------------------------------------------------


def test_deviations_are_those_of_sorted_values() -> None:
    """Eleven days: quantiles 0.2 and 0.7 are the third and the eighth value from below."""
    rng = np.random.default_rng(3)
    pv = rng.random((11, 2))
    made = Year(pv=pv, load_kw=rng.random((11, 3, 2)))
    scenarios = scenarios_of(made, 4)
    spread = deviations_of(made, scenarios, low=0.2, high=0.7)
    ordered = np.sort(pv, axis=0)
    np.testing.assert_allclose(spread.pv_mean - spread.pv_down, ordered[2])
    np.testing.assert_allclose(spread.pv_mean + spread.pv_up, ordered[7])
    chosen = [made.load_kw[day] for day in scenarios.days]
    np.testing.assert_allclose(spread.load_mean_kw, sum(chosen) / 4)
    np.testing.assert_allclose(spread.load_mean_kw + spread.load_up_kw, np.maximum.reduce(chosen))
    np.testing.assert_allclose(spread.load_mean_kw - spread.load_down_kw, np.minimum.reduce(chosen))


def test_pv_does_not_stray_where_a_quantile_is_beyond_the_mean() -> None:
    """One bright day in eleven: the mean is above the quantile 0.85."""
    pv = np.zeros((11, 1))
    pv[5] = 1.0
    made = Year(pv=pv, load_kw=np.ones((11, 1, 1)))
    spread = deviations_of(made, scenarios_of(made, 2))
    assert spread.pv_mean[0] == pytest.approx(1 / 11)
    assert spread.pv_up[0] == 0
    assert spread.pv_down[0] == pytest.approx(1 / 11)
