"""How voltages and loadings are spread over samples, before and after planning (Fig. 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from ...core.units import FloatArray
from ...planning.fdn.case import FdnCase
from ...planning.fdn.draws import FactorDraws
from ...planning.fdn.propagation import StageState
from ...planning.fdn.risks import Risks
from ...planning.fdn.surrogate import fit_surrogate

#: Edges of the intervals: voltages in pu, loadings in shares of the rating.
_EDGES: Final = {
    "voltage": np.linspace(0.85, 1.15, 121),
    "loading": np.linspace(0.0, 2.0, 101),
}
#: Samples that the low-rank approximation learns from, as in the paper's code.
_DESIGN: Final = 1000
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
    for stage, state in enumerate(states):
        for look in looks:
            about = {"when": when, "stage": stage + 1, **_about(case, look)}
            rows += [about | row for row in _histogram(look, _values(look, state))]
    return pd.DataFrame(rows)


def surrogate_rows(
    case: FdnCase, looks: Sequence[Look], draws: FactorDraws, states: Sequence[StageState]
) -> pd.DataFrame:
    """The same by a low-rank approximation (4) of rank and degree 1, as in the paper's Fig. 5."""
    rows: list[dict[str, Any]] = []
    design = draws.normals[:_DESIGN]
    for stage, state in enumerate(states):
        exact = np.column_stack([_values(look, state) for look in looks])
        found = fit_surrogate(design, exact[:_DESIGN]).predict(draws.normals)
        for look, values in zip(looks, found.T, strict=True):
            about = {"when": "surrogate", "stage": stage + 1, **_about(case, look)}
            rows += [about | row for row in _histogram(look, values)]
    return pd.DataFrame(rows)


def _about(case: FdnCase, look: Look) -> dict[str, Any]:
    return {"quantity": look.quantity, "element": case.network.buses[look.element]}


def _histogram(look: Look, values: FloatArray) -> list[dict[str, float]]:
    edges = _EDGES[look.quantity]
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    density = counts / len(values) / np.diff(edges)
    middle = (edges[1:] + edges[:-1]) / 2
    return [{"middle": middle[k], "density": density[k]} for k in np.flatnonzero(counts)]


def _values(look: Look, state: StageState) -> FloatArray:
    if look.quantity == "voltage":
        return state.v_pu[:, look.element]
    return np.asarray(state.i_pu[:, look.element] / state.i_max_pu[look.element])
