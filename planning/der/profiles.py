"""A year that stands in for measured PV and load, made by explicit formulas from a seed.

Days d = 0, 1, ... (0 is the first of January), hours t = 0 ... 23, buses i in their order.

**PV**, kW per kW installed, is a clear sky times clearness:

    clear(d, t) = A(d) sin(pi x)^1.2 within daylight,  x = (t + 1/2 - 12.5 + D(d) / 2) / D(d),
    A(d) = 0.82 + 0.13 c(d),  D(d) = 12 + 2.8 c(d),  c(d) = cos(2 pi (d - 172) / 365),
    k(d, t) = kappa(d) + e(d, t),  clipped to 0.02 ... 1,
    kappa ~ Beta(14, 2) on 66 % of all days, Beta(6, 4) on 24 %, Beta(2, 5) on 10 %,
    e(d, t) = 0.7 e(d, t - 1) + s(d) N(0, 1),  e(d, 0) = 0,  s(d) = 0.12 - 0.10 |2 kappa(d) - 1|.

D is the length of daylight in hours; clear days and dark days are steadier than those between.

**Load** of a bus with nominal S(i), the peak of its archetype's shape:

    L(d, i, t) = S(i) shape(t) f(d, i) n(d, i, t),
    f = 1 + 0.18 h cos(2 pi (d - 15) / 365) + 0.10 (1 - kappa(d)) + 0.06 N(0, 1),  at least 0.3,
    n = 1 + 0.04 N(0, 1),  at least 0.3.

Of every five buses in a row two are residential (an evening peak, h = 1), two are commercial (a
day's work, h = 0.6), one has PV of its own (a hollow at noon, h = 1). Winter, and a dark sky, raise
load. All of this is made up: no measured series went into it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ...core.units import FloatArray, IntArray, frozen
from .case import Year

HOURS: Final = 24
_YEAR: Final = 365

#: Share of days, and the two parameters of the Beta distribution of their clearness.
_SKIES: Final = ((0.66, 14.0, 2.0), (0.24, 6.0, 4.0), (0.10, 2.0, 5.0))
#: Archetype of the buses, in turn: residential, commercial, with PV of its own.
_IN_TURN: Final = (0, 0, 1, 1, 2)
_WINTER_GAIN: Final = (1.0, 0.6, 1.0)  # of each archetype


def synthetic_year(nominal_kw: FloatArray, seed: int = 1, days: int = _YEAR) -> Year:
    """The year of a seed: PV [day, time] in kW per kW, load [day, bus, time] in kW.

    One stream of draws serves all formulas in turn, so another number of buses changes load alone,
    another number of days everything.

    Args:
        nominal_kw: S [bus], load at the peak of the shape in a middling season.
        seed: decides every draw.
        days: from the first of January on.
    """
    rng = np.random.default_rng(seed)
    clearness = _clearness_of_days(rng, days)
    pv = _clear_sky(days) * _clearness_of_hours(rng, clearness)
    return Year(pv=frozen(pv), load_kw=frozen(_load_kw(rng, nominal_kw, clearness)))


def _season(days: int, peak: int) -> FloatArray:
    """Cosine of the year [day], 1 on the day of the peak."""
    return np.asarray(np.cos(2 * np.pi * (np.arange(days) - peak) / _YEAR))


def _clear_sky(days: int) -> FloatArray:
    """PV under a cloudless sky [day, time]."""
    season = _season(days, 172)[:, None]
    daylight_h = 12 + 2.8 * season
    elapsed = (np.arange(HOURS) + 0.5 - 12.5 + daylight_h / 2) / daylight_h
    bell = np.sin(np.pi * np.clip(elapsed, 0, 1)) ** 1.2
    return np.asarray((0.82 + 0.13 * season) * np.where((elapsed > 0) & (elapsed < 1), bell, 0))


def _clearness_of_days(rng: np.random.Generator, days: int) -> FloatArray:
    """kappa [day]."""
    kinds = rng.choice(len(_SKIES), size=days, p=[share for share, _, _ in _SKIES])
    return np.array([rng.beta(*_SKIES[kind][1:]) for kind in kinds])


def _clearness_of_hours(rng: np.random.Generator, clearness: FloatArray) -> FloatArray:
    """k [day, time]."""
    spread = 0.10 * (1 - np.abs(2 * clearness - 1)) + 0.02
    noise = np.zeros((len(clearness), HOURS))
    for t in range(1, HOURS):
        noise[:, t] = 0.7 * noise[:, t - 1] + rng.normal(size=len(clearness)) * spread
    return np.clip(clearness[:, None] + noise, 0.02, 1)


def _load_kw(rng: np.random.Generator, nominal_kw: FloatArray, clearness: FloatArray) -> FloatArray:
    """L [day, bus, time]."""
    days, kinds = len(clearness), _archetypes(len(nominal_kw))
    winter = 0.18 * np.outer(_season(days, 15), np.take(_WINTER_GAIN, kinds))
    dark = 0.10 * (1 - clearness)[:, None]
    of_day = 1 + winter + dark + rng.normal(size=(days, len(kinds))) * 0.06
    of_hour = 1 + rng.normal(size=(days, len(kinds), HOURS)) * 0.04
    shaped = nominal_kw[:, None] * _shapes()[kinds]
    return np.asarray(shaped * np.clip(of_day, 0.3, None)[:, :, None] * np.clip(of_hour, 0.3, None))


def _archetypes(buses: int) -> IntArray:
    """Which of the shapes each bus has [bus]."""
    return np.resize(np.array(_IN_TURN, dtype=np.int64), buses)


def _shapes() -> FloatArray:
    """Course of a day [archetype, time], 1 at its peak."""
    residential = 0.35 + 0.35 * _bump(8, 1.5) + 0.75 * _bump(20, 2.5) + 0.15 * _bump(13, 2)
    commercial = 0.30 + 0.70 * _bump(12.5, 3.5) + 0.25 * _bump(17, 2.5)
    own_pv = 0.40 + 0.30 * _bump(7, 1.5) + 0.75 * _bump(20, 2.2) - 0.38 * _bump(12.5, 2.8)
    shapes = np.stack([residential, commercial, np.clip(own_pv, 0.03, None)])
    return np.asarray(shapes / shapes.max(axis=1, keepdims=True))


def _bump(hour: float, width_h: float) -> FloatArray:
    return np.asarray(np.exp(-0.5 * ((np.arange(HOURS) - hour) / width_h) ** 2))
