"""Bounds from samples: equations (22) to (24) by hand, and what they are for on normal samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from roadvolt.planning.fdn.bounds import nominal_bounds
from roadvolt.planning.fdn.case import FdnCase
from roadvolt.planning.fdn.choices import Algorithm
from roadvolt.planning.fdn.margins import Breaches, Outcome, count_breaches, next_bounds, tighter
from roadvolt.planning.fdn.plan import Plan
from roadvolt.planning.fdn.propagation import StageState
from roadvolt.planning.fdn.reinforcement import ratings_pu
from roadvolt.planning.fdn.risks import risks_of

RISK = 0.05
SD = 0.02
NEAR = 1e-4  #: quantiles of evenly spread scores, interpolated
NONE = np.zeros(0)
#: Standard normal scores of 4001 samples, evenly spread: quantiles are known.
SCORES = norm.ppf((np.arange(4001) + 0.5) / 4001)


@pytest.fixture
def case(tpc84: FdnCase) -> FdnCase:
    return tpc84


def plan(case: FdnCase, reinforced: tuple[tuple[str, ...], ...] = ()) -> Plan:
    stages = len(case.stages)
    empty = np.zeros((stages, 0))
    return Plan(
        sops=((),) * stages,
        evcs_kva=empty,
        evcs_rated_kw=empty,
        pv_kva=empty,
        pv_rated_kw=empty,
        reinforced=reinforced,
    )


def outcome(case: FdnCase, v_pu: np.ndarray, i_pu: np.ndarray, **changes: object) -> Outcome:
    """Samples spread normally around the plan, with ``SD`` everywhere."""
    built = plan(case, **changes)  # type: ignore[arg-type]
    states = tuple(
        StageState(
            v_pu=v_pu[u] + SD * SCORES[:, None],
            i_pu=i_pu[u] + SD * SCORES[:, None],
            i_max_pu=ratings_pu(case, built)[u],
            network_loss_kw=NONE,
            sop_loss_kw=NONE,
            terminals=np.zeros(0, dtype=np.int64),
            p_kw=NONE,
            q_kvar=NONE,
        )
        for u in range(len(case.stages))
    )
    return Outcome(plan=built, v_pu=v_pu, i_pu=i_pu, states=states, risks=risks_of(case, states))


def flat(case: FdnCase, value: float) -> np.ndarray:
    return np.full((len(case.stages), len(case.network.buses)), value)


def breaches(found: Outcome) -> Breaches:
    return count_breaches(None, found.risks, RISK)


def test_a_general_margin_takes_off_what_the_quantile_is_beyond_the_limit(case: FdnCase) -> None:
    found = outcome(case, flat(case, 0.96), flat(case, 1.0))
    after = next_bounds(case, nominal_bounds(case), found, breaches(found), Algorithm.GENERAL, RISK)
    beyond = 0.95 - (0.96 + SD * norm.ppf(RISK))
    assert beyond > 0
    assert after.v_min_pu == pytest.approx(flat(case, 0.95 + beyond), abs=NEAR)


def test_a_modified_margin_starts_at_the_plan_and_asks_for_a_smaller_risk(case: FdnCase) -> None:
    found = outcome(case, flat(case, 1.04), flat(case, 1.0))
    after = next_bounds(
        case, nominal_bounds(case), found, breaches(found), Algorithm.MODIFIED, RISK
    )
    # The distance from plan to quantile, taken off the limit: the next plan keeps the penalised
    # risk if the distance stays.
    distance = SD * norm.ppf(1 - RISK * np.exp(-1 / 30))
    assert after.v_max_pu == pytest.approx(flat(case, 1.05 - distance), abs=NEAR)
    assert np.array_equal(after.v_min_pu, flat(case, 0.95)), "kept limits stay as they are"


def test_a_limit_that_breaks_its_promise_again_is_penalised_more(case: FdnCase) -> None:
    found = outcome(case, flat(case, 1.0), flat(case, case.i_max_pu - SD))
    once = breaches(found)
    thrice = count_breaches(count_breaches(once, found.risks, RISK), found.risks, RISK)
    assert thrice.overload.min() == thrice.overload.max() == 3
    arguments = (case, nominal_bounds(case), found)
    bounds = [
        next_bounds(*arguments, counted, Algorithm.MODIFIED, RISK).i_max_pu
        for counted in (once, thrice)
    ]
    gain = SD * (norm.ppf(1 - RISK * np.exp(-3 / 30)) - norm.ppf(1 - RISK * np.exp(-1 / 30)))
    assert bounds[0] - bounds[1] == pytest.approx(flat(case, gain), abs=NEAR)


def test_margins_on_all_constraints_hold_for_kept_limits_too(case: FdnCase) -> None:
    found = outcome(case, flat(case, 1.0), flat(case, 1.0))
    assert found.risks.worst < RISK
    arguments = (case, nominal_bounds(case), found, breaches(found))
    everywhere = next_bounds(*arguments, Algorithm.ALL_CONSTRAINTS, RISK)
    distance = SD * norm.ppf(1 - RISK)
    assert everywhere.v_max_pu == pytest.approx(flat(case, 1.05 - distance), abs=NEAR)
    assert everywhere.v_min_pu == pytest.approx(flat(case, 0.95 + distance), abs=NEAR)
    assert everywhere.i_max_pu == pytest.approx(flat(case, case.i_max_pu - distance), abs=NEAR)
    for algorithm in (Algorithm.GENERAL, Algorithm.MODIFIED):
        untouched = next_bounds(*arguments, algorithm, RISK)
        assert np.array_equal(untouched.i_max_pu, flat(case, case.i_max_pu))


def test_bounds_never_pass_the_opposite_limit(case: FdnCase) -> None:
    found = outcome(case, flat(case, 0.90), flat(case, 2 * case.i_max_pu))
    bounds = replace(nominal_bounds(case), v_min_pu=flat(case, 1.02))
    after = next_bounds(case, bounds, found, breaches(found), Algorithm.GENERAL, RISK)
    assert after.v_min_pu.max() < 1.05
    assert after.i_max_pu.min() > 0


def test_what_a_larger_line_gains_is_left_to_the_plan(case: FdnCase) -> None:
    """The bound is of the line as it was: the plan adds half a rating where it is larger."""
    larger = 1.5 * case.i_max_pu
    reinforced = (tuple(case.network.heads),) * len(case.stages)
    found = outcome(case, flat(case, 1.0), flat(case, larger - SD), reinforced=reinforced)
    after = next_bounds(
        case, nominal_bounds(case), found, breaches(found), Algorithm.MODIFIED, RISK
    )
    distance = SD * norm.ppf(1 - RISK * np.exp(-1 / 30))
    expected = flat(case, larger - distance - 0.5 * case.i_max_pu)
    assert after.i_max_pu == pytest.approx(expected, abs=NEAR)


def test_the_tighter_bounds_are_taken_in_the_stages_asked_for(case: FdnCase) -> None:
    wide = nominal_bounds(case)
    tight = replace(
        wide,
        v_min_pu=flat(case, 0.97),
        v_max_pu=flat(case, 1.03),
        i_max_pu=flat(case, 1.0),
    )
    stages = np.array([False, True, False, False])
    mixed = tighter(wide, tight, stages)
    for name in ("v_min_pu", "v_max_pu", "i_max_pu"):
        found, other = getattr(mixed, name), getattr(wide, name)
        assert np.array_equal(found[1], getattr(tight, name)[1])
        assert np.array_equal(found[~stages], other[~stages])
