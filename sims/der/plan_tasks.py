"""The tasks of a study of DER plans: one for every plan, for the benchmark, and for the curve."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...core.errors import SolveError
from ...planning.der.autonomy_curve import autonomy_curve
from ...planning.der.case import DerCase
from ...planning.der.choices import DerMethod, DerModel
from ...planning.der.solve import ADAPTIVE, solve_der
from ...planning.mapper import IN_TURN, Mapper
from ..campaign import PROGRESS_FOLDER, Settings, Task
from ..derfile.load import load_der_case
from .plan_progress import PlanProgress
from .rows import benchmark_frames, curve_frames, plan_frames


def plan_tasks(case: DerCase, place: str, settings: Settings) -> list[Task]:
    """Long tasks first, so that no worker is left alone with one at the end.

    Several plans are made side by side; one alone spreads its subproblems.
    """
    own = {"place": place, "gap": settings["gap"], "seconds": settings["seconds"]}
    progress, plans = Path(place).parent / PROGRESS_FOLDER, list(plan_keys(settings))
    tasks = [
        Task(
            id=_name(keys),
            settings={
                **own, "what": "plan", "keys": keys,
                "progress": str(progress / f"{_name(keys)}.jsonl"),
            },
            effort=_effort(keys),
            spreads=len(plans) == 1,
        )
        for keys in plans
    ]  # fmt: skip
    shares = np.linspace(0.0, 1.0, settings["curve_points"]).round(6).tolist()
    tasks += [
        Task(id="perfect information", settings={"place": place, "what": "benchmark"}),
        Task(
            id="autonomy curve",
            settings={"place": place, "what": "curve", "shares": shares},
            effort=0.2 * len(shares),
        ),
    ]
    return sorted(tasks, key=lambda task: -task.effort)


def plan_keys(settings: Settings) -> Iterator[dict[str, Any]]:
    """What tells plans apart, in the order of models, budgets and methods."""
    for model in settings["models"]:
        adaptive = model in ADAPTIVE
        budgets = settings["budgets"] if adaptive else [0]
        methods = settings["methods"] if adaptive else [DerMethod.FAST.value]
        for budget, method in product(budgets, methods):
            pv = budget if settings["pv_budget"] is None else settings["pv_budget"]
            yield {
                "model": model,
                "load_budget": budget,
                "pv_budget": pv if model == DerModel.ADAPTIVE else 0,
                "method": method,
            }


def _name(keys: dict[str, Any]) -> str:
    if keys["model"] not in ADAPTIVE:
        return str(keys["model"])
    budget = f"{keys['load_budget']}"
    if keys["model"] == DerModel.ADAPTIVE and keys["pv_budget"] != keys["load_budget"]:
        budget += f" and {keys['pv_budget']} of PV"
    return f"{keys['model']}, budget {budget}, {keys['method']}"


def _effort(keys: dict[str, Any]) -> float:
    if keys["model"] not in ADAPTIVE:
        return 1.0
    slow = 20.0 if keys["method"] == DerMethod.BENDERS else 1.0
    return 5.0 * slow if keys["load_budget"] else 2.0


def work_on(settings: Settings, mapper: Mapper = IN_TURN) -> dict[str, Any]:
    """Tables as columns, and how long it took."""
    start = time.perf_counter()
    case = load_der_case(settings["place"])
    try:
        answer = {"failure": "", **_WORK[settings["what"]](case, settings, mapper)}
    except SolveError as error:
        answer = {"failure": str(error), "tables": {}, "seconds": {}}
    answer["seconds"]["task"] = round(time.perf_counter() - start, 3)
    return {"what": settings["what"], "keys": settings.get("keys"), **answer}


def _plan(case: DerCase, settings: Settings, mapper: Mapper) -> dict[str, Any]:
    keys, limit = settings["keys"], settings["seconds"]
    progress = PlanProgress(Path(settings["progress"]))
    solution = solve_der(
        case,
        DerModel(keys["model"]),
        load_budget=keys["load_budget"],
        pv_budget=keys["pv_budget"],
        method=DerMethod(keys["method"]),
        gap=settings["gap"],
        seconds=np.inf if limit is None else limit,
        watch=progress,
        begun=dict(progress.begun),
        mapper=mapper,
    )
    frames = plan_frames(case, solution, settings["gap"])
    return {
        "tables": {name: table.to_dict("list") for name, table in frames.items()},
        "seconds": {
            "solve": round(solution.seconds, 3),
            "steps": [round(step.seconds, 3) for step in solution.steps],
        },
    }


def _benchmark(case: DerCase, settings: Settings, mapper: Mapper) -> dict[str, Any]:
    tables = {name: table.to_dict("list") for name, table in benchmark_frames(case).items()}
    return {"tables": tables, "seconds": {}}


def _curve(case: DerCase, settings: Settings, mapper: Mapper) -> dict[str, Any]:
    frame = curve_frames(autonomy_curve(case, settings["shares"]))
    return {"tables": {"autonomy_curve": frame.to_dict("list")}, "seconds": {}}


_WORK: Final = {"plan": _plan, "benchmark": _benchmark, "curve": _curve}
