"""What each method adds to the stations' demand so that the chance constraint holds."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from ...core.units import FloatArray
from ...uncertainty.ambiguity import Shape, safety_factor
from ...uncertainty.margins import RiskChoice, RiskTreatment, margin
from ...uncertainty.radius import RadiusRule
from ..case import RiskDefaults
from .design import Method

#: Scales C that cross-validation tries, from none (stochastic) on.
SCALES: Final = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0)
_FOLDS: Final = 5


def station_margins(
    method: Method,
    errors_kw: FloatArray,
    risk: float,
    lowest_kw: FloatArray,
    highest_kw: FloatArray,
    defaults: RiskDefaults,
) -> tuple[FloatArray, float]:
    """Margins [time, station], >= 0, and the scale of the ambiguity radius (NaN: there is none).

    For the same samples sp <= every dro <= ro: the empirical distribution is in every ambiguity
    set (also in that of its own mean and variance), and all of them live on the support.

    Args:
        method: the treatment.
        errors_kw: the sample [scenario, time, station].
        risk: allowed violation probability of every station and hour.
        lowest_kw: smallest possible error [time, station].
        highest_kw: largest possible error [time, station].
        defaults: the case's radius rule.
    """
    scale = math.nan
    if method is Method.DETERMINISTIC:
        found = np.zeros_like(highest_kw)
    elif method is Method.MOMENT:
        found = _moment(errors_kw, risk, highest_kw)
    elif method is Method.CROSS_VALIDATED:
        scale = cross_validated_scale(errors_kw, risk, highest_kw)
        found = margin(errors_kw, _scaled(risk, scale), highest_kw)
    else:
        choice = _choice(method, risk, defaults)
        if method is Method.WASSERSTEIN and choice.radius_rule is RadiusRule.SCALED:
            scale = choice.radius_scale
        found = margin(errors_kw, choice, highest_kw, support_min=lowest_kw)
    # Against a surplus no margin is needed: PV is curtailed.
    return np.maximum(found, 0.0), scale


def cross_validated_scale(errors_kw: FloatArray, risk: float, highest_kw: FloatArray) -> float:
    """The smallest C of ``SCALES`` whose margins keep the promise on samples held out.

    The sample is dealt into five folds; margins are set on four and judged on the fifth, by the
    violation frequency averaged over folds, stations and hours. It is the least radius of which
    the data themselves say that it is enough; the largest scale if none is.
    """
    for scale in SCALES:
        if _held_out_violation(errors_kw, risk, highest_kw, scale) <= risk:
            return scale
    return SCALES[-1]


def _held_out_violation(
    errors_kw: FloatArray, risk: float, highest_kw: FloatArray, scale: float
) -> float:
    fold = np.arange(len(errors_kw)) % _FOLDS
    rates = []
    for k in range(_FOLDS):
        bought = margin(errors_kw[fold != k], _scaled(risk, scale), highest_kw)
        rates.append((errors_kw[fold == k] > np.maximum(bought, 0.0)).mean())
    return float(np.mean(rates))


def _scaled(risk: float, scale: float) -> RiskChoice:
    return RiskChoice(
        treatment=RiskTreatment.DRO,
        risk=risk,
        radius_rule=RadiusRule.SCALED,
        radius_scale=scale,
    )


def _choice(method: Method, risk: float, defaults: RiskDefaults) -> RiskChoice:
    treatments = {
        Method.SP: RiskTreatment.SP,
        Method.WASSERSTEIN: RiskTreatment.DRO,
        Method.RO: RiskTreatment.RO,
    }
    return RiskChoice(
        treatment=treatments[method],
        risk=risk,
        radius_rule=defaults.radius_rule,
        radius_scale=defaults.radius_scale,
        radius_confidence=defaults.radius_confidence,
        radius_fixed=defaults.radius_kw,
    )


def _moment(errors_kw: FloatArray, risk: float, highest_kw: FloatArray) -> FloatArray:
    """Cantelli: mean + sqrt((1 - risk) / risk) sd, and never beyond the support."""
    factor = safety_factor(Shape.CANTELLI, risk)
    reach = errors_kw.mean(axis=0) + factor * errors_kw.std(axis=0)
    return np.asarray(np.minimum(reach, highest_kw))
