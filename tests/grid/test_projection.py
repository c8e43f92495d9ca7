"""The adjustment signal: hand figures, fairness, and that what it permits can be dispatched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roadvolt.core.errors import InfeasibleError
from roadvolt.grid.feeder import ConnectionPoint
from roadvolt.grid.forecast_errors import ErrorMoments, fit_moments, sample_errors, support_kw
from roadvolt.grid.opf import solve_opf
from roadvolt.grid.opf_model import build_opf
from roadvolt.grid.projection import limits_on, project
from roadvolt.uncertainty.seeds import generator

EVEN = (1 / 3, 1 / 3, 1 / 3)


def certain(feeder, day):
    sources = len(feeder.loads) + len(feeder.wind_turbines)
    hours = len(day.load_factor)
    return ErrorMoments(
        covariance=np.zeros((hours, sources, sources)), support_kw=np.zeros((hours, sources))
    )


def with_line(feeder, line, **changes):
    lines = tuple(replace(k, **changes) if k.id == line else k for k in feeder.lines)
    return replace(feeder, lines=lines)


@pytest.fixture(scope="module")
def bare_leaf(feeder33):
    """Chen et al., B3: line 17, to bus 18, may carry 300 kW; no load and no turbine there."""
    feeder = with_line(feeder33(), "17", s_max_kva=100.0)
    return replace(
        feeder,
        loads=tuple(load for load in feeder.loads if load.bus != "18"),
        wind_turbines=(),
    )


@pytest.fixture(scope="module")
def leaf_model(bare_leaf, day):
    hours = day(slice(11, 14))
    return build_opf(bare_leaf, hours, certain(bare_leaf, hours))


def test_500_kw_behind_a_300_kw_line_are_permitted_300_kw_less_the_backoff(leaf_model):
    point = ConnectionPoint(id="EVCS18", bus="18", share=EVEN)
    projection = project(leaf_model, (point,), np.array([[-500.0], [-250.0], [0.0]]))
    # Of a balanced 0.5 kW, a third is on each phase; so is the line's rating.
    np.testing.assert_allclose(projection.permitted_kw[:, 0], [-299.5, -250, 0], atol=0.02)
    np.testing.assert_allclose(projection.adjustment_kw[0, 0], 200.5 / 3, atol=0.01)
    assert projection.binding == tuple(f"line 17 phase {phase} 00:00" for phase in "abc")


def test_stations_on_one_bus_share_the_cut_equally_until_one_has_nothing_left(leaf_model):
    points = tuple(ConnectionPoint(id=f"s{k}", bus="18", share=EVEN) for k in range(3))
    asked = np.array([[-300.0, -300.0, -100.0], [400.0, 20.0, 0.0], [0.0, 0.0, 0.0]])
    projection = project(leaf_model, points, asked, backoff_kw=0.0)
    # 700 -> 300: 133.3 each is more than the third has, so it gives 100 and the others 150.
    np.testing.assert_allclose(projection.permitted_kw[0], [-150, -150, 0], atol=0.05)
    # 420 -> 300: the second gives all of its 20, the first the other 100.
    np.testing.assert_allclose(projection.permitted_kw[1], [300, 0, 0], atol=0.05)


def test_what_can_be_dispatched_is_not_adjusted(leaf_model):
    points = tuple(ConnectionPoint(id=b, bus=b, share=EVEN) for b in ("5", "18"))
    asked = np.array([[100.0, -200.0], [-100.0, 200.0], [50.0, 50.0]])
    projection = project(leaf_model, points, asked)
    np.testing.assert_allclose(projection.permitted_kw, asked, atol=0.02)
    assert projection.binding == ()


def test_an_adjustment_never_turns_a_station_round(leaf_model):
    # The station at 18 could relieve the line by feeding in where another draws; it is not asked to
    points = tuple(ConnectionPoint(id=f"s{k}", bus="18", share=EVEN) for k in range(2))
    projection = project(leaf_model, points, np.array([[900.0, -50.0]] * 3))
    assert projection.permitted_kw[:, 1] == pytest.approx([-50] * 3, abs=0.02)
    assert projection.permitted_kw[:, 0] == pytest.approx([349.5] * 3, abs=0.02)


def test_a_single_phase_station_is_cut_by_its_own_phase_alone(leaf_model):
    points = (ConnectionPoint(id="b", bus="18", share=(0.0, 1.0, 0.0)),)
    projection = project(leaf_model, points, np.full((3, 1), 130.0), backoff_kw=0.0)
    np.testing.assert_allclose(projection.adjustment_kw[0, 0], [0, -30, 0], atol=0.02)
    assert all("phase b" in name for name in projection.binding)


def test_what_is_permitted_under_forecast_errors_can_be_dispatched(feeder33, day, error_model):
    feeder = with_line(feeder33(), "17", s_max_kva=150.0)
    hours = day(slice(17, 21))
    errors_kw = sample_errors(feeder, hours, error_model, generator(1, "errors"), 1000)
    moments = fit_moments(errors_kw, support_kw(feeder, hours, error_model))
    model = build_opf(feeder, hours, moments)
    points = tuple(ConnectionPoint(id=b, bus=b, share=EVEN) for b in ("18", "18", "33", "25"))
    asked = np.tile([400.0, 250.0, 500.0, -200.0], (4, 1))
    with pytest.raises(InfeasibleError, match="line 17 phase a"):
        solve_opf(model, points, asked)
    projection = project(model, points, asked)
    assert np.abs(projection.adjustment_kw).max() > 10
    assert solve_opf(model, points, projection.permitted_kw).cost.total > 0
    # and nothing is left on the table: half of the adjustment would not do
    half = (asked + projection.permitted_kw) / 2
    with pytest.raises(InfeasibleError):
        solve_opf(model, points, half)


def test_a_limit_that_stations_cannot_mend_is_named(feeder33, day):
    feeder = with_line(feeder33(), "24", s_max_kva=50.0)  # 420 kW of load behind it
    hours = day(slice(11, 12))
    model = build_opf(feeder, hours, certain(feeder, hours))
    point = ConnectionPoint(id="s", bus="18", share=EVEN)
    with pytest.raises(InfeasibleError) as caught:
        project(model, (point,), np.array([[100.0]]))
    assert {miss.limit for miss in caught.value.misses} == {
        f"line 24 phase {phase} 00:00" for phase in "abc"
    }
    assert all(miss.unit == "kVA" for miss in caught.value.misses)


def test_limits_keep_a_station_from_moving_its_strain_to_other_hours():
    # Two stations feed in over one row (effect -1 per kW drawn), a third has no part in it.
    effects = np.array([[-1.0, -1.0, 0.0]])
    asked = np.array([[-100.0, -50.0, 30.0], [-20.0, 10.0, 30.0]])
    permitted = np.array([[-60.0, -50.0, 30.0], [-20.0, 10.0, 30.0]])
    room = np.array([[0.0], [24.0]])  # what the row still takes in each hour
    lowest, highest = limits_on(asked, permitted, effects, room)
    # Only the first was asked: what is permitted where it was, all of the room elsewhere.
    np.testing.assert_allclose(lowest, [[-60, -np.inf, -np.inf], [-44, -np.inf, -np.inf]])
    assert np.all(highest == np.inf)
    # Were both asked, they share the room of the other hour; drawing may always fall to zero.
    permitted[0, 1] = -40.0
    lowest, _ = limits_on(asked, permitted, effects, room)
    np.testing.assert_allclose(lowest[:, :2], [[-60, -40], [-32, -2]])
    # The mirror image: drawing too much is bounded from above.
    highest = limits_on(-asked, -permitted, -effects, room)[1]
    np.testing.assert_allclose(highest, -lowest)


def test_whatever_the_other_hours_take_up_to_the_limits_can_be_dispatched(leaf_model):
    points = tuple(ConnectionPoint(id=f"s{k}", bus="18", share=EVEN) for k in range(2))
    asked = np.array([[-300.0, -200.0], [-100.0, 20.0], [0.0, -30.0]])
    projection = project(leaf_model, points, asked)
    assert np.all(np.isfinite(projection.lowest_kw))
    assert np.all(np.isinf(projection.highest_kw))
    solve_opf(leaf_model, points, projection.lowest_kw)
    # and the limit is no tighter than it must be: all of the line's 300 kW less the back-off
    np.testing.assert_allclose(projection.lowest_kw.sum(axis=1), -299.5, atol=0.1)
