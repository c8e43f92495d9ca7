"""The page about plans of PV and batteries: it holds what the program holds."""

from __future__ import annotations

from pathlib import Path

from roadvolt.planning.der.choices import DerMethod, DerModel
from roadvolt.planning.der.solution import Certificate, Separation
from roadvolt.sims.der.schema import DER_TABLES

PAGE = Path(__file__).resolve().parents[2] / "docs/planning-der.md"

UNITS = {"_kw": "kW", "_kwh": "kWh"}
MONEY = {
    "objective",
    "lower_bound",
    "upper_bound",
    "investment",
    "operation",
    "wait_and_see",
    "cost",
    "cost_mean",
    "cost_q95",
    "cost_max",
    "row_cost",
    "total",
}


def unit(column: str) -> str:
    if column in MONEY:
        return "currency/day"
    return next((unit for end, unit in UNITS.items() if column.endswith(end)), "")


def tables_text() -> str:
    """What the page says of every column."""
    parts = []
    for table, columns in DER_TABLES.items():
        rows = [f"| `{name}` | {unit(name)} | {said} |" for name, said in columns.items()]
        head = [f"### `{table}`", "", "| column | unit | meaning |", "|---|---|---|"]
        parts.append("\n".join([*head, *rows]))
    return "\n\n".join(parts)


def test_every_table_and_column_stands_in_the_page_with_its_meaning() -> None:
    text = tables_text()
    assert text in PAGE.read_text(), "put this in docs/planning-der.md:\n" + text


def test_every_choice_and_certificate_stands_in_the_page() -> None:
    page = PAGE.read_text()
    words = [*DerModel, *DerMethod, *Certificate, *Separation]
    assert [word.value for word in words if f"`{word.value}`" not in page] == []
