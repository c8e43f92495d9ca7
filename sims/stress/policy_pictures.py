"""The page's picture of the policies on the same days."""

from __future__ import annotations

from typing import Final

import pandas as pd

from ..case import Case
from ..reporting import palette
from ..reporting.layout import axis, layout, log_axis
from ..reporting.page import Change, Chart, Control, Patches
from .adjustment_pictures import day_words, policy_dots
from .evidence import Tables, paired, policies_of

#: What is compared day by day: column, what it is, unit ("" for the case's currency).
MEASURES: Final = (
    ("adjustment_cost", "cost of the adjustment", ""),
    ("adjusted_kwh", "energy asked to change", "kWh"),
    ("unserved_kwh", "demand not served", "kWh"),
)

#: Days that took less under the first policy cannot be compared [kWh, currency].
_FLOOR = 1e-2


def duel_chart(case: Case, tables: Tables) -> Chart | None:
    """The same days under each policy, relative to the first; the control chooses of what."""
    rows, policies = paired(tables), policies_of(tables)
    if rows.empty or len(policies) < 2:
        return None
    first, *others = policies
    options = tuple((column, what) for column, what, _ in MEASURES)
    control = Control(name="measure", label="compare", options=options, start=options[0][0])
    changes = {
        column: _duel_changes(rows, first, others, column, f"{what} under {first} [{unit}]")
        for column, what, unit in ((c, w, u or case.currency) for c, w, u in MEASURES)
    }
    return Chart(
        id="duel-chart",
        title=f"The same days under {' and '.join(others)}, against {first}",
        caption_html=(
            f"One mark is one day that every policy agreed on: to the right what it takes under "
            f"{first} (logarithmic), upwards what the other policy takes in per cent of that. "
            f"<b>Below the line the other policy does with less.</b> Days with less than "
            f"{_FLOOR:g} under {first} are left out."
        ),
        data=[
            *(policy_dots(policy, [], []) for policy in others),
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"as much as {first}",
                "x": [],
                "y": [100, 100],
                "line": {"color": palette.GREY, "width": 1.2, "dash": "dash"},
                "hoverinfo": "skip",
            },
        ],
        layout=layout(
            440,
            hovermode="closest",
            xaxis=log_axis(""),
            yaxis=axis(f"under the other policy [% of {first}]"),
        ),
        controls=(control,),
        patches=(Patches(by=("measure",), of=changes),),
    )


def _duel_changes(
    rows: pd.DataFrame, first: str, others: list[str], column: str, title: str
) -> list[Change]:
    table = rows.pivot(index="day", columns="policy", values=column).astype(float)
    table = table[table[first] > _FLOOR]
    words = rows.drop_duplicates("day").set_index("day").reindex(table.index).reset_index()
    found: list[Change] = []
    for k, policy in enumerate(others):
        hover = f"{policy}: %{{y:.1f}} % of %{{x:,.4g}}<br>%{{text}}<extra></extra>"
        found += [
            (k, "x", table[first].to_numpy()),
            (k, "y", (100 * table[policy] / table[first]).to_numpy()),
            (k, "text", day_words(words)),
            (k, "hovertemplate", hover),
        ]
    ends = [0.8 * table[first].min(), 1.25 * table[first].max()] if len(table) else []
    return [*found, (len(others), "x", ends), ("layout", "xaxis.title.text", title)]
