"""The operator's review: what an envelope promises is kept; a grid at fault says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roadvolt.agents import dso as dso_module
from roadvolt.agents.dso import Dso, OperatorCase
from roadvolt.agents.messages import AdjustmentSignal, Approval, Submission, WithdrawalLimits
from roadvolt.core.errors import AgreementError, InfeasibleError, SolveError
from roadvolt.grid.feeder import ConnectionPoint
from roadvolt.grid.opf_options import OpfOptions
from roadvolt.sims.agreement import reach_agreement
from roadvolt.sims.case import load_case

THIRD = (1 / 3, 1 / 3, 1 / 3)


def operator(overrides, asked_at):
    case = load_case("tiny", overrides=overrides)
    points = tuple(ConnectionPoint(id=f"at {bus}", bus=bus, share=THIRD) for bus in asked_at)
    return Dso(
        OperatorCase(
            feeder=replace(case.feeder, generators=()),
            day=case.grid_day,
            error_model=replace(case.error_model, load_sd=0.001, wind_sd=0.001),
            points=points,
            options=OpfOptions(upstream_share_max=1.0),
            samples=50,
            seed=1,
            backoff_kw=0.5,
            anchor_passes=1,
        )
    )


def submission(kw, limits=None, number=1):
    kw = np.asarray(kw, dtype=float)
    return Submission(
        round=number, withdrawal_kw=kw, limits=limits or WithdrawalLimits.none(*kw.shape)
    )


def test_any_answer_to_an_envelope_is_approved_even_if_no_directions_are_found(monkeypatch):
    dso = operator({"lines.L2.s_max_kva_per_phase": "150"}, ["3", "3"])
    asked = np.tile([400.0, 300.0], (6, 1))
    signal = dso.review(submission(asked), last_round=True)
    assert isinstance(signal, AdjustmentSignal)
    assert signal.limits.envelope
    assert np.all(signal.limits.lower_kw <= 0)
    assert np.all(signal.limits.upper_kw >= 0)
    honest = dso_module.solve_opf

    def no_directions(*args, charging=None, **rest):
        if charging is None:
            raise SolveError("optimal power flow", "clarabel", "no directions")
        return honest(*args, charging=charging, **rest)

    monkeypatch.setattr(dso_module, "solve_opf", no_directions)
    rng = np.random.default_rng(3)
    lower, upper = signal.limits.lower_kw, signal.limits.upper_kw
    for _ in range(3):
        corner = np.where(rng.random(asked.shape) < 0.5, lower, upper)
        assert isinstance(dso.review(submission(corner, signal.limits, 2), True), Approval)


def test_a_failed_solver_is_not_taken_for_a_refusal(monkeypatch):
    def stops_short(*args, **rest):
        raise SolveError("optimal power flow", "clarabel", "inexact")

    dso = operator({}, ["3"])
    monkeypatch.setattr(dso_module, "solve_opf", stops_short)
    with pytest.raises(SolveError, match="inexact"):
        dso.review(submission(np.zeros((6, 1))), last_round=False)


@pytest.fixture
def needing():
    """Line L2, 100 kVA, carries 133 kVA on phase b at 4:00: only feeding in behind it helps."""
    dso = operator({"lines.L2.s_max_kva_per_phase": "100"}, ["3", "3"])
    return dso, np.tile([-150.0, 300.0], (6, 1))


def ends(dso, propose, shape):
    return reach_agreement(
        WithdrawalLimits.none(*shape),
        propose,
        dso.review,
        max_rounds=1,
        stations=("relief", "burden"),
        watch=lambda event: None,
    )


def test_a_grid_that_needs_its_stations_names_stations_and_limits(needing):
    dso, asked = needing
    with pytest.raises(AgreementError, match="if stations stand idle") as caught:
        ends(dso, lambda number, limits: submission(asked, limits, number), asked.shape)
    assert caught.value.rounds == 2
    assert caught.value.stations == ("burden",)
    assert "line L2 phase b" in caught.value.blocking[0]


def test_a_grid_that_needs_its_stations_approves_them_if_they_go_on_helping(needing):
    dso, asked = needing

    def within(number, limits):
        return submission(np.clip(asked, limits.lower_kw, limits.upper_kw), limits, number)

    agreement = ends(dso, within, asked.shape)
    assert [turn.verdict for turn in agreement.rounds] == ["adjusted", "approved"]
    np.testing.assert_allclose(agreement.proposal.withdrawal_kw[:, 0], -150, atol=0.1)


def test_a_grid_that_nobody_helps_is_said_to_be_at_fault_itself(needing):
    dso, asked = needing
    with pytest.raises(InfeasibleError, match="grid without any station") as caught:
        dso.review(submission(np.maximum(asked, 0)), last_round=False)
    assert "raise the ratings" in caught.value.remedy
