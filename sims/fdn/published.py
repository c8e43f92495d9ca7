"""What the paper's own plans cost and look like: Tables 1 and 2, Figures 4, 7 and 8."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

#: The built-in case that these numbers are about.
CASE: Final = "tpc84"
#: Of its Cases I to VII.
PAPER_RISK: Final = 0.05

#: Total cost by case, 1e6 CNY (pages 6 to 9).
TOTALS: Final = MappingProxyType(
    {"I": 40.70, "II": 90.48, "III": 47.36, "IV": 43.63, "V": 52.91, "VII": 38.99}
)

#: Of Case VI: "the operational cost for violations increases by 4.70 times, and the total cost
#: increases by 3.31 times". Both together only make sense of the operating cost.
CASE_VI_OPERATION: Final = 3.31

#: Table 2: present value by component and stage, 1e6 CNY.
TABLE_2: Final = MappingProxyType(
    {
        "sop_site": (0.00, 2.17, 0.00, 1.20),
        "sop_converter": (0.00, 0.07, 0.31, 0.32),
        "sop_line": (0.00, 0.15, 0.35, 0.23),
        "evcs_site": (3.00, 4.35, 3.08, 1.20),
        "evcs_converter": (1.32, 1.61, 0.45, 0.13),
        "pv_converter": (4.20, 2.73, 1.66, 0.45),
        "loss": (2.36, 1.37, 0.84, 0.58),
        "overload": (0.11, 1.15, 2.13, 1.18),
        "voltage": (0.66, 1.12, 0.15, 0.10),
    }
)

#: Table 1: soft open points by stage, MVA by bus.
TABLE_1_SOPS: Final = (
    (),
    ({"7": 0.16, "72": 0.04},),
    ({"7": 0.81, "72": 0.64, "83": 0.79},),
    ({"7": 0.81, "64": 3.34, "72": 1.06, "83": 1.76}, {"29": 0.96, "39": 0.97}),
)

#: By risk: stage of the first soft open point, and converter capacity in the last stage [MVA].
SWEEP: Final = MappingProxyType(
    {0.03: (1, 9.54), 0.05: (2, 8.90), 0.10: (3, 7.98), 0.15: (3, 6.35)}
)

#: Rounds, and hours on the authors' computer.
ROUNDS: Final = MappingProxyType({"modified": (6, 9.40), "general": (21, 57.46)})
