"""Judge: linear programs over mixtures that make up all distributions of a shape."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.stats import norm

from roadvolt.uncertainty.ambiguity import Shape, safety_factor

ENDS = np.linspace(-12, 12, 1201)  # in standard deviations


def largest_violation(mean, square, violation):
    """sup of the violation over mixtures of zero mean and unit variance."""
    moments = np.stack([np.ones_like(mean), mean, square])
    answer = linprog(-violation, A_eq=moments, b_eq=[1, 0, 1], bounds=(0, None), method="highs")
    return -answer.fun


def any_distribution(k):
    ends = np.append(ENDS, k)
    return largest_violation(ends, ends**2, np.greater_equal(ends, k) * 1.0)


def symmetric(k):
    half = np.append(ENDS[ENDS >= 0], k)
    return largest_violation(0 * half, half**2, 0.5 * (half > k - 1e-9))


def symmetric_unimodal(k):
    half = ENDS[ENDS > 0]
    share = np.maximum(half - k, 0) / (2 * half)
    return largest_violation(0 * half, half**2 / 3, share)


def unimodal(k):
    """Khinchine: a mixture of uniforms, all with one end at the mode; the worst of the modes."""
    # The mode is at most sqrt(3) standard deviations from the mean.
    return max(_with_mode(mode, k) for mode in [min(k, 1.7), *np.linspace(-1.6, 1.6, 33)])


def _with_mode(mode, k):
    ends = np.append(ENDS, mode)
    low, high = np.minimum(ends, mode), np.maximum(ends, mode)
    share = np.clip((high - k) / np.maximum(high - low, 1e-9), 0, 1)
    share[(low == high) & (low >= k)] = 1  # all at the mode
    return largest_violation((low + high) / 2, (low**2 + low * high + high**2) / 3, share)


@pytest.mark.parametrize("risk", [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.45])
@pytest.mark.parametrize(
    ("shape", "worst"),
    [
        (Shape.CANTELLI, any_distribution),
        (Shape.SYMMETRIC, symmetric),
        (Shape.UNIMODAL, unimodal),
        (Shape.SYMMETRIC_UNIMODAL, symmetric_unimodal),
    ],
)
def test_the_worst_distribution_of_a_shape_violates_exactly_the_risk(shape, worst, risk):
    # The grid of ends costs up to some thousandths, the grid of modes a per cent.
    assert worst(safety_factor(shape, risk)) == pytest.approx(risk, rel=0.015, abs=1e-3)


def test_the_normal_factor_is_the_normal_quantile():
    assert safety_factor(Shape.GAUSSIAN, 0.05) == pytest.approx(norm.ppf(0.95))
    assert safety_factor(Shape.GAUSSIAN, 0.5) == 0


@pytest.mark.parametrize("risk", np.linspace(0.005, 0.5, 34))
def test_knowing_more_never_needs_a_larger_factor(risk):
    factor = {shape: safety_factor(shape, risk) for shape in Shape}
    assert factor[Shape.CANTELLI] >= factor[Shape.UNIMODAL] >= factor[Shape.SYMMETRIC_UNIMODAL]
    assert factor[Shape.CANTELLI] >= factor[Shape.SYMMETRIC] >= factor[Shape.SYMMETRIC_UNIMODAL]
    assert factor[Shape.SYMMETRIC_UNIMODAL] >= factor[Shape.GAUSSIAN] >= 0


@pytest.mark.parametrize("risk", [0, -0.1, 0.51, float("nan")])
def test_a_risk_outside_its_range_is_refused(risk):
    with pytest.raises(ValueError, match="risk"):
        safety_factor(Shape.CANTELLI, risk)
