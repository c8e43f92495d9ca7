"""Linear programs put together from blocks of columns and rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from ...core.solve import LinearProgram
from ...core.units import FloatArray


class ProgramStack:
    """Blocks of columns and rows, put together at the end."""

    def __init__(self) -> None:
        self._columns: list[FloatArray] = []
        self._bounds: list[FloatArray] = []
        self._entries: list[FloatArray] = []
        self._width = self._height = 0

    @property
    def width(self) -> int:
        """Columns so far."""
        return self._width

    def columns(self, cost: Any, lower: Any, upper: Any, integer: Any = False) -> int:
        """Adds columns, as many as the longest of the four; returns the first."""
        parts = np.broadcast_arrays(*(np.asarray(v, float) for v in (cost, lower, upper, integer)))
        block = np.array([part.ravel() for part in parts])
        self._columns.append(block)
        start = self._width
        self._width += block.shape[1]
        return start

    def rows(self, blocks: Sequence[tuple[sp.csr_matrix, int]], lower: Any, upper: Any) -> None:
        """Adds rows lower <= sum of (block at its first column) <= upper."""
        count = blocks[0][0].shape[0]
        self._bounds.append(
            np.stack([np.broadcast_to(np.asarray(v, float), count) for v in (lower, upper)])
        )
        for block, start in blocks:
            part = block.tocoo()
            self._entries.append(np.array([part.row + self._height, part.col + start, part.data]))
        self._height += count

    def program(self) -> LinearProgram:
        """The program, to be minimised."""
        cost, lower, upper, integer = np.concatenate(self._columns, axis=1)
        row_lower, row_upper = np.concatenate(self._bounds, axis=1)
        row, column, value = np.concatenate(self._entries, axis=1)
        shape = (self._height, self._width)
        places = (row.astype(np.int64), column.astype(np.int64))
        return LinearProgram(
            cost=cost,
            matrix=sp.csc_matrix((value, places), shape=shape),
            row_lower=row_lower,
            row_upper=row_upper,
            col_lower=lower,
            col_upper=upper,
            integer=integer > 0,
        )
