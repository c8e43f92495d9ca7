"""How voltages and loadings are spread over samples, before and after planning (Fig. 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from ...core.units import FloatArray
from ...planning.fdn.case import FdnCase
from ...planning.fdn.propagation import StageState
from ...planning.fdn.risks import Risks

#: Edges of the intervals: voltages in pu, loadings in shares of the rating.
_EDGES: Final = {
    "voltage": np.linspace(0.85, 1.15, 121),
    "loading": np.linspace(0.0, 2.0, 101),
}
#: What the paper's Fig. 5 shows; drawn where the case has these buses.
_PAPER: Final = (("voltage", "83"), ("voltage", "64"), ("loading", "65"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One voltage or loading that is looked at."""

    quantity: str  #: voltage or loading
    element: int


def looks_of(case: FdnCase, risks: Risks) -> tuple[Look, ...]:
    """The worst limit of each kind, and those of the paper, each once."""
    buses = case.network.buses
    paper = [Look(quantity=q, element=case.network.index(b)) for q, b in _PAPER if b in buses]
    found = (
        ("voltage", risks.under_voltage),
        ("voltage", risks.over_voltage),
        ("loading", risks.overload),
    )
    worst = [Look(quantity=q, element=int(r.max(axis=0).argmax())) for q, r in found]
    return tuple(dict.fromkeys([*paper, *worst]))


def density_rows(
    case: FdnCase,
    looks: Sequence[Look],
    when: str,
    states: Sequence[StageState],
) -> pd.DataFrame:
    """Histograms as densities; empty intervals are left out."""
    rows: list[dict[str, Any]] = []
    for look in looks:
        for stage, state in enumerate(states):
            values = _values(look, state)
            edges = _EDGES[look.quantity]
            counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
            density = counts / len(values) / np.diff(edges)
            rows += [
                {
                    "when": when,
                    "stage": stage + 1,
                    "quantity": look.quantity,
                    "element": case.network.buses[look.element],
                    "middle": (edges[k] + edges[k + 1]) / 2,
                    "density": density[k],
                }
                for k in np.flatnonzero(counts)
            ]
    return pd.DataFrame(rows)


def _values(look: Look, state: StageState) -> FloatArray:
    if look.quantity == "voltage":
        return state.v_pu[:, look.element]
    return np.asarray(state.i_pu[:, look.element] / state.i_max_pu[look.element])
