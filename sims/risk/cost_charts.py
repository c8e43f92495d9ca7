"""What caution costs a day ahead: planned cost by sample size and by confidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..reporting.layout import axis, domains, log_axis
from ..reporting.page import Chart, Control, Patches
from . import looks
from .lines import banded, numbered, panels, redrawn
from .looks import METHODS, method_name
from .reading import Reading, over_seeds, part

_VALUES = ("x", "y")


def cost_by_samples(reading: Reading) -> Chart | None:
    """Planned cost of all stations by sample size (Fig. B3); the control chooses confidence."""
    hover = f"%{{x:,}} samples: %{{y:,.0f}} {reading.case.currency}"
    return _sweep_chart(
        reading,
        "samples",
        "confidence",
        id="cost-by-samples",
        title="Planned cost by sample size",
        caption_html=(
            "<b>Lines:</b> mean over seeds. <b>Bands:</b> from the cheapest to the dearest seed. "
            "All methods see the same draws. Look for DRO between SP and RO, falling towards SP "
            "(the paper's Fig. B3)."
        ),
        xaxis=sample_axis(reading.choices("samples", "station")),
        hover=hover,
    )


def cost_by_confidence(reading: Reading) -> Chart | None:
    """Planned cost of all stations by confidence (Fig. B4); the control chooses sample size."""
    confidences = reading.choices("confidence", "station")
    return _sweep_chart(
        reading,
        "confidence",
        "samples",
        id="cost-by-confidence",
        title="Planned cost by confidence",
        caption_html=(
            "The confidence is asked of every station in every hour. Look for costs that rise "
            "with it, ever faster (the paper's Fig. B4); RO asks nothing of it."
        ),
        xaxis=confidence_axis(confidences),
        hover=f"confidence %{{x}}: %{{y:,.0f}} {reading.case.currency}",
    )


def _sweep_chart(
    reading: Reading, along: str, fixed: str, *, xaxis: dict[str, Any], hover: str, **about: str
) -> Chart | None:
    choices = reading.choices(fixed, "station")
    if not reading.methods("station"):
        return None
    start = reading.samples if fixed == "samples" else reading.confidence
    drawn = {str(value): _sweep(reading, along, {fixed: value}, hover) for value in choices}
    control = Control(
        name=fixed,
        label=fixed,
        options=tuple((str(v), f"{v:,}" if fixed == "samples" else f"{v:.2f}") for v in choices),
        start=str(start),
    )
    found = panels([""], 440)
    found |= {"xaxis": xaxis, "yaxis": cost_axis(reading, "planned cost")}
    found["margin"]["t"] = 20
    return Chart(
        data=drawn[str(start)],
        layout=found,
        controls=(control,) if len(choices) > 1 else (),
        patches=(Patches(by=(fixed,), of={key: redrawn(d, _VALUES) for key, d in drawn.items()}),)
        if len(choices) > 1
        else (),
        **about,
    )


def _sweep(reading: Reading, along: str, fixed: dict[str, Any], hover: str) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = []
    cells = reading.table("cells", level="station", **fixed)
    spreads = over_seeds(cells, ["method", along], "cost")
    for method in reading.methods("station"):
        data += banded(METHODS[method], part(spreads, method), hover)
    return data


def cost_axis(reading: Reading, what: str, **more: Any) -> dict[str, Any]:
    """An axis of money, from zero."""
    title = f"{what} [{reading.case.currency} a day]"
    return axis(title, rangemode="tozero", tickformat=",~f", **more)


def sample_axis(sizes: Sequence[float], **more: Any) -> dict[str, Any]:
    """Sample sizes with a tick each, on a logarithmic scale."""
    return log_axis("samples learned from") | {
        "tickmode": "array",
        "tickvals": sizes,
        "ticktext": [f"{size:,.0f}" for size in sizes],
        "tickangle": 0,
        "tickfont": {"size": 12},
        **more,
    }


def confidence_axis(confidences: list[float], **more: Any) -> dict[str, Any]:
    """Confidences with a tick each."""
    return axis("confidence of a single chance constraint [-]") | {
        "tickmode": "array",
        "tickvals": confidences,
        "ticktext": [f"{value:.2f}" for value in confidences],
        **more,
    }


def operator_sweeps(reading: Reading) -> Chart | None:
    """The operator's planned cost by sample size and by confidence, side by side."""
    methods = reading.methods("dso")
    if not methods:
        return None
    titles = [f"by sample size, confidence {reading.confidence:.2f}"]
    titles += [f"by confidence, {reading.samples:,} samples"]
    found = panels(titles, 400, 0.09)
    left, right = domains(2, 0.09)
    confidences = reading.choices("confidence", "dso")
    found["xaxis"] = sample_axis(reading.choices("samples", "dso"), domain=left)
    found["xaxis2"] = confidence_axis(confidences, domain=right, anchor="y2")
    found["yaxis"] = cost_axis(reading, "planned cost") | {"rangemode": "normal"}
    found["yaxis2"] = axis("", matches="y", anchor="x2", showticklabels=False)
    data: list[dict[str, Any]] = []
    hover = f"%{{x}}: %{{y:,.0f}} {reading.case.currency}"
    sweeps: dict[str, dict[str, Any]] = {
        "samples": {"confidence": reading.confidence},
        "confidence": {"samples": reading.samples},
    }
    for place, (along, fixed) in enumerate(sweeps.items()):
        cells = reading.table("cells", level="dso", **fixed)
        spreads = over_seeds(cells, ["method", along], "cost")
        for method in methods:
            look = _operator_look(method)
            spread = part(spreads, method)
            axes = {"xaxis": f"x{numbered(place)}", "yaxis": f"y{numbered(place)}"}
            *edges, mean = banded(look, spread, hover, **axes)
            data += [*edges, mean | {"showlegend": place == 0}]
    return Chart(
        id="operator-sweeps",
        title="The operator's planned cost by sample size and by confidence",
        caption_html=(
            "Both with the same scale, which does not begin at zero. A covariance needs few "
            "samples; the confidence decides how much reserve is held."
        ),
        data=data,
        layout=found,
    )


def _operator_look(method: str) -> looks.Look:
    look = METHODS[method]
    return looks.Look(
        name=method_name(method, "dso"),
        colour=look.colour,
        symbol=look.symbol,
        dash=look.dash,
    )


def confidence_control(reading: Reading, confidences: list[float]) -> Control:
    """A choice of confidence that opens at the reference."""
    return Control(
        name="confidence",
        label="confidence",
        options=tuple((str(value), f"{value:.2f}") for value in confidences),
        start=str(reading.confidence),
    )
