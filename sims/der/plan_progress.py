"""The steps of a plan under way, written down one by one, to go on from after a kill.

A line of the file holds what a step has added: bounds, the best plan and its worst fate as they
stand, and the fates and cuts that are new. Numbers pass through JSON unchanged to the last bit.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...core.units import frozen
from ...planning.der.bracket import Bracket, Stage
from ...planning.der.solution import Separation, Step
from ..json_lines import whole_lines

logger = logging.getLogger("roadvolt")


class PlanProgress:
    """A watcher of ``solve_der`` that keeps what it is told in a file.

    Attributes:
        begun: where the plan stands, of every stage that it has reached.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.begun = dict[Stage, Bracket]()
        for line in whole_lines(path):
            stage = Stage(line["stage"])
            before = self.begun.get(stage)
            # A process given up for lost may have written a step that its successor wrote too.
            if line["step"]["number"] > (len(before.steps) if before else 0):
                self.begun[stage] = _after(before, line)
        for stage, bracket in self.begun.items():
            logger.info("going on from %s", _words(stage, bracket))

    def __call__(self, stage: Stage, bracket: Bracket) -> None:
        """Writes a step down, and logs it."""
        line = {"stage": stage, **_added(self.begun.get(stage), bracket)}
        self._path.parent.mkdir(exist_ok=True)
        with self._path.open("ab", buffering=0) as file:  # a line in one piece
            file.write(json.dumps(line).encode() + b"\n")
        self.begun[stage] = bracket
        logger.info("%s", _words(stage, bracket))


def _words(stage: Stage, bracket: Bracket) -> str:
    lower, upper = bracket.lower, bracket.upper
    return (
        f"{stage}, step {len(bracket.steps)}: {lower:.2f} to {upper:.2f}, "
        f"gap {(upper - lower) / upper:.3%}, {bracket.seconds:.1f} s"
    )


def _added(before: Bracket | None, now: Bracket) -> dict[str, Any]:
    fates, cuts = (len(before.fates), len(before.cuts)) if before else (0, 0)
    return {
        "step": asdict(now.steps[-1]),
        "lower": now.lower,
        "upper": now.upper,
        "x": now.x.tolist(),
        "worst": now.worst.tolist(),
        "fates": [u.tolist() for u in now.fates[fates:]],
        "cuts": [(constant, slope.tolist()) for constant, slope in now.cuts[cuts:]],
        "ended": now.ended,
    }


def _after(before: Bracket | None, line: Mapping[str, Any]) -> Bracket:
    steps, fates, cuts = (before.steps, before.fates, before.cuts) if before else ((), (), ())
    step = Step(**{**line["step"], "separation": Separation(line["step"]["separation"])})
    return Bracket(
        x=frozen(line["x"]),
        upper=line["upper"],
        lower=line["lower"],
        steps=(*steps, step),
        fates=(*fates, *map(frozen, line["fates"])),
        worst=frozen(line["worst"]),
        cuts=(*cuts, *((constant, frozen(slope)) for constant, slope in line["cuts"])),
        ended=line["ended"],
    )
