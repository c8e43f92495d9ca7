"""From the answer of the task to the tables that ``schema`` describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from .schema import DISPATCH_TABLES


def build_tables(answer: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """All tables; of a day without dispatch only ``result`` has a row."""
    found = answer["tables"] if not answer["failure"] else {"result": _failed(answer["failure"])}
    return {
        name: pd.DataFrame(found.get(name, {}), columns=list(columns))
        for name, columns in DISPATCH_TABLES.items()
    }


def _failed(reason: str) -> dict[str, list[Any]]:
    missing = {column: [float("nan")] for column in DISPATCH_TABLES["result"]}
    return missing | {"status": ["failed"], "reason": [reason], "passes": [0]}
