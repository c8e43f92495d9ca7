"""What forecasts may fail by besides what was learned: heavier tails, and a shifted mean."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from ...core.units import FloatArray
from ...uncertainty.seeds import generator
from .design import Distribution

#: Degrees of freedom of the heavy-tailed distribution; the least whole number with a variance.
_FREEDOM: Final = 3


def heavy_factor(seed: int, level: str, count: int, hours: int) -> FloatArray:
    """Factors s = sqrt((nu - 2) / chi2_nu) [scenario, time, 1] with E s^2 = 1, nu = 3.

    Normal scores times s are Student's t with nu degrees of freedom and unit variance. One factor
    for all sources of an hour keeps their correlation, and makes their extremes come together, as
    those of a multivariate t do and those of a normal copula do not.
    """
    chi2 = generator(seed, "heavy tails", level).chisquare(_FREEDOM, size=(count, hours, 1))
    return np.asarray(math.sqrt(_FREEDOM - 2) / np.sqrt(chi2))


def disturbed(
    errors_kw: FloatArray,
    shift_kw: FloatArray,
    seed: int,
    level: str,
    physical: Callable[[FloatArray], FloatArray],
) -> dict[Distribution, FloatArray]:
    """The same fresh errors under all distributions: common random numbers here as well.

    Args:
        errors_kw: errors as learned [scenario, time, element].
        shift_kw: one standard deviation of one source, for the worse [time, element].
        seed: of the factors.
        level: names the stream of the factors.
        physical: puts errors back to what is physically possible.
    """
    count, hours, _ = errors_kw.shape
    return {
        Distribution.NORMAL: errors_kw,
        Distribution.HEAVY: physical(errors_kw * heavy_factor(seed, level, count, hours)),
        Distribution.SHIFTED: physical(errors_kw + shift_kw),
    }
