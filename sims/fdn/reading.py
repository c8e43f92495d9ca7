"""What the pages and figures of a planning study read, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ...planning.fdn.case import FdnCase
from ..reporting import palette
from ..results import Run
from .published import CASE
from .schema import FDN_TABLES
from .tables import KEYS

if TYPE_CHECKING:
    import pandas as pd

LIMIT_WORDS: Final = {
    "under_voltage": "under-voltage",
    "over_voltage": "over-voltage",
    "overload": "overload",
}
#: From light to dark: the stages of a plan.
STAGE_SCALE: Final = ("#b7d3e8", "#5b9fcb", "#1f6ba5", "#0b3d66")
SOP_COLOURS: Final = (palette.VERMILION, palette.PINK, palette.ORANGE, palette.SKY)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanKey:
    """Which plan of the study."""

    variant: str
    risk: float
    algorithm: str

    def __str__(self) -> str:
        return f"{self.variant}/{self.risk:g}/{self.algorithm}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """A finished study, and its case."""

    case: FdnCase
    summary: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    parts: dict[tuple[str, PlanKey], pd.DataFrame] = field(default_factory=dict)  #: found before

    def table(self, name: str) -> pd.DataFrame:
        """All rows of a table; none if the study does not hold it."""
        import pandas as pd

        found = self.tables.get(name)
        return pd.DataFrame(columns=list(FDN_TABLES[name])) if found is None else found

    def of(self, name: str, plan: PlanKey) -> pd.DataFrame:
        """A plan's rows of a table."""
        if (name, plan) not in self.parts:
            self.parts[name, plan] = self._rows(name, plan)
        return self.parts[name, plan]

    def _rows(self, name: str, plan: PlanKey) -> pd.DataFrame:
        table = self.table(name)
        same = (
            (table["variant"] == plan.variant)
            & (table["risk"] == plan.risk)
            & (table["algorithm"] == plan.algorithm)
        )
        return table[same]

    @property
    def plans(self) -> list[PlanKey]:
        """All plans that there are, in the tables' order."""
        table = self.table("plans")
        there = table[table["status"] != "no plan"]
        return [
            PlanKey(**{str(k): v for k, v in row.items()}) for row in there[KEYS].to_dict("records")
        ]

    def label(self, plan: PlanKey) -> str:
        """'Case I, 5 %', and the algorithm where there are several."""
        several = self.table("plans")["algorithm"].nunique() > 1
        words = f", {plan.algorithm.replace('_', ' ')}" if several else ""
        return f"Case {plan.variant}, {100 * plan.risk:g} %{words}"

    @property
    def first(self) -> PlanKey | None:
        """The plan that the page opens at: Case I at the risk nearest to 5 %, if it is there."""
        return min(
            self.plans,
            key=lambda p: (p.variant != "I", p.algorithm != "modified", abs(p.risk - 0.05)),
            default=None,
        )

    @property
    def has_paper(self) -> bool:
        """Whether the paper's numbers are about this case."""
        return self.case.name == CASE

    def stages(self, plan: PlanKey) -> list[int]:
        """The stages of a plan."""
        return sorted(int(stage) for stage in self.of("costs", plan)["stage"].unique())


def reading_of(run: Run, case: FdnCase) -> Reading:
    """The study of a run's folder."""
    return Reading(case=case, summary=run.summary, tables=run.tables)


def roman(stage: int) -> str:
    """1 -> 'I', as the paper numbers stages."""
    return (
        ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")[stage - 1] if stage <= 8 else f"{stage}"
    )
