"""The page about the dispatch of a day: it holds what the program holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from roadvolt.sims.dispatch.schema import DISPATCH_TABLES
from roadvolt.sims.dispatch.summary import build_summary
from roadvolt.sims.dispatch.tables import build_tables

PAGE = Path(__file__).resolve().parents[2] / "docs/dispatch.md"

UNITS = {
    "_per_kwh": "currency/kWh",
    "_kvar": "kvar",
    "_kwh": "kWh",
    "_kw": "kW",
    "_pu": "pu",
    "_a": "A",
}
MONEY = {"objective", "bound", "plan_objective", "dispatch", "plan", "disc_objective"}


def unit(column: str) -> str:
    if column in MONEY:
        return "currency"
    return next((unit for end, unit in UNITS.items() if column.endswith(end)), "")


def tables_text() -> str:
    """What the page says of every column."""
    parts = []
    for table, columns in DISPATCH_TABLES.items():
        rows = [f"| `{name}` | {unit(name)} | {said} |" for name, said in columns.items()]
        head = [f"### `{table}`", "", "| column | unit | meaning |", "|---|---|---|"]
        parts.append("\n".join([*head, *rows]))
    return "\n\n".join(parts)


def test_every_table_and_column_stands_in_the_page_with_its_meaning() -> None:
    text = tables_text()
    assert text in PAGE.read_text(), "put this in docs/dispatch.md:\n" + text


def test_every_key_of_the_summary_stands_in_the_page() -> None:
    answer = {"failure": "none", "tables": {}, "seconds": {}}
    summary = build_summary(build_tables(answer), answer)
    page = PAGE.read_text()
    assert [key for key in summary if key != "seconds" and f"`{key}`" not in page] == []


def test_the_errors_of_polygons_are_those_of_the_page() -> None:
    page = PAGE.read_text()
    for sides in (12, 24, 48):
        inner = np.cos(np.pi / sides)
        assert f"| {sides} | {1 - inner:.2%} | {1 / inner - 1:.2%} |".replace("%", " %") in page
