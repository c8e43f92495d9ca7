"""What the paper says of its own plans: Tables 1 to 4 (García-Muñoz and Duran-Mateluna)."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

#: The built-in case that these numbers stand beside; its data are not those of the paper.
CASE: Final = "der33"
_NONE: Final = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPlan:
    """A column of Table 2, and the row of Table 3 where there is one; money a day, in EUR."""

    pv_sites: int
    battery_sites: int
    pv_mw: float
    bess_mwh: float
    investment: float
    operation: float
    objective: float
    seconds: float = _NONE
    iterations: int = 0


#: By model and budget; 0 for the models without.
PLANS: Final = MappingProxyType(
    {
        ("tsso", 0): PublishedPlan(
            pv_sites=25, battery_sites=0, pv_mw=1.68, bess_mwh=0.0,
            investment=293, operation=2569, objective=2862,
        ),
        ("sro", 0): PublishedPlan(
            pv_sites=24, battery_sites=0, pv_mw=3.79, bess_mwh=0.0,
            investment=658, operation=2879, objective=3537,
        ),
        ("aro", 0): PublishedPlan(
            pv_sites=24, battery_sites=8, pv_mw=1.16, bess_mwh=1.58,
            investment=517, operation=2292, objective=2809, seconds=48, iterations=23,
        ),
        ("aro", 10): PublishedPlan(
            pv_sites=24, battery_sites=24, pv_mw=1.86, bess_mwh=0.97,
            investment=517, operation=2753, objective=3271, seconds=141, iterations=25,
        ),
        ("aro", 20): PublishedPlan(
            pv_sites=25, battery_sites=7, pv_mw=1.86, bess_mwh=0.97,
            investment=518, operation=3002, objective=3519, seconds=399, iterations=29,
        ),
        ("arso", 0): PublishedPlan(
            pv_sites=24, battery_sites=7, pv_mw=1.59, bess_mwh=0.18,
            investment=311, operation=2527, objective=2839, seconds=364, iterations=51,
        ),
        ("arso", 10): PublishedPlan(
            pv_sites=25, battery_sites=7, pv_mw=1.59, bess_mwh=0.18,
            investment=312, operation=2881, objective=3193, seconds=3912, iterations=57,
        ),
        ("arso", 20): PublishedPlan(
            pv_sites=25, battery_sites=0, pv_mw=1.66, bess_mwh=0.0,
            investment=287, operation=3154, objective=3441, seconds=4841, iterations=71,
        ),
    }
)  # fmt: skip

#: Table 4: mean seconds of an iteration's (master, subproblem).
ITERATION_SECONDS: Final = MappingProxyType(
    {
        ("arso", 0): (4.30, 2.85),
        ("arso", 10): (4.49, 59.60),
        ("arso", 20): (4.42, 63.76),
        ("aro", 0): (1.00, 1.07),
        ("aro", 10): (1.03, 4.63),
        ("aro", 20): (1.00, 12.80),
    }
)

#: Table 1, one load profile with PV and batteries: MW and MWh less those of perfect information,
#: by technology and profile, for (arso, aro) at budgets 0, 10 and 20.
TABLE_1: Final = MappingProxyType(
    {
        ("PV", "A"): ((0.004, -0.002), (0.012, 0.034), (0.050, 0.089)),
        ("BESS", "A"): ((0.038, 0.069), (0.060, 0.053), (0.087, 0.090)),
        ("PV", "B"): ((0.000, 0.000), (0.007, 0.055), (0.031, 0.085)),
        ("BESS", "B"): ((0.000, 0.000), (0.040, 0.058), (0.051, 0.036)),
    }
)
