"""``study.html`` of a risk study."""

from __future__ import annotations

from pathlib import Path

from ..case import Case
from ..results import Run


def draw_risk(run: Run, case: Case) -> Path:
    """Writes the page beside the tables; returns its path."""
    path = run.folder / "study.html"
    parts = [
        f"<h2>{name}</h2>{table.head(200).to_html(index=False)}"
        for name, table in run.tables.items()
    ]
    path.write_text(f"<h1>Risk study of {case.name}</h1>" + "".join(parts))
    return path
