"""Units and bases: kW to per unit, once.

Outside ``grid/`` everything is in kW, kvar, kWh, kV, A, ohm, minutes. Inside it the per-unit base
is *per phase*: a three-phase base of ``s_base_kva`` gives each phase ``s_base_kva / 3``, and
voltages are line-to-neutral.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

PHASES = ("a", "b", "c")


@dataclass(frozen=True, slots=True, kw_only=True)
class PerUnit:
    """The per-unit base of a feeder: line-to-line voltage and three-phase power."""

    vn_kv: float
    s_base_kva: float = 1000.0

    @property
    def phase_kva(self) -> float:
        """Base power of one phase [kVA]."""
        return self.s_base_kva / 3

    @property
    def phase_kv(self) -> float:
        """Base voltage line-to-neutral [kV]."""
        return self.vn_kv / math.sqrt(3)

    @property
    def z_ohm(self) -> float:
        """Base impedance [ohm] = (phase voltage)^2 / (phase power) = vn_kv^2 1000 / s_base_kva."""
        return self.vn_kv**2 * 1e3 / self.s_base_kva


def frozen(values: Any, dtype: npt.DTypeLike = np.float64) -> npt.NDArray[Any]:
    """A read-only contiguous copy: frozen data crosses borders, in one process as on many."""
    array = np.array(values, dtype=dtype, order="C")
    array.setflags(write=False)
    return array
