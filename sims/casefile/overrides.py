"""Applies ``--set key=value`` to a case that has been read.

Keys are those of ``case.yaml`` (``feeder.unbalance``) or a cell (``stations.EVCS18.pv_kw``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from ...core.errors import Problem
from .layout import Layout, SettingsT
from .source import SETTINGS_FILE, Source, TextTable, csv_text, did_you_mean


def overridden(
    source: Source,
    layout: Layout[SettingsT],
    overrides: Mapping[str, str],
    found: list[Problem],
) -> Source:
    """The case with every override applied; keys that do not exist go to ``found``."""
    for key, value in overrides.items():
        head = key.partition(".")[0]
        if head in source.tables and head in layout.tables:
            source = _set_cell(source, layout, key, value, found)
        else:
            source = _set_key(source, layout, key, value, found)
    return source


def _set_key(
    source: Source, layout: Layout[SettingsT], key: str, value: str, found: list[Problem]
) -> Source:
    known = _known_keys(layout)
    if key not in known:
        remedy = did_you_mean(key, known) + " Or a cell: table.row.column"
        found.append(Problem(f"--set {key}", "is no key of case.yaml", remedy))
        return source
    section, name = key.split(".")
    content: Any = source.settings.get(section)
    changed = {**(content if isinstance(content, dict) else {}), name: _scalar(value)}
    settings = {**source.settings, section: changed}
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    return replace(source, settings=settings, texts={**source.texts, SETTINGS_FILE: text})


def _scalar(value: str) -> Any:
    """A value as YAML would read it; what is no YAML stays text and is judged as such."""
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        return value


def _set_cell(
    source: Source, layout: Layout[SettingsT], key: str, value: str, found: list[Problem]
) -> Source:
    name, *rest = key.split(".")
    table, columns = source.tables[name], layout.key_columns(name)
    ids = {"-".join(row.get(c, "") for c in columns): n for n, row in table.rows.items()}
    row, column = (".".join(rest[:-1]), rest[-1]) if rest else ("", "")
    for word, known, what in ((row, ids, "row"), (column, table.header, "column")):
        if word not in known:
            fault = f"{table.file} has no {what} '{word}'"
            found.append(Problem(f"--set {key}", fault, did_you_mean(word, known)))
            return source
    rows = {**table.rows, ids[row]: {**table.rows[ids[row]], column: value}}
    return _with_table(source, name, replace(table, rows=rows))


def _with_table(source: Source, name: str, table: TextTable) -> Source:
    texts = {**source.texts, table.file: csv_text(table)}
    return replace(source, tables={**source.tables, name: table}, texts=texts)


def _known_keys(layout: Layout[SettingsT]) -> list[str]:
    return [
        f"{section}.{key}"
        for section, field in layout.settings.model_fields.items()
        for key in field.annotation.model_fields  # type: ignore[union-attr]
    ]
