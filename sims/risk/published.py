"""The figures of the paper that a risk study is put beside (Chen et al., appendix B2), in USD."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from .design import Method

#: Table B.II, total operation cost of the day ahead.
DAY_AHEAD: Final = MappingProxyType(
    {Method.SP.value: 2575.2, Method.MOMENT.value: 2659.7, Method.RO.value: 3211.8}
)

#: Tables B.III and B.IV, the worst after-the-fact situation. Scheme I has no reserve.
SCHEMES: Final = MappingProxyType(
    {
        "I": {
            "total_cost": 3320.91,
            "upstream_active": 1314.39,
            "upstream_reactive": 269.46,
            "der": 1737.06,
            "reserve": 0.0,
            "vm_min_pu": 0.94087,
            "vm_max_pu": 1.0053,
            "vur_max_pct": 2.101,
        },
        "II": {
            "total_cost": 2988.31,
            "upstream_active": 955.71,
            "upstream_reactive": 244.65,
            "der": 1756.96,
            "reserve": 30.99,
            "vm_min_pu": 0.94639,
            "vm_max_pu": 1.0052,
            "vur_max_pct": 1.893,
        },
        "III": {
            "total_cost": 2738.17,
            "upstream_active": 613.20,
            "upstream_reactive": 172.54,
            "der": 1868.26,
            "reserve": 84.17,
            "vm_min_pu": 0.95312,
            "vm_max_pu": 1.0095,
            "vur_max_pct": 1.855,
        },
    }
)


def over_sp_pct(method: str) -> float:
    """By how much a method's day ahead is dearer than SP's in the paper [%]."""
    return 100 * (DAY_AHEAD[method] / DAY_AHEAD[Method.SP] - 1)


def below_pct(scheme: str, other: str) -> float:
    """By how much a scheme's worst day is cheaper than another's in the paper [%]."""
    return 100 * (1 - SCHEMES[scheme]["total_cost"] / SCHEMES[other]["total_cost"])
