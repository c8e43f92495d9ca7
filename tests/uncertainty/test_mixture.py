"""Mixtures against SciPy's normal law, their own inverse, and samples of known origin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from roadvolt.uncertainty.mixture import Mixture, fit_mixture

TWO = Mixture(weights=(0.45, 0.55), means=(0.11, 0.473636), sds=(0.08, 0.2))

weights = st.lists(st.floats(0.05, 1.0), min_size=1, max_size=4)


@st.composite
def mixtures(draw):
    raw = np.array(draw(weights))
    count = len(raw)
    means = draw(st.lists(st.floats(-5, 5), min_size=count, max_size=count))
    sds = draw(st.lists(st.floats(0.01, 3), min_size=count, max_size=count))
    return Mixture(weights=tuple(raw / raw.sum()), means=tuple(means), sds=tuple(sds))


def test_one_component_is_the_normal_law():
    law, mixture = stats.norm(2.0, 0.5), Mixture(weights=(1.0,), means=(2.0,), sds=(0.5,))
    x = np.linspace(0, 4, 41)
    assert mixture.cdf(x) == pytest.approx(law.cdf(x), abs=1e-15)
    assert mixture.pdf(x) == pytest.approx(law.pdf(x), abs=1e-15)
    assert mixture.ppf([0.001, 0.3, 0.5, 0.99]) == pytest.approx(
        law.ppf([0.001, 0.3, 0.5, 0.99]), abs=1e-8
    )


def test_mean_and_spread_are_those_of_the_density():
    moments = [
        integrate.quad(lambda x, k=k: x**k * TWO.pdf(x), -3, 4, epsabs=1e-12)[0] for k in (1, 2)
    ]
    assert TWO.mean == pytest.approx(moments[0], abs=1e-10)
    assert TWO.sd == pytest.approx(np.sqrt(moments[1] - moments[0] ** 2), abs=1e-10)


@given(mixtures())
def test_the_quantile_inverts_the_distribution_and_never_falls(mixture):
    u = np.sort(np.random.default_rng(1).random(2000))
    u = np.concatenate([[1e-12, 1e-6], u, [1 - 1e-6, 1 - 1e-12]])
    u.sort()
    x = mixture.ppf(u)
    assert np.abs(mixture.cdf(x) - u).max() <= 1e-9
    assert np.all(np.diff(x) >= 0)


@given(mixtures(), st.floats(-2, 2))
def test_the_distribution_inverts_the_quantile_where_there_is_density(mixture, x):
    if mixture.pdf(x) > 1e-2:
        assert mixture.ppf(mixture.cdf(x)) == pytest.approx(x, abs=1e-6)


def test_the_quantile_jumps_the_gap_between_distant_components():
    apart = Mixture(weights=(0.3, 0.7), means=(0.0, 100.0), sds=(1.0, 0.01))
    low, high = apart.ppf([0.3 - 1e-6, 0.3 + 1e-6])
    assert low < 6
    assert high > 99.9


def test_certain_probabilities_give_finite_ends():
    assert np.isfinite(TWO.ppf([0.0, 1.0])).all()


def test_shapes_are_kept():
    assert TWO.ppf(np.full((2, 3, 4), 0.5)).shape == (2, 3, 4)
    assert TWO.cdf(0.3).shape == ()


@pytest.mark.parametrize("bounds", [(0, 1), (0, np.inf), (-np.inf, 0.4), (-np.inf, np.inf)])
def test_the_clipped_mean_is_that_of_clipped_values(bounds):
    def clipped(x):
        return np.clip(x, *bounds) * TWO.pdf(x)

    points = [bound for bound in bounds if np.isfinite(bound)]
    expected = integrate.quad(clipped, -2, 4, points=points or None, epsabs=1e-12, limit=200)[0]
    assert TWO.clipped_mean(*bounds) == pytest.approx(expected, abs=1e-10)


def test_a_fit_finds_the_mixture_behind_samples():
    law = Mixture(weights=(0.3, 0.7), means=(1.0, 4.0), sds=(0.4, 0.8))
    samples = law.ppf(np.random.default_rng(3).random(20_000))
    fit = fit_mixture(samples, 2, seed=1)
    assert fit.weights == pytest.approx(law.weights, abs=0.01)
    assert fit.means == pytest.approx(law.means, abs=0.03)
    assert fit.sds == pytest.approx(law.sds, abs=0.03)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_number_of_components_is_found(count):
    law = Mixture(
        weights=(1 / count,) * count,
        means=tuple(5.0 * k for k in range(count)),
        sds=(0.7,) * count,
    )
    samples = law.ppf(np.random.default_rng(5).random(2000))
    assert len(fit_mixture(samples).weights) == count


def test_a_fit_does_not_depend_on_the_unit_of_its_samples():
    samples = TWO.ppf(np.random.default_rng(7).random(2000))
    in_kw, in_mw = fit_mixture(1000 * samples, 2), fit_mixture(samples, 2)
    assert np.array(in_kw.means) == pytest.approx(1000 * np.array(in_mw.means), rel=1e-6)
    assert np.array(in_kw.sds) == pytest.approx(1000 * np.array(in_mw.sds), rel=1e-6)


def test_a_fit_keeps_the_mean_of_its_samples():
    samples = np.random.default_rng(9).gamma(2.0, 1.5, 1000)
    assert fit_mixture(samples).mean == pytest.approx(samples.mean(), rel=1e-9)


def test_samples_without_spread_are_refused():
    with pytest.raises(ValueError, match="needs spread"):
        fit_mixture(np.full(10, 0.4))
