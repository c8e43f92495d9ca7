"""The low-rank approximation: exact on what it can represent, honest on what it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from roadvolt.core.units import FloatArray
from roadvolt.planning.fdn.case import FdnCase
from roadvolt.planning.fdn.draws import draw_factors
from roadvolt.planning.fdn.plan import Plan
from roadvolt.planning.fdn.propagation import propagate
from roadvolt.planning.fdn.recourse import Recourse
from roadvolt.planning.fdn.surrogate import fit_surrogate, relative_error
from roadvolt.uncertainty.seeds import generator


@pytest.fixture(scope="module")
def normals() -> FloatArray:
    return generator(1, "surrogate").standard_normal((800, 6))


def test_a_product_of_straight_lines_is_recovered(normals: FloatArray) -> None:
    slopes = np.array([0.1, -0.2, 0.0, 0.3, 0.05, -0.1])
    truth = np.stack([7 * np.prod(1 + slopes * normals, axis=1), 2 - normals[:, 3]], axis=1)
    found = fit_surrogate(normals[:300], truth[:300], sweeps=12)
    assert relative_error(truth, found.predict(normals)).max() < 1e-3


def test_curves_need_their_degree(normals: FloatArray) -> None:
    truth = (1 + 0.2 * normals[:, :1]) * (2 + normals[:, 1:2] ** 2)
    errors = [
        relative_error(
            truth, fit_surrogate(normals, truth, degree=degree, sweeps=6).predict(normals)
        )[0]
        for degree in (1, 2)
    ]
    assert errors[0] > 0.5
    assert errors[1] < 1e-6


def test_sums_of_products_need_their_rank(normals: FloatArray) -> None:
    a, b = normals[:, :1], normals[:, 1:2]
    truth = (1 + 0.5 * a) * (1 + 0.5 * b) + 2 * (1 - 0.5 * a) * (1 - 0.5 * b)
    one, many = (
        relative_error(
            truth,
            fit_surrogate(normals[:, :2], truth, rank=rank, sweeps=10).predict(normals[:, :2]),
        )[0]
        for rank in (1, 4)
    )
    assert many < 0.3 * one


def test_voltages_are_met_in_their_middle_but_cured_overloads_are_not(
    tpc84: FdnCase, published_plan: Plan
) -> None:
    design = draw_factors(tpc84, 0, 1000, stream="design")
    fresh = draw_factors(tpc84, 0, 2000, stream="fresh")
    bus, branch = tpc84.network.index("9"), tpc84.network.index("77")
    errors, seeming, true = {}, {}, {}
    for recourse in (Recourse.NONE, Recourse.VIOLATION_AWARE):
        known, exact = (
            propagate(tpc84, published_plan, draws, recourse)[3] for draws in (design, fresh)
        )
        response = np.stack([known.v_pu[:, bus], known.i_pu[:, branch]], axis=1)
        found = fit_surrogate(design.normals, response).predict(fresh.normals)
        truth = np.stack([exact.v_pu[:, bus], exact.i_pu[:, branch]], axis=1)
        errors[recourse] = relative_error(truth, found)
        seeming[recourse] = (found[:, 1] > tpc84.i_max_pu).mean()
        true[recourse] = (truth[:, 1] > tpc84.i_max_pu).mean()
    assert errors[Recourse.NONE].max() < 0.3
    assert seeming[Recourse.NONE] == pytest.approx(true[Recourse.NONE], abs=0.05)
    assert errors[Recourse.VIOLATION_AWARE].max() > 0.25
    assert seeming[Recourse.VIOLATION_AWARE] > 4 * true[Recourse.VIOLATION_AWARE]
