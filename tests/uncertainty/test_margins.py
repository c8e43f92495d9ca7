"""Judges: the transport program of the worst case, the published mixed-integer form, laws."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from roadvolt.uncertainty.margins import (
    RiskChoice,
    RiskTreatment,
    empirical_quantile,
    margin,
    worst_case_quantile,
)
from roadvolt.uncertainty.radius import RadiusRule
from roadvolt.uncertainty.seeds import generator

SP, DRO, RO = RiskTreatment.SP, RiskTreatment.DRO, RiskTreatment.RO

errors_kw = hnp.arrays(
    np.float64,
    st.integers(1, 40),
    elements=st.floats(-50, 50, allow_nan=False, width=32),
)
risks = st.sampled_from([0.01, 0.05, 0.1, 0.25, 1 / 3, 0.5, 0.9])
radii_kw = st.floats(0, 100, allow_nan=False)


def worst_case_probability(samples, limit, radius):
    """sup P(e > limit) over the W1 ball: what share of every atom to move up to the limit."""
    count, distance = len(samples), np.maximum(limit - samples, 0)
    answer = linprog(
        -np.full(count, 1 / count),
        A_ub=[distance / count],
        b_ub=[radius],
        bounds=(0, 1),
        method="highs",
    )
    return -answer.fun


def chen_kuhn_wiesemann(samples, risk, radius):
    """min s of the exact mixed-integer form: columns s, t, r_i, q_i (q_i = 1: unsafe sample)."""
    count = len(samples)
    big = 2 * np.ptp(samples) + 10 * radius / risk + 1
    identity, zero = np.eye(count), np.zeros((count, 1))
    budget = np.concatenate([[0, risk * count], -np.ones(count), np.zeros(count)])
    safe = np.hstack([zero + 1, zero - 1, identity, big * identity])
    unsafe = np.hstack([zero, zero - 1, identity, -big * identity])
    lower = np.concatenate([[radius * count], samples, np.full(count, -big)])
    answer = milp(
        np.eye(1, 2 + 2 * count)[0],
        constraints=LinearConstraint(np.vstack([budget, safe, unsafe]), lower, np.inf),
        integrality=np.repeat([0, 1], [2 + count, count]),
        bounds=Bounds(
            np.concatenate([[-np.inf], np.zeros(1 + 2 * count)]),
            np.concatenate([np.full(2 + count, np.inf), np.ones(count)]),
        ),
        options={"mip_rel_gap": 0},
    )
    return answer.x[0]


@pytest.mark.parametrize("trial", range(40))
def test_the_worst_case_quantile_is_the_least_limit_that_no_transport_breaks(trial):
    rng = generator(trial, "transport trial")
    samples = rng.gamma(2, 10, int(rng.integers(5, 60))) - 20
    risk, radius = rng.choice([0.03, 0.05, 0.1, 0.25, 0.4]), rng.choice([0.01, 0.1, 0.5, 2.0])
    limit = float(worst_case_quantile(samples, risk, radius, np.inf))
    assert worst_case_probability(samples, limit, radius) <= risk + 1e-9
    assert worst_case_probability(samples, limit - 1e-4, radius) > risk


@pytest.mark.parametrize("trial", range(12))
def test_the_worst_case_quantile_is_the_optimum_of_the_mixed_integer_form(trial):
    rng = generator(trial, "mixed-integer trial")
    samples = rng.normal(0, 10, int(rng.integers(6, 18)))
    risk, radius = rng.choice([0.1, 0.2, 0.25]), rng.choice([0.05, 0.5, 2.0])
    closed = float(worst_case_quantile(samples, risk, radius, np.inf))
    assert closed == pytest.approx(chen_kuhn_wiesemann(samples, risk, radius), abs=1e-5)


def test_a_hand_worked_margin():
    # Of 10 samples the worst 20 % are 9 and 10, each of weight 0.1. Moving both to m costs
    # 0.1 (m - 9) + 0.1 (m - 10)+; 0.05 reaches m = 9.5, and 0.3 reaches 0.2 m - 1.9 = 0.3.
    samples = np.arange(1.0, 11.0)
    assert empirical_quantile(samples, 0.2) == 8
    assert worst_case_quantile(samples, 0.2, 0.05, np.inf) == pytest.approx(9.5)
    assert worst_case_quantile(samples, 0.2, 0.3, np.inf) == pytest.approx(11)
    assert worst_case_quantile(samples, 0.2, 0.3, 10.5) == 10.5


@pytest.mark.parametrize("risk", [0.01, 0.05, 0.07, 0.1, 0.29, 0.5, 0.58, 0.95])
@pytest.mark.parametrize("count", [1, 7, 20, 100])
def test_the_empirical_quantile_is_numpys_inverted_cdf(risk, count):
    samples = generator(count, "quantile").normal(size=count)
    # numpy's own level (1 - risk) count may round across a whole number; nudge it back.
    expected = np.quantile(samples, 1 - risk - 1e-12, method="inverted_cdf")
    assert empirical_quantile(samples, risk) == expected


@given(errors_kw, risks, st.sampled_from(list(RadiusRule)), st.floats(0, 60))
def test_stochastic_below_robustified_below_robust_exactly(samples, risk, rule, headroom):
    support = samples.max() + headroom
    choice = RiskChoice(risk=risk, radius_rule=rule, radius_fixed=1.5)
    low, middle, high = (
        margin(samples, replace(choice, treatment=treatment), support, support_min=-60.0)
        for treatment in (SP, DRO, RO)
    )
    assert low <= middle <= high == support


@given(errors_kw, risks, radii_kw, radii_kw)
def test_a_larger_radius_never_lowers_the_margin(samples, risk, one, other):
    small, large = sorted([one, other])
    assert worst_case_quantile(samples, risk, small, 70.0) <= worst_case_quantile(
        samples, risk, large, 70.0
    )


@given(errors_kw, risks, risks, radii_kw)
def test_a_smaller_risk_never_lowers_the_margin(samples, one, other, radius):
    strict, lax = sorted([one, other])
    lowered = worst_case_quantile(samples, lax, radius, 70.0)
    assert worst_case_quantile(samples, strict, radius, 70.0) >= lowered - 1e-9


@given(errors_kw, risks)
def test_radius_nought_is_stochastic_and_a_huge_radius_is_robust(samples, risk):
    support = samples.max() + 3
    assert worst_case_quantile(samples, risk, 0.0, support) == empirical_quantile(samples, risk)
    # 100 kW of mean transport exceed any need on a support of 103 kW, at a risk up to 0.9.
    for radius in (1e3, np.inf):
        assert worst_case_quantile(samples, risk, radius, support) == support


@given(errors_kw, risks, radii_kw, st.floats(-100, 100), st.floats(0.1, 10))
def test_the_margin_moves_and_scales_with_the_errors(samples, risk, radius, shift, scale):
    base = worst_case_quantile(samples, risk, radius, 70.0)
    moved = worst_case_quantile(scale * samples + shift, risk, scale * radius, scale * 70.0 + shift)
    # At radius nought a jump separates sp from dro, which rounding to radius 0 would cross.
    if radius == 0 or scale * radius > 0:
        assert moved == pytest.approx(scale * base + shift, abs=1e-7)


@given(errors_kw, risks, st.sampled_from(list(RadiusRule)), st.randoms(use_true_random=False))
def test_the_order_of_the_samples_does_not_matter(samples, risk, rule, random):
    shuffled = samples.copy()
    random.shuffle(shuffled)
    choice = RiskChoice(risk=risk, radius_rule=rule, radius_fixed=0.7)
    one, other = (margin(each, choice, 60.0, support_min=-60.0) for each in (samples, shuffled))
    assert one == pytest.approx(other, abs=1e-9)


@given(errors_kw, risks, radii_kw)
def test_the_margin_stays_below_the_robustified_conditional_value_at_risk(samples, risk, radius):
    levels = np.sort(samples)[::-1]
    weights = np.diff(np.minimum(np.arange(len(samples) + 1) / len(samples), risk))
    tail_mean = weights @ levels / risk
    assert worst_case_quantile(samples, risk, radius, np.inf) <= tail_mean + radius / risk + 1e-7


@settings(max_examples=20)
@given(st.integers(0, 1000), risks, st.sampled_from(list(RadiusRule)))
def test_a_batch_is_what_its_elements_are_one_by_one(seed, risk, rule):
    samples = generator(seed, "batch").normal(0, [[1], [5], [20]], (25, 3, 2))
    support, floor = samples.max(axis=0) + 2, samples.min(axis=0) - 2
    choice = RiskChoice(risk=risk, radius_rule=rule, radius_fixed=0.3)
    batch = margin(samples, choice, support, support_min=floor)
    for place in np.ndindex(3, 2):
        at = (slice(None), *place)
        single = margin(samples[at], choice, support[place], support_min=floor[place])
        assert batch[place] == pytest.approx(float(single), rel=1e-12)


def test_margins_of_fresh_samples_are_violated_as_seldom_as_promised():
    # 300 stations of 200 samples each: the mean violation of dro stays below the risk, that of
    # the empirical quantile does not, being about risk + (1 - risk) / N.
    rng = generator(0, "coverage")
    samples, fresh = rng.gamma(3, 5, (200, 300)), rng.gamma(3, 5, (4000, 300))
    choice = RiskChoice(risk=0.05)
    violated = {
        treatment: np.mean(fresh > margin(samples, replace(choice, treatment=treatment), 1e3))
        for treatment in (SP, DRO)
    }
    assert violated[DRO] < 0.03 < 0.05 < violated[SP] < 0.06


def test_margins_of_a_city_of_stations_take_less_than_a_second():
    samples = generator(0, "speed").normal(0, 10, (200, 24, 512))
    start = time.process_time()
    margin(samples, RiskChoice(), 100.0)
    assert time.process_time() - start < 1


def test_a_sample_beyond_the_declared_support_is_refused():
    with pytest.raises(ValueError, match="exceeds the declared support by 2"):
        margin(np.array([[1.0, 5.0], [0.0, 2.0]]), RiskChoice(), np.array([1.0, 3.0]))


def test_the_concentration_rule_takes_the_diameter_of_the_support():
    # N = 2000, diameter 6 + 4 and confidence 1 - 1/e: the radius is 10 sqrt(2 / 2000).
    samples = generator(0, "wide").uniform(-4, 6, 2000)
    choice = RiskChoice(
        risk=0.3, radius_rule=RadiusRule.CONCENTRATION, radius_confidence=1 - np.exp(-1)
    )
    expected = worst_case_quantile(samples, 0.3, 10 * np.sqrt(1e-3), 6.0)
    assert margin(samples, choice, 6.0, support_min=-4.0) == pytest.approx(float(expected))
    assert expected < 6


def test_the_concentration_rule_asks_for_the_smallest_error():
    with pytest.raises(ValueError, match="support_min"):
        margin(np.zeros(5), RiskChoice(radius_rule=RadiusRule.CONCENTRATION), 1.0)


@pytest.mark.parametrize(
    "fault",
    [{"risk": 0.0}, {"risk": 1.0}, {"radius_fixed": -1.0}, {"radius_scale": float("nan")},
     {"radius_confidence": 1.0}],
)  # fmt: skip
def test_a_meaningless_choice_is_refused(fault):
    with pytest.raises(ValueError, match=next(iter(fault))):
        RiskChoice(**fault)
