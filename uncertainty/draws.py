"""Standard-normal draws for sampling, plain or quasi-random."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from ..core.units import FloatArray
from .seeds import generator


class Sampling(StrEnum):
    """How points are spread."""

    MONTE_CARLO = "monte_carlo"  #: independent; errors have known intervals
    SOBOL = "sobol"  #: Sobol's sequence, scrambled: evener; best with a power of two as count


def standard_normals(
    seed: int,
    *names: str | int,
    count: int,
    dimension: int,
    method: Sampling = Sampling.MONTE_CARLO,
) -> FloatArray:
    """Standard-normal scores z [scenario, dimension], independent across dimensions.

    Args:
        seed, names: of the stream, see ``seeds.generator``; the scrambling is drawn from it too.
        count: number of scenarios. The first n of a longer draw are the draw of n.
        dimension: how many scores a scenario has.
        method: Monte Carlo draws, or Phi^-1 of scrambled Sobol points.
    """
    rng = generator(seed, *names)
    if method is Sampling.MONTE_CARLO:
        return np.asarray(rng.standard_normal((count, dimension)))
    engine = qmc.Sobol(dimension, scramble=True, rng=rng)
    points = engine.random_base2(max(count - 1, 0).bit_length())[:count]
    # Scrambled points are multiples of a power of two: 0 occurs, and has no normal score.
    half_step = 0.5 ** (engine.bits + 1)
    return np.asarray(ndtri(points + half_step))
