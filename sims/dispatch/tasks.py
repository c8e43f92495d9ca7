"""The task of a study of a dispatched day."""

from __future__ import annotations

import time
from typing import Any

from ...core.errors import PowerFlowError, SolveError
from ...planning.dispatch.case import DispatchCase
from ...planning.dispatch.disc import exact_disc
from ...planning.dispatch.solve import solve_dispatch
from ..campaign import Settings, Task
from ..dispatchfile.load import load_dispatch_case
from .rows import dispatch_frames


def dispatch_tasks(case: DispatchCase, place: str, settings: Settings) -> list[Task]:
    """One: the day is solved as a whole."""
    return [Task(id="dispatch", settings={"place": place, "exact_disc": settings["exact_disc"]})]


def work_on(settings: Settings) -> dict[str, Any]:
    """Tables as columns, and how long it took."""
    case, start = load_dispatch_case(settings["place"]), time.process_time()
    try:
        found = solve_dispatch(case)
        cpu = time.process_time() - start
        disc = exact_disc(case, found) if settings["exact_disc"] else float("nan")
    except (SolveError, PowerFlowError) as error:
        return {"failure": str(error), "tables": {}, "seconds": {}}
    frames = dispatch_frames(case, found, disc)
    return {
        "failure": "",
        "tables": {name: table.to_dict("list") for name, table in frames.items()},
        "seconds": {"solve": round(found.seconds, 3), "solve_cpu": round(cpu, 3)},
    }
