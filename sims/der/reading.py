"""What the pages and figures of a study of DER plans read, and the words for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ...planning.der.case import DerCase
from ...planning.der.choices import DerModel
from ..reporting import palette
from ..results import Run
from .published import CASE, PLANS, PublishedPlan
from .rows import BENCHMARK
from .schema import DER_TABLES
from .summary import plans_of
from .tables import KEYS
from .view import plan_name

if TYPE_CHECKING:
    import pandas as pd

COLOURS: Final = {
    DerModel.DETERMINISTIC: palette.SLATE,
    DerModel.STOCHASTIC: palette.SKY,
    DerModel.SINGLE_STAGE: palette.PINK,
    DerModel.ADAPTIVE: palette.VERMILION,
    DerModel.ADAPTIVE_STOCHASTIC: palette.GREEN,
    BENCHMARK: palette.INK,
}
WORDS: Final = {
    DerModel.DETERMINISTIC: "deterministic",
    DerModel.STOCHASTIC: "two-stage stochastic",
    DerModel.SINGLE_STAGE: "single-stage robust",
    DerModel.ADAPTIVE: "adaptive robust",
    DerModel.ADAPTIVE_STOCHASTIC: "adaptive robust stochastic",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanKey:
    """Which plan of the study."""

    model: str
    load_budget: int
    pv_budget: int
    method: str

    def __str__(self) -> str:
        return f"{self.model}/{self.load_budget}/{self.pv_budget}/{self.method}"

    @property
    def words(self) -> dict[str, Any]:
        """By name, as in the tables."""
        return {name: getattr(self, name) for name in KEYS}

    @property
    def label(self) -> str:
        """'ARO 10'."""
        return plan_name(self.words)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """A finished study, and its case."""

    case: DerCase
    summary: dict[str, Any]
    tables: dict[str, pd.DataFrame]

    def table(self, name: str) -> pd.DataFrame:
        """All rows of a table; none if the study does not hold it."""
        import pandas as pd

        found = self.tables.get(name)
        return pd.DataFrame(columns=list(DER_TABLES[name])) if found is None else found

    def of(self, name: str, plan: PlanKey) -> pd.DataFrame:
        """A plan's rows of a table."""
        table = self.table(name)
        for key, value in plan.words.items():
            table = table[table[key] == value]
        return table

    def row(self, name: str, plan: PlanKey) -> Mapping[str, Any]:
        """Its only row."""
        return {str(k): v for k, v in self.of(name, plan).iloc[0].items()}

    @property
    def plans(self) -> list[PlanKey]:
        """All plans that there are, in the tables' order."""
        table = self.table("plans")
        return [_key(row) for row in table[table["status"] != "no plan"].to_dict("records")]

    @property
    def first(self) -> PlanKey | None:
        """The plan that the page opens at: of the most adaptive model, budget nearest to 10."""
        order = list(DerModel)
        return max(
            self.plans,
            key=lambda plan: (order.index(DerModel(plan.model)), -abs(plan.load_budget - 10)),
            default=None,
        )

    @property
    def benchmark(self) -> Mapping[str, Any]:
        """The plan with perfect information; NaN where there is none."""
        table = self.table("benchmark")
        if table.empty:
            return dict.fromkeys(DER_TABLES["benchmark"], float("nan"))
        return {str(k): v for k, v in table.iloc[0].items()}

    def seconds(self, plan: PlanKey) -> Mapping[str, Any]:
        """How long its solution took."""
        for one in plans_of(self.summary):
            if all(one[name] == value for name, value in plan.words.items()):
                found: Mapping[str, Any] = one["seconds"]
                return found
        return {}

    def published(self, plan: PlanKey) -> PublishedPlan | None:
        """What the paper says of its plan of this model and budget, if this is its feeder."""
        if self.case.name != CASE:
            return None
        return PLANS.get((plan.model, plan.load_budget))


def _key(row: Mapping[Any, Any]) -> PlanKey:
    return PlanKey(
        model=str(row["model"]),
        load_budget=int(row["load_budget"]),
        pv_budget=int(row["pv_budget"]),
        method=str(row["method"]),
    )


def reading_of(run: Run, case: DerCase) -> Reading:
    """The study of a run's folder."""
    return Reading(case=case, summary=run.summary, tables=run.tables)
