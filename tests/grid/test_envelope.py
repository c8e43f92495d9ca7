"""The operating envelope: every corner can be dispatched, and it is as large as it may be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roadvolt.core.errors import InfeasibleError
from roadvolt.grid import limited_solve
from roadvolt.grid.envelope import operating_envelope
from roadvolt.grid.feeder import ConnectionPoint
from roadvolt.grid.forecast_errors import ErrorMoments, fit_moments, sample_errors, support_kw
from roadvolt.grid.opf import solve_opf
from roadvolt.grid.opf_model import build_opf
from roadvolt.uncertainty.seeds import generator

EVEN = (1 / 3, 1 / 3, 1 / 3)


def tight_feeder(feeder33):
    ratings = {"17": 150.0, "32": 150.0}
    lines = tuple(replace(k, s_max_kva=ratings.get(k.id, k.s_max_kva)) for k in feeder33().lines)
    return replace(feeder33(), lines=lines)


@pytest.fixture(scope="module")
def model(feeder33, day, error_model):
    feeder, hours = tight_feeder(feeder33), day(slice(17, 20))
    errors_kw = sample_errors(feeder, hours, error_model, generator(1, "errors"), 1000)
    moments = fit_moments(errors_kw, support_kw(feeder, hours, error_model))
    return build_opf(feeder, hours, moments)


POINTS = tuple(ConnectionPoint(id=b, bus=b, share=EVEN) for b in ("18", "18", "33", "25"))
AROUND = np.tile([150.0, -80.0, 120.0, 60.0], (3, 1))


def test_every_corner_of_the_box_can_be_dispatched(model):
    lower, upper, _ = operating_envelope(model, POINTS, AROUND)
    rng = np.random.default_rng(7)
    for _ in range(8):
        corner = np.where(rng.random(AROUND.shape) < 0.5, lower, upper)
        assert np.isfinite(solve_opf(model, POINTS, corner).cost.total)


def test_the_box_holds_zero_and_what_was_agreed(model):
    lower, upper, _ = operating_envelope(model, POINTS, AROUND)
    assert np.all(lower <= 0)
    assert np.all(upper >= 0)
    assert np.all(lower <= np.minimum(AROUND, 0) + 0.5)
    assert np.all(upper >= np.maximum(AROUND, 0) - 0.5)


def test_the_box_reaches_the_line_that_bounds_it(model):
    # Both stations of bus 18 at their upper end, 20 kW more: line 17 gives way.
    _, upper, _ = operating_envelope(model, POINTS, AROUND)
    beyond = upper + np.array([20.0, 0, 0, 0])
    with pytest.raises(InfeasibleError, match="line 17"):
        solve_opf(model, POINTS, beyond)


def test_stations_alike_get_ranges_alike(feeder33, day):
    feeder, hours = tight_feeder(feeder33), day(slice(17, 18))
    sources = len(feeder.loads) + len(feeder.wind_turbines)
    certain = ErrorMoments(
        covariance=np.zeros((1, sources, sources)), support_kw=np.zeros((1, sources))
    )
    model = build_opf(feeder, hours, certain)
    lower, upper, _ = operating_envelope(model, POINTS[:2], np.array([[100.0, 100.0]]))
    assert upper[0, 0] == pytest.approx(upper[0, 1], abs=0.5)
    assert lower[0, 0] == pytest.approx(lower[0, 1], abs=0.5)


def test_an_exchange_that_rests_on_mutual_relief_is_cut(feeder33, day):
    # 600 kW in and 600 kW out at one bus: alone, each would overload line 17 (3 x 150 kVA).
    feeder, hours = tight_feeder(feeder33), day(slice(17, 18))
    sources = len(feeder.loads) + len(feeder.wind_turbines)
    certain = ErrorMoments(
        covariance=np.zeros((1, sources, sources)), support_kw=np.zeros((1, sources))
    )
    model = build_opf(feeder, hours, certain)
    solve_opf(model, POINTS[:2], np.array([[600.0, -600.0]]))
    lower, upper, _ = operating_envelope(model, POINTS[:2], np.array([[600.0, -600.0]]))
    assert upper[0].sum() < 450
    assert lower[0].sum() > -600


def test_a_crowd_of_rows_may_enter_in_groups(model, monkeypatch):
    whole = operating_envelope(model, POINTS, AROUND)
    monkeypatch.setattr(limited_solve, "CROWD", 10)
    groups = operating_envelope(model, POINTS, AROUND)
    np.testing.assert_allclose(groups.lower_kw, whole.lower_kw, atol=0.5)
    np.testing.assert_allclose(groups.upper_kw, whole.upper_kw, atol=0.5)
