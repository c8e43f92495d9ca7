"""What may go wrong with a day: kinds of perturbation, and how days are drawn by seed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ...uncertainty.seeds import generator


class Kind(StrEnum):
    """A kind of perturbation. At severity 0 each does nothing."""

    LINE_DERATING = "line_derating"
    PV_SURGE = "pv_surge"
    DEMAND_SPIKE = "demand_spike"
    ROAD_CLOSURE = "road_closure"
    STATION_LEAVES = "station_leaves"
    STATION_LIES = "station_lies"
    PRICE_SHOCK = "price_shock"
    LIMITS_TIGHTENED = "limits_tightened"
    MESSAGE_FAULTS = "message_faults"
    HOST_KILLED = "host_killed"
    CROWDED_LATERAL = "crowded_lateral"


#: These take a Ray of their own or many stations: every so many days has one of them.
RARE = (Kind.HOST_KILLED, Kind.CROWDED_LATERAL)
RARE_EVERY = 25
#: At most so many kinds come together.
MOST_AT_ONCE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Perturbation:
    """One thing that goes wrong, from 0 (not at all) to 1."""

    kind: Kind
    severity: float

    def __post_init__(self) -> None:
        if not 0 <= self.severity <= 1:
            raise ValueError(f"severity must lie in [0, 1], got {self.severity}")

    def __str__(self) -> str:
        return f"{self.kind} {self.severity:.2f}"


def draw_perturbations(seed: int, day: int) -> tuple[Perturbation, ...]:
    """What goes wrong on a day: one to three kinds, severities uniform; no other day matters."""
    rng = generator(seed, "stress day", day)
    common = [kind for kind in Kind if kind not in RARE]
    count = int(rng.integers(1, MOST_AT_ONCE + 1))
    kinds = [common[k] for k in rng.choice(len(common), count, replace=False)]
    if day % RARE_EVERY == RARE_EVERY - 1:
        kinds[0] = RARE[day // RARE_EVERY % len(RARE)]
    return tuple(Perturbation(kind=kind, severity=float(rng.uniform())) for kind in kinds)
