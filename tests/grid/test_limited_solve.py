"""What becomes of solves that stop short, of directions that cannot be, and of hints."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roadvolt.core.errors import InfeasibleError, SolveError
from roadvolt.core.solve import CONE_TOLERANCE, Ending
from roadvolt.core.units import frozen
from roadvolt.grid import limited_solve
from roadvolt.grid.cone_builder import ProgramBuilder
from roadvolt.grid.limited_solve import DirectionsError, Hints, solve_limited, solve_relaxed
from roadvolt.grid.opf_model import build_opf
from roadvolt.grid.opf_problem import pose_opf


@pytest.fixture(scope="module")
def model(feeder4, day, certain):
    """A battery holds up the voltage all day: the relaxation charges and discharges at once."""
    battery = replace(
        feeder4.batteries[0], q_per_p_max=3.0, e_min_kwh=0.0, e_max_kwh=200.0, e_start_kwh=100.0
    )
    feeder = replace(
        feeder4,
        generators=(),
        wind_turbines=(),
        batteries=(battery,),
        limits=replace(feeder4.limits, vm_min_pu=0.989),
    )
    hours = replace(
        day(slice(16, 19)),
        load_factor=frozen([1.0] * 3),
        upstream_price_per_kwh=frozen([0.06] * 3),
    )
    return build_opf(feeder, hours, certain(feeder, hours))


def problem(model):
    return pose_opf(model, ProgramBuilder(), model.p_load_kw).limited


def test_a_solve_that_stops_short_is_tried_unscaled_and_then_less_sharply(model, monkeypatch):
    built, _ = problem(model).program.build()
    asked = []

    def stops_short(program, what, solver, tolerance=CONE_TOLERANCE, equilibrate=True):
        asked.append((tolerance, equilibrate))
        raise SolveError(what, solver, Ending.INEXACT, "AlmostSolved")

    monkeypatch.setattr(limited_solve, "solve_cone", stops_short)
    with pytest.raises(SolveError, match="AlmostSolved"):
        limited_solve._solve_stubbornly(built, "test", "clarabel")
    assert asked == [(1e-6, True), (1e-6, False), (pytest.approx(1e-5), False)]


def test_directions_that_fail_for_whatever_reason_make_way_for_others(model, monkeypatch):
    honest, tried = limited_solve._solve_in_modes, []
    expected = solve_limited(model, problem(model), "test").report.objective

    def first_stops_short(*args):
        tried.append(args[4])
        if len(tried) == 1:
            raise SolveError("test", "clarabel", Ending.INEXACT, "AlmostSolved")
        return honest(*args)

    monkeypatch.setattr(limited_solve, "_solve_in_modes", first_stops_short)
    found = solve_limited(model, problem(model), "test")
    assert len(tried) > 1
    assert found.report.objective == pytest.approx(expected, rel=1e-4)
    charge, discharge = (
        found.values[getattr(problem(model).batteries, side)].sum(axis=2)
        for side in ("charge", "discharge")
    )
    assert np.minimum(charge, discharge).max() < 0.01


def test_no_directions_is_said_to_be_something_else_than_no_dispatch(model, monkeypatch):
    def none_will_do(*args):
        raise InfeasibleError("test", "clarabel", ())

    monkeypatch.setattr(limited_solve, "_solve_in_modes", none_will_do)
    assert solve_relaxed(model, problem(model), "test").report.objective > 0
    with pytest.raises(DirectionsError, match="no directions"):
        solve_limited(model, problem(model), "test")


def test_directions_are_given_up_once_they_cost_more_than_others(model):
    whole = solve_limited(model, problem(model), "test").report.objective
    fresh = problem(model)
    progress = limited_solve._begin(model, fresh, Hints())
    with pytest.raises(limited_solve._Dearer):
        limited_solve._solve_rows(model, fresh, progress, "test", ceiling=0.9 * whole)


def test_hints_shorten_the_way_and_not_the_optimum(model):
    hints = Hints()
    first = solve_limited(model, problem(model), "test", hints=hints)
    assert hints.rows.any()
    again = solve_limited(model, problem(model), "test", hints=hints)
    assert again.report.objective == pytest.approx(first.report.objective, rel=1e-5)
    assert again.report.iterations < first.report.iterations


def test_a_crowd_of_rows_is_let_in_whole_once_patience_is_over(model, monkeypatch):
    expected = solve_limited(model, problem(model), "test").report.objective
    monkeypatch.setattr(limited_solve, "CROWD", 0)
    monkeypatch.setattr(limited_solve, "MOST", 1.0)
    patient = solve_limited(model, problem(model), "test").report
    monkeypatch.setattr(limited_solve, "PATIENCE", 0)
    found = solve_limited(model, problem(model), "test").report
    assert found.iterations < patient.iterations
    assert found.objective == pytest.approx(expected, rel=1e-5)
    assert patient.objective == pytest.approx(expected, rel=1e-5)
