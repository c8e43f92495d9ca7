"""What a user may choose about an episode, apart from its case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..agents.policy import AdjustmentPolicy
from ..uncertainty.margins import RiskTreatment
from .case import Case

#: As in ``case.yaml`` and at the command line.
MIN_SAMPLES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeOptions:
    """Choices of one episode; together with the case they determine every number of its result.

    ``shards`` and ``local_steps`` shape the negotiation and hence the last digits of its answer;
    that is why they stand here and not with the runtime, whose workers merely host the shards.
    """

    seed: int = 1
    treatment: RiskTreatment = RiskTreatment.DRO
    confidence: float = 0.95  #: 1 - risk of every single chance constraint
    samples: int = 1000  #: scenarios that stations and operator learn from
    fresh_samples: int = 1000  #: scenarios of the exact check, never seen before
    gap: float = 1e-3  #: certified relative gap at which the negotiation stops
    shards: int = 4  #: groups of stations that negotiate by messages
    local_steps: int = 5  #: iterations inside a shard between two exchanges
    max_iterations: int = 20_000  #: of the negotiation, in one trading round
    max_trading_rounds: int = 8  #: after these the operator sends an operating envelope
    backoff_kw: float = 0.5  #: by how much adjustment signals stay inside the limits
    anchor_passes: int = 2  #: of voltages to AC in a review, at least; 0 is plain LinDist3Flow
    policy: AdjustmentPolicy = AdjustmentPolicy.PROJECTION  #: how the operator asks for a change

    def __post_init__(self) -> None:
        if self.samples < MIN_SAMPLES:
            raise ValueError(
                f"samples must be at least {MIN_SAMPLES}, got {self.samples}: "
                "fewer say nothing about how far forecasts stray"
            )

    @property
    def risk(self) -> float:
        """Allowed violation probability of a single limit."""
        return 1.0 - self.confidence


def options_for(case: Case, **choices: Any) -> EpisodeOptions:
    """Options in which the case's own treatment of risk holds where ``choices`` do not say else."""
    own = {
        "treatment": case.risk.treatment,
        "confidence": case.risk.confidence,
        "samples": case.risk.samples,
    }
    return EpisodeOptions(**{**own, **choices})
