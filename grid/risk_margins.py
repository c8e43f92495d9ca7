"""What each network row must keep free for forecast errors, as a function of one scalar.

Let row k answer errors by ``(g_k + s_k d)'e``: ``g_k`` where no device reacts, ``d`` the
coefficients of the net load that is missing (+1 loads, -1 wind), and ``s_k = sum_i alpha_i G_ki``
the reaction of all devices, a single scalar however many they are. With covariance S,

    standard deviation = || sigma (s_k + mu_k), delta_k ||,     sigma^2 = d'Sd,
    mu_k = g_k'Sd / sigma^2,      delta_k^2 = g_k'Sg_k - mu_k^2 sigma^2,

so that a chance constraint is a cone of three rows, exactly; and with |e| <= h the worst error is
``sum_i h_i |g_ki + s_k d_i|``, convex and piecewise linear in s_k.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.units import BoolArray, FloatArray, IntArray, frozen
from ..uncertainty.ambiguity import Shape, safety_factor
from ..uncertainty.margins import RiskTreatment
from .feeder import Feeder
from .forecast_errors import ErrorMoments
from .lindist3flow import LinearModel
from .network_limits import NetworkLimits
from .opf_options import OpfOptions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RiskMargins:
    """Margins of the rows of every hour, and of anything proportional to the missing net load.

    ``by_norm`` rows keep ``|| slope (s + mu), rest ||`` free, the others the worst of the box.
    """

    reaction: FloatArray  #: G [row, device], change of the row per kW of missing net load
    slope: FloatArray  #: kappa sigma [time]
    mu: FloatArray  #: [time, row]
    rest: FloatArray  #: kappa delta [time, row]
    by_norm: BoolArray  #: [time, row]
    response: FloatArray  #: g [row, source]
    direction: FloatArray  #: d [source]
    support: FloatArray  #: h [time, source]
    need: FloatArray  #: [time], margin of the missing net load itself, in kW
    worst: FloatArray  #: [time], its worst case in the box, in kW
    robust: bool  #: whether every margin is the worst case of the box

    def values(self, hours: IntArray, rows: IntArray, s: FloatArray) -> FloatArray:
        """The margins of some (hour, row) pairs at reactions s, all [pair]."""
        norm = np.hypot(self.slope[hours] * (s + self.mu[hours, rows]), self.rest[hours, rows])
        box = ~self.by_norm[hours, rows]
        worst, _ = self.tangent(hours[box], rows[box], s[box])
        norm[box] = worst
        return np.asarray(norm)

    def tangent(
        self, hours: IntArray, rows: IntArray, s: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """The box margin and a subgradient by s, both [pair]."""
        answer = self.response[rows] + s[:, None] * self.direction
        support = self.support[hours]
        value = np.einsum("ij,ij->i", support, np.abs(answer))
        return value, np.einsum("ij,ij->i", support * self.direction, np.sign(answer))

    def of_shares(self, alpha: FloatArray) -> FloatArray:
        """The margins of all rows [time, row] at devices' shares [time, device]."""
        s = alpha @ self.reaction.T
        hours, rows = np.indices(s.shape)
        return self.values(hours.ravel(), rows.ravel(), s.ravel()).reshape(s.shape)


def build_risk_margins(
    feeder: Feeder,
    model: LinearModel,
    limits: NetworkLimits,
    moments: ErrorMoments,
    options: OpfOptions,
    reference: FloatArray,
) -> RiskMargins:
    """Chooses, for every row and hour, the tighter of norm and box at reference shares [device].

    Stochastic: the Gaussian factor. Distributionally robust: that of ``options.shape``. Robust: the
    box always.
    """
    response, direction = _responses(feeder, model, limits)
    reaction = _reactions(feeder, model, limits)
    slope, mu, rest = _norm_parts(moments, response, direction)
    factor, robust = _factor(options), options.treatment == RiskTreatment.RO
    s = reaction @ reference
    norm = factor * np.hypot(slope[:, None] * (s + mu), rest)
    box = moments.support_kw @ np.abs(response + s[:, None] * direction).T
    worst = moments.support_kw @ np.abs(direction)
    return RiskMargins(
        reaction=frozen(reaction),
        slope=frozen(factor * slope),
        mu=frozen(mu),
        rest=frozen(factor * rest),
        by_norm=frozen((norm < box) & (not robust), np.bool_),
        response=frozen(response),
        direction=frozen(direction),
        support=moments.support_kw,
        need=frozen(worst if robust else np.minimum(worst, factor * slope)),
        worst=frozen(worst),
        robust=robust,
    )


def source_loads(feeder: Feeder, model: LinearModel) -> tuple[FloatArray, FloatArray]:
    """Net load of the nodes per kW of each source's error: by_p, by_q [node, source].

    A load's error is spread over its phases as its active power is, and brings its reactive power
    along; a turbine's counts negative, a third on each phase.
    """
    count = len(feeder.loads) + len(feeder.wind_turbines)
    by_p, by_q = np.zeros((2, len(model.node_bus), count))
    number = {bus: k for k, bus in enumerate(feeder.buses)}
    for k, load in enumerate(feeder.loads):
        total = load.p_kw.sum()
        nodes = model.node_of[number[load.bus]]
        present = nodes >= 0
        if total != 0:
            by_p[nodes[present], k] = load.p_kw[present] / total
            by_q[nodes[present], k] = load.q_kvar[present] / total
    for k, turbine in enumerate(feeder.wind_turbines, len(feeder.loads)):
        by_p[model.node_of[number[turbine.bus]], k] = -1 / 3
    return by_p, by_q


def _responses(
    feeder: Feeder, model: LinearModel, limits: NetworkLimits
) -> tuple[FloatArray, FloatArray]:
    by_p, by_q = source_loads(feeder, model)
    return limits.by_p @ by_p + limits.by_q @ by_q, by_p.sum(axis=0)


def _reactions(feeder: Feeder, model: LinearModel, limits: NetworkLimits) -> FloatArray:
    """G [row, device]: generators, batteries; a third on each phase, positive for production."""
    number = {bus: k for k, bus in enumerate(feeder.buses)}
    buses = [number[g.bus] for g in feeder.generators] + [number[b.bus] for b in feeder.batteries]
    nodes = model.node_of[np.array(buses, dtype=np.int64)]
    return np.asarray(-limits.by_p[:, nodes].mean(axis=2))


def _norm_parts(
    moments: ErrorMoments, response: FloatArray, direction: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """sigma [time], mu and delta [time, row]."""
    covariance = moments.covariance
    along = covariance @ direction
    variance = np.maximum(along @ direction, 0)
    safe = np.where(variance > 0, variance, 1.0)
    mu = along @ response.T / safe[:, None]
    total = np.einsum("rs,tsr->tr", response, covariance @ response.T)
    delta = np.sqrt(np.maximum(total - mu**2 * variance[:, None], 0))
    return np.sqrt(variance), mu, delta


def _factor(options: OpfOptions) -> float:
    if options.treatment == RiskTreatment.RO:
        return 1.0  # no norm is used
    known = Shape.GAUSSIAN if options.treatment == RiskTreatment.SP else options.shape
    return safety_factor(known, options.risk)
