"""The tables of a dispatched day's page."""

from __future__ import annotations

from typing import Any

from ..reporting.page import Table
from ..reporting.study_page import figure_text, money, percent
from .reading import Reading

#: Less is not worth a row.
_CENT = 0.005


def requirement_table(reading: Reading) -> Table | None:
    """What was asked for, and what is delivered."""
    found = _records(reading, "requirements")
    if not found:
        return None
    rows = [
        (
            row["requirement"],
            row["feeder"],
            f"{row['direction']} import, {row['start']} to {row['end']}",
            figure_text(row["asked_kw"]),
            figure_text(row["asked_kwh"]),
            figure_text(row["delivered_kwh"]),
            figure_text(row["shortfall_kwh"]),
            "met" if row["feasible"] else "not entirely",
        )
        for row in found
    ]
    return Table(
        title="Flexibility requirements",
        caption_html=(
            "Against the plan: the cheapest dispatch without requirements. What is missing costs "
            f"{reading.case.rules.shortfall_per_kwh:g} {reading.case.currency} a kWh, so that it "
            "is missing only where nothing can deliver it, or not at that price."
        ),
        headings=(
            *("requirement", "feeder", "asks for", "kW"),
            *("kWh asked", "delivered", "missing", ""),
        ),
        rows=rows,
        labels=3,
        marks={k: "good" if row["feasible"] else "bad" for k, row in enumerate(found)},
    )


def cost_table(reading: Reading) -> Table | None:
    """Of the dispatch and of the plan, and what requirements cost."""
    costs = _records(reading, "costs")
    found = [row for row in costs if max(row["dispatch"], row["plan"]) > _CENT]
    if not found:
        return None
    rows = [
        (
            row["item"],
            *(money(row[column]) for column in ("plan", "dispatch")),
            money(row["dispatch"] - row["plan"], sign=True),
        )
        for row in found
    ]
    return Table(
        title="Costs of the day",
        caption_html=f"{reading.case.currency}; with requirements, and without.",
        headings=("item", "plan", "dispatch", "difference"),
        rows=rows,
        marks={len(rows) - 1: "total"},
    )


def load_table(reading: Reading) -> Table | None:
    """Deadlines of deferrable loads."""
    found = _records(reading, "loads")
    if not found:
        return None
    rows = [
        (
            row["load"],
            f"bus {row['bus']}",
            figure_text(row["energy_kwh"]),
            figure_text(row["consumed_kwh"]),
            row["deadline"],
            "met" if row["met"] else "missed",
        )
        for row in found
    ]
    return Table(
        title="Deadlines",
        caption_html="",
        headings=("load", "where", "kWh needed", "kWh got", "by", ""),
        rows=rows,
        labels=2,
        marks={k: "bad" for k, row in enumerate(found) if not row["met"]},
    )


def trust_table(reading: Reading) -> Table | None:
    """Proofs and errors, each with its size."""
    if not reading.solved:
        return None
    steps = reading.tables["steps"]
    off_kw = float((steps["import_kw"] - steps["ac_import_kw"]).abs().max())
    (result,), (polygon,) = _records(reading, "result"), _records(reading, "polygon")
    rows = [
        ("gap of the program", _small(result["gap"])),
        (
            "largest |V linear - V exact|, before any pass",
            _small(result["first_deviation_pu"], "pu"),
        ),
        (
            f"likewise after {result['passes']} passes in all",
            _small(result["ac_deviation_pu"], "pu"),
        ),
        ("largest difference of import from exact power flow", f"{off_kw:.3f} kW"),
        ("most that the polygon takes from a capacity", percent(100 * polygon["largest"], 2)),
        ("losses of converters, by the polygon", f"{figure_text(polygon['losses_kwh'], 1)} kWh"),
        ("likewise by the circle", f"{figure_text(polygon['exact_losses_kwh'], 1)} kWh"),
        ("losses overstated by", percent(100 * polygon["losses_error"], 2, sign=True)),
        (
            "cost against the best dispatch with circles",
            percent(100 * polygon["objective_error"], 4, sign=True),
        ),
    ]
    return Table(
        title="Errors",
        caption_html="The last one is computed with <code>--exact-disc</code> only.",
        headings=("what", "size"),
        rows=rows,
    )


def _small(value: float, unit: str = "") -> str:
    return f"{value:.1e} {unit}".strip().replace("-", "\N{MINUS SIGN}")


def _records(reading: Reading, name: str) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in reading.tables[name].to_dict("records")]
