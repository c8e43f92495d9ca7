"""The choices behind the operator's problem."""

from __future__ import annotations

from dataclasses import dataclass

from ..uncertainty.ambiguity import Shape
from ..uncertainty.margins import RiskTreatment


@dataclass(frozen=True, slots=True, kw_only=True)
class OpfOptions:
    """How risk is treated, and how far the upstream grid may balance errors."""

    treatment: RiskTreatment = RiskTreatment.DRO
    risk: float = 0.05  #: allowed violation probability of each limit
    shape: Shape = Shape.CANTELLI  #: what DRO knows of distributions besides their moments
    upstream_share_max: float = 0.4  #: of the missing net load
    solver: str = "clarabel"

    def __post_init__(self) -> None:
        if not 0 < self.risk <= 0.5:
            raise ValueError(f"risk must lie in (0, 1/2], got {self.risk}")
        if not 0 <= self.upstream_share_max <= 1:
            raise ValueError(
                f"upstream_share_max must lie in [0, 1], got {self.upstream_share_max}"
            )
