"""What a kind of case is made of: its settings, its tables, and how they are keyed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from .fields import Row, Section

SettingsT = TypeVar("SettingsT", bound=Section)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout(Generic[SettingsT]):
    """The files of a kind of case: ``case.yaml`` and one CSV file for each table."""

    settings: type[SettingsT]  #: the whole of ``case.yaml``
    tables: Mapping[str, type[Row]]  #: one class for each file, one field for each column
    free_tables: tuple[str, ...] = ()  #: their columns are the user's own
    may_be_empty: frozenset[str] = frozenset()
    may_be_absent: frozenset[str] = frozenset()
    keys: Mapping[str, tuple[str, ...]]  #: where not the first column alone names a row
    page: str  #: of the documentation

    @property
    def files(self) -> tuple[str, ...]:
        """All tables as file names."""
        return tuple(f"{table}.csv" for table in (*self.tables, *self.free_tables))

    def key_columns(self, table: str) -> tuple[str, ...]:
        """The columns whose values together must not repeat."""
        return self.keys.get(table) or (next(iter(self.tables[table].model_fields)),)
