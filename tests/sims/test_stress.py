"""The stress study: perturbed days end with an agreement or a named reason, never in between."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roadvolt.agents.messages import AdjustmentSignal, Approval, Submission, WithdrawalLimits
from roadvolt.agents.policy import AdjustmentPolicy
from roadvolt.agents.pool import LocalPool
from roadvolt.agents.runtime import LocalRuntime
from roadvolt.core.units import frozen
from roadvolt.sims.campaign import ROWS_FILE
from roadvolt.sims.case import Case, load_case
from roadvolt.sims.options import EpisodeOptions
from roadvolt.sims.parties import Parties
from roadvolt.sims.stress.boundary import find_boundary
from roadvolt.sims.stress.outcome import jain, judge
from roadvolt.sims.stress.perturbations import Kind, Perturbation, draw_perturbations
from roadvolt.sims.stress.perturbed_day import PerturbedDay, perturb
from roadvolt.sims.stress.play import Trace, play
from roadvolt.sims.stress.schema import STRESS_TABLES
from roadvolt.sims.stress.summary import LINEAR_TOLERANCE
from roadvolt.sims.study import begin_study, reopen_study, run_study

OPTIONS = EpisodeOptions(
    samples=40, fresh_samples=60, shards=1, gap=5e-3, max_iterations=3000, max_trading_rounds=4
)


@pytest.fixture(scope="module")
def tiny() -> Case:
    return load_case("tiny")


@pytest.fixture(scope="module")
def narrow(tiny: Case) -> Case:
    """All that passes L1 is too much for it: somebody has to be cut."""
    lines = tuple(
        replace(line, s_max_kva=0.56 * line.s_max_kva) if line.id == "L1" else line
        for line in tiny.feeder.lines
    )
    return replace(tiny, feeder=replace(tiny.feeder, lines=lines))


def played(case: Case, **options: object) -> Trace:
    day = PerturbedDay(case=case, truth=np.ones(len(case.stations)))
    return play(day, replace(OPTIONS, **options))


def one(kind: Kind, severity: float) -> tuple[Perturbation, ...]:
    return (Perturbation(kind=kind, severity=severity),)


@pytest.mark.parametrize("kind", list(Kind))
def test_at_severity_zero_nothing_changes(tiny: Case, kind: Kind) -> None:
    day = perturb(tiny, one(kind, 0.0), seed=3)
    assert day.case is tiny
    assert day.later is None
    assert day.faults is None
    assert not day.lied
    assert not day.kills


def test_harmless_perturbations_leave_the_plan_as_it_is(tiny: Case) -> None:
    """Spoilt messages and lies change what arrives and what is true, never what is agreed."""
    plain = played(tiny).played
    assert plain is not None
    for kind, severity in ((Kind.MESSAGE_FAULTS, 0.5), (Kind.STATION_LIES, 1.0)):
        other = play(perturb(tiny, one(kind, severity), seed=3), OPTIONS).played
        assert other is not None
        assert np.array_equal(
            other.agreement.proposal.withdrawal_kw, plain.agreement.proposal.withdrawal_kw
        )


def test_a_lie_is_felt_by_the_wires_alone(tiny: Case) -> None:
    honest, lying = (
        played(tiny).played,
        play(perturb(tiny, one(Kind.STATION_LIES, 1.0), 3), OPTIONS),
    )
    assert honest is not None
    assert lying.played is not None
    loss = [p.verification.loss_kwh for p in (honest, lying.played)]
    assert loss[0] != loss[1]
    assert not judge(perturb(tiny, one(Kind.STATION_LIES, 1.0), 3), lying)["episode"][
        "silent_violation"
    ]


def test_who_leaves_under_way_draws_and_trades_nothing(tiny: Case) -> None:
    day = perturb(tiny, one(Kind.STATION_LEAVES, 0.5), seed=3)
    plan = play(day, OPTIONS).played
    assert plan is not None
    (gone,) = (k for k, s in enumerate(tiny.stations) if s.id in day.leaving)
    schedule = plan.agreement.proposal.schedule
    assert np.abs(schedule.withdrawal_kw[:, gone]).max() < 1e-9
    assert np.abs(schedule.trade_kw[:, gone]).max() < 1e-9
    assert np.abs(np.delete(schedule.withdrawal_kw, gone, axis=1)).max() > 1


def test_limits_tightened_under_way_are_those_that_count(tiny: Case) -> None:
    day = perturb(tiny, one(Kind.LIMITS_TIGHTENED, 0.95), seed=3)
    trace = play(day, OPTIONS)
    assert day.case is tiny
    assert trace.played is not None
    assert trace.played.case.feeder.limits.vur_max < tiny.feeder.limits.vur_max
    assert trace.adjusted_kwh > played(tiny).adjusted_kwh


def test_the_same_thing_gets_worse_at_the_same_place(tiny: Case) -> None:
    for severity in (0.3, 0.9):
        ratings = [
            perturb(tiny, one(Kind.LINE_DERATING, s), 5).case.feeder.lines
            for s in (severity / 2, severity)
        ]
        changed = [
            k
            for k, (a, b) in enumerate(zip(*ratings, strict=True))
            if not a.s_max_kva == b.s_max_kva == tiny.feeder.lines[k].s_max_kva
        ]
        assert len(changed) == 1
        assert ratings[0][changed[0]].s_max_kva > ratings[1][changed[0]].s_max_kva


def test_a_crowd_stands_at_one_bus_and_is_linked(tiny: Case) -> None:
    crowded = perturb(tiny, one(Kind.CROWDED_LATERAL, 0.2), seed=3).case
    new = crowded.stations[len(tiny.stations) :]
    assert len(new) == 30
    assert len({station.bus for station in new}) == 1
    assert len(crowded.links) == len(tiny.links) + 30
    assert played(crowded).played is not None


def test_a_narrower_line_costs_stations_more(tiny: Case) -> None:
    costs = []
    for left in (0.6, 0.56, 0.54):
        lines = tuple(
            replace(line, s_max_kva=left * line.s_max_kva) if line.id == "L1" else line
            for line in tiny.feeder.lines
        )
        trace = played(replace(tiny, feeder=replace(tiny.feeder, lines=lines)))
        assert trace.played is not None
        costs.append(trace.played.limited.cost - trace.played.free.cost)
    assert 0 <= costs[0] <= costs[1] < costs[2]


@pytest.mark.parametrize("policy", list(AdjustmentPolicy))
def test_under_every_policy_the_approved_day_is_within_the_linear_limits(
    narrow: Case, policy: AdjustmentPolicy
) -> None:
    trace = played(narrow, policy=policy)
    day = PerturbedDay(case=narrow, truth=np.ones(len(narrow.stations)))
    row = judge(day, trace)["episode"]
    assert row["outcome"] == "agreed"
    assert row["adjusted_kwh"] > 0
    assert row["linear_excess"] <= LINEAR_TOLERANCE
    assert row["kept_promise"]
    assert row["adjustment_cost"] > 0
    assert 1 / 3 <= row["fairness"] <= 1
    assert row["forensics"].startswith("line L1 phase")


def test_signals_of_the_paper_speak_to_the_strained_bus_only(tiny: Case) -> None:
    stations = tuple(
        replace(s, pv_kw=900.0, grid_limit_kw=1200.0) if s.id == "S3" else s for s in tiny.stations
    )
    lines = tuple(
        replace(line, s_max_kva=60.0) if line.id == "L2" else line for line in tiny.feeder.lines
    )
    case = replace(tiny, stations=stations, feeder=replace(tiny.feeder, lines=lines))
    withdrawal_kw = frozen(np.tile([-280.0, -5.0, -300.0], (case.hours, 1)))
    limits = WithdrawalLimits.none(case.hours, 3)
    first = Submission(round=1, withdrawal_kw=withdrawal_kw, limits=limits)
    with LocalRuntime() as runtime:
        parties = Parties(case, replace(OPTIONS, policy=AdjustmentPolicy.PAPER), runtime)
        signal = parties.review(first, False)
        assert isinstance(signal, AdjustmentSignal)
        again = replace(first, round=2, withdrawal_kw=signal.permitted_kw, limits=signal.limits)
        assert isinstance(parties.review(again, False), Approval)
    asked = (np.abs(signal.adjustment_kw) > 0).any(axis=(0, 2))
    assert [s.id for s, was in zip(tiny.stations, asked, strict=True) if was] == ["S3", "S4"]
    assert np.isinf(signal.limits.lower_kw[:, 2]).all()
    assert np.isinf(signal.limits.upper_kw).all()


def test_prices_cost_stations_no_more_than_the_smallest_change(narrow: Case) -> None:
    by_policy = {
        policy: played(narrow, policy=policy).played
        for policy in (AdjustmentPolicy.PROJECTION, AdjustmentPolicy.PRICE)
    }
    costs = [p.limited.cost for p in by_policy.values() if p is not None]
    assert len(costs) == 2
    assert costs[1] <= costs[0] * (1 + 1e-3)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(day=st.integers(0, 20), policy=st.sampled_from(list(AdjustmentPolicy)))
def test_every_episode_ends_with_an_agreement_or_a_named_reason(
    tiny: Case, day: int, policy: AdjustmentPolicy
) -> None:
    perturbed = perturb(tiny, draw_perturbations(7, day), seed=day)
    trace = play(perturbed, replace(OPTIONS, policy=policy))
    row = judge(perturbed, trace)["episode"]
    assert row["outcome"] != "unnamed"
    assert row["outcome"] == "agreed" or row["reason"]
    assert trace.rounds <= OPTIONS.max_trading_rounds + 1
    assert not row["silent_violation"]
    assert row.get("linear_excess", 0.0) <= LINEAR_TOLERANCE
    json.dumps(judge(perturbed, trace))


def test_the_boundary_lies_between_what_agrees_and_what_does_not(tiny: Case) -> None:
    found = find_boundary(tiny, Kind.LIMITS_TIGHTENED, OPTIONS, bisections=2)["boundary"]
    if found["fails_from"] is not None:
        assert found["fails_from"] - found["agreed_up_to"] == pytest.approx(0.25)
        assert found["outcome"] == "InfeasibleError"
        assert found["reason"]
    spoilt = find_boundary(tiny, Kind.ROAD_CLOSURE, OPTIONS, bisections=1)["boundary"]
    assert (spoilt["agreed_up_to"], spoilt["fails_from"]) == (1.0, None)


def test_jains_index_is_one_for_equals_and_a_share_for_one_who_bears_all() -> None:
    assert jain(np.array([0.2, 0.2, 0.2])) == pytest.approx(1)
    assert jain(np.array([0.0, 0.5, 0.0])) == pytest.approx(1 / 3)
    assert np.isnan(jain(np.zeros(3)))


def test_a_study_cut_short_and_resumed_ends_like_one_that_was_not(
    tiny: Case, tmp_path: Path
) -> None:
    asked = {"quick": True, "episodes": 3, "seed": 1, "policies": ["projection"]}
    whole = run_study(begin_study(tmp_path / "a", tiny, "stress", asked, False), LocalPool())
    assert {n: list(t.columns) for n, t in whole.tables.items()} == {
        name: list(columns) for name, columns in STRESS_TABLES.items()
    }
    for key in ("status", "episodes", "agreed", "named_failures"):
        assert key in whole.summary
    assert whole.summary["unnamed_failures"] == whole.summary["silent_violations"] == 0
    cut = begin_study(tmp_path / "b", tiny, "stress", asked, False)
    rows = (whole.folder / ROWS_FILE).read_text().splitlines(keepends=True)
    (cut.folder / ROWS_FILE).write_text("".join(rows[::2]) + rows[1][:20])
    resumed = run_study(reopen_study(cut.folder), LocalPool())
    assert resumed.summary["result_hash"] == whole.summary["result_hash"]
