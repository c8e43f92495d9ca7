"""The network by stage, with all that is built (the paper's Figs. 3 and 7)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...planning.radial import HEAD
from ..reporting import palette
from ..reporting.geometry import map_layout
from ..reporting.layout import names
from ..reporting.page import Change, Chart, Control, Patches
from .reading import SOP_COLOURS, PlanKey, Reading, roman

if TYPE_CHECKING:
    from collections.abc import Iterable


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
        layout=map_layout(_places(reading), 760, showlegend=True),
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


def _places(reading: Reading) -> list[tuple[float, float]]:
    network = reading.case.network
    return list(zip(network.x_km.tolist(), network.y_km.tolist(), strict=True))


def _traces(reading: Reading) -> list[dict[str, Any]]:
    network = reading.case.network
    lines: dict[str, Any] = {"type": "scatter", "mode": "lines", "hoverinfo": "skip"}
    x, y = segments(reading, network.zones)
    buses = {
        "type": "scatter",
        "mode": "markers",
        "x": network.x_km,
        "y": network.y_km,
        "text": [
            f"bus {bus}, feeder {zone}<br>{load:,.0f} kW nominal"
            for bus, zone, load in zip(
                names(network.buses), names(network.zones), network.load_p_kw, strict=True
            )
        ],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"size": 6, "color": palette.SILVER, "line": {"color": "#fff", "width": 1}},
        "showlegend": False,
    }
    return [
        {**lines, "x": x, "y": y, "line": {"color": palette.SILVER, "width": 2}}
        | {"showlegend": False},
        {**lines, "x": [], "y": [], "name": "larger lines"}
        | {"line": {"color": palette.ORANGE, "width": 5}},
        buses,
        _feeder_names(reading),
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


def segments(reading: Reading, feeders: Iterable[str]) -> tuple[list[Any], list[Any]]:
    """Branches of these feeders as one broken line; those at a head begin at their bus."""
    network, wanted = reading.case.network, set(feeders)
    x: list[Any] = []
    y: list[Any] = []
    for bus, zone in enumerate(network.zones):
        parent = int(network.parent[bus])
        if zone in wanted and parent != HEAD:
            x += [network.x_km[parent], network.x_km[bus], None]
            y += [network.y_km[parent], network.y_km[bus], None]
    return x, y


def _feeder_names(reading: Reading) -> dict[str, Any]:
    """A letter at the first bus of each feeder."""
    network = reading.case.network
    starts = np.flatnonzero(np.asarray(network.parent) == HEAD)
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": network.x_km[starts],
        "y": network.y_km[starts],
        "text": names([network.zones[bus] for bus in starts]),
        "textfont": {"size": 11, "color": "#fff"},
        "marker": {"size": 17, "color": palette.SLATE, "symbol": "square"},
        "hovertemplate": "head of feeder %{text}<extra></extra>",
        "showlegend": False,
    }


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
    x, y = segments(reading, found.larger)
    changes: list[Change] = [(1, "x", x), (1, "y", y), (1, "showlegend", bool(found.larger))]
    for slot in range(_SLOTS):
        sop = found.sops[slot] if slot < len(found.sops) else {}
        x, y = segments(reading, connected(reading, sop))
        changes += [(_SHADES + slot, "x", x), (_SHADES + slot, "y", y)]
    groups = (("charging", found.evcs), ("PV", found.pv), ("storage", found.storage))
    for trace, (word, kva) in enumerate(groups, start=_SITES):
        places = [place_of(reading, bus) for bus in kva]
        changes += [
            (trace, "x", [place[0] for place in places]),
            (trace, "y", [place[1] for place in places]),
            (trace, "marker.size", [size_of(value) for value in kva.values()]),
            (trace, "text", [f"{word} at {b}: {v / 1e3:.2f} MVA" for b, v in kva.items()]),
            (trace, "showlegend", bool(kva)),
        ]
    for slot in range(_SLOTS):
        star = star_of(reading, found.sops[slot] if slot < len(found.sops) else {})
        changes += [(_STARS + slot, path, value) for path, value in star.items()]
    return changes


def place_of(reading: Reading, bus: str) -> tuple[float, float]:
    """Position of a bus [km]."""
    network = reading.case.network
    place = network.index(bus)
    return float(network.x_km[place]), float(network.y_km[place])


def size_of(kva: float) -> float:
    """Width of a site's mark."""
    return 5 + 8 * math.sqrt(kva / 1e3)


def star_of(reading: Reading, sop: dict[str, float]) -> dict[str, Any]:
    """From the middle of all terminals to each of them and back."""
    if not sop:
        return {"x": [], "y": [], "text": [], "showlegend": False}
    places = {bus: place_of(reading, bus) for bus in sop}
    middle = tuple(np.mean(list(places.values()), axis=0))
    x, y, text = [middle[0]], [middle[1]], [""]
    for bus, (across, up) in places.items():
        x += [across, middle[0]]
        y += [up, middle[1]]
        text += [f"{bus}: {sop[bus] / 1e3:.2f}", ""]
    return {"x": x, "y": y, "text": text, "showlegend": True}
