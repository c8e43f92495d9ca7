"""Campaigns: the same answers whatever the order, the pool, and however often interrupted."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadvolt.agents.pool import LocalPool, Pool, RayPool
from roadvolt.sims.campaign import ROWS_FILE, Task, TaskDone, run_campaign
from roadvolt.uncertainty.seeds import generator

TASKS = [Task(id=f"t{k}", settings={"seed": k}, effort=1 + k) for k in range(6)]


def work(settings: dict[str, Any]) -> dict[str, Any]:
    draws = generator(settings["seed"], "campaign").standard_normal(3)
    return {"draws": list(draws), "nothing": math.inf, "name": ("a", 1)}


class Shuffled:
    """A pool that completes its tasks in a given order, and is killed after so many."""

    def __init__(self, order: Sequence[int], killed_after: int | None = None) -> None:
        self.order, self.killed_after, self.ran = order, killed_after, 0

    def run(
        self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]
    ) -> Iterator[tuple[int, Any]]:
        for index in (k for k in self.order if k < len(tasks)):
            if self.ran == self.killed_after:
                raise KeyboardInterrupt
            self.ran += 1
            yield index, function(*tasks[index])


def expected() -> list[Any]:
    return [json.loads(json.dumps(work(task.settings))) for task in TASKS]


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(6)), killed_after=st.integers(0, 5))
def test_neither_order_nor_a_kill_changes_an_answer(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], killed_after: int
) -> None:
    folder = tmp_path_factory.mktemp("campaign")
    with pytest.raises(KeyboardInterrupt):
        run_campaign(folder, TASKS, work, Shuffled(order, killed_after))
    assert len((folder / ROWS_FILE).read_text().splitlines()) == killed_after
    rest = Shuffled(order)
    assert run_campaign(folder, TASKS, work, rest) == expected()
    assert rest.ran == len(TASKS) - killed_after


@pytest.mark.parametrize("torn", ['{"id": "t2", "ans', '{"id": "t2", "answer": 5}', "{"])
def test_a_torn_last_line_is_done_again(tmp_path: Path, torn: str) -> None:
    run_campaign(tmp_path, TASKS[:2], work, LocalPool())
    with (tmp_path / ROWS_FILE).open("a") as file:
        file.write(torn)
    assert run_campaign(tmp_path, TASKS, work, LocalPool()) == expected()
    # The file is sound again: nothing is left to do.
    idle = Shuffled(range(6))
    assert run_campaign(tmp_path, TASKS, work, idle) == expected()
    assert idle.ran == 0


def test_the_watcher_hears_counts_and_a_time_left_that_ends_at_zero(tmp_path: Path) -> None:
    heard: list[TaskDone] = []
    run_campaign(tmp_path, TASKS, work, Shuffled([5, 0, 1, 2, 3, 4]), heard.append)
    assert [event.done for event in heard] == list(range(7))
    assert {event.total for event in heard} == {6}
    assert [event.task for event in heard[:3]] == ["", "t5", "t0"]
    assert math.isnan(heard[0].seconds_left)
    assert heard[-1].seconds_left == 0
    assert all(event.seconds_left > 0 for event in heard[1:-1])


def spread(settings: dict[str, Any], pool: Pool | None = None) -> list[Any]:
    """Draws over the pool where it is given one."""
    return pool.map(work, [(settings,)] * 2) if pool else [work(settings)]


@pytest.mark.ray
def test_a_task_that_spreads_is_given_the_pool_and_runs_before_the_others(
    ray_session: None, tmp_path: Path
) -> None:
    tasks, heard = [*TASKS[:2], replace(TASKS[2], spreads=True)], list[TaskDone]()
    with RayPool(workers=2) as pool:
        answers = run_campaign(tmp_path, tasks, spread, pool, heard.append)
    assert [len(answer) for answer in answers] == [1, 1, 2]
    assert [answer[0] for answer in answers] == expected()[:3]
    assert heard[1].task == "t2"


@pytest.mark.ray
def test_ray_gives_the_rows_of_this_process(ray_session: None, tmp_path: Path) -> None:
    with RayPool(workers=3) as pool:
        assert run_campaign(tmp_path, TASKS, work, pool) == expected()
