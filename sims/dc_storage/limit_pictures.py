"""Voltages and currents against their limits, and how often fresh errors break these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, hour_axis, layout, names
from ..reporting.page import Change, Chart, Patches
from .reading import AFTER, BEFORE, Reading, busiest, opened, plan_control, scenario_control

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Columns of the table ``hours``: name, column, colour, axis, the factor to what is shown.
_LINES: Final = (
    ("lowest before", "v_min_before_pu", BEFORE, "y", 1.0),
    ("highest before", "v_max_before_pu", BEFORE, "y", 1.0),
    ("lowest voltage", "v_min_pu", AFTER, "y", 1.0),
    ("highest voltage", "v_max_pu", palette.VERMILION, "y", 1.0),
    ("current before", "loading_before", BEFORE, "y2", 100.0),
    ("largest current", "loading", palette.PINK, "y2", 100.0),
    ("voltage limits violated", "voltage_rate", AFTER, "y3", 100.0),
    ("current limits violated", "current_rate", palette.PINK, "y3", 100.0),
)
_RATES: Final = (
    ("too low a voltage", "under_rate", palette.BLUE),
    ("too high a voltage", "over_rate", palette.VERMILION),
    ("too high a current", "overload_rate", palette.PINK),
)
#: Buses with the highest rates are shown, so many at most.
_MOST_BUSES: Final = 24


def limit_chart(reading: Reading) -> Chart | None:
    """By hour, by choice of plan and scenario: voltages, loading, violation rates."""
    first = reading.first
    if first is None:
        return None
    start = busiest(reading, first)
    changes = {
        f"{plan}|{k}": _changes(reading, plan, scenario)
        for plan in reading.plans
        for k, scenario in enumerate(reading.scenarios)
    }
    by: tuple[str, ...] = ("plan", "scenario")
    if len(reading.plans) == 1:
        by, changes = ("scenario",), {key.rpartition("|")[2]: v for key, v in changes.items()}
    last = str(reading.scenarios.index(start))
    opening = changes[last if len(by) == 1 else f"{first}|{last}"]
    rules, hours = reading.case.rules, len(reading.case.scenarios.price_per_kwh[0])
    return Chart(
        id="limits",
        title="Voltages and currents of a day",
        caption_html=(
            "Of all buses and branches the lowest and highest of every hour, as planned; red lines "
            "are limits. A plan keeps a margin to them, as wide as forecast errors need: so lines "
            "that stop short of a limit may still be held by it. <b>Violation rates:</b> of the "
            "worst bus or branch of the hour on fresh errors, against what the confidence allows "
            f"(dashed, {100 * (1 - rules.confidence):.3g} % in the case as it is)."
        ),
        data=opened(_traces(), opening),
        layout=layout(
            760,
            xaxis=hour_axis(round(hours * reading.case.hours), anchor="y3"),
            yaxis=axis("voltage [pu]", domain=[0.6, 1.0], zeroline=False),
            yaxis2=axis("current [% of limit]", domain=[0.32, 0.54], rangemode="tozero"),
            yaxis3=axis("violations [%]", domain=[0.0, 0.25], rangemode="tozero"),
            shapes=[
                *(_limit(value, "y") for value in (rules.v_min_pu, rules.v_max_pu)),
                _limit(100.0, "y2"),
                _limit(100 * (1 - rules.confidence), "y3", "dash"),
            ],
        ),
        controls=(*plan_control(reading), scenario_control(reading, start)),
        patches=(Patches(by=by, of=changes),),
    )


def _limit(value: float, place: str, dash: str = "solid") -> dict[str, Any]:
    line = {"color": palette.RED, "width": 1.5, "dash": dash}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": place} | {
        "y0": value,
        "y1": value,
        "line": line,
    }


def _traces() -> list[dict[str, Any]]:
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "line": {"color": colour, "width": 2 if colour == BEFORE else 2.5}
            | {"dash": "dot" if colour == BEFORE else "solid"},
            "yaxis": place,
            "hovertemplate": f"{name}: %{{y:.4g}}<extra></extra>",
        }
        for name, _, colour, place, _ in _LINES
    ]


def _changes(reading: Reading, plan: str, scenario: str) -> list[Change]:
    hours = reading.of("hours", plan, scenario)
    allowed = 100 * (1 - float(reading.row(plan)["confidence"]))
    changes: list[Change] = [
        ("layout", "shapes.3.y0", allowed),
        ("layout", "shapes.3.y1", allowed),
    ]
    for trace, (_, column, _, _, factor) in enumerate(_LINES):
        y = (factor * hours[column]).tolist()
        changes += [(trace, "x", hours["hour"].tolist()), (trace, "y", y)]
    return changes


def rate_chart(reading: Reading) -> Chart | None:
    """Violation rates by bus, of the worst hour of all days, by choice of the plan."""
    first = reading.first
    if first is None:
        return None
    changes = {plan: _rates(reading, plan) for plan in reading.plans}
    if not any(values for change in changes.values() for _, path, values in change if path == "y"):
        return None
    allowed = 100 * (1 - reading.case.rules.confidence)
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "marker": {"size": 10, "color": colour},
            "hovertemplate": "bus %{x}: %{y:.2f} %<extra></extra>",
        }
        for name, _, colour in _RATES
    ]
    return Chart(
        id="rates",
        title="Where limits bind",
        caption_html=(
            "How often fresh errors break a limit in its worst hour of all days, with the plan's "
            f"operation held; the {_MOST_BUSES} buses with the highest rates, in the order of "
            "feeders. A limit that binds is broken about as often as the confidence allows "
            "(dashed); rates above it are within what so many samples can tell."
        ),
        data=opened(data, changes[first]),
        layout=layout(
            380,
            xaxis=axis("bus", type="category", showgrid=False),
            yaxis=axis("violated [%]", rangemode="tozero"),
            shapes=[_limit(allowed, "y", "dash")],
        ),
        controls=plan_control(reading),
        patches=(Patches(by=("plan",), of=changes),) if len(changes) > 1 else (),
    )


def _rates(reading: Reading, plan: str) -> list[Change]:
    columns = [column for _, column, _ in _RATES]
    worst = reading.of("buses", plan).groupby(["feeder", "bus"], sort=False)[columns].max()
    highest = worst.max(axis=1)
    kept = highest[highest > 0].nlargest(_MOST_BUSES).index
    worst = worst[worst.index.isin(kept)]
    labels = names([f"{feeder}: {bus}" for feeder, bus in worst.index])
    changes: list[Change] = []
    for trace, column in enumerate(columns):
        there = (worst[column] > 0).to_numpy()
        x = [label for label, shown in zip(labels, there, strict=True) if shown]
        changes += [(trace, "x", x), (trace, "y", (100 * worst[column][there]).tolist())]
    allowed = 100 * (1 - float(reading.row(plan)["confidence"]))
    return [
        *changes,
        ("layout", "xaxis.categoryarray", labels),
        ("layout", "xaxis.categoryorder", "array"),
        ("layout", "shapes.0.y0", allowed),
        ("layout", "shapes.0.y1", allowed),
    ]


def limit_figure(reading: Reading) -> Figure | None:
    """Voltages before and after, of the day with most energy curtailed before."""
    plan = reading.first
    if plan is None:
        return None
    scenario = busiest(reading, plan)
    hours = reading.of("hours", plan, scenario)
    rules = reading.case.rules
    figure = new_figure(7.2, 2.9)
    voltage, rate = figure.subplots(1, 2)
    for name, column, colour, place, factor in _LINES:
        if place != "y2":
            axes = voltage if place == "y" else rate
            style = ":" if colour == BEFORE else "-"
            axes.step(
                *(hours["hour"], factor * hours[column], style),
                where="mid",
                color=colour,
                label=name,
            )
    for value in (rules.v_min_pu, rules.v_max_pu):
        voltage.axhline(value, color=palette.RED, lw=1)
    rate.axhline(100 * (1 - rules.confidence), color=palette.RED, lw=1, ls="--", label="allowed")
    voltage.set(xlabel=f"hour, {scenario}", ylabel="voltage [pu]")
    rate.set(xlabel="hour", ylabel="violated on fresh errors [%]")
    for axes in (voltage, rate):
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=7)
    return figure
