"""Reads the files of a case as text: ``case.yaml`` and the tables beside it."""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ...core.errors import Problem
from .layout import Layout, SettingsT

SETTINGS_FILE = "case.yaml"
BASE_DEMAND = "base_demand"
ORIGINS_FILE = "SOURCES.md"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TextTable:
    """A CSV file as text. Rows are numbered as in a spreadsheet: the header is row 1."""

    file: str
    header: tuple[str, ...]
    rows: dict[int, dict[str, str]]

    def place(self, number: int, column: str = "") -> str:
        """Where a row or a cell stands, for a message."""
        return f"{self.file}, row {number}" + (f", column {column}" if column else "")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """All files of a case: their text, and what the text says."""

    texts: dict[str, str]
    settings: dict[str, Any]
    tables: dict[str, TextTable]

    @property
    def digest(self) -> str:
        """SHA-256 over names and texts of all files that carry numbers, whatever the line ends."""
        digest = hashlib.sha256()
        for name in sorted(set(self.texts) - {ORIGINS_FILE}):
            text = "\n".join(self.texts[name].split("\r\n"))
            digest.update(f"{name}\0{len(text)}\0{text}".encode())
        return digest.hexdigest()


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy: the nearest known words, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=2, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(f"'{name}'" for name in near) + "?"
    return "known are " + ", ".join(names)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, if there is one."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


def read_source(
    folder: Path,
    layout: Layout[SettingsT],
    found: list[Problem],
    lent: Mapping[str, Path] | None = None,
) -> Source:
    """Reads ``case.yaml`` and every table; what is missing or damaged goes to ``found``.

    ``lent`` names tables that lie in another case's folder if not in this one.
    """
    absent = {f"{table}.csv" for table in layout.may_be_absent if not _has(folder, table)}
    wanted = [SETTINGS_FILE, *(file for file in layout.files if file not in absent)]
    others = {f"{table}.csv": place for table, place in (lent or {}).items()}
    places = {
        name: folder if (folder / name).exists() else others.get(name, folder) for name in wanted
    }
    texts = {
        name: text for name in wanted if (text := _read(places[name], name, found)) is not None
    }
    if (folder / ORIGINS_FILE).exists():
        texts[ORIGINS_FILE] = (folder / ORIGINS_FILE).read_text(encoding="utf-8", errors="replace")
    return parse_source(texts, found)


def parse_source(texts: Mapping[str, str], found: list[Problem]) -> Source:
    """What the files of a case say; damage goes to ``found``."""
    tables = {
        Path(file).stem: _parse_csv(file, text, found)
        for file, text in texts.items()
        if file.endswith(".csv")
    }
    settings = _parse_yaml(texts[SETTINGS_FILE], found) if SETTINGS_FILE in texts else {}
    return Source(texts=dict(texts), settings=settings, tables=tables)


def write_source(texts: Mapping[str, str], folder: Path) -> None:
    """Writes the files of a case into ``folder``, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def csv_text(table: TextTable) -> str:
    """A table as the text of a CSV file."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, table.header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table.rows.values())
    return buffer.getvalue()


def _has(folder: Path, table: str) -> bool:
    return (folder / f"{table}.csv").exists()


def _read(folder: Path, name: str, found: list[Problem]) -> str | None:
    try:
        return (folder / name).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        found.append(Problem(name, "the file is missing", f"add it to {folder}"))
    except (OSError, UnicodeDecodeError) as error:
        found.append(Problem(name, f"cannot be read: {error}", "save it as UTF-8 text"))
    return None


def _parse_yaml(text: str, found: list[Problem]) -> dict[str, Any]:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        summary = " ".join(str(error).split())
        found.append(Problem(SETTINGS_FILE, f"is not YAML: {summary}", "correct the syntax"))
        return {}
    if not isinstance(content, dict):
        found.append(Problem(SETTINGS_FILE, "has no sections", "write 'case:' and keys below it"))
        return {}
    return {str(key): value for key, value in content.items()}


def _parse_csv(file: str, text: str, found: list[Problem]) -> TextTable:
    lines = enumerate(csv.reader(io.StringIO(text)), start=1)
    filled = {number: cells for number, cells in lines if any(cell.strip() for cell in cells)}
    first = min(filled, default=0)
    header = tuple(cell.strip() for cell in filled.pop(first, []))
    rows = {}
    for number, cells in filled.items():
        if len(cells) == len(header):
            rows[number] = {k: cell.strip() for k, cell in zip(header, cells, strict=True)}
        else:
            fault = f"has {len(cells)} cells where the header has {len(header)}"
            found.append(
                Problem(f"{file}, row {number}", fault, "one cell a column; decimals take a point")
            )
    return TextTable(file=file, header=header, rows=rows)
