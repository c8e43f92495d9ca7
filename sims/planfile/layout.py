"""The layout of cases for planning flexible distribution networks."""

from __future__ import annotations

from typing import Final

from ..casefile.layout import Layout
from .settings import PlanSettings
from .tables import TABLES

FDN_PLANNING: Final = Layout(
    settings=PlanSettings,
    tables=TABLES,
    may_be_empty=frozenset({"ties"}),  # nowhere to connect a soft open point is a case as well
    keys={
        "factors": ("factor_set", "power"),
        "mixtures": ("factor_set", "power", "component"),
    },
    page="docs/planning-case.md",
)
