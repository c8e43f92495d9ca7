"""The tables of the page about ports and storage."""

from __future__ import annotations

from ..reporting.page import Table
from ..reporting.study_page import figure_text, percent
from .reading import MILLION, Reading

_AS_IT_IS = "the case as it is"


def built_table(reading: Reading) -> Table | None:
    """Modules by port and battery, of the plan that the page opens at."""
    plan = reading.first
    if plan is None:
        return None
    rows = [
        (
            f"port at {row['bus']}",
            str(row["link"]),
            f"{row['modules']}",
            f"{row['modules_max']}",
            figure_text(row["modules_relaxed"], 1),
            f"{row['kva'] / 1e3:.2f} MVA",
        )
        for row in reading.of("ports", plan).to_dict("records")
    ]
    rows += [
        (
            "battery",
            str(row["link"]),
            f"{row['modules']}",
            f"{row['modules_max']}",
            figure_text(row["modules_relaxed"], 1),
            f"{row['kw'] / 1e3:.2f} MW, {row['kwh'] / 1e3:.2f} MWh",
        )
        for row in reading.of("batteries", plan).to_dict("records")
    ]
    return Table(
        title="Modules",
        caption_html=(
            "Of the case as it is. <b>Relaxed:</b> what would be built if modules could be cut, "
            "and a site were paid for in proportion to its modules: the seed of the search."
        ),
        headings=("asset", "link", "modules", "at most", "relaxed", "capacity"),
        rows=rows,
        labels=2,
    )


def money_table(reading: Reading) -> Table | None:
    """Electricity and carbon before and after, of the plan that the page opens at."""
    plan = reading.first
    if plan is None:
        return None
    row = reading.row(plan)
    rows = []
    for name, column in (("electricity", "electricity"), ("carbon", "carbon")):
        before, after = row[f"{column}_before"] / MILLION, row[column] / MILLION
        rows.append((name, *(figure_text(v, 3) for v in (before, after, before - after))))
    for name, column, sign in (
        ("upkeep", "upkeep", -1),
        ("annuity of the investment", "annuity", -1),
        ("profit", "profit", 1),
    ):
        value = row[column] / MILLION
        rows.append((name, "", "", figure_text(sign * value, 3)))
    return Table(
        title="Before and after",
        caption_html=(
            f"M{reading.case.currency} a year, {_AS_IT_IS}; the investment is "
            f"{figure_text(row['investment'] / MILLION, 2)} M{reading.case.currency} overnight."
        ),
        headings=("", "before", "after", "gain"),
        rows=rows,
        marks={len(rows) - 1: "total"},
    )


def scenario_table(reading: Reading) -> Table | None:
    """Energy of every day, before and after, of the plan that the page opens at."""
    plan = reading.first
    if plan is None:
        return None
    rows = [
        (
            str(row["scenario"]),
            percent(100 * row["weight"], 0),
            figure_text(row["load_kwh"] / 1e3, 1),
            figure_text(row["available_kwh"] / 1e3, 1),
            *(figure_text(row[f"curtailed{k}_kwh"] / 1e3, 2) for k in ("_before", "")),
            *(figure_text(row[f"loss{k}_kwh"] / 1e3, 2) for k in ("_before", "")),
            figure_text(row["device_loss_kwh"] / 1e3, 2),
        )
        for row in reading.of("scenarios", plan).to_dict("records")
    ]
    return Table(
        title="Energy of the days",
        caption_html=f"MWh a day, {_AS_IT_IS}.",
        headings=(
            *("day", "probability", "load", "renewables"),
            *("curtailed before", "after", "line losses before", "after", "device losses"),
        ),
        rows=rows,
    )


def plan_table(reading: Reading) -> Table | None:
    """Every plan: what it earns, whether the least return binds, and how it is proven."""
    rows: list[tuple[str, ...]] = []
    marks: dict[int, str] = {}
    for plan in reading.plans:
        row, seconds = reading.row(plan), reading.seconds(plan)
        if row["status"] != "ok":
            marks[len(rows)] = "bad"
        rows.append(
            (
                reading.label(plan),
                figure_text(row["profit"] / MILLION, 3),
                percent(100 * row["return_rate"], 1),
                "yes" if row["return_binding"] else "no",
                figure_text(row["port_kva"] / 1e3, 2),
                figure_text(row["battery_kwh"] / 1e3, 1),
                percent(100 * row["gap"], 3),
                f"{row['iterations']}",
                f"{row['infeasible_iterations']}",
                percent(100 * row["worst_rate"], 1),
                f"{row['ac_deviation']:.1e}",
                f"{row['relaxation_deviation']:.1e}",
                figure_text(seconds.get("solve"), 1),
            )
        )
    if not rows:
        return None
    return Table(
        title="Every plan, and its proof",
        caption_html=(
            f"Profit in M{reading.case.currency} a year. <b>Violated:</b> the largest rate of any "
            "limit on fresh errors. <b>AC:</b> largest difference in voltage [pu] from an exact "
            "power flow at the same injections. <b>Cone:</b> largest |l v - P\N{SUPERSCRIPT TWO} - "
            "Q\N{SUPERSCRIPT TWO}| [pu]: how exact the relaxation is."
        ),
        headings=(
            *("plan", "profit", "return", "binds", "ports MVA", "battery MWh"),
            *("gap", "steps", "in J", "violated", "AC", "cone", "s"),
        ),
        rows=rows,
        marks=marks,
    )
