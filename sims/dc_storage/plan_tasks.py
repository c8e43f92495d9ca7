"""The tasks of a study of ports and storage: one for every plan."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from ...core.errors import PowerFlowError, SolveError
from ...planning.dc_storage.case import DcStorageCase
from ...planning.dc_storage.solve import solve_dc_storage
from ...planning.mapper import IN_TURN, Mapper
from ..campaign import Settings, Task
from ..dcfile.load import load_dc_storage_case
from .rows import plan_frames
from .sweeps import Sweep, variations


def plan_tasks(case: DcStorageCase, place: str, settings: Settings) -> list[Task]:
    """The case's own plan and those of all sweeps.

    Several plans are made side by side; one alone spreads its days.
    """
    varied = variations(case, settings["sweeps"])
    shared = {name: settings[name] for name in ("gap", "seconds", "samples", "seed")}
    tasks = []
    for variation in varied:
        sweep = "" if variation.sweep is None else variation.sweep.value
        keys = {"plan": variation.name, "sweep": sweep}
        words = {**shared, "place": place, "keys": keys}
        words["overrides"] = dict(variation.overrides)
        effort = 2.0 if variation.sweep is Sweep.MODULE else 1.0
        alone = len(varied) == 1
        tasks.append(Task(id=variation.name, settings=words, effort=effort, spreads=alone))
    return tasks


def work_on(settings: Settings, mapper: Mapper = IN_TURN) -> dict[str, Any]:
    """Tables as columns, and how long it took."""
    start = time.perf_counter()
    case = load_dc_storage_case(settings["place"], overrides=settings["overrides"])
    answer: dict[str, Any] = {"keys": settings["keys"], "failure": "", "tables": {}, "seconds": {}}
    try:
        solution = solve_dc_storage(
            case,
            gap=settings["gap"],
            seconds=np.inf if settings["seconds"] is None else settings["seconds"],
            samples=settings["samples"],
            seed=settings["seed"],
            mapper=mapper,
        )
    except (SolveError, PowerFlowError) as error:
        answer["failure"] = str(error)
        answer["asked"] = asked_of(case)
    else:
        frames = plan_frames(case, solution, settings["gap"])
        answer["tables"] = {name: table.to_dict("list") for name, table in frames.items()}
        answer["seconds"] = {
            "solve": round(solution.seconds, 3),
            "steps": [round(step.seconds, 3) for step in solution.steps],
        }
    answer["seconds"]["task"] = round(time.perf_counter() - start, 3)
    return answer


def asked_of(case: DcStorageCase) -> dict[str, float]:
    """What sweeps vary, of a case that has no plan."""
    return {
        "carbon_price": case.rules.carbon_price_per_kg,
        "return_min": case.rules.return_min,
        "confidence": case.rules.confidence,
        "module_kva": case.modules.converter_kva,
    }
