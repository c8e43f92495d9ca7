"""What a risk study found, in a sentence each: the paper's orderings checked, and key figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..reporting.masthead import Card
from ..reporting.page import Table
from ..reporting.study_page import Banner, figure_text, money, percent
from . import published
from .design import Method
from .looks import DISTRIBUTIONS, SCHEMES, method_name
from .reading import Reading, broken_at
from .scheme_charts import after_the_fact
from .schemes import WORST

_DRO = (Method.CROSS_VALIDATED.value, Method.WASSERSTEIN.value, Method.MOMENT.value)

#: Two costs this close, relative, are the same to the solver.
_SAME = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """A statement of the paper, and in how many comparisons it holds."""

    claim: str
    source: str
    held: int
    compared: int

    @property
    def holds(self) -> bool:
        """Whether it holds without exception."""
        return self.held == self.compared


def orderings(reading: Reading) -> list[Ordering]:
    """Those of the paper's orderings that this study can check, in the paper's order."""
    stations = _side_by_side(reading, "station", ["samples", "confidence", "seed"])
    operator = _side_by_side(reading, "dso", ["samples", "confidence", "seed"])
    worst = _scheme_costs(reading)
    found = [
        _ordering(
            "Stations: DRO costs no less than SP and no more than RO, in every cell",
            "Fig. B3",
            (
                stations[[low, high]]
                for method in _DRO
                for low, high in ((Method.SP.value, method), (method, Method.RO.value))
                if {low, high} <= set(stations)
            ),
        ),
        _ordering(
            "Stations: Wasserstein DRO costs less with the most samples than with the fewest",
            "Fig. B3",
            _ends(reading, Method.WASSERSTEIN.value),
        ),
        _ordering(
            "Stations: cost does not fall as confidence rises, in every step",
            "Fig. B4",
            _steps(reading),
        ),
        _ordering(
            "Operator: SP \N{LESS-THAN OR EQUAL TO} DR-CC \N{LESS-THAN OR EQUAL TO} RO a day ahead",
            "Table B.II",
            (
                operator[[low, high]]
                for low, high in (
                    (Method.SP.value, Method.MOMENT.value),
                    (Method.MOMENT.value, Method.RO.value),
                )
                if {low, high} <= set(operator)
            ),
        ),
        _ordering(
            "Worst realisation: scheme III costs less than II, and II less than I",
            "Table B.III",
            (worst[[a, b]] for a, b in (("III", "II"), ("II", "I")) if {a, b} <= set(worst)),
        ),
    ]
    return [ordering for ordering in found if ordering.compared]


def _ordering(claim: str, source: str, pairs: Iterable[pd.DataFrame]) -> Ordering:
    """Each pair: two columns, of which the first should not be the larger; NaN is no comparison."""
    held = compared = 0
    for pair in pairs:
        low, high = pair.dropna().to_numpy(dtype=float).T
        held += int(np.count_nonzero(low <= high * (1 + _SAME)))
        compared += low.size
    return Ordering(claim=claim, source=source, held=held, compared=compared)


def _side_by_side(reading: Reading, level: str, keys: list[str]) -> pd.DataFrame:
    table = reading.table("cells", level=level).astype({"cost": float})
    return table.pivot_table(index=keys, columns="method", values="cost")


def _ends(reading: Reading, method: str) -> list[pd.DataFrame]:
    sizes = reading.choices("samples", "station")
    table = reading.table("cells", level="station", method=method).astype({"cost": float})
    wide = table.pivot_table(index=["confidence", "seed"], columns="samples", values="cost")
    ends = {sizes[0], sizes[-1]} & set(wide) if sizes else set()
    return [wide[[sizes[-1], sizes[0]]]] if len(ends) == 2 else []


def _steps(reading: Reading) -> list[pd.DataFrame]:
    table = reading.table("cells", level="station").astype({"cost": float})
    wide = table.pivot_table(
        index=["method", "samples", "seed"], columns="confidence", values="cost"
    )
    return [wide.iloc[:, k : k + 2] for k in range(wide.shape[1] - 1)]


def _scheme_costs(reading: Reading) -> pd.DataFrame:
    table = reading.table("schemes", realisation=WORST).astype({"total_cost": float})
    return table.pivot_table(index="seed", columns="scheme", values="total_cost")


def ordering_table(reading: Reading) -> Table | None:
    """The paper's orderings with the count of comparisons in which they hold."""
    found = orderings(reading)
    if not found:
        return None
    rows = [
        (o.claim, o.source, f"{o.held:,} of {o.compared:,}", "yes" if o.holds else "NO")
        for o in found
    ]
    return Table(
        title="The paper's orderings",
        caption_html="Compared on the same draws, seed by seed; a millionth counts as equal.",
        headings=("ordering", "in the paper", "holds in", "holds"),
        rows=rows,
        labels=2,
        marks={k: "bad" for k, ordering in enumerate(found) if not ordering.holds},
    )


def comparison_table(reading: Reading) -> Table | None:
    """Relative figures of this study beside the paper's."""
    day = reading.tables["day_ahead"].set_index("method")["over_sp_pct"].astype(float)
    rows = [
        (
            f"{method_name(method, 'dso')} above SP, operator's day ahead",
            percent(float(day[method]), 1, sign=True),
            percent(published.over_sp_pct(method), 1, sign=True),
        )
        for method in (Method.MOMENT.value, Method.RO.value)
        if method in day
    ]
    cost = _worst(reading)["total_cost"]
    rows += [
        (
            f"scheme III below scheme {other}, worst realisation",
            percent(100 * (1 - cost["III"] / cost[other]), 2),
            percent(published.below_pct("III", other), 2),
        )
        for other in ("I", "II")
        if {"III", other} <= set(cost.index)
    ]
    if not rows:
        return None
    return Table(
        title="Relative figures beside the paper's",
        caption_html=(
            "Absolute figures are of different networks and prices and are shown further down."
        ),
        headings=("figure", "this study", "the paper"),
        rows=rows,
    )


def _worst(reading: Reading) -> pd.DataFrame:
    table = after_the_fact(reading)
    there = table.index.get_level_values("realisation") == WORST
    return table[there].droplevel("realisation")


def banners(reading: Reading) -> list[Banner]:
    """Whether the paper's orderings are reproduced, and whose promises are broken."""
    found = orderings(reading)
    failed = [o for o in found if not o.holds]
    told = tuple(f"{o.claim}: {o.held:,} of {o.compared:,}." for o in failed or found)
    if failed:
        headline = f"{len(failed)} of {len(found)} orderings of the paper do not always hold"
    else:
        headline = f"\N{CHECK MARK} All {len(found)} orderings of the paper that were checked hold"
    first = Banner(kind="poor" if failed else "good", headline=headline, points=told)
    return [*([first] if found else []), *_broken_banner(reading)]


def _broken_banner(reading: Reading) -> list[Banner]:
    level = "station"
    points = []
    broken, methods = broken_at(reading, level), reading.methods(level)
    for distribution in reading.distributions():
        names = [
            method_name(method)
            for method in methods
            if reading.confidence in broken.get((method, distribution), ())
        ]
        points.append(f"{DISTRIBUTIONS[distribution].name}: {_listed(names)}")
    if not points:
        return []
    headline = (
        f"Promises broken at some station and hour, at {reading.samples:,} samples and confidence "
        f"{reading.confidence:.2f}"
    )
    return [Banner(kind="poor", headline=headline, points=tuple(points))]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"


def cards(reading: Reading) -> list[Card]:
    """Key figures at the reference cell."""
    cells = reading.at_reference("cells", level="station").groupby("method").mean(numeric_only=True)
    values = reading.at_reference("values", level="station", distribution="normal")
    gains = values.groupby("method").mean(numeric_only=True)
    unit = reading.case.currency
    found = [
        *_price_cards(cells, gains, unit),
        *_value_cards(cells, gains, unit),
        *_violation_cards(cells),
        *_operator_cards(reading),
        *_scheme_cards(reading),
    ]
    return [card for card in found if card.value]


def _price_cards(cells: pd.DataFrame, gains: pd.DataFrame, unit: str) -> list[Card]:
    return [
        Card(
            name=f"Price of robustness, {method_name(method)}",
            value=percent(float(gains.at[method, "price_of_robustness_pct"]), sign=True),
            aside=f"{money(cells.at[method, 'cost'])} {unit} planned, SP "
            f"{money(cells.at[Method.SP, 'cost'])}",
        )
        for method in (Method.WASSERSTEIN.value, Method.RO.value)
        if method in gains.index and Method.SP in cells.index
    ]


def _value_cards(cells: pd.DataFrame, gains: pd.DataFrame, unit: str) -> list[Card]:
    gain = "value_of_stochastic_solution"
    return [
        Card(
            name=f"Saved in the end by {method_name(method)}",
            value=money(float(gains.at[method, gain]), sign=True),
            unit=unit,
            aside=f"mean {money(cells.at[method, 'realised_mean'])}, without margins "
            f"{money(cells.at[Method.DETERMINISTIC, 'realised_mean'])}",
        )
        for method in (Method.SP.value, Method.WASSERSTEIN.value)
        if method in gains.index and Method.DETERMINISTIC in cells.index
    ]


def _violation_cards(cells: pd.DataFrame) -> list[Card]:
    method, rate = Method.WASSERSTEIN.value, "out_of_sample_violation"
    if method not in cells.index:
        return []
    promised = f"{100 * cells.at[method, 'promised_violation']:.3g} % promised"
    sp = [f"SP {percent(100 * cells.at[Method.SP, rate], 2)}"] if Method.SP in cells.index else []
    return [
        Card(
            name=f"Violations out of sample, {method_name(method)}",
            value=percent(100 * cells.at[method, rate], 2),
            aside="; ".join([promised, *sp]),
        )
    ]


def _operator_cards(reading: Reading) -> list[Card]:
    day = reading.tables["day_ahead"].set_index("method")["over_sp_pct"].astype(float)
    if Method.MOMENT not in day.index:
        return []
    theirs = percent(published.over_sp_pct(Method.MOMENT), sign=True)
    return [
        Card(
            name="Operator: DR-CC above SP, a day ahead",
            value=percent(float(day[Method.MOMENT]), sign=True),
            aside=f"the paper {theirs}",
        )
    ]


def _scheme_cards(reading: Reading) -> list[Card]:
    worst = _worst(reading)
    if not {"I", "III"} <= set(worst.index):
        return []
    saved = 100 * (1 - worst.at["III", "total_cost"] / worst.at["I", "total_cost"])
    lowest: Any = worst["vm_min_pu"]
    return [
        Card(
            name="Scheme III below scheme I, worst realisation",
            value=percent(saved, 2),
            aside=f"the paper {percent(published.below_pct('III', 'I'), 2)}",
        ),
        Card(
            name="Lowest voltage then, scheme III",
            value=figure_text(lowest["III"], 4),
            unit="pu",
            aside=f"{SCHEMES['I'].name} {lowest['I']:.4f}; the paper "
            f"{published.SCHEMES['III']['vm_min_pu']:.4f}",
        ),
    ]
