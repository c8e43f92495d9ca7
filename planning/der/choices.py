"""What can be asked of a DER plan."""

from __future__ import annotations

from enum import StrEnum


class DerModel(StrEnum):
    """How uncertainty is treated."""

    DETERMINISTIC = "det"  #: mean demand and PV
    STOCHASTIC = "tsso"  #: two-stage stochastic: scenarios of both
    SINGLE_STAGE = "sro"  #: single-stage robust: both at their worst, always
    ADAPTIVE = "aro"  #: adaptive robust: a budget of deviations of both
    ADAPTIVE_STOCHASTIC = "arso"  #: demand by a budget, PV by scenarios


class DerMethod(StrEnum):
    """How adaptive models are solved."""

    FAST = "fast"  #: bounds from a dualised program and from generated scenarios
    BENDERS = "benders"  #: cuts from the dual of the operation, one for each iteration
