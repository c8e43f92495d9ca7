"""A run's folder: written once, never over another, read back as pandas tables.

``summary.json`` is written last: a folder without it is a run that did not finish.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..core.errors import ResultsError
from .schema import SCHEMA_VERSION

_SOLVERS = ("numpy", "scipy", "highspy", "clarabel", "osqp", "power-grid-model", "numba", "ray")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """A finished run read back: its folder, its summary and its tables."""

    folder: Path
    summary: dict[str, Any]
    tables: dict[str, pd.DataFrame]


def new_run_folder(parent: Path, case: str, kind: str) -> Path:
    """Makes ``<utc time>-<case>-<kind>`` under ``parent``, numbered if that exists already."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    parent.mkdir(parents=True, exist_ok=True)
    for count in range(1, 1000):
        suffix = "" if count == 1 else f"-{count}"
        folder = parent / f"{stamp}-{case}-{kind}{suffix}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise ResultsError(str(parent), "a thousand runs began in this second; choose another --out")


def result_hash(tables: Mapping[str, pd.DataFrame]) -> str:
    """SHA-256 over every table's name, columns and values, to the last bit of each float."""
    digest = hashlib.sha256()
    for name in sorted(tables):
        table = tables[name]
        digest.update(name.encode())
        for column in table.columns:
            digest.update(str(column).encode())
            digest.update(_column_bytes(table[column]))
    return digest.hexdigest()


def _column_bytes(column: pd.Series) -> bytes:
    values = column.to_numpy()
    if np.issubdtype(values.dtype, np.floating):
        # -0.0 and 0.0 are one number, and so are all NaN.
        return bytes(np.where(np.isnan(values), np.nan, values + 0.0).astype("<f8").tobytes())
    if np.issubdtype(values.dtype, np.integer) or values.dtype == bool:
        return bytes(values.astype("<i8").tobytes())
    return "\x1f".join(map(str, values)).encode()


def package_versions() -> dict[str, str]:
    """Versions of this package, of Python, and of the solvers and engines behind the numbers."""
    found = {"python": platform.python_version()}
    for name in ("roadvolt", *_SOLVERS):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def save_tables(tables: Mapping[str, pd.DataFrame], folder: Path, csv: bool) -> None:
    """One Parquet file a table; with ``csv`` also one CSV file each."""
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
        if csv:
            table.to_csv(folder / f"{name}.csv", index=False)


def save_summary(summary: Mapping[str, Any], folder: Path) -> None:
    """Writes ``summary.json``, in one move: a reader never sees half of it."""
    draft = folder / "summary.json.part"
    draft.write_text(json.dumps({"schema_version": SCHEMA_VERSION, **summary}, indent=2) + "\n")
    draft.replace(folder / "summary.json")


def load_run(folder: Path) -> Run:
    """Reads a finished run.

    Raises:
        ResultsError: the folder is missing, is no run, did not finish, or is of another schema.
    """
    if not folder.is_dir():
        raise ResultsError(str(folder), "there is no such folder; `roadvolt show` wants a run's")
    path = folder / "summary.json"
    if not path.is_file():
        raise ResultsError(
            str(folder), "has no summary.json: the run did not finish; try `roadvolt resume`"
        )
    try:
        summary = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ResultsError(str(path), f"is not valid JSON: {error}") from error
    if summary.get("schema_version") != SCHEMA_VERSION:
        raise ResultsError(
            str(path),
            f"has schema version {summary.get('schema_version')}, this program reads "
            f"{SCHEMA_VERSION}; read it with the roadvolt version it names",
        )
    tables = {path.stem: pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
    return Run(folder=folder, summary=summary, tables=tables)
