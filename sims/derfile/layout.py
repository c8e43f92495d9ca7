"""The layout of cases for planning PV and batteries."""

from __future__ import annotations

from typing import Final

from ..casefile.layout import Layout
from .settings import DerSettings
from .tables import TABLES

EXTRA_DEMAND: Final = "extra_demand"

DER_PLANNING: Final = Layout(
    settings=DerSettings,
    tables=TABLES,
    may_be_empty=frozenset({EXTRA_DEMAND}),
    may_be_absent=frozenset({"pv", "load", EXTRA_DEMAND}),
    keys={"pv": ("day", "hour"), "load": ("day", "hour", "bus"), EXTRA_DEMAND: ("bus", "hour")},
    page="docs/planning-der-case.md",
)
