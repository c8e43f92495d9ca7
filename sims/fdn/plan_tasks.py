"""The tasks of a planning study, one for every plan, and the work of each."""

from __future__ import annotations

import time
from itertools import product
from typing import Any, Final

import pandas as pd

from ...core.errors import SolveError
from ...planning.fdn.case import FdnCase
from ...planning.fdn.choices import Algorithm, Variant
from ...planning.fdn.iteration import FdnRun, RoundDone, RunOptions
from ...planning.fdn.recourse import Recourse
from ...planning.fdn.variants import run_variant
from ..campaign import Settings, Task
from ..planfile.load import load_fdn_case
from .densities import Look, density_rows, looks_of, surrogate_rows
from .rows import run_frames

#: Rough time by variant, relative to Case I.
_EFFORT: Final = {"II": 0.3, "III": 1.0, "IV": 0.5, "V": 0.2, "VI": 1.0, "VII": 5.0}


def plan_tasks(case: FdnCase, place: str, settings: Settings) -> list[Task]:
    """One task a plan; long ones first, so that no worker is left alone with one at the end."""
    own = {name: settings[name] for name in _OPTIONS}
    tasks = [
        Task(
            id=f"{variant}, risk {risk:g}, {algorithm}",
            settings={
                **own,
                "place": place,
                "variant": variant,
                "risk": risk,
                "algorithm": algorithm,
            },
            effort=_EFFORT.get(variant, 1.0) * (0.05 / risk) ** 0.5,
        )
        for variant, risk, algorithm in product(
            settings["variants"], settings["risks"], settings["algorithms"]
        )
    ]
    return sorted(tasks, key=lambda task: -task.effort)


_OPTIONS: Final = (
    "samples",
    "fresh_samples",
    "seed",
    "gap",
    "solver",
    "max_rounds",
    "recourse",
)


def options_of(settings: Settings) -> RunOptions:
    """The options of one plan, from plain words and numbers."""
    words = {name: settings[name] for name in _OPTIONS}
    return RunOptions(
        **{
            **words,
            "risk": settings["risk"],
            "algorithm": Algorithm(settings["algorithm"]),
            "recourse": Recourse(settings["recourse"]),
        }
    )


def work_on(settings: Settings) -> dict[str, Any]:
    """The tables of one plan as columns, and what is told of it besides."""
    start = time.perf_counter()
    case, variant = load_fdn_case(settings["place"]), Variant(settings["variant"])
    keys = {name: settings[name] for name in ("variant", "risk", "algorithm")}
    watch = _FirstRound()
    try:
        run = run_variant(case, variant, options_of(settings), watch)
    except SolveError as error:
        return {"keys": keys, "failure": str(error), "tables": {}, "seconds": {}}
    frames = run_frames(run, variant) | {"densities": watch.with_last(run)}
    return {
        "keys": keys,
        "failure": "",
        "tables": {name: table.to_dict("list") for name, table in frames.items()},
        "seconds": _seconds(run, time.perf_counter() - start),
    }


def _seconds(run: FdnRun, total: float) -> dict[str, Any]:
    return {
        "total": round(total, 3),
        "planning": [round(one.plan_seconds, 3) for one in run.iterations],
        "sampling": [round(one.propagation_seconds, 3) for one in run.iterations],
    }


class _FirstRound:
    """Keeps densities of the first round that it is told of, and what they are of."""

    def __init__(self) -> None:
        self._looks: tuple[Look, ...] = ()
        self._first = pd.DataFrame()

    def __call__(self, event: RoundDone) -> None:
        if self._looks:
            return
        case, iteration = event.case, event.iteration
        self._looks = looks_of(case, iteration.risks)
        self._first = density_rows(case, self._looks, "first", event.states)

    def with_last(self, run: FdnRun) -> pd.DataFrame:
        """The same looks at the plan's fresh samples, below."""
        found = run.certificate
        last = density_rows(run.case, self._looks, "last", found.states)
        approximate = surrogate_rows(run.case, self._looks, found.draws, found.states)
        return pd.concat([self._first, last, approximate], ignore_index=True)
