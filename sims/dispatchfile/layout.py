"""The layout of cases for dispatching a day."""

from __future__ import annotations

from typing import Final

from ..casefile.layout import Layout
from .settings import DispatchSettings
from .tables import CHARGING, TABLES

#: Kinds of device that a day may do without.
_DEVICES: Final = frozenset({"generators", "sops", "batteries", "deferrable", "requirements"})

DISPATCH: Final = Layout(
    settings=DispatchSettings,
    tables=TABLES,
    may_be_empty=_DEVICES | {"ties", CHARGING},
    may_be_absent=_DEVICES | {CHARGING},
    keys={"sops": ("sop", "bus"), CHARGING: ("bus", "time")},
    page="docs/dispatch-case.md",
)
