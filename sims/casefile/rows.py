"""Turns text into checked values, and pydantic's errors into problems a user can act on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ...core.errors import Problem
from ...core.units import FloatArray, frozen
from .fields import Between, Row
from .layout import Layout, SettingsT
from .source import SETTINGS_FILE, TextTable, did_you_mean, nearest

RowT = TypeVar("RowT", bound=Row)

_KINDS = {
    "float": ("is not a number", "write a plain number with a decimal point, no unit, no quotes"),
    "int": ("is not a whole number", "write a whole number, no unit, no quotes"),
    "bool": ("is neither yes nor no", "write yes or no"),
    "string": ("is not text", "put it in quotes"),
    "model": ("is not a section", "write keys below it, indented"),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows(Generic[RowT]):
    """The good rows of a table by their row number."""

    text: TextTable
    good: dict[int, RowT]

    def __iter__(self) -> Iterator[RowT]:
        return iter(self.good.values())


def checked_settings(
    content: dict[str, Any], layout: Layout[SettingsT], found: list[Problem]
) -> SettingsT | None:
    """``case.yaml`` as settings, or None with every fault in ``found``."""
    try:
        return layout.settings.model_validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False)
        misspelt = _misspelt(details)
        found.extend(_settings_problem(d, layout) for d in details if d["loc"] not in misspelt)
        return None


def checked_rows(
    name: str, table: TextTable | None, layout: Layout[SettingsT], found: list[Problem]
) -> Rows[Any]:
    """The good rows of a table, every fault of header and cells in ``found``; None has no rows."""
    if table is None:
        return Rows(text=TextTable(file=f"{name}.csv", header=(), rows={}), good={})
    model = layout.tables[name]
    before = len(found)
    _check_header(table, model, found)
    good = {} if len(found) > before else _good_rows(table, model, found)
    if not table.rows and name not in layout.may_be_empty:
        found.append(Problem(table.file, "has no rows", "add at least one row below the header"))
    return Rows(text=table, good=good)


def checked_profiles(table: TextTable | None, found: list[Problem]) -> dict[str, FloatArray]:
    """The columns of ``base_demand.csv`` but the first, each a factor for every hour."""
    if table is None:
        return {}
    if not table.header or table.header[0] != "hour":
        found.append(Problem(table.file, "has no first column 'hour'", "count hours from 0 in it"))
        return {}
    bad = [column for column in table.header[1:] if not column.endswith("_factor")]
    for column in bad:
        remedy = f"name it '{column}_factor'"
        found.append(Problem(table.file, f"column {column} is not named as a factor", remedy))
    columns = [column for column in table.header[1:] if column not in bad]
    return {c.removesuffix("_factor"): _profile(table, c, found) for c in columns}


def _profile(table: TextTable, column: str, found: list[Problem]) -> FloatArray:
    values = []
    for number, row in table.rows.items():
        try:
            values.append(Between("as a factor", 0.0, 1.0).check(float(row[column])))
        except ValueError as error:
            remedy = "write a number from 0 to 1: 1 is the hour of the peak"
            fault = f"'{row[column]}' is no factor: {error}"
            found.append(Problem(table.place(number, column), fault, remedy))
            values.append(np.nan)
    return frozen(values)


def _check_header(table: TextTable, model: type[Row], found: list[Problem]) -> None:
    wanted = list(model.model_fields)
    absent = [column for column in wanted if column not in table.header]
    for column in dict.fromkeys(table.header):
        if column not in wanted:
            meant = nearest(column, absent)
            absent = [name for name in absent if name != meant]
            fault = f"unknown column '{column}'"
            remedy = did_you_mean(column, [meant] if meant else wanted)
            found.append(Problem(table.file, fault, remedy))
        elif table.header.count(column) > 1:
            found.append(Problem(table.file, f"column '{column}' stands twice", "remove one"))
    missing = (f"column '{column}' is missing" for column in absent)
    found.extend(Problem(table.file, fault, "add it to the header") for fault in missing)


def _good_rows(table: TextTable, model: type[Row], found: list[Problem]) -> dict[int, Row]:
    good = {}
    for number, cells in table.rows.items():
        try:
            good[number] = model.model_validate(cells)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                place = table.place(number, str(detail["loc"][0]))
                found.append(_problem(place, detail))
    return good


def _misspelt(details: list[ErrorDetails]) -> set[tuple[int | str, ...]]:
    """Missing keys that an unknown key of the same section was meant to be: one fault, not two."""
    missing = {d["loc"] for d in details if d["type"] == "missing"}
    meant = set()
    for loc in (d["loc"] for d in details if d["type"] == "extra_forbidden"):
        siblings = [str(other[-1]) for other in missing if other[:-1] == loc[:-1]]
        if (near := nearest(str(loc[-1]), siblings)) is not None:
            meant.add((*loc[:-1], near))
    return meant


def _settings_problem(detail: ErrorDetails, layout: Layout[SettingsT]) -> Problem:
    path = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        *section, key = (str(part) for part in detail["loc"])
        known = _keys(section, layout)
        return Problem(SETTINGS_FILE, f"unknown key '{path}'", did_you_mean(key, known))
    if detail["type"] == "missing":
        return Problem(SETTINGS_FILE, f"'{path}' is missing", f"add it; {layout.page} has it")
    return _problem(f"{SETTINGS_FILE}, {path}", detail)


def _keys(section: Iterable[str], layout: Layout[SettingsT]) -> list[str]:
    model: type[BaseModel] = layout.settings
    for name in section:
        model = model.model_fields[name].annotation  # type: ignore[assignment]
    return list(model.model_fields)


def _problem(place: str, detail: ErrorDetails) -> Problem:
    value = detail["input"]
    if detail["type"] == "case_fault":
        return Problem(place, detail["msg"], detail["ctx"]["remedy"])
    if value in ("", None):
        return Problem(place, "is empty", "give a value")
    if detail["type"] == "literal_error":
        return Problem(place, f"'{value}' is not one of them", f"give {detail['ctx']['expected']}")
    kind, _, _ = detail["type"].partition("_")
    fault, remedy = _KINDS.get(kind, (detail["msg"], "correct it"))
    return Problem(place, f"'{value}' {fault}", remedy)
