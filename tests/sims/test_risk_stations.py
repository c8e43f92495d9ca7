"""The risk study at the stations: order of methods, what is promised, and what it costs later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest, kstest, spearmanr, t

from roadvolt.sims.case import Case, load_case
from roadvolt.sims.risk.design import EMERGENCY_MULTIPLE, Distribution, Method
from roadvolt.sims.risk.distributions import heavy_factor
from roadvolt.sims.risk.rates import violations
from roadvolt.sims.risk.station_cells import plan_stations, realised_cost, station_cells
from roadvolt.sims.risk.station_draws import StationDraws, draw_stations
from roadvolt.sims.risk.station_margins import (
    SCALES,
    cross_validated_scale,
    station_margins,
)
from roadvolt.uncertainty.margins import RiskChoice, margin
from roadvolt.uncertainty.seeds import generator

DRO = (Method.WASSERSTEIN, Method.CROSS_VALIDATED, Method.MOMENT)
SEEDS = (1, 2, 3, 4)
SIZES = (50, 500, 3000)


@pytest.fixture(scope="module")
def tiny() -> Case:
    return load_case("tiny")


@pytest.fixture(scope="module")
def draws(tiny: Case) -> StationDraws:
    return draw_stations(tiny, 1, 3000, 2000)


@pytest.fixture(scope="module")
def cost(tiny: Case) -> dict[tuple[int, int, float, str], float]:
    """Planned cost by (seed, samples, confidence, method)."""
    return {
        (seed, samples, row["confidence"], row["method"]): row["cost"]
        for seed in SEEDS
        for samples in SIZES
        for row in station_cells(tiny, seed, samples, [0.8, 0.95, 0.99], SIZES[-1], 50)
    }


def test_stochastic_below_every_robust_form_below_robust_in_every_single_cell(cost) -> None:
    for (seed, samples, confidence, method), found in cost.items():
        cell = (seed, samples, confidence)
        assert cost[*cell, "deterministic"] <= found + 1e-6
        if method.startswith("dro"):
            assert cost[*cell, "sp"] - 1e-6 <= found <= cost[*cell, "ro"] + 1e-6


def mean_cost(cost, samples: int, confidence: float, method: str) -> float:
    return float(np.mean([cost[seed, samples, confidence, method] for seed in SEEDS]))


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_wasserstein_falls_with_the_sample_towards_stochastic(cost, confidence: float) -> None:
    dro = [mean_cost(cost, n, confidence, "dro-wasserstein") for n in SIZES]
    sp = [mean_cost(cost, n, confidence, "sp") for n in SIZES]
    assert dro[0] > dro[1] > dro[2]
    gap = np.subtract(dro, sp)
    assert gap[0] > gap[1] > gap[2] > 0


@pytest.mark.parametrize("method", ["sp", "dro-wasserstein", "dro-moment"])
@pytest.mark.parametrize("samples", SIZES)
def test_cost_rises_with_confidence(cost, method: str, samples: int) -> None:
    rising = [mean_cost(cost, samples, c, method) for c in (0.8, 0.95, 0.99)]
    assert rising[0] < rising[1] < rising[2]


def test_robust_and_deterministic_plans_depend_on_neither_sample_nor_confidence(cost) -> None:
    for method in ("deterministic", "ro"):
        for seed in SEEDS:
            assert len({cost[seed, n, c, method] for n in SIZES for c in (0.8, 0.95, 0.99)}) == 1


@pytest.mark.parametrize(("scale", "same"), [(0.0, Method.SP), (1e6, Method.RO)])
def test_no_radius_is_stochastic_and_a_huge_one_robust(
    tiny: Case, draws: StationDraws, scale: float, same: Method
) -> None:
    defaults = replace(tiny.risk, radius_scale=scale)
    sides = (draws.learn_kw[:200], 0.05, draws.lowest_kw, draws.highest_kw, defaults)
    ball, _ = station_margins(Method.WASSERSTEIN, *sides)
    other, _ = station_margins(same, *sides)
    np.testing.assert_array_equal(ball, other)


def test_the_moment_margin_is_cantellis(tiny: Case, draws: StationDraws) -> None:
    sample = draws.learn_kw[:200]
    unbounded = np.full_like(draws.highest_kw, np.inf)
    found, _ = station_margins(Method.MOMENT, sample, 0.1, draws.lowest_kw, unbounded, tiny.risk)
    by_hand = np.maximum(np.mean(sample, axis=0) + 3 * np.std(sample, axis=0), 0)
    np.testing.assert_allclose(found, by_hand)


@pytest.mark.parametrize("samples", [50, 200, 1000])
def test_cross_validation_takes_the_least_scale_that_holds_on_held_out_samples(
    draws: StationDraws, samples: int
) -> None:
    sample, risk = draws.learn_kw[:samples], 0.1
    chosen = cross_validated_scale(sample, risk, draws.highest_kw)

    def held_out(scale: float) -> float:
        rates = []
        for fold in range(5):
            out = np.arange(samples) % 5 == fold
            choice = RiskChoice(risk=risk, radius_scale=scale)
            bought = margin(sample[~out], choice, draws.highest_kw).clip(0)
            rates.append(np.mean(sample[out] > bought))
        return float(np.mean(rates))

    assert held_out(chosen) <= risk
    before = SCALES[: SCALES.index(chosen)]
    assert all(held_out(scale) > risk for scale in before)


def test_larger_samples_extend_smaller_ones_and_methods_share_them(tiny: Case) -> None:
    few, many = draw_stations(tiny, 5, 100, 30), draw_stations(tiny, 5, 100, 60)
    np.testing.assert_array_equal(few.learn_kw, many.learn_kw)
    assert not np.isin(few.learn_kw, few.fresh_kw[Distribution.NORMAL]).any()
    rows = station_cells(tiny, 5, 80, [0.9], 100, 30)
    assert len({row["outcomes"]["normal"]["promised_violation"] for row in rows}) == 1


def test_a_method_keeps_out_of_sample_what_it_promises_and_breaks_where_the_mean_has_shifted(
    tiny: Case,
) -> None:
    rows = station_cells(tiny, 1, 3000, [0.9], 3000, 2000)
    rate = {row["method"]: row["outcomes"] for row in rows}
    assert rate["sp"]["normal"]["out_of_sample_violation"] == pytest.approx(0.1, abs=0.01)
    assert rate["dro-wasserstein"]["normal"]["worst_violation"] < 0.1
    assert rate["ro"]["normal"]["worst_violation"] < 0.01
    assert not rate["deterministic"]["normal"]["kept"]
    assert not rate["sp"]["shifted"]["kept"]
    for method in ("sp", "dro-wasserstein", "ro"):
        shifted, normal = (rate[method][d] for d in ("shifted", "normal"))
        assert shifted["out_of_sample_violation"] > normal["out_of_sample_violation"]
    # Beyond 2.5 sd heavy tails weigh more than normal ones, within they weigh less.
    robust, stochastic = rate["ro"], rate["sp"]
    assert {m["normal"]["promised_violation"] for m in (robust, stochastic)} == {0.1}
    for found, heavier in ((robust, True), (stochastic, False)):
        heavy, normal = (found[d]["out_of_sample_violation"] for d in ("heavy", "normal"))
        assert (heavy > normal) == heavier


def test_realised_cost_is_the_plan_and_every_difference_settled_by_hand(
    tiny: Case, draws: StationDraws
) -> None:
    margin_kw, _ = station_margins(
        Method.SP, draws.learn_kw[:100], 0.1, draws.lowest_kw, draws.highest_kw, tiny.risk
    )
    plan = plan_stations(tiny, draws.expected_kw, margin_kw)
    errors_kw = draws.fresh_kw[Distribution.NORMAL][:3]
    cost, short = realised_cost(tiny, plan, errors_kw)
    for scenario in range(3):
        bill, missing = plan.cost, 0.0
        for hour in range(tiny.hours):
            for station in range(len(tiny.stations)):
                gap = errors_kw[scenario, hour, station] - margin_kw[hour, station]
                if gap > 0:
                    bill += EMERGENCY_MULTIPLE * tiny.tariff.buy_per_kwh[hour] * gap
                    missing += gap
                else:
                    bill -= tiny.tariff.sell_per_kwh[hour] * -gap
        assert cost[scenario] == pytest.approx(bill)
        assert short[scenario] == pytest.approx(missing)


def test_demand_that_is_planned_unserved_is_bought_in_real_time_instead_of_paid_as_unserved(
    tiny: Case, draws: StationDraws
) -> None:
    weak = replace(
        tiny,
        stations=tuple(replace(s, grid_limit_kw=5.0, pv_kw=0.0) for s in tiny.stations),
    )
    none = np.zeros_like(draws.highest_kw)
    plan = plan_stations(weak, draws.expected_kw, none)
    unserved_kwh = -plan.cover_kw.sum()
    assert unserved_kwh > 1
    cost, short = realised_cost(weak, plan, np.zeros((1, *none.shape)))
    assert short[0] == pytest.approx(unserved_kwh, abs=1e-4)
    bought = EMERGENCY_MULTIPLE * (-plan.cover_kw.sum(axis=1) @ weak.tariff.buy_per_kwh)
    paid_as_unserved = weak.tariff.unserved_per_kwh * unserved_kwh
    assert cost[0] == pytest.approx(plan.cost - paid_as_unserved + bought, abs=1e-3)


def test_heavy_scores_are_students_t_of_unit_variance_and_keep_their_correlation() -> None:
    count = 20_000
    z = generator(3, "scores").standard_normal((count, 1, 2))
    z[..., 1] = 0.6 * z[..., 0] + 0.8 * z[..., 1]
    heavy = (z * heavy_factor(3, "test", count, 1))[:, 0]
    assert kstest(heavy[:, 0] * np.sqrt(3), t(3).cdf).pvalue > 0.01
    assert spearmanr(*heavy.T).statistic == pytest.approx(spearmanr(*z[:, 0].T).statistic, abs=0.05)
    # The extremes of two sources come together, which those of a normal copula do not.
    beyond = np.abs(heavy) > 5
    assert np.mean(beyond.all(axis=1)) > 5 * np.prod(beyond.mean(axis=0))


def test_violation_rates_and_their_intervals() -> None:
    beyond = generator(1, "violations").random((400, 3, 2)) < [0.01, 0.1]
    found = violations(beyond, lambda hour, limit: f"{hour}/{limit}")
    count = beyond.sum(axis=0)
    hour, limit = np.unravel_index(count.argmax(), count.shape)
    assert found.worst_limit == f"{hour}/{limit}"
    exact = binomtest(int(count.max()), 400).proportion_ci(1 - 0.05 / 6, method="exact")
    assert (found.worst_low, found.worst_high) == pytest.approx((exact.low, exact.high))
    assert found.mean == pytest.approx(beyond.mean())
    assert found.joint == pytest.approx(np.mean([[r.any() for r in s] for s in beyond]))
    assert found.mean_low < 0.055 < found.mean_high
    assert found.row(0.05)["kept"] == (exact.low <= 0.05)


def test_the_interval_of_the_mean_holds_when_limits_of_a_scenario_fail_together() -> None:
    """Clopper and Pearson over all limits would claim far more than 400 scenarios can tell."""
    inside = 0
    for seed in range(200):
        bad = generator(seed, "together").random(400) < 0.05
        found = violations(np.repeat(bad, 60).reshape(400, 3, 20), lambda hour, limit: "")
        inside += found.mean_low <= 0.05 <= found.mean_high
    assert inside >= 180
