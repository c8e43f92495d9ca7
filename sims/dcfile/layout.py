"""The layout of cases for planning ports and storage on DC links."""

from __future__ import annotations

from typing import Final

from ..casefile.layout import Layout
from .settings import DcStorageSettings
from .tables import TABLES

DC_STORAGE_PLANNING: Final = Layout(
    settings=DcStorageSettings,
    tables=TABLES,
    may_be_empty=frozenset({"ties", "renewables"}),
    keys={
        "days": ("boundary", "day"),
        "hours": ("day", "hour"),
        "renewables": ("boundary", "bus", "kind"),
    },
    page="docs/planning-dc-storage-case.md",
)
