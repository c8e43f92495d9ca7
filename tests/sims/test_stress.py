"""The stress study: perturbed days end with an agreement or a named reason, never in between."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roadvolt.agents.messages import AdjustmentSignal, Approval, Submission, WithdrawalLimits
from roadvolt.agents.policy import AdjustmentPolicy
from roadvolt.agents.pool import LocalPool
from roadvolt.agents.runtime import LocalRuntime
from roadvolt.core.errors import MessageLost
from roadvolt.core.units import frozen
from roadvolt.grid.feeder import ConnectionPoint
from roadvolt.sims.campaign import ROWS_FILE
from roadvolt.sims.case import Case, load_case
from roadvolt.sims.options import EpisodeOptions
from roadvolt.sims.parties import Parties
from roadvolt.sims.stress import plan
from roadvolt.sims.stress.boundary import find_boundary
from roadvolt.sims.stress.fingerprint import fingerprint
from roadvolt.sims.stress.linear_limits import Excess, worst_excess
from roadvolt.sims.stress.outcome import jain, judge
from roadvolt.sims.stress.perturbations import Kind, Perturbation, draw_perturbations
from roadvolt.sims.stress.perturbed_day import PerturbedDay, perturb
from roadvolt.sims.stress.play import Played, Trace, play, play_undisturbed
from roadvolt.sims.stress.schema import STRESS_TABLES
from roadvolt.sims.stress.summary import LINEAR_TOLERANCE
from roadvolt.sims.study import begin_study, reopen_study, run_study
from roadvolt.uncertainty.margins import RiskTreatment

OPTIONS = EpisodeOptions(
    samples=40, fresh_samples=60, shards=1, gap=1e-2, max_iterations=3000, max_trading_rounds=4
)


@pytest.fixture(scope="module")
def tiny() -> Case:
    return load_case("tiny")


def narrowed(case: Case, left: float) -> Case:
    """All that passes L1 is too much for it: somebody has to be cut."""
    lines = tuple(
        replace(line, s_max_kva=left * line.s_max_kva) if line.id == "L1" else line
        for line in case.feeder.lines
    )
    return replace(case, feeder=replace(case.feeder, lines=lines))


def played(case: Case, **options: object) -> Trace:
    day = PerturbedDay(case=case, truth=np.ones(len(case.stations)))
    return play(day, replace(OPTIONS, **options))


@pytest.fixture(scope="module")
def plain(tiny: Case) -> Played:
    """The day on which nothing goes wrong."""
    day = played(tiny).played
    assert day is not None
    return day


@pytest.fixture(scope="module")
def narrow(tiny: Case) -> dict[AdjustmentPolicy, Trace]:
    """The day with a narrow line, under every policy."""
    case = narrowed(tiny, 0.56)
    return {policy: played(case, policy=policy) for policy in AdjustmentPolicy}


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


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(severity=st.floats(0.01, 1.0), seed=st.integers(0, 10**6))
def test_spoilt_messages_end_in_the_same_agreement_or_are_named_as_lost(
    tiny: Case, plain: Played, severity: float, seed: int
) -> None:
    faults = perturb(tiny, one(Kind.MESSAGE_FAULTS, severity), seed).faults
    day = PerturbedDay(case=tiny, truth=np.ones(len(tiny.stations)), faults=faults)
    trace = play(day, OPTIONS)
    if trace.played is None:
        assert isinstance(trace.error, MessageLost)
        assert severity > 0.5
    else:
        assert fingerprint(trace.played.agreement) == fingerprint(plain.agreement)


def test_the_worst_post_loses_messages_for_good(tiny: Case) -> None:
    trace = play(perturb(tiny, one(Kind.MESSAGE_FAULTS, 1.0), 3), OPTIONS)
    assert isinstance(trace.error, MessageLost)
    assert trace.resent > 0


def test_an_agreement_other_than_that_of_the_undisturbed_twin_is_counted(
    tiny: Case, plain: Played
) -> None:
    day = perturb(tiny, one(Kind.MESSAGE_FAULTS, 0.5), seed=3)
    twin = play_undisturbed(day, OPTIONS)
    assert twin == fingerprint(plain.agreement)
    trace = Trace(played=plain)
    assert not judge(day, trace, twin)["episode"]["changed_by_messages"]
    assert judge(day, trace, twin[::-1])["episode"]["changed_by_messages"]
    assert judge(day, trace, "InfeasibleError: ..")["episode"]["changed_by_messages"]


def test_the_fingerprint_of_an_agreement_hangs_on_every_number(plain: Played) -> None:
    (turn,) = plain.agreement.rounds
    price = np.array(turn.proposal.price_per_kwh)
    price.flat[0] = np.nextafter(price.flat[0], np.inf)
    other = replace(turn, proposal=replace(turn.proposal, price_per_kwh=frozen(price)))
    assert fingerprint(replace(plain.agreement, rounds=(other,))) != fingerprint(plain.agreement)


def test_a_lie_is_felt_by_the_wires_alone_and_breaks_no_promise_in_silence(
    tiny: Case, plain: Played
) -> None:
    day = perturb(tiny, one(Kind.STATION_LIES, 1.0), 3)
    lying = play(day, OPTIONS)
    assert lying.played is not None
    assert fingerprint(lying.played.agreement) == fingerprint(plain.agreement)
    assert lying.played.verification.loss_kwh != plain.verification.loss_kwh
    row = judge(day, lying)["episode"]
    assert not row["kept_promise"]
    assert row["breach"]
    assert not row["silent_violation"]
    honest = replace(day, truth=np.ones(3))
    assert judge(honest, lying)["episode"]["silent_violation"]


def test_who_leaves_under_way_draws_and_trades_nothing(tiny: Case) -> None:
    day = perturb(tiny, one(Kind.STATION_LEAVES, 0.5), seed=3)
    plan = play(day, OPTIONS).played
    assert plan is not None
    (gone,) = (k for k, s in enumerate(tiny.stations) if s.id in day.leaving)
    schedule = plan.agreement.proposal.schedule
    assert np.abs(schedule.withdrawal_kw[:, gone]).max() < 1e-9
    assert np.abs(schedule.trade_kw[:, gone]).max() < 1e-9
    assert np.abs(np.delete(schedule.withdrawal_kw, gone, axis=1)).max() > 1


def test_limits_tightened_under_way_are_those_that_count(tiny: Case, plain: Played) -> None:
    day = perturb(tiny, one(Kind.LIMITS_TIGHTENED, 0.6), seed=3)
    trace = play(day, OPTIONS)
    assert day.case is tiny
    assert trace.played is not None
    assert trace.played.case.feeder.limits.vur_max < tiny.feeder.limits.vur_max
    assert not any(turn.adjusted_kw.any() for turn in plain.agreement.rounds)
    assert trace.adjusted_kwh > 0


def test_roofs_feed_in_what_nobody_may_stop(tiny: Case) -> None:
    sunny = perturb(tiny, one(Kind.PV_SURGE, 0.5), seed=3).case
    fed_in = tiny.grid_day.load_factor - sunny.grid_day.load_factor
    assert np.allclose(fed_in, 1.5 * tiny.pv_factor)
    assert [s.pv_kw for s in sunny.stations] == [5.5 * s.pv_kw for s in tiny.stations]


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
    trace = played(crowded)
    assert trace.played is not None
    assert trace.played.linear.amount <= LINEAR_TOLERANCE


def test_a_narrower_line_costs_stations_more(
    tiny: Case, narrow: dict[AdjustmentPolicy, Trace]
) -> None:
    costs = []
    middle = narrow[AdjustmentPolicy.PROJECTION]
    for trace in (played(narrowed(tiny, 0.6)), middle, played(narrowed(tiny, 0.54))):
        assert trace.played is not None
        costs.append(trace.played.limited.cost - trace.played.free.cost)
    assert 0 <= costs[0] <= costs[1] < costs[2]


@pytest.mark.parametrize("policy", list(AdjustmentPolicy))
def test_under_every_policy_the_approved_day_is_within_the_linear_limits(
    tiny: Case, narrow: dict[AdjustmentPolicy, Trace], policy: AdjustmentPolicy
) -> None:
    day = PerturbedDay(case=narrowed(tiny, 0.56), truth=np.ones(3))
    row = judge(day, narrow[policy])["episode"]
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


def judged_anew(day: Played, case: Case, **options: object) -> Excess:
    """The approved day held against the limits of another case, or other options."""
    points = tuple(ConnectionPoint(id=s.id, bus=s.bus, share=s.phase_share) for s in case.stations)
    agreement = day.agreement
    choices = replace(OPTIONS, **options)
    dispatch, withdrawal_kw = agreement.approval.dispatch, agreement.proposal.withdrawal_kw
    return worst_excess(case, choices, points, dispatch, withdrawal_kw)


def test_a_day_at_its_limits_exceeds_them_when_they_shrink(
    narrow: dict[AdjustmentPolicy, Trace],
) -> None:
    day = narrow[AdjustmentPolicy.PROJECTION].played
    assert day is not None
    smaller = judged_anew(day, narrowed(day.case, 0.97))
    # The polygon's inner radius stays, so 3 % less rating is 3.1 % of the rating that is left.
    assert smaller.limit.startswith("line L1 phase")
    assert 0.02 < smaller.amount < 0.032
    limits = day.case.feeder.limits
    for field, tight, words in (
        ("vm_max_pu", 0.97, "highest voltage"),
        ("vm_min_pu", 1.03, "lowest voltage"),
        ("vur_max", 0.0, "voltage unbalance"),
    ):
        feeder = replace(day.case.feeder, limits=replace(limits, **{field: tight}))
        beyond = judged_anew(day, replace(day.case, feeder=feeder))
        assert beyond.amount > LINEAR_TOLERANCE
        assert beyond.limit.startswith(words)


def test_a_day_approved_at_one_risk_exceeds_the_margins_of_a_smaller_one(tiny: Case) -> None:
    day = played(narrowed(tiny, 0.54), treatment=RiskTreatment.SP).played
    assert day is not None
    assert judged_anew(day, day.case, treatment=RiskTreatment.SP).amount <= LINEAR_TOLERANCE
    for stricter in ({"treatment": RiskTreatment.SP, "confidence": 0.97}, {}):
        assert judged_anew(day, day.case, **stricter).amount > 100 * LINEAR_TOLERANCE


def test_flows_that_loads_do_not_make_are_an_excess(tiny: Case, plain: Played) -> None:
    approval = plain.agreement.approval
    dispatch = replace(approval.dispatch, line_p_kw=1.5 * approval.dispatch.line_p_kw)
    (turn,) = plain.agreement.rounds
    turn = replace(turn, answer=replace(approval, dispatch=dispatch))
    wrong = replace(plain, agreement=replace(plain.agreement, rounds=(turn,)))
    assert judged_anew(wrong, tiny).limit.startswith("stated flow of line")


def test_prices_cost_stations_no_more_than_the_smallest_change(
    narrow: dict[AdjustmentPolicy, Trace],
) -> None:
    days = [narrow[p].played for p in (AdjustmentPolicy.PROJECTION, AdjustmentPolicy.PRICE)]
    costs = [day.limited.cost for day in days if day is not None]
    assert len(costs) == 2
    assert costs[1] <= costs[0] * (1 + 1e-3)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
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


@pytest.mark.parametrize(
    ("kind", "outcome", "binding"),
    [
        (Kind.DEMAND_SPIKE, "InfeasibleError", "line L1 phase"),
        (Kind.MESSAGE_FAULTS, "MessageLost", "transport"),
        (Kind.STATION_LIES, "promise_broken", "loading of line"),
    ],
)
def test_the_boundary_lies_between_what_agrees_and_what_does_not(
    tiny: Case, kind: Kind, outcome: str, binding: str
) -> None:
    found = find_boundary(tiny, kind, OPTIONS, bisections=2)["boundary"]
    assert found["fails_from"] - found["agreed_up_to"] == pytest.approx(0.25)
    assert found["agreed_up_to"] > 0
    assert found["outcome"] == outcome
    assert found["binding"].startswith(binding)


def test_where_all_agree_the_boundary_is_that_of_a_day_left_as_it_is(tiny: Case) -> None:
    found = find_boundary(tiny, Kind.ROAD_CLOSURE, OPTIONS, bisections=1)["boundary"]
    assert (found["agreed_up_to"], found["fails_from"]) == (1.0, None)
    assert found["adjusted_from"] is None
    assert found["binding"] == ""


def test_jains_index_is_one_for_equals_and_a_share_for_one_who_bears_all() -> None:
    assert jain(np.array([0.2, 0.2, 0.2])) == pytest.approx(1)
    assert jain(np.array([0.0, 0.5, 0.0])) == pytest.approx(1 / 3)
    assert np.isnan(jain(np.zeros(3)))


def test_a_study_cut_short_and_resumed_ends_like_one_that_was_not(
    tiny: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two boundaries are as good as ten to see them interrupted.
    kept = (Kind.ROAD_CLOSURE, Kind.MESSAGE_FAULTS)
    monkeypatch.setattr(plan, "_WITHOUT_BOUNDARY", tuple(k for k in Kind if k not in kept))
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
    for name, table in whole.tables.items():
        pd.testing.assert_frame_equal(resumed.tables[name], table, check_exact=True)
