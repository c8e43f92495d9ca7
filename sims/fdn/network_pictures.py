"""The network by stage, with all that is built (the paper's Figs. 3 and 7)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..reporting import palette
from ..reporting.geometry import map_layout
from ..reporting.page import Change, Chart, Control, Patches
from ..reporting.radial_map import (
    branch_trace,
    bus_trace,
    feeder_trace,
    place_of,
    places,
    segments,
)
from ..reporting.radial_map import star_of as star_of_buses
from .reading import SOP_COLOURS, PlanKey, Reading, roman

_SLOTS = len(SOP_COLOURS)
#: Numbers of the traces: feeders of a soft open point, sites, soft open points.
_SHADES = 4
_SITES = _SHADES + _SLOTS
_STARS = _SITES + 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What stands in one stage of a plan, by bus name."""

    evcs: dict[str, float]  #: kVA
    pv: dict[str, float]
    storage: dict[str, float]
    sops: list[dict[str, float]]
    larger: set[str]  #: feeders


def standing(reading: Reading, plan: PlanKey, stage: int) -> Standing:
    """Read from the tables; a plan of fewer stages stands as in its last."""
    stage = min(stage, reading.stages(plan)[-1])
    sites = reading.of("sites", plan)
    here = sites[sites["stage"] == stage]
    by_kind = {
        kind: {str(b): float(k) for b, k in zip(rows["bus"], rows["kva"], strict=True)}
        for kind, rows in here.groupby("kind")
    }
    sops, lines = reading.of("sops", plan), reading.of("larger_lines", plan)
    return Standing(
        evcs=by_kind.get("evcs", {}),
        pv=by_kind.get("pv", {}),
        storage=by_kind.get("storage", {}),
        sops=[
            {str(b): float(k) for b, k in zip(rows["bus"], rows["kva"], strict=True)}
            for _, rows in sops[sops["stage"] == stage].groupby("slot")
        ],
        larger=set(lines.loc[lines["stage"] == stage, "feeder"]),
    )


def network_chart(reading: Reading) -> Chart | None:
    """All plans and stages in one map, by choice and slider."""
    first = reading.first
    if first is None:
        return None
    plans = reading.plans
    stages = reading.stages(first)
    start = (str(first), str(stages[-1]))
    changes = {
        f"{plan}|{stage}": _changes(reading, standing(reading, plan, stage))
        for plan in plans
        for stage in stages
    }
    traces = _traces(reading)
    for trace, path, value in changes["|".join(start)]:
        _put(traces[int(trace)], path, value)
    return Chart(
        id="network",
        title="What stands, stage by stage",
        caption_html=(
            "<b>Stars of coloured lines:</b> soft open points, one colour each, with the MVA of "
            "every terminal; feeders that one of them connects share its colour. <b>Blue "
            "squares:</b> charging stations, <b>green discs:</b> PV, by capacity; <b>pink "
            "diamonds:</b> storage; <b>thick lines:</b> larger lines. Positions are those of the "
            "case."
        ),
        data=traces,
        layout=map_layout(places(reading.case.network), 760, showlegend=True),
        controls=_controls(reading, plans, stages, start),
        patches=(Patches(by=("plan", "stage"), of=changes),),
    )


def _controls(
    reading: Reading, plans: list[PlanKey], stages: list[int], start: tuple[str, str]
) -> tuple[Control, ...]:
    choice = Control(
        name="plan",
        label="plan",
        options=tuple((str(plan), reading.label(plan)) for plan in plans),
        start=start[0],
    )
    slider = Control(
        name="stage",
        label="stage",
        options=tuple((str(stage), f"stage {roman(stage)}") for stage in stages),
        start=start[1],
        slider=True,
    )
    return (choice, slider)


def _put(trace: dict[str, Any], path: str, value: Any) -> None:
    *above, last = path.split(".")
    for name in above:
        trace = trace[name]
    trace[last] = value


def _traces(reading: Reading) -> list[dict[str, Any]]:
    network = reading.case.network
    lines: dict[str, Any] = {"type": "scatter", "mode": "lines", "hoverinfo": "skip"}
    return [
        branch_trace(network),
        {**lines, "x": [], "y": [], "name": "larger lines"}
        | {"line": {"color": palette.ORANGE, "width": 5}},
        bus_trace(network),
        feeder_trace(network),
        *(shade(k) for k in range(_SLOTS)),
        _site_trace("charging stations", "square", palette.BLUE),
        _site_trace("PV", "circle", palette.GREEN),
        _site_trace("storage", "diamond", palette.PINK),
        *(_sop_trace(k) for k in range(_SLOTS)),
    ]


def shade(slot: int) -> dict[str, Any]:
    """The feeders that a soft open point connects."""
    colour = palette.colour_at((SOP_COLOURS[slot], "#ffffff"), 0.55)
    return {
        "type": "scatter",
        "mode": "lines",
        "hoverinfo": "skip",
        "x": [],
        "y": [],
        "line": {"color": colour, "width": 3},
        "showlegend": False,
    }


def connected(reading: Reading, sop: dict[str, float]) -> list[str]:
    """Feeders of the terminals."""
    network = reading.case.network
    return [network.zones[network.index(bus)] for bus in sop]


def _site_trace(name: str, symbol: str, colour: str) -> dict[str, Any]:
    marker = {"size": [], "color": colour, "symbol": symbol, "opacity": 0.85}
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [],
        "y": [],
        "text": [],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": marker | {"line": {"color": "#fff", "width": 1}},
    }


def _sop_trace(slot: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers+text",
        "name": f"soft open point {slot + 1}",
        "x": [],
        "y": [],
        "text": [],
        "textposition": "top center",
        "textfont": {"size": 12, "color": SOP_COLOURS[slot]},
        "hoverinfo": "text",
        "line": {"color": SOP_COLOURS[slot], "width": 3},
        "marker": {"size": 10, "color": "#fff", "line": {"color": SOP_COLOURS[slot], "width": 3}},
    }


def _changes(reading: Reading, found: Standing) -> list[Change]:
    x, y = segments(reading.case.network, found.larger)
    changes: list[Change] = [(1, "x", x), (1, "y", y), (1, "showlegend", bool(found.larger))]
    for slot in range(_SLOTS):
        sop = found.sops[slot] if slot < len(found.sops) else {}
        x, y = segments(reading.case.network, connected(reading, sop))
        changes += [(_SHADES + slot, "x", x), (_SHADES + slot, "y", y)]
    groups = (("charging", found.evcs), ("PV", found.pv), ("storage", found.storage))
    for trace, (word, kva) in enumerate(groups, start=_SITES):
        spots = [place_of(reading.case.network, bus) for bus in kva]
        changes += [
            (trace, "x", [x for x, _ in spots]),
            (trace, "y", [y for _, y in spots]),
            (trace, "marker.size", [size_of(value) for value in kva.values()]),
            (trace, "text", [f"{word} at {b}: {v / 1e3:.2f} MVA" for b, v in kva.items()]),
            (trace, "showlegend", bool(kva)),
        ]
    for slot in range(_SLOTS):
        star = star_of(reading, found.sops[slot] if slot < len(found.sops) else {})
        changes += [(_STARS + slot, path, value) for path, value in star.items()]
    return changes


def size_of(kva: float) -> float:
    """Width of a site's mark."""
    return 5 + 8 * math.sqrt(kva / 1e3)


def star_of(reading: Reading, sop: dict[str, float]) -> dict[str, Any]:
    """From the middle of all terminals to each of them and back."""
    if not sop:
        return {"x": [], "y": [], "text": [], "showlegend": False}
    labels = {bus: f"{bus}: {kva / 1e3:.2f}" for bus, kva in sop.items()}
    x, y, text = star_of_buses(reading.case.network, labels)
    return {"x": x, "y": y, "text": text, "showlegend": True}
