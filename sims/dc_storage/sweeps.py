"""What a study of plans may vary, one setting at a time around the case's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ...planning.dc_storage.case import DcStorageCase


class Sweep(StrEnum):
    """A setting of the case that is varied."""

    CARBON = "carbon"
    RETURN = "return"
    CONFIDENCE = "confidence"
    MODULE = "module"


@dataclass(frozen=True, slots=True, kw_only=True)
class Varied:
    """Where the setting stands, and what it is called."""

    key: str  #: of ``case.yaml``
    column: str  #: of the table ``plans``
    words: str
    axis: str  #: with its unit
    scale: float = 1.0  #: from the setting to what the axis shows
    grid: tuple[float, ...]  #: values by default
    relative: bool = False  #: the grid multiplies the case's own value


VARIED: Final[Mapping[Sweep, Varied]] = MappingProxyType(
    {
        Sweep.CARBON: Varied(
            key="carbon.price_per_kg",
            column="carbon_price",
            words="carbon price",
            axis="carbon price [{currency}/t]",
            scale=1000.0,
            grid=(0.0, 0.05, 0.1, 0.2, 0.4),
        ),
        Sweep.RETURN: Varied(
            key="money.return_min",
            column="return_min",
            words="least return",
            axis="least return a year [%]",
            scale=100.0,
            grid=(0.0, 0.1, 0.15, 0.2, 0.25, 0.3),
        ),
        Sweep.CONFIDENCE: Varied(
            key="risk.confidence",
            column="confidence",
            words="confidence",
            axis="confidence [%]",
            scale=100.0,
            grid=(0.8, 0.9, 0.95, 0.99),
        ),
        Sweep.MODULE: Varied(
            key="converters.module_kva",
            column="module_kva",
            words="module",
            axis="converter module [kVA]",
            grid=(0.5, 1.0, 2.0, 5.0, 10.0),
            relative=True,
        ),
    }
)
#: The plan of the case as it is.
OWN: Final = "case"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """One plan of a study: its name, and what of the case is different."""

    name: str
    sweep: Sweep | None
    overrides: Mapping[str, str]


def own_value(case: DcStorageCase, sweep: Sweep) -> float:
    """What the case itself says."""
    rules = case.rules
    return {
        Sweep.CARBON: rules.carbon_price_per_kg,
        Sweep.RETURN: rules.return_min,
        Sweep.CONFIDENCE: rules.confidence,
        Sweep.MODULE: case.modules.converter_kva,
    }[sweep]


def default_grid(case: DcStorageCase, sweep: Sweep) -> list[float]:
    """Values to vary the setting over, if none are given."""
    varied = VARIED[sweep]
    scale = own_value(case, sweep) if varied.relative else 1.0
    values = [scale * part for part in varied.grid]
    if sweep is not Sweep.MODULE:
        return values
    room_kva = case.links.port_modules_max * case.modules.converter_kva
    return [value for value in values if value <= room_kva.min()]


def variations(case: DcStorageCase, sweeps: Mapping[str, Sequence[float]]) -> list[Variation]:
    """The case's own plan, then each value of each sweep that is not the case's own."""
    found = [Variation(name=OWN, sweep=None, overrides={})]
    for sweep in Sweep:
        own = own_value(case, sweep)
        for value in sorted(set(sweeps.get(sweep.value, ()))):
            if not math.isclose(value, own):
                overrides = {VARIED[sweep].key: repr(float(value))}
                name = f"{sweep.value} {value:g}"
                found.append(Variation(name=name, sweep=sweep, overrides=overrides))
    return found
