"""Times of the day, as tables write them: ``HH:MM``, from ``00:00`` to ``24:00`` and beyond."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from ..casefile.fields import fault

HOUR_MIN: Final = 60

_WRITTEN: Final = re.compile(r"(\d{1,3}):([0-5]\d)")


def minutes_of(cell: Any) -> Any:
    """``"07:30"`` -> 450; what is no text is left to be judged as a number."""
    if not isinstance(cell, str):
        return cell
    found = _WRITTEN.fullmatch(cell.strip())
    if found is None:
        raise fault(f"'{cell}' is no time of the day", "write it as HH:MM, e.g. 07:30 or 24:00")
    return HOUR_MIN * int(found[1]) + int(found[2])


def clock_of(minutes: float) -> str:
    """450 -> ``"07:30"``."""
    whole = round(minutes)
    return f"{whole // HOUR_MIN:02d}:{whole % HOUR_MIN:02d}"


#: Minutes since the day began.
Clock = Annotated[int, BeforeValidator(minutes_of)]
