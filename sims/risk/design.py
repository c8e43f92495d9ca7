"""What a risk study looks at: which cells, how many draws, and what happens in real time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

#: A kWh that is missing in real time costs so many times the day-ahead price of its hour; one too
#: many earns what energy sold to the grid earns. A choice: the paper does not say.
EMERGENCY_MULTIPLE: Final = 3.0


class Method(StrEnum):
    """How uncertainty is treated."""

    DETERMINISTIC = "deterministic"  #: as if the forecast were certain
    SP = "sp"  #: quantile of the samples; at the operator: normal distribution, their covariance
    WASSERSTEIN = "dro-wasserstein"  #: worst of a Wasserstein ball, by the case's radius rule
    CROSS_VALIDATED = "dro-cross-validated"  #: the same, its radius from held-out samples
    MOMENT = "dro-moment"  #: worst of all distributions of the samples' mean and variance
    RO = "ro"  #: worst of the declared support


class Distribution(StrEnum):
    """What fresh scenarios are drawn from, see ``distributions``."""

    NORMAL = "normal"
    HEAVY = "heavy"
    SHIFTED = "shifted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """The cells of a study. The reference cell is where two sweeps of the operator cross."""

    sizes: tuple[int, ...]  #: ascending; the largest also sets the forecast and the support
    confidences: tuple[float, ...]
    seeds: tuple[int, ...]
    fresh: int  #: scenarios out of sample, stations
    fresh_flows: int  #: scenarios out of sample, operator: each is 24 exact power flows
    reference_size: int = 1000
    reference_confidence: float = 0.95

    def is_reference(self, samples: int, confidence: float) -> bool:
        """Whether this is the reference cell."""
        return (samples, confidence) == (self.reference_size, self.reference_confidence)


def risk_at(confidence: float) -> float:
    """1 - confidence, without the last bits that the subtraction adds: 0.95 gives 0.05."""
    return round(1 - confidence, 12)


def design_of(quick: bool, seeds: int | None) -> Design:
    """The default study, or one of a minute; with this many seeds."""
    if quick:
        return Design(
            sizes=(50, 200, 1000),
            confidences=(0.80, 0.95, 0.99),
            seeds=tuple(range(1, 1 + (seeds or 2))),
            fresh=500,
            fresh_flows=100,
        )
    return Design(
        sizes=(50, 100, 200, 500, 1000, 2000, 5000),
        confidences=(0.80, 0.85, 0.90, 0.95, 0.99),
        seeds=tuple(range(1, 1 + (seeds or 5))),
        fresh=2000,
        fresh_flows=300,
    )
