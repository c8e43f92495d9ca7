"""What soft open points carry between feeders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.units import FloatArray
from ..reporting import palette
from ..reporting.figures import new_figure
from ..reporting.layout import axis, layout, names
from ..reporting.page import Change, Chart, Control, Patches
from .reading import Reading, colours, stairs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _terminals(reading: Reading, sop: str, column: str) -> dict[str, FloatArray]:
    """A column [time] by bus."""
    table = reading.tables["sops"]
    own = table[table["sop"] == sop]
    return {str(bus): rows[column].to_numpy(float) for bus, rows in own.groupby("bus", sort=False)}


def _label(reading: Reading, bus: str) -> str:
    network = reading.case.network
    zone = network.zones[network.index(bus)]
    (shown,) = names([f"bus {bus} (feeder {zone})"])
    return shown


def sop_chart(reading: Reading) -> Chart | None:
    """Active and reactive power of each terminal, by choice of the soft open point."""
    sops = reading.case.sops.names
    if not reading.solved or not sops:
        return None
    most = max(len(_terminals(reading, sop, "p_kw")) for sop in sops)
    traces = {sop: _traces(reading, sop, most) for sop in sops}
    changes = {sop: _changes(traces[sop], _range(reading, sop)) for sop in sops}
    options = tuple(zip(sops, names(sops), strict=True))
    return Chart(
        id="sops",
        title="What soft open points carry",
        caption_html=(
            "<b>Above zero</b> a terminal gives power to its bus, <b>below</b> it takes power "
            "from there; active power adds up to minus the losses. The "
            "scale is the capacity of the largest terminal."
        ),
        data=traces[sops[0]],
        layout=layout(
            520,
            xaxis=reading.axis(anchor="y2"),
            yaxis=axis("active [kW]", domain=[0.54, 1.0], range=_range(reading, sops[0])),
            yaxis2=axis("reactive [kvar]", domain=[0.0, 0.46], range=_range(reading, sops[0])),
        ),
        controls=(Control(name="sop", label="soft open point", options=options, start=sops[0]),),
        patches=(Patches(by=("sop",), of=changes),),
    )


def _traces(reading: Reading, sop: str, count: int) -> list[dict[str, object]]:
    """Lines of all terminals; empty ones as far as another soft open point has more."""
    found: list[dict[str, object]] = []
    for row, column in enumerate(("p_kw", "q_kvar")):
        terminals = _terminals(reading, sop, column)
        chosen = colours(count)
        for colour, (bus, values) in zip(chosen, terminals.items(), strict=False):
            more = {"yaxis": f"y{row + 1}" if row else "y", "showlegend": not row}
            label = _label(reading, bus)
            found.append(stairs(reading, values, label, colour, legendgroup=bus, **more))
        found += [
            {"type": "scatter", "x": [], "y": [], "name": "", "showlegend": False}
            for _ in range(count - len(terminals))
        ]
    return found


def _changes(traces: list[dict[str, object]], range_: list[float]) -> list[Change]:
    attributes = ("x", "y", "name", "showlegend")
    lines: list[Change] = [
        (k, name, trace[name]) for k, trace in enumerate(traces) for name in attributes
    ]
    return [*lines, *(("layout", f"{one}.range", range_) for one in ("yaxis", "yaxis2"))]


def _range(reading: Reading, sop: str) -> list[float]:
    """What its largest terminal could give or take."""
    sops = reading.case.sops
    most = 1.05 * max(sops.kva[sops.owner == sops.names.index(sop)])
    return [-most, most]


def sop_figure(reading: Reading) -> Figure | None:
    """Active power of all terminals, a panel for each soft open point."""
    sops = reading.case.sops.names
    if not reading.solved or not sops:
        return None
    figure = new_figure(6.4, 1.3 + 1.5 * len(sops))
    panels = figure.subplots(len(sops), 1, sharex=True, squeeze=False)[:, 0]
    for axes, sop in zip(panels, sops, strict=True):
        terminals = _terminals(reading, sop, "p_kw")
        for colour, (bus, values) in zip(colours(len(terminals)), terminals.items(), strict=True):
            axes.stairs(values, reading.hours, color=colour, lw=1.4, baseline=None, label=bus)
        axes.axhline(0, color=palette.SILVER, lw=0.8, zorder=0)
        axes.set(title=sop, ylabel="to the bus [kW]")
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), title="bus")
    panels[-1].set(xlabel="hour of the day", xlim=(0, reading.hours[-1]), xticks=reading.ticks)
    return figure
