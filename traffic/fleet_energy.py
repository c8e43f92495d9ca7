"""What a charge takes, in closed form: battery uniform, state of charge clipped normal."""

from __future__ import annotations

import math

from .network import Fleet


def energy_per_charge_kwh(fleet: Fleet) -> float:
    """Mean energy of one charge, taken from the grid [kWh].

    E = E[B] (target - E[S]) / efficiency, with battery B uniform and arrival state of charge S
    normal, clipped to [soc_min, soc_max]. A vehicle that arrives above its target takes nothing,
    which is the same as clipping at the target.
    """
    return _mean_battery_kwh(fleet) * _mean_need(fleet) / fleet.charge_efficiency


def energy_spread(fleet: Fleet) -> float:
    """Squared coefficient of variation of the energy of one charge: Var[E] / E[E]^2."""
    low, high = fleet.battery_min_kwh, fleet.battery_max_kwh
    battery_square = (low**2 + low * high + high**2) / 3
    mean, square = _clipped_normal_moments(fleet)
    target = fleet.soc_target
    need_square = target**2 - 2 * target * mean + square
    first = _mean_battery_kwh(fleet) * _mean_need(fleet)
    return battery_square * need_square / first**2 - 1 if first > 0 else 0.0


def _mean_battery_kwh(fleet: Fleet) -> float:
    return (fleet.battery_min_kwh + fleet.battery_max_kwh) / 2


def _mean_need(fleet: Fleet) -> float:
    return fleet.soc_target - _clipped_normal_moments(fleet)[0]


def _clipped_normal_moments(fleet: Fleet) -> tuple[float, float]:
    """E[S] and E[S^2] of S = clip(X, a, b), X normal (m, s).

    With alpha = (a - m)/s, beta = (b - m)/s and the parts below, between and above the clips:
    E[X; a<X<b] = m (Phi_b - Phi_a) - s (phi_b - phi_a),
    E[X^2; a<X<b] = (m^2 + s^2)(Phi_b - Phi_a) - s (phi_b (m + b) - phi_a (m + a)).
    """
    mean, sd = fleet.soc_mean, fleet.soc_sd
    low, high = fleet.soc_min, min(fleet.soc_max, fleet.soc_target)
    if sd == 0:
        fixed = min(max(mean, low), high)
        return fixed, fixed**2
    below, above = _normal_cdf((low - mean) / sd), 1 - _normal_cdf((high - mean) / sd)
    at_low, at_high = _normal_pdf((low - mean) / sd), _normal_pdf((high - mean) / sd)
    between = 1 - below - above
    first = mean * between - sd * (at_high - at_low)
    second = (mean**2 + sd**2) * between - sd * (at_high * (mean + high) - at_low * (mean + low))
    return first + low * below + high * above, second + low**2 * below + high**2 * above


def _normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _normal_pdf(z: float) -> float:
    return math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
