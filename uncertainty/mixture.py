"""Gaussian mixtures of one variable."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Density sum_m weights_m N(x; means_m, sds_m^2), weights adding up to one (1a)-(1c)."""

    weights: tuple[float, ...]
    means: tuple[float, ...]
    sds: tuple[float, ...]
