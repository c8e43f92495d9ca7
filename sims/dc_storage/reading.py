"""What the page and figures of a study of ports and storage read, and the words for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ...planning.dc_storage.case import DcStorageCase
from ..reporting import palette
from ..reporting.page import Change, Control
from ..results import Run
from .schema import DC_STORAGE_TABLES
from .summary import plans_of
from .sweeps import OWN, VARIED, Sweep

if TYPE_CHECKING:
    import pandas as pd

#: Of ports and links, in their order.
COLOURS: Final = (
    *(palette.BLUE, palette.ORANGE, palette.GREEN, palette.PINK, palette.VERMILION, palette.SKY),
    *(palette.SLATE, palette.MINT, palette.RED),
)
BEFORE: Final = palette.GREY
AFTER: Final = palette.BLUE
MILLION: Final = 1e6


def colour_of(number: int) -> str:
    """Of the port or link with this number."""
    return COLOURS[number % len(COLOURS)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """A finished study, and its case."""

    case: DcStorageCase
    summary: dict[str, Any]
    tables: dict[str, pd.DataFrame]

    def table(self, name: str) -> pd.DataFrame:
        """All rows of a table; none if the study does not hold it."""
        import pandas as pd

        found = self.tables.get(name)
        return pd.DataFrame(columns=list(DC_STORAGE_TABLES[name])) if found is None else found

    def of(self, name: str, plan: str, scenario: str | None = None) -> pd.DataFrame:
        """A plan's rows of a table, or those of one of its scenarios."""
        table = self.table(name)
        table = table[table["plan"] == plan]
        return table if scenario is None else table[table["scenario"] == scenario]

    def row(self, plan: str) -> Mapping[str, Any]:
        """Its row among the plans."""
        return {str(k): v for k, v in self.of("plans", plan).iloc[0].items()}

    @property
    def plans(self) -> list[str]:
        """Names of all plans that there are, in the tables' order."""
        table = self.table("plans")
        return [str(name) for name in table.loc[table["status"] != "no plan", "plan"]]

    @property
    def first(self) -> str | None:
        """The plan that the page opens at: the case's own, if there is one."""
        return next(iter(self.plans), None)

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Names of all scenarios."""
        return self.case.scenarios.names

    def seconds(self, plan: str) -> Mapping[str, Any]:
        """How long its solution took."""
        return next((one["seconds"] for one in plans_of(self.summary) if one["plan"] == plan), {})

    def label(self, plan: str) -> str:
        """What a reader calls it."""
        if plan == OWN:
            return "as the case is"
        row = self.row(plan)
        varied = VARIED[Sweep(row["sweep"])]
        axis = varied.axis.format(currency=self.case.currency)
        unit = axis.partition("[")[2].rstrip("]")
        return f"{varied.words} {varied.scale * row[varied.column]:g} {unit}"

    @property
    def sweeps(self) -> list[Sweep]:
        """What was varied."""
        return [sweep for sweep in Sweep if (self.table("plans")["sweep"] == sweep.value).any()]

    def swept(self, sweep: Sweep) -> pd.DataFrame:
        """Plans over the setting that was varied, the case's own among them."""
        table = self.table("plans")
        there = (table["status"] != "no plan") & table["sweep"].isin([sweep.value, ""])
        return table[there].sort_values(VARIED[sweep].column)


def reading_of(run: Run, case: DcStorageCase) -> Reading:
    """The study of a run's folder."""
    return Reading(case=case, summary=run.summary, tables=run.tables)


def plan_control(reading: Reading) -> tuple[Control, ...]:
    """A choice of the plan, where there is one."""
    plans = reading.plans
    if len(plans) < 2:
        return ()
    options = tuple((plan, reading.label(plan)) for plan in plans)
    return (Control(name="plan", label="plan", options=options, start=plans[0]),)


def scenario_control(reading: Reading, start: str) -> Control:
    """A choice of the scenario."""
    options = tuple((str(k), name) for k, name in enumerate(reading.scenarios))
    number = str(reading.scenarios.index(start))
    return Control(name="scenario", label="day", options=options, start=number)


def opened(data: list[dict[str, Any]], changes: list[Change]) -> list[dict[str, Any]]:
    """The traces as the changes of the opening choice leave them."""
    for trace, path, value in changes:
        if trace == "layout":
            continue
        target: dict[str, Any] = data[int(trace)]
        *above, last = path.split(".")
        for name in above:
            target = target[name]
        target[last] = value
    return data


def busiest(reading: Reading, plan: str) -> str:
    """The scenario with most energy curtailed before anything is built; pages open at it."""
    table = reading.of("scenarios", plan)
    if table.empty:
        return reading.scenarios[0]
    return str(table.loc[table["curtailed_before_kwh"].idxmax(), "scenario"])
