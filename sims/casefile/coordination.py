"""The layout of cases that coordination episodes run on."""

from __future__ import annotations

from typing import Final

from .layout import Layout
from .settings import Settings
from .source import BASE_DEMAND
from .tables import TABLES

COORDINATION: Final = Layout(
    settings=Settings,
    tables=TABLES,
    free_tables=(BASE_DEMAND,),
    # A feeder without generators is a feeder.
    may_be_empty=frozenset({"generators", "batteries", "wind_turbines", "links", "injections"}),
    may_be_absent=frozenset({"injections"}),
    keys={"trips": ("origin", "destination"), "injections": ("injection", "hour")},
    page="docs/case-format.md",
)
