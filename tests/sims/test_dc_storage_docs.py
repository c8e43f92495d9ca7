"""The page about plans of ports and storage: it holds what the program holds."""

from __future__ import annotations

from pathlib import Path

from roadvolt.planning.dc_storage.solution import Cut
from roadvolt.sims.dc_storage.schema import DC_STORAGE_TABLES
from roadvolt.sims.dc_storage.sweeps import Sweep

PAGE = Path(__file__).resolve().parents[2] / "docs/planning-dc-storage.md"

UNITS = {
    "_kwh": "kWh",
    "_kw": "kW",
    "_kva": "kVA",
    "_kvar": "kvar",
    "_pu": "pu",
    "_a": "A",
}
#: By table: what is money; of days where the table is of days.
MONEY = {
    "objective",
    "bound",
    "profit",
    "income",
    "annuity",
    "upkeep",
    "penalties",
    "relaxed_profit",
    "upper_bound",
    *(f"{name}{end}" for name in ("electricity", "carbon") for end in ("", "_before")),
}


def unit(table: str, column: str) -> str:
    if column in MONEY:
        return "currency/day" if table == "scenarios" else "currency/year"
    if column == "investment":
        return "currency"
    if column == "price":
        return "currency/kWh"
    if column == "carbon_price":
        return "currency/kg"
    own = column.replace("_before", "")
    return next((unit for end, unit in UNITS.items() if own.endswith(end) or own == end[1:]), "")


def tables_text() -> str:
    """What the page says of every column."""
    parts = []
    for table, columns in DC_STORAGE_TABLES.items():
        rows = [f"| `{name}` | {unit(table, name)} | {said} |" for name, said in columns.items()]
        head = [f"### `{table}`", "", "| column | unit | meaning |", "|---|---|---|"]
        parts.append("\n".join([*head, *rows]))
    return "\n\n".join(parts)


def test_every_table_and_column_stands_in_the_page_with_its_meaning() -> None:
    text = tables_text()
    assert text in PAGE.read_text(), "put this in docs/planning-dc-storage.md:\n" + text


def test_every_cut_and_sweep_stands_in_the_page() -> None:
    page = PAGE.read_text()
    words = [*Cut, *Sweep]
    assert [word.value for word in words if f"`{word.value}`" not in page] == []
