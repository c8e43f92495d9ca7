"""Turns the checked tables of a network into what planning reads."""

from __future__ import annotations

from typing import Any

from ...core.units import frozen
from ...planning.radial import HEAD, RadialNetwork, Tie
from ..casefile.checks import Tables

#: Power base of the per-unit system inside planning models.
S_BASE_KVA = 1000.0


def build_network(vn_kv: float, tables: Tables) -> RadialNetwork:
    """The feeders; buses in the order of ``buses.csv``, each with the line that ends there."""
    buses, ending = list(tables["buses"]), {row.to_bus: row for row in tables["lines"]}
    lines = [ending[row.bus] for row in buses]
    position = {row.bus: k for k, row in enumerate(buses)}
    heads = {row.feeder: row.head_bus for row in tables["feeders"]}
    return RadialNetwork(
        vn_kv=vn_kv,
        s_base_kva=S_BASE_KVA,
        buses=tuple(position),
        zones=tuple(_zone(bus, ending, heads) for bus in position),
        heads=heads,
        head_xy_km={row.feeder: (row.x_km, row.y_km) for row in tables["feeders"]},
        parent=frozen([position.get(line.from_bus, HEAD) for line in lines], "int64"),
        r_ohm=frozen([line.r_ohm for line in lines]),
        x_ohm=frozen([line.x_ohm for line in lines]),
        length_km=frozen([line.length_km for line in lines]),
        load_p_kw=frozen([bus.p_kw for bus in buses]),
        load_q_kvar=frozen([bus.q_kvar for bus in buses]),
        x_km=frozen([bus.x_km for bus in buses]),
        y_km=frozen([bus.y_km for bus in buses]),
        ties=tuple(_tie(row, position) for row in tables["ties"]),
    )


def _zone(bus: str, ending: dict[str, Any], heads: dict[str, str]) -> str:
    while bus in ending:
        bus = ending[bus].from_bus
    return next(feeder for feeder, head in heads.items() if head == bus)


def _tie(row: Any, position: dict[str, int]) -> Tie:
    return Tie(
        from_bus=position[row.from_bus],
        to_bus=position[row.to_bus],
        r_ohm=row.r_ohm,
        x_ohm=row.x_ohm,
    )
