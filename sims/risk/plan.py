"""The tasks of a risk study, and the work of each: from plain settings to plain rows."""

from __future__ import annotations

from typing import Any

from ..campaign import Settings, Task
from ..case import Case, load_case
from .approved import approved_day
from .design import Design, design_of
from .dso_cells import DsoCell, dso_cells
from .schemes import scheme_rows
from .station_cells import station_cells


def plan_tasks(case: Case, place: str, settings: Settings) -> list[Task]:
    """Long tasks first, so that no worker is left alone with one at the end."""
    design = design_of(settings["quick"], settings["seeds"])
    common = {"place": place, "largest": design.sizes[-1]}
    tasks = [
        *_station_tasks(design, common),
        *_dso_tasks(design, common),
        *_scheme_tasks(design, common),
    ]
    return sorted(tasks, key=lambda task: -task.effort)


def work_on(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """Rows of one task, by the kind of row."""
    settings = dict(settings)
    part, place, seed = settings.pop("part"), settings.pop("place"), settings.pop("seed")
    if part == "stations":
        return {"cells": station_cells(load_case(place), seed, **settings)}
    day = approved_day(place)
    if part == "schemes":
        return scheme_rows(day, seed, **settings)
    cell = DsoCell(
        seed=seed, samples=settings.pop("samples"), confidence=settings.pop("confidence")
    )
    return {"cells": dso_cells(day, cell, **settings)}


def _station_tasks(design: Design, common: dict[str, Any]) -> list[Task]:
    return [
        Task(
            id=f"stations, seed {seed}, {samples} samples",
            settings={
                **common,
                "part": "stations",
                "seed": seed,
                "samples": samples,
                "confidences": list(design.confidences),
                "fresh": design.fresh,
            },
            effort=(1 + samples / design.sizes[-1]) * len(design.confidences) / 5,
        )
        for seed in design.seeds
        for samples in design.sizes
    ]


def _dso_tasks(design: Design, common: dict[str, Any]) -> list[Task]:
    """Two sweeps that cross at the reference cell: over samples, and over confidence."""
    cells = [(samples, design.reference_confidence) for samples in design.sizes]
    cells += [
        (design.reference_size, confidence)
        for confidence in design.confidences
        if confidence != design.reference_confidence
    ]
    return [
        Task(
            id=f"operator, seed {seed}, {samples} samples, confidence {confidence}",
            settings={
                **common,
                "part": "operator",
                "seed": seed,
                "samples": samples,
                "confidence": confidence,
                "fresh": design.fresh_flows,
            },
            effort=design.fresh_flows / 300,
        )
        for seed in design.seeds
        for samples, confidence in cells
    ]


def _scheme_tasks(design: Design, common: dict[str, Any]) -> list[Task]:
    return [
        Task(
            id=f"schemes, seed {seed}",
            settings={
                **common,
                "part": "schemes",
                "seed": seed,
                "samples": design.reference_size,
                "confidence": design.reference_confidence,
                "fresh": design.fresh_flows,
            },
            effort=design.fresh_flows / 300,
        )
        for seed in design.seeds
    ]
