"""Where a run stood: enough to go on from there to the same result, and its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..core.units import frozen
from ..market.clearing import RoundLog
from ..market.station import Schedule
from .parts import StationPlan

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checkpoint:
    """What cannot be recomputed at once; all else follows from case and options.

    ``finished`` are the plans of finished trading rounds, ``agents`` the snapshots of the agents,
    ``told`` the log of the negotiation under way up to those snapshots.
    """

    finished: tuple[StationPlan, ...]
    agents: Mapping[str, Arrays]
    told: tuple[RoundLog, ...]


def write_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Replaces the file in one move: a crash while writing leaves the old one."""
    arrays: Arrays = {}
    for agent, snapshot in checkpoint.agents.items():
        arrays |= {f"agent/{agent}/{name}": array for name, array in snapshot.items()}
    for number, plan in enumerate(checkpoint.finished):
        arrays |= {f"plan/{number}/{name}": array for name, array in _plan_arrays(plan).items()}
    words = {
        "told": [asdict(row) for row in checkpoint.told],
        "exchanges": [[asdict(row) for row in plan.exchanges] for plan in checkpoint.finished],
    }
    arrays["words"] = np.frombuffer(json.dumps(words).encode(), dtype=np.uint8)
    draft = path.with_suffix(".part.npz")
    np.savez(draft, allow_pickle=False, **arrays)
    draft.replace(path)


def read_checkpoint(path: Path) -> Checkpoint:
    """What ``write_checkpoint`` wrote."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    words = json.loads(arrays.pop("words").tobytes().decode())
    groups: dict[tuple[str, str], Arrays] = {}
    for name, array in arrays.items():
        kind, owner, key = name.split("/", 2)
        groups.setdefault((kind, owner), {})[key] = array
    finished = tuple(
        _plan(groups["plan", str(number)], rows) for number, rows in enumerate(words["exchanges"])
    )
    return Checkpoint(
        finished=finished,
        agents={owner: group for (kind, owner), group in groups.items() if kind == "agent"},
        told=tuple(RoundLog(**row) for row in words["told"]),
    )


def _plan_arrays(plan: StationPlan) -> Arrays:
    schedule = {f.name: getattr(plan.schedule, f.name) for f in fields(Schedule)}
    return schedule | {"trades": plan.trade_kw, "prices": plan.price_per_kwh}


def _plan(arrays: Arrays, rows: list[dict[str, Any]]) -> StationPlan:
    return StationPlan(
        schedule=Schedule(**{f.name: frozen(arrays[f.name]) for f in fields(Schedule)}),
        trade_kw=frozen(arrays["trades"]),
        price_per_kwh=frozen(arrays["prices"]),
        exchanges=tuple(RoundLog(**row) for row in rows),
    )
