"""What the pages and figures of a dispatched day read, and how steps are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ...core.units import FloatArray
from ...planning.dispatch.case import DispatchCase
from ..reporting import palette
from ..reporting.layout import axis
from ..results import Run

if TYPE_CHECKING:
    import pandas as pd

_COLOURS: Final = (
    palette.BLUE,
    palette.VERMILION,
    palette.GREEN,
    palette.ORANGE,
    palette.PINK,
    palette.SKY,
    palette.SLATE,
    palette.MINT,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """A finished study, and its case."""

    case: DispatchCase
    summary: dict[str, Any]
    tables: dict[str, pd.DataFrame]

    @property
    def solved(self) -> bool:
        """Whether there is a dispatch at all."""
        return str(self.summary["status"]) != "failed"

    @property
    def hours(self) -> FloatArray:
        """When steps begin, and the last one ends [h]."""
        return np.asarray(self.case.hours * np.arange(self.case.steps + 1), dtype=np.float64)

    def wide(self, name: str, key: str, column: str) -> dict[str, FloatArray]:
        """A column of a table by a key's values, each [time]."""
        table = self.tables[name]
        return {
            str(one): rows[column].to_numpy(dtype=np.float64)
            for one, rows in table.groupby(key, sort=False)
        }

    def series(self, name: str, column: str) -> FloatArray:
        """A column of a table that has one row a step."""
        return np.asarray(self.tables[name][column], dtype=np.float64)

    @property
    def ticks(self) -> FloatArray:
        """Hours to name below a picture."""
        end = float(self.hours[-1])
        return np.arange(0.0, end + 0.5, 3 if end > 8 else 1)

    def axis(self, **more: Any) -> dict[str, Any]:
        """The hours of the day from midnight, a tick every three of them."""
        end = float(self.hours[-1])
        ticks = {"dtick": 3 if end > 8 else 1, "tick0": 0}
        return axis("hour of the day", **{"range": [0, end], "zeroline": False, **ticks, **more})


def reading_of(run: Run, case: DispatchCase) -> Reading:
    """The study of a run's folder."""
    return Reading(case=case, summary=run.summary, tables=run.tables)


def colours(count: int) -> list[str]:
    """Colours that can be told apart, as long as there are few."""
    return list(islice(cycle(_COLOURS), count))


def stairs(
    reading: Reading, values: FloatArray, name: str, colour: str, **more: Any
) -> dict[str, Any]:
    """A line that holds through each step."""
    line = {"color": colour, "width": 2.2, "shape": "hv", **more.pop("line", {})}
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": reading.hours,
        "y": np.append(values, values[-1]),
        "line": line,
        **more,
    }


def at_ends(reading: Reading, first: float, values: FloatArray) -> FloatArray:
    """What a store holds at the beginning, and at the end of each step."""
    return np.append(first, values)
