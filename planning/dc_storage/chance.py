"""Forecast errors: what they do to voltages and currents while set-points are held.

    load = forecast (1 + load_error e),   renewables = what is used (1 + res_error e)

with standard normal e, equally correlated between any two places of a kind. Powers of ports are
held, and the share by which renewables are curtailed. Limits of the forecast state keep the
distance to those of the grid that quantiles of exact power flows have from the forecast state's;
quantiles are taken one standard error of their own beyond the confidence asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.units import FloatArray, frozen
from ...uncertainty.draws import Sampling, standard_normals
from ..der.mapper import Mapper
from ..fdn.risks import wilson
from ..power_flow import solve_feeders
from .case import DcStorageCase
from .limits import Limits, i_max_pu, tightened
from .operated import lossless_v, net_load
from .solution import Chance, Operated

#: Two-sided, of the interval outside of which a rate is beyond the sampling noise: with thousands
#: of rates it is high.
_NOISE_CONFIDENCE = 0.9999
#: Of the excess of lossless voltages over true ones; below 1, so that operation can move.
_EXCESS_KEPT = 0.95
#: Voltages and currents beyond a limit by less keep it [pu].
_TOUCH = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Errors:
    """Relative errors, the same draws for every hour."""

    load: FloatArray  #: [sample, bus]
    res: FloatArray  #: [sample, renewable]


def draw_errors(
    case: DcStorageCase, seed: int, count: int, stream: str, sampling: Sampling
) -> Errors:
    """With correlation rho: sqrt(rho) n_0 + sqrt(1 - rho) n_k of independent normals n."""
    rules, sizes = case.rules, (len(case.network.buses), len(case.scenarios.res_buses))
    normals = standard_normals(
        seed, "dc storage errors", stream, count=count, dimension=2 + sum(sizes), method=sampling
    )
    common, own = np.sqrt(rules.error_correlation), np.sqrt(1 - rules.error_correlation)
    scores = [
        common * normals[:, [kind]] + own * block
        for kind, block in enumerate(np.split(normals[:, 2:], [sizes[0]], axis=1))
    ]
    return Errors(load=rules.load_error * scores[0], res=rules.res_error * scores[1])


def margins(
    case: DcStorageCase, operated: Sequence[Operated], errors: Errors, mapper: Mapper
) -> Limits:
    """Limits that are as far inside the grid's as quantiles of the operation are from it."""
    shared = mapper.share((case, errors))
    tasks = [(shared, scenario, day) for scenario, day in enumerate(operated)]
    low, high, over = (
        np.array(block) for block in zip(*mapper.map(_margins_of, tasks), strict=True)
    )
    excess = [lossless_v(case, k, day) - day.exact_v_pu**2 for k, day in enumerate(operated)]
    kept = _EXCESS_KEPT * np.maximum(excess, 0.0)
    low, high, over = (np.maximum(block, 0.0) for block in (low, high, over))
    return tightened(case, low, high, over, kept)


def violations(
    case: DcStorageCase, operated: Sequence[Operated], errors: Errors, mapper: Mapper
) -> Chance:
    """How often each limit of the grid is violated."""
    shared = mapper.share((case, errors))
    tasks = [(shared, scenario, day) for scenario, day in enumerate(operated)]
    under, over, load = (
        frozen(np.array(block)) for block in zip(*mapper.map(_rates_of, tasks), strict=True)
    )
    return Chance(under_voltage=under, over_voltage=over, overload=load, samples=len(errors.load))


def broken(case: DcStorageCase, chance: Chance) -> bool:
    """Whether some rate is above 1 - o by more than sampling explains."""
    least, _ = wilson(chance.worst, chance.samples, _NOISE_CONFIDENCE)
    return bool(least > 1 - case.rules.confidence)


def _margins_of(
    shared: tuple[DcStorageCase, Errors], scenario: int, operated: Operated
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Distances [time, bus] from the forecast state to the quantiles."""
    case, errors = shared
    v, i = _states(case, errors, scenario, operated)
    o = case.rules.confidence
    o = min(o + np.sqrt(o * (1 - o) / v.shape[1]), 1.0)
    return (
        operated.exact_v_pu - _quantile(v, 1 - o),
        _quantile(v, o) - operated.exact_v_pu,
        _quantile(i, o) - operated.exact_i_pu,
    )


def _rates_of(
    shared: tuple[DcStorageCase, Errors], scenario: int, operated: Operated
) -> tuple[FloatArray, FloatArray, FloatArray]:
    case, errors = shared
    v, i = _states(case, errors, scenario, operated)
    rules = case.rules
    return (
        (v < rules.v_min_pu - _TOUCH).mean(axis=1),
        (v > rules.v_max_pu + _TOUCH).mean(axis=1),
        (i > i_max_pu(case) + _TOUCH).mean(axis=1),
    )


def _quantile(values: FloatArray, share: float) -> FloatArray:
    """Over samples [time, sample, bus]: the first order statistic that is not beyond."""
    count = values.shape[1]
    if share > 0.5:
        rank = min(int(np.ceil(share * count - 1e-9)) - 1, count - 1)
    else:
        rank = max(int(np.floor(share * count + 1e-9)), 0)
    return np.asarray(np.partition(values, rank, axis=1)[:, rank])


def _states(
    case: DcStorageCase, errors: Errors, scenario: int, operated: Operated
) -> tuple[FloatArray, FloatArray]:
    """Exact voltages and currents [time, sample, bus]."""
    p, q = net_load(case, scenario, operated.res_p_kw, operated.port_p_kw, operated.port_q_kvar)
    days = case.scenarios
    at_buses = np.identity(len(case.network.buses))[days.res_buses]
    v, i = (np.empty((len(p), len(errors.load), p.shape[1])) for _ in range(2))
    for hour in range(len(p)):
        wrong_p = errors.load * days.load_p_kw[scenario, hour]
        wrong_q = errors.load * days.load_q_kvar[scenario, hour]
        wrong_p -= errors.res * operated.res_p_kw[hour] @ at_buses
        flow = solve_feeders(case.network, p[hour] + wrong_p, q[hour] + wrong_q)
        v[hour], i[hour] = flow.v_pu, flow.i_pu
    return v, i
