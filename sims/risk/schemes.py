"""Three schemes of the operator after the fact (Chen et al., Tables B.III and B.IV, Fig. B5)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ...core.errors import InfeasibleError
from ...core.units import PHASES, FloatArray
from ...grid.dispatch import Dispatch
from ...grid.forecast_errors import ErrorMoments
from ...grid.opf_options import OpfOptions
from ...uncertainty.margins import RiskTreatment
from .aftermath import Aftermath, after_the_fact
from .approved import ApprovedDay
from .design import risk_at
from .dso_plans import (
    anchored_dispatch,
    fresh_errors,
    learned_errors,
    moments_of,
    worst_errors,
)

WORST: Final = "worst"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How a scheme plans, and how much of the errors the upstream grid may balance.

    Of several shares the first is taken with which the grid can be run.
    """

    treatment: RiskTreatment
    upstream_shares: tuple[float, ...]
    correlated: bool


SCHEMES: Final = {
    #: Stochastic; all deviations are balanced upstream, no local reserve is worth its price.
    "I": Scheme(treatment=RiskTreatment.SP, upstream_shares=(1.0,), correlated=True),
    #: Robust without the correlation of errors; local devices and the upstream grid balance.
    "II": Scheme(treatment=RiskTreatment.DRO, upstream_shares=(0.4, 0.7, 1.0), correlated=False),
    #: Distributionally robust with correlation; local devices balance.
    "III": Scheme(
        treatment=RiskTreatment.DRO,
        upstream_shares=(0.0, 0.1, 0.2, 0.3, 0.4, 0.7, 1.0),
        correlated=True,
    ),
}


def scheme_rows(
    day: ApprovedDay, seed: int, samples: int, largest: int, confidence: float, fresh: int
) -> dict[str, list[dict[str, Any]]]:
    """Rows of tables ``schemes`` and ``scheme_voltages`` for one seed."""
    errors_kw = learned_errors(day.case, seed, largest)[:samples]
    realisations = {WORST: worst_errors(day.case)} | {
        distribution.value: values
        for distribution, values in fresh_errors(day.case, seed, fresh).items()
    }
    rows: list[dict[str, Any]] = []
    voltages: list[dict[str, Any]] = []
    for name, scheme in SCHEMES.items():
        dispatch, share = _plan(day, scheme, errors_kw, risk_at(confidence))
        about = {"scheme": name, "seed": seed, "upstream_share": share}
        about["day_ahead_cost"] = dispatch.cost.total
        for word, values in realisations.items():
            after = after_the_fact(day, dispatch, values)
            rows.append(about | {"realisation": word} | _costs(after))
            if word == WORST:
                voltages += _voltages(day, name, seed, after.vm_pu[0])
    return {"schemes": rows, "scheme_voltages": voltages}


def _plan(
    day: ApprovedDay, scheme: Scheme, errors_kw: FloatArray, risk: float
) -> tuple[Dispatch, float]:
    """(dispatch, upstream share it was possible with).

    Raises:
        InfeasibleError: even the largest share leaves no dispatch.
    """
    moments = moments_of(day.case, errors_kw, correlated=scheme.correlated)
    *tried, last = scheme.upstream_shares
    for share in tried:
        with suppress(InfeasibleError):
            return _with_share(day, scheme, moments, risk, share), share
    return _with_share(day, scheme, moments, risk, last), last


def _with_share(
    day: ApprovedDay, scheme: Scheme, moments: ErrorMoments, risk: float, share: float
) -> Dispatch:
    options = OpfOptions(treatment=scheme.treatment, risk=risk, upstream_share_max=share)
    return anchored_dispatch(day, moments, options)


def _costs(after: Aftermath) -> dict[str, float]:
    return {
        "total_cost": float(np.nanmean(after.total_cost)),
        "upstream_active": float(np.nanmean(after.upstream_active)),
        "upstream_reactive": float(np.nanmean(after.upstream_reactive)),
        "der": float(np.nanmean(after.der)),
        "reserve": after.reserve,
        "real_time_kwh": float(np.nanmean(after.real_time_kwh)),
        "vm_min_pu": float(np.nanmin(after.vm_pu)),
        "vm_max_pu": float(np.nanmax(after.vm_pu)),
        "vur_max_pct": 100 * float(np.nanmax(after.vur)),
    }


def _voltages(day: ApprovedDay, scheme: str, seed: int, vm_pu: FloatArray) -> list[dict[str, Any]]:
    """Voltages [time, bus, phase] of the worst realisation; absent phases left out."""
    buses = day.case.feeder.buses
    return [
        {
            "scheme": scheme,
            "seed": seed,
            "hour": int(hour),
            "bus": buses[bus],
            "phase": PHASES[phase],
            "vm_pu": float(vm_pu[hour, bus, phase]),
        }
        for hour, bus, phase in np.argwhere(np.isfinite(vm_pu))
    ]
