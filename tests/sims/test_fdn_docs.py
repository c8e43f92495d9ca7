"""The page about planning: it holds what the program holds."""

from __future__ import annotations

from pathlib import Path

from roadvolt.planning.fdn.choices import Variant
from roadvolt.planning.fdn.costs import Component
from roadvolt.sims.fdn.schema import FDN_TABLES

PAGE = Path(__file__).resolve().parents[2] / "docs/planning-fdn.md"

#: Units by the end of a column's name; columns without unit are numbers, names or shares.
UNITS = {"_kva": "kVA", "kva": "kVA", "_kw": "kW", "kwh": "kWh", "_km": "km", "_pu": "pu"}
MONEY = ("objective", "bound", "overnight", "annualised", "present_value")


def unit(column: str) -> str:
    if column in MONEY or column.startswith("cost_"):
        return "currency"
    return next((unit for end, unit in UNITS.items() if column.endswith(end)), "")


def tables_text() -> str:
    """What the page says of every column."""
    parts = []
    for table, columns in FDN_TABLES.items():
        rows = [f"| `{name}` | {unit(name)} | {said} |" for name, said in columns.items()]
        head = [f"### `{table}`", "", "| column | unit | meaning |", "|---|---|---|"]
        parts.append("\n".join([*head, *rows]))
    return "\n\n".join(parts)


def test_every_table_and_column_stands_in_the_page_with_its_meaning() -> None:
    text = tables_text()
    assert text in PAGE.read_text(), "put this in docs/planning-fdn.md:\n" + text


def test_every_variant_and_component_stands_in_the_page() -> None:
    page = PAGE.read_text()
    assert [v.value for v in Variant if f"| {v.value} |" not in page] == []
    assert [c.value for c in Component if f"`{c.value}`" not in page] == []
