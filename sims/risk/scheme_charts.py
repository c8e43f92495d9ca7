"""The three schemes after the fact (Tables B.III and B.IV, Fig. B5), on the page."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..reporting import palette
from ..reporting.layout import PHASES, axis, domains, hour_control, names
from ..reporting.page import Chart, Control, Patches, Table
from ..reporting.study_page import figure_text, money, percent
from . import published
from .cost_charts import cost_axis
from .lines import numbered, panels, redrawn
from .looks import PARTS, REALISATIONS, SCHEMES
from .operator_charts import part_bars
from .reading import Reading
from .schemes import WORST

_MEASURES = ("vm_min_pu", "vm_max_pu", "vur_max_pct")
_EXTREMES = {"vm_min_pu": "min", "vm_max_pu": "max", "vur_max_pct": "max"}


def after_the_fact(reading: Reading) -> pd.DataFrame:
    """By (realisation, scheme): mean costs over seeds, extreme voltages of all seeds."""
    table = reading.tables["schemes"]
    how = dict.fromkeys(("total_cost", *PARTS), "mean") | _EXTREMES
    numbers = table.astype(dict.fromkeys(how, float))
    return numbers.groupby(["realisation", "scheme"]).agg(how)


def _paper_table() -> pd.DataFrame:
    return pd.DataFrame.from_dict(
        {k: dict(v) for k, v in published.SCHEMES.items()}, orient="index"
    )


def realisations(reading: Reading) -> list[str]:
    """What was realised, the worst first."""
    there = set(reading.tables["schemes"]["realisation"])
    return [name for name in REALISATIONS if name in there]


def cost_split(reading: Reading) -> Chart | None:
    """Stacked cost of each scheme, ours by realisation and the paper's beside."""
    shown = realisations(reading)
    if not shown:
        return None
    found = panels(["this study", "the paper, worst realisation"], 380, 0.09, barmode="stack")
    left, right = domains(2, 0.09)
    rows = {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": [look.name for look in SCHEMES.values()][::-1],
    }
    found["xaxis"] = cost_axis(reading, "cost of the day") | {"domain": left, "nticks": 6}
    found["xaxis2"] = axis(
        "cost of the day [USD]", domain=right, anchor="y2", matches="x", tickformat=",~f", nticks=6
    )
    found["yaxis"] = axis("", showgrid=False, **rows)
    found["yaxis2"] = axis(
        "", showgrid=False, anchor="x2", matches="y", showticklabels=False, **rows
    )
    ours = after_the_fact(reading)
    drawn = {word: _scheme_bars(reading, ours.loc[word]) for word in shown}
    theirs = _scheme_bars(reading, _paper_table(), xaxis="x2", yaxis="y2", showlegend=False)
    return Chart(
        id="scheme-costs",
        title="What the schemes cost after the fact",
        caption_html=(
            "Day-ahead procurement and real-time balancing together; means over seeds, one scale "
            "for both. <b>Scheme I:</b> stochastic plan, the upstream grid balances everything. "
            "<b>Scheme II:</b> robust without correlation, local devices and the upstream grid "
            "balance. <b>Scheme III:</b> DR-CC with correlation, local devices balance. Choose a "
            "fresh realisation to see what that insurance costs on an ordinary day."
        ),
        data=[*drawn[shown[0]], *theirs],
        layout=found,
        controls=(_realisation_control(shown),),
        patches=(
            Patches(
                by=("realisation",),
                of={word: redrawn(bars, ("x",)) for word, bars in drawn.items()},
            ),
        ),
    )


def _realisation_control(shown: list[str]) -> Control:
    return Control(
        name="realisation",
        label="realisation",
        options=tuple((word, REALISATIONS[word]) for word in shown),
        start=shown[0],
    )


def _scheme_bars(reading: Reading, table: pd.DataFrame, **more: Any) -> list[dict[str, Any]]:
    table = table.reindex(list(SCHEMES))
    return part_bars(reading, table, [look.name for look in SCHEMES.values()], **more)


def cost_table(reading: Reading) -> Table | None:
    """Table B.III: ours by realisation, then the paper's."""
    shown = realisations(reading)
    if not shown:
        return None
    columns = ("total_cost", *PARTS)
    ours = after_the_fact(reading)
    rows: list[tuple[str, ...]] = []
    dots = {}
    for word, scheme in _pairs(ours, shown):
        dots[len(rows)] = SCHEMES[scheme].colour
        figures = [float(ours.at[(word, scheme), column]) for column in columns]
        rows.append((SCHEMES[scheme].name, REALISATIONS[word], *map(money, figures)))
    marks = {len(rows) + k: "paper" for k in range(len(SCHEMES))}
    for scheme, told in published.SCHEMES.items():
        amounts = (f"{told[c]:,.2f}" if told[c] else "\N{EN DASH}" for c in columns)
        rows.append((f"the paper: {scheme}", REALISATIONS[WORST], *amounts))
    unit = reading.case.currency
    return Table(
        title="Cost after the fact (Table B.III)",
        caption_html=f"For the day, in {unit}, means over seeds; the paper's are in USD.",
        headings=(
            "scheme",
            "realisation",
            f"total [{unit}]",
            *(f"{look.name} [{unit}]" for look in PARTS.values()),
        ),
        rows=rows,
        labels=2,
        marks=marks,
        dots=dots,
    )


def _pairs(ours: pd.DataFrame, shown: list[str]) -> list[tuple[str, str]]:
    return [(word, scheme) for word in shown for scheme in SCHEMES if (word, scheme) in ours.index]


def quality_chart(reading: Reading) -> Chart | None:
    """Range of voltages and largest unbalance of each scheme, the paper's beside."""
    shown = realisations(reading)
    if not shown:
        return None
    limits = reading.case.feeder.limits
    left, right = domains(2, 0.07)
    found = panels(["lowest to highest voltage", "largest voltage unbalance"], 400, 0.07)
    order = [name for look in SCHEMES.values() for name in (look.name, f"the paper, {look.name}")]
    rows = {"type": "category", "categoryorder": "array", "categoryarray": order[::-1]}
    ours = after_the_fact(reading)
    ends = _voltage_ends(reading, ours)
    found["xaxis"] = axis("voltage magnitude [pu]", domain=left, range=ends)
    found["xaxis2"] = axis(
        "voltage unbalance rate [%]",
        domain=right,
        anchor="y2",
        range=[0, 1.1 * max(100 * limits.vur_max, ours["vur_max_pct"].max())],
    )
    found["yaxis"] = axis("", **rows)
    found["yaxis2"] = axis("", matches="y", anchor="x2", showticklabels=False, **rows)
    found["shapes"] = [_limit_line("", value) for value in (limits.vm_min_pu, limits.vm_max_pu)] + [
        _limit_line("2", 100 * limits.vur_max)
    ]
    drawn = {word: _quality_traces(ours.loc[word], "") for word in shown}
    return Chart(
        id="scheme-voltages-range",
        title="What the schemes do to voltages",
        caption_html=(
            "From the exact three-phase power flow: extremes over hours, buses, phases and seeds. "
            "Red lines are the operator's limits. The paper's are of the worst realisation, "
            "whichever is chosen here."
        ),
        data=[*drawn[shown[0]], *_quality_traces(_paper_table(), "the paper, ")],
        layout=found,
        controls=(_realisation_control(shown),),
        patches=(
            Patches(
                by=("realisation",),
                of={word: redrawn(traces, ("x",)) for word, traces in drawn.items()},
            ),
        ),
    )


def _voltage_ends(reading: Reading, ours: pd.DataFrame) -> list[float]:
    """Ends of an axis that holds all voltages, whatever is chosen, and the limits."""
    limits = reading.case.feeder.limits
    low = min(limits.vm_min_pu, ours["vm_min_pu"].min())
    high = max(limits.vm_max_pu, ours["vm_max_pu"].max())
    return [low - 0.02, high + 0.02]


def _limit_line(number: str, value: float) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": f"x{number}",
        "yref": "paper",
        "x0": value,
        "x1": value,
        "y0": 0,
        "y1": 1,
        "line": {"color": palette.RED, "width": 1.5},
    }


def _quality_traces(table: pd.DataFrame, whose: str) -> list[dict[str, Any]]:
    data = []
    table = table.reindex(list(SCHEMES))
    for scheme, look in SCHEMES.items():
        low, high, unbalance = (float(table.at[scheme, key]) for key in _MEASURES)
        name = f"{whose}{look.name}"
        colour = palette.GREY if whose else look.colour
        base = {"type": "scatter", "mode": "lines+markers", "showlegend": False}
        base |= {"marker": {"size": 11, "color": colour, "symbol": look.symbol}}
        base |= {"line": {"color": colour, "width": 4}}
        data.append(
            base
            | {"x": [low, high], "y": [name, name]}
            | {"hovertemplate": f"<b>{name}</b><br>%{{x:.4f}} pu<extra></extra>"}
        )
        data.append(
            base
            | {"x": [unbalance], "y": [name], "xaxis": "x2", "yaxis": "y2"}
            | {"hovertemplate": f"<b>{name}</b><br>%{{x:.2f}} %<extra></extra>"}
        )
    return data


def quality_table(reading: Reading) -> Table | None:
    """Table B.IV: ours by realisation, then the paper's."""
    shown = realisations(reading)
    if not shown:
        return None
    ours = after_the_fact(reading)
    rows: list[tuple[str, ...]] = []
    dots = {}
    for word, scheme in _pairs(ours, shown):
        dots[len(rows)] = SCHEMES[scheme].colour
        rows.append((SCHEMES[scheme].name, REALISATIONS[word], *_quality(ours.loc[(word, scheme)])))
    marks = {len(rows) + k: "paper" for k in range(len(SCHEMES))}
    for scheme, figures in published.SCHEMES.items():
        name = f"the paper: {scheme}"
        rows.append((name, REALISATIONS[WORST], *_quality(figures)))
    limits = reading.case.feeder.limits
    return Table(
        title="Operation after the fact (Table B.IV)",
        caption_html=(
            f"Limits: {limits.vm_min_pu:g} to {limits.vm_max_pu:g} pu, unbalance "
            f"{100 * limits.vur_max:g} %."
        ),
        headings=("scheme", "realisation", "lowest V [pu]", "highest V [pu]", "largest VUR"),
        rows=rows,
        labels=2,
        marks=marks,
        dots=dots,
    )


def _quality(figures: Any) -> tuple[str, str, str]:
    low, high, unbalance = (float(figures[key]) for key in _MEASURES)
    return figure_text(low, 4), figure_text(high, 4), percent(unbalance, 2)


def voltage_profile(reading: Reading) -> Chart | None:
    """Voltages of all buses by phase in one hour of the worst realisation (Fig. B5)."""
    table = profile_rows(reading)
    if table.empty:
        return None
    hours = sorted(int(hour) for hour in table["hour"].unique())
    buses = list(dict.fromkeys(table["bus"].astype(str)))
    limits = reading.case.feeder.limits
    found = panels([f"phase {phase}" for phase in PHASES], 430, 0.04, hovermode="x unified")
    for place, part in enumerate(domains(len(PHASES), 0.04)):
        number = numbered(place)
        found[f"xaxis{number}"] = axis(
            "bus",
            type="category",
            categoryorder="array",
            categoryarray=names(buses),
            domain=part,
            anchor=f"y{number}",
            showgrid=False,
            nticks=9,
            tickangle=0,
        )
        found[f"yaxis{number}"] = axis(
            "voltage magnitude [pu]" if place == 0 else "",
            anchor=f"x{number}",
            tickformat=".2f",
            showticklabels=place == 0,
            **({"matches": "y"} if place else {}),
        )
        found["shapes"] += [
            _across(number, value) for value in (limits.vm_min_pu, limits.vm_max_pu)
        ]
    drawn = {str(hour): _profile(table[table["hour"] == hour], buses) for hour in hours}
    start = str(lowest_hour(table))
    return Chart(
        id="scheme-voltages",
        title="Voltages of the worst realisation, hour by hour",
        caption_html=(
            "Exact three-phase power flow, first seed; red lines are limits. Opens at the hour of "
            "the lowest voltage; the paper's Fig. B5 shows hour 8."
        ),
        data=drawn[start],
        layout=found,
        controls=(hour_control(hours, int(start)),),
        patches=(Patches(by=("hour",), of={h: redrawn(d, ("y",)) for h, d in drawn.items()}),),
    )


def profile_rows(reading: Reading) -> pd.DataFrame:
    """Rows of ``scheme_voltages`` of the first seed there is."""
    table = reading.tables["scheme_voltages"]
    return table[table["seed"] == table["seed"].min()]


def lowest_hour(table: pd.DataFrame) -> int:
    """The hour of the lowest voltage."""
    return int(table.loc[table["vm_pu"].astype(float).idxmin(), "hour"])


def _across(number: str, value: float) -> dict[str, Any]:
    line = _limit_line(number, value)
    return line | {
        "xref": f"x{number} domain",
        "yref": f"y{number}",
        "x0": 0,
        "x1": 1,
        "y0": value,
        "y1": value,
    }


def _profile(table: pd.DataFrame, buses: list[str]) -> list[dict[str, Any]]:
    data = []
    for place, phase in enumerate(PHASES):
        for scheme, look in SCHEMES.items():
            rows = table[(table["phase"] == phase) & (table["scheme"] == scheme)]
            values = rows.set_index(rows["bus"].astype(str))["vm_pu"].astype(float).reindex(buses)
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers",
                    "name": look.name,
                    "legendgroup": look.name,
                    "showlegend": place == 0,
                    "x": names(buses),
                    "y": values.to_numpy(),
                    "xaxis": f"x{numbered(place)}",
                    "yaxis": f"y{numbered(place)}",
                    "line": {"color": look.colour, "width": 1.8, "dash": look.dash},
                    "marker": {"size": 5, "symbol": look.symbol, "color": look.colour},
                    "hovertemplate": f"{look.name} %{{y:.4f}} pu<extra></extra>",
                }
            )
    return data
