"""From coordination episodes to a planning case: charging as the episodes saw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from ...planning.fdn.case import Factor, FdnCase
from ..casefile.source import SETTINGS_FILE, Source, TextTable, csv_text, parse_source
from ..planfile.load import fdn_case_of
from .charging import ChargingFit, fit_charging

#: Name of the set of factors that a bridged case uses.
EPISODES = "episodes"


def with_charging_from(case: FdnCase, runs: Sequence[Path], *, seed: int = 0) -> FdnCase:
    """The case with charging as coordination episodes saw it; load and PV factors stay.

    The new factors stand in the files of the case, with the runs and their hashes, so that a copy
    of it does not need the runs.

    Raises:
        ResultsError: a folder is no finished episode that agreed, or no two stations charge.
    """
    return _with_fit(case, fit_charging(runs, seed=seed))


def _with_fit(case: FdnCase, fit: ChargingFit) -> FdnCase:
    source = parse_source(case.files, [])
    chosen = source.settings["uncertainty"]["factor_set"]
    kept = {"factor_set": chosen, "power": ("load", "pv")}
    tables = {
        "factors": _refilled(source.tables["factors"], kept, [_factor_row(fit.factor)]),
        "mixtures": _refilled(source.tables["mixtures"], kept, _mixture_rows(fit.factor)),
    }
    uncertainty = {"factor_set": EPISODES, "learned_from": list(fit.learned_from)}
    settings = {**source.settings, "uncertainty": uncertainty}
    texts = {
        **source.texts,
        **{table.file: csv_text(table) for table in tables.values()},
        SETTINGS_FILE: yaml.safe_dump(settings, sort_keys=False, allow_unicode=True),
    }
    changed: Source = replace(
        source, texts=texts, settings=settings, tables={**source.tables, **tables}
    )
    return fdn_case_of(case.name, changed)


def _refilled(
    table: TextTable, kept: Mapping[str, Any], new: Sequence[dict[str, str]]
) -> TextTable:
    """The table with rows of the set ``episodes``: those kept of the chosen set, and new ones."""
    others = [row for row in table.rows.values() if row["factor_set"] != EPISODES]
    same = [
        {**row, "factor_set": EPISODES}
        for row in table.rows.values()
        if row["factor_set"] == kept["factor_set"] and row["power"] in kept["power"]
    ]
    rows = dict(enumerate([*others, *same, *new], start=2))
    return replace(table, rows=rows)


def _factor_row(factor: Factor) -> dict[str, str]:
    values = {"correlation": factor.correlation, "low": factor.low, "high": factor.high}
    return {"factor_set": EPISODES, "power": "ev", **_texts(values)}


def _mixture_rows(factor: Factor) -> list[dict[str, str]]:
    mixture = factor.mixture
    parts = zip(mixture.weights, mixture.means, mixture.sds, strict=True)
    return [
        {"factor_set": EPISODES, "power": "ev", "component": str(k)}
        | _texts({"weight": weight, "mean": mean, "sd": sd})
        for k, (weight, mean, sd) in enumerate(parts, start=1)
    ]


def _texts(values: Mapping[str, float]) -> dict[str, str]:
    """To the last digit, so that the case reads back as what was fitted."""
    return {name: repr(float(value)) for name, value in values.items()}
