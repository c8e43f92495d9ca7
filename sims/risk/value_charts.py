"""What caution is worth: price of robustness, value of the stochastic solution, key figures."""

from __future__ import annotations

from typing import Any

from ..reporting import palette
from ..reporting.layout import axis, domains
from ..reporting.page import Chart, Patches, Table
from ..reporting.study_page import money, percent
from .cost_charts import confidence_control
from .design import Method
from .lines import panels, redrawn, symbol_key
from .looks import DISTRIBUTIONS, METHODS, method_name
from .reading import Reading, over_seeds


def price_and_value(reading: Reading) -> Chart | None:
    """Planned cost above SP, and what a method saves in the end, by method."""
    methods = reading.methods("station")
    confidences = reading.choices("confidence", "station")
    if not methods or reading.tables["values"].empty:
        return None
    left, right = domains(2, 0.07)
    found = panels(["price of robustness", "value of the stochastic solution"], 420, 0.07)
    names = [method_name(method) for method in methods][::-1]
    found["xaxis"] = axis("planned cost above SP [%]", domain=left, ticksuffix="")
    found["xaxis2"] = axis(
        f"realised mean below deterministic [{reading.case.currency} a day]",
        domain=right,
        anchor="y2",
        tickformat=",~f",
    )
    rows = {"categoryorder": "array", "categoryarray": names, "type": "category"}
    found["yaxis"] = axis("", showgrid=False, **rows)
    found["yaxis2"] = axis("", matches="y", anchor="x2", showticklabels=False, **rows)
    drawn = {str(c): _price_traces(reading, methods, c) for c in confidences}
    several = len(confidences) > 1
    return Chart(
        id="price-and-value",
        title="What caution costs a day ahead, and what it is worth in the end",
        caption_html=(
            f"At {reading.samples:,} samples; means over seeds, thin lines from the least to the "
            "largest seed. <b>Left:</b> planned cost above that of SP. <b>Right:</b> how much less "
            "a day costs in the end, on average, than without margins; left of zero a method "
            "costs more than the shortages it prevents. Symbols tell what the fresh scenarios were "
            "drawn from."
        ),
        data=drawn[str(reading.confidence)],
        layout=found,
        controls=(confidence_control(reading, confidences),) if several else (),
        patches=(
            Patches(
                by=("confidence",),
                of={key: redrawn(d, ("x", "error_x")) for key, d in drawn.items()},
            ),
        )
        if several
        else (),
    )


def _price_traces(reading: Reading, methods: list[str], confidence: float) -> list[dict[str, Any]]:
    table = reading.table("values", level="station", samples=reading.samples, confidence=confidence)
    distributions = reading.distributions()
    data = [_price_bars(table, methods)]
    data += [_value_dots(reading, table, methods, name) for name in distributions]
    data += [symbol_key(DISTRIBUTIONS[d].name, DISTRIBUTIONS[d].symbol) for d in distributions]
    return data


def _price_bars(table: Any, methods: list[str]) -> dict[str, Any]:
    spread = over_seeds(table, "method", "price_of_robustness_pct").reindex(methods)
    return {
        "type": "bar",
        "orientation": "h",
        "showlegend": False,
        "x": spread["mean"].to_numpy(),
        "y": [method_name(method) for method in methods],
        "marker": {"color": [METHODS[method].colour for method in methods]},
        "width": 0.55,
        "error_x": _whiskers(spread),
        "hovertemplate": "<b>%{y}</b><br>%{x:+.1f} % against SP<extra></extra>",
    }


def _value_dots(
    reading: Reading, table: Any, methods: list[str], distribution: str
) -> dict[str, Any]:
    rows = table[table["distribution"] == distribution]
    spread = over_seeds(rows, "method", "value_of_stochastic_solution").reindex(methods)
    colours = [METHODS[method].colour for method in methods]
    look = DISTRIBUTIONS[distribution]
    return {
        "type": "scatter",
        "mode": "markers",
        "showlegend": False,
        "x": spread["mean"].to_numpy(),
        "y": [method_name(method) for method in methods],
        "xaxis": "x2",
        "yaxis": "y2",
        "marker": {
            "symbol": look.symbol,
            "size": 12,
            "color": colours,
            "line": {"width": 2, "color": colours},
        },
        "error_x": _whiskers(spread),
        "hovertemplate": (
            f"<b>%{{y}}</b>, {look.name}<br>%{{x:+,.0f}} {reading.case.currency}<extra></extra>"
        ),
    }


def _whiskers(spread: Any) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": (spread["high"] - spread["mean"]).to_numpy(),
        "arrayminus": (spread["mean"] - spread["low"]).to_numpy(),
        "thickness": 1.2,
        "width": 3,
        "color": palette.SLATE,
    }


def cost_table(reading: Reading) -> Table | None:
    """The stations' reference cell in figures, a row a method."""
    cells = reading.at_reference("cells", level="station")
    values = reading.at_reference("values", level="station", distribution="normal")
    methods = reading.methods("station")
    if not methods:
        return None
    mean = cells.groupby("method").mean(numeric_only=True)
    gain = values.groupby("method").mean(numeric_only=True)
    gain = gain.reindex(mean.index)
    methods = [method for method in methods if method in mean.index]
    unit = reading.case.currency
    rows = [
        (
            method_name(m),
            money(mean.at[m, "cost"]),
            "" if m == Method.SP else percent(gain.at[m, "price_of_robustness_pct"], sign=True),
            money(mean.at[m, "realised_mean"]),
            money(mean.at[m, "realised_q50"]),
            money(mean.at[m, "realised_q95"]),
            money(mean.at[m, "realised_q99"]),
            money(gain.at[m, "value_of_stochastic_solution"], sign=True)
            if m != Method.DETERMINISTIC
            else "",
            money(mean.at[m, "shortage_kwh"]),
        )
        for m in methods
    ]
    return Table(
        title=(
            f"The stations at {reading.samples:,} samples and confidence {reading.confidence:.2f}"
        ),
        caption_html=(
            "Means over seeds, for the day; what was realised is on fresh draws of the normal "
            "distribution."
        ),
        headings=(
            "method",
            f"planned [{unit}]",
            "above SP",
            f"realised mean [{unit}]",
            f"median [{unit}]",
            f"95 % quantile [{unit}]",
            f"99 % quantile [{unit}]",
            f"saves against deterministic [{unit}]",
            "shortage [kWh]",
        ),
        rows=rows,
        dots={k: METHODS[m].colour for k, m in enumerate(methods)},
    )
