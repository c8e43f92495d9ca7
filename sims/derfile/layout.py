"""The layout of cases for planning PV and batteries."""

from __future__ import annotations

from typing import Final

from ..casefile.layout import Layout
from .settings import DerSettings
from .tables import TABLES

CHARGING: Final = "charging"

DER_PLANNING: Final = Layout(
    settings=DerSettings,
    tables=TABLES,
    may_be_empty=frozenset({CHARGING}),
    may_be_absent=frozenset({"pv", "load", CHARGING}),
    keys={"pv": ("day", "hour"), "load": ("day", "hour"), CHARGING: ("bus", "hour")},
    page="docs/planning-der-case.md",
)
