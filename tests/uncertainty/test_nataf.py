"""Normal correlations against closed forms, Monte Carlo, and values computed on a finer rule."""

import numpy as np
import pytest
from scipy.special import ndtr

from roadvolt.core.errors import UnreachableCorrelation
from roadvolt.uncertainty.draws import standard_normals
from roadvolt.uncertainty.mixture import Mixture
from roadvolt.uncertainty.nataf import normal_correlation

NORMAL = Mixture(weights=(1.0,), means=(0.3,), sds=(2.0,))
LOAD = Mixture(weights=(0.6, 0.4), means=(0.5375, 0.66875), sds=(0.07875, 0.084))
EV = Mixture(weights=(0.5, 0.5), means=(0.12, 0.52), sds=(0.08, 0.15))
PV = Mixture(weights=(0.45, 0.55), means=(0.11, 0.473636), sds=(0.08, 0.2))


def drawn(first, second, normal, count=400_000):
    z = standard_normals(1, "nataf", count=count, dimension=2)
    second_score = normal * z[:, 0] + np.sqrt(1 - normal**2) * z[:, 1]
    return np.corrcoef(first.ppf(ndtr(z[:, 0])), second.ppf(ndtr(second_score)))[0, 1]


@pytest.mark.parametrize("pearson", [-0.9, -0.3, 0.0, 0.5, 0.99])
def test_normal_laws_keep_their_correlation(pearson):
    assert normal_correlation(NORMAL, NORMAL, pearson) == pytest.approx(pearson, abs=1e-7)


@pytest.mark.parametrize(
    ("mixture", "pearson", "normal"), [(LOAD, 0.5, 0.5009), (EV, 0.3, 0.3156), (PV, 0.8, 0.8140)]
)
def test_correlations_of_the_planning_case_have_known_normal_ones(mixture, pearson, normal):
    assert normal_correlation(mixture, mixture, pearson) == pytest.approx(normal, abs=5e-5)


@pytest.mark.parametrize(
    ("first", "second", "pearson"), [(EV, EV, 0.3), (PV, PV, 0.8), (LOAD, PV, -0.6)]
)
def test_draws_with_the_normal_correlation_have_the_one_asked_for(first, second, pearson):
    normal = normal_correlation(first, second, pearson)
    # Three standard errors of a correlation of 400 000 pairs.
    assert drawn(first, second, normal) == pytest.approx(pearson, abs=0.005)


def test_a_gaussian_and_a_mixture_agree_with_the_closed_form():
    # E[z1 F^-1(Phi(z2))] = r E[z F^-1(Phi(z))], so the ratio of correlations is a constant.
    ratio = normal_correlation(NORMAL, EV, 0.4) / normal_correlation(NORMAL, EV, 0.2)
    assert ratio == pytest.approx(2.0, abs=1e-6)


def test_the_order_of_the_mixtures_does_not_matter():
    forth, back = normal_correlation(LOAD, EV, -0.4), normal_correlation(EV, LOAD, -0.4)
    assert forth == pytest.approx(back, abs=1e-6)


def test_equal_mixtures_can_move_as_one():
    assert normal_correlation(EV, EV, 1.0) == pytest.approx(1.0, abs=1e-6)


def test_what_is_out_of_reach_is_refused_with_the_range_that_is_not():
    with pytest.raises(UnreachableCorrelation, match="allow") as caught:
        normal_correlation(EV, PV, 0.999)
    assert caught.value.highest == pytest.approx(drawn(EV, PV, 1.0), abs=0.005)
    assert caught.value.lowest == pytest.approx(drawn(EV, PV, -1.0), abs=0.005)
    assert normal_correlation(EV, PV, caught.value.highest - 1e-4) > 0.95
