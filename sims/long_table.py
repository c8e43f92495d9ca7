"""Tables in long form: one row for every combination of the axes of an array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..core.units import FloatArray
from .parts import Parts


def long_table(axes: dict[str, Sequence[Any]], values: dict[str, FloatArray]) -> pd.DataFrame:
    """One row for every combination of the axes; ``values`` have the shape of the axes."""
    grid = np.meshgrid(*(np.arange(len(labels)) for labels in axes.values()), indexing="ij")
    keys = {
        name: np.array(labels)[index.ravel()]
        for (name, labels), index in zip(axes.items(), grid, strict=True)
    }
    return pd.DataFrame(keys | {name: np.ravel(array) for name, array in values.items()})


def hours_of(parts: Parts) -> range:
    """The hours of the day, as the axis of a table."""
    return range(parts.case.hours)


def stations_of(parts: Parts) -> list[str]:
    """The stations in the case's order, as the axis of a table."""
    return [station.id for station in parts.case.stations]
