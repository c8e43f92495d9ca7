"""The choices that decide a planning run, by their words; no more, so that it imports at once."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

MAX_ROUNDS: Final = 30  #: kappa_max of the paper, and what (24) divides by


class Algorithm(StrEnum):
    """How bounds follow from risks."""

    MODIFIED = "modified"
    GENERAL = "general"
    ALL_CONSTRAINTS = "all_constraints"


class Variant(StrEnum):
    """The paper's cases, by its numerals."""

    COORDINATED = "I"
    ONE_STAGE = "II"
    STORAGE = "III"
    LARGER_LINES = "IV"
    UNREINFORCED = "V"
    UNCOORDINATED = "VI"
    SOPS_AND_LINES = "VII"

    @property
    def promises(self) -> bool:
        """Whether its plan is meant to keep risks small."""
        return self not in (Variant.UNREINFORCED, Variant.UNCOORDINATED)
