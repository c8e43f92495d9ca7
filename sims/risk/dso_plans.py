"""The operator's day ahead by method or scheme, for withdrawals that are the same for all."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from ...core.errors import InfeasibleError, SolveError
from ...core.units import FloatArray, frozen
from ...grid.anchoring import solve_anchored
from ...grid.dispatch import Dispatch
from ...grid.forecast_errors import (
    ErrorMoments,
    expected_kw,
    fit_moments,
    sample_errors,
    support_kw,
)
from ...grid.opf import solve_opf
from ...grid.opf_model import build_opf
from ...grid.opf_options import OpfOptions
from ...uncertainty.margins import RiskTreatment
from ...uncertainty.seeds import generator
from ..case import Case
from ..options import EpisodeOptions
from .approved import ApprovedDay
from .design import Distribution, Method
from .distributions import disturbed

_TREATMENTS: Final = {
    Method.DETERMINISTIC: RiskTreatment.SP,
    Method.SP: RiskTreatment.SP,
    Method.MOMENT: RiskTreatment.DRO,
    Method.RO: RiskTreatment.RO,
}
#: The methods that the operator's problem knows, each more cautious than the one before.
DSO_METHODS: Final = tuple(_TREATMENTS)

_ANCHOR_PASSES: Final = EpisodeOptions().anchor_passes


def learned_errors(case: Case, seed: int, largest: int) -> FloatArray:
    """Errors to learn from [scenario, time, source]; the first n are the sample of size n."""
    rng = generator(seed, "grid errors", "learn")
    return sample_errors(case.feeder, case.grid_day, case.error_model, rng, largest)


def fresh_errors(case: Case, seed: int, count: int) -> dict[Distribution, FloatArray]:
    """Errors never learned from, under all distributions; shifted: wind one sd below forecast."""
    rng = generator(seed, "grid errors", "fresh")
    errors_kw = sample_errors(case.feeder, case.grid_day, case.error_model, rng, count)
    expected = expected_kw(case.feeder, case.grid_day)
    shift = np.zeros_like(expected)
    shift[:, len(case.feeder.loads) :] = (
        -case.error_model.wind_sd * expected[:, len(case.feeder.loads) :]
    )

    def physical(errors: FloatArray) -> FloatArray:
        return np.clip(errors, -expected, _ceiling_kw(case) - expected)

    return disturbed(errors_kw, shift, seed, "grid", physical)


def worst_errors(case: Case) -> FloatArray:
    """Most load and least wind of the support, all day [1, time, source]."""
    bound = support_kw(case.feeder, case.grid_day, case.error_model)
    sign = np.repeat([1.0, -1.0], [len(case.feeder.loads), len(case.feeder.wind_turbines)])
    return np.asarray(bound * sign)[None]


def moments_of(case: Case, errors_kw: FloatArray, *, correlated: bool = True) -> ErrorMoments:
    """Moments of a sample; without correlation only the variances are kept."""
    bound = support_kw(case.feeder, case.grid_day, case.error_model)
    moments = fit_moments(errors_kw, bound)
    if correlated:
        return moments
    alone = moments.covariance * np.eye(moments.covariance.shape[-1])
    return replace(moments, covariance=frozen(alone))


def plans_by_method(
    day: ApprovedDay, errors_kw: FloatArray, risk: float
) -> dict[Method, Dispatch | InfeasibleError]:
    """The cheapest dispatch of every method, voltages anchored to AC as in an episode.

    A plan that keeps its promise whatever a more cautious method fears keeps it here as well. Which
    of norm and box bounds a limit more tightly is chosen before shares are known, so that such a
    plan is now and then the cheaper one; then it is taken. So costs are ordered, exactly.
    """
    moments = moments_of(day.case, errors_kw)
    plans: dict[Method, Dispatch | InfeasibleError] = {}
    best: Dispatch | InfeasibleError | None = None
    for method in reversed(DSO_METHODS):
        known = _certain(moments) if method is Method.DETERMINISTIC else moments
        options = OpfOptions(
            treatment=_TREATMENTS[method],
            risk=risk,
            upstream_share_max=day.case.upstream_share_max,
        )
        try:
            found: Dispatch | InfeasibleError = anchored_dispatch(day, known, options)
        except InfeasibleError as error:
            found = error
        best = _cheaper(found, best)
        plans[method] = best
    return {method: plans[method] for method in DSO_METHODS}


def _cheaper(
    found: Dispatch | InfeasibleError, best: Dispatch | InfeasibleError | None
) -> Dispatch | InfeasibleError:
    if not isinstance(best, Dispatch):
        return found
    if not isinstance(found, Dispatch):
        return best
    return min(found, best, key=lambda dispatch: dispatch.cost.total)


def _certain(moments: ErrorMoments) -> ErrorMoments:
    """No errors at all."""
    return replace(
        moments,
        covariance=frozen(np.zeros_like(moments.covariance)),
        support_kw=frozen(np.zeros_like(moments.support_kw)),
    )


def anchored_dispatch(day: ApprovedDay, moments: ErrorMoments, options: OpfOptions) -> Dispatch:
    """Solves, anchors and solves again, as the operator reviews a submission.

    Raises:
        InfeasibleError: no dispatch keeps all limits; names them.
    """
    model = build_opf(day.case.feeder, day.case.grid_day, moments, options)
    points, withdrawal_kw = day.points, day.withdrawal_kw
    _, answer = solve_anchored(model, points, withdrawal_kw, solve_opf, _ANCHOR_PASSES)
    if isinstance(answer, SolveError):
        raise answer
    return answer


def _ceiling_kw(case: Case) -> FloatArray:
    """The most that a source can be [source]: a turbine its rating, a load anything."""
    rated = [turbine.p_rated_kw for turbine in case.feeder.wind_turbines]
    return np.array([np.inf] * len(case.feeder.loads) + rated)
