"""Pools: every task's own answer, whatever the order and wherever it ran."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

from roadvolt.agents.pool import LocalPool, Pool, RayPool
from roadvolt.core.errors import HostLost, ResultsError
from roadvolt.uncertainty.seeds import generator


def draw(seed: int, purpose: str) -> float:
    return float(generator(seed, purpose).standard_normal())


def fail_at_three(number: int) -> int:
    if number == 3:
        raise ResultsError("folder", "task three fails")
    return number


def die() -> None:
    os._exit(1)


def answers(pool: Pool) -> dict[int, float]:
    return dict(pool.run(draw, [(seed, "pool") for seed in range(7)]))


def test_every_task_gets_its_own_answer() -> None:
    assert answers(LocalPool()) == {seed: draw(seed, "pool") for seed in range(7)}


@pytest.mark.ray
@pytest.mark.parametrize("workers", [1, 3, 20])
def test_ray_gives_the_answers_of_this_process(ray_session: None, workers: int) -> None:
    with RayPool(workers=workers) as pool:
        assert answers(pool) == answers(LocalPool())


def shifted_length(values: Sequence[float], start: int) -> int:
    """What is shared arrives as itself."""
    return start + len(values)


@pytest.mark.ray
def test_answers_come_in_the_order_of_tasks_that_share_a_value(ray_session: None) -> None:
    with LocalPool() as here, RayPool(workers=2) as there:
        for pool in (here, there):
            shared = pool.share([0.5] * 10)
            assert pool.map(shifted_length, [(shared, k) for k in range(5)]) == [10, 11, 12, 13, 14]
            assert pool.map(shifted_length, []) == []


def test_an_error_comes_back_as_itself_after_the_answers_before_it() -> None:
    done = []
    with LocalPool() as pool, pytest.raises(ResultsError, match="task three fails"):
        done.extend(pool.run(fail_at_three, [(k,) for k in range(5)]))
    assert done == [(0, 0), (1, 1), (2, 2)]


@pytest.mark.ray
def test_an_error_comes_back_from_ray_as_itself(ray_session: None) -> None:
    with RayPool(workers=2) as pool, pytest.raises(ResultsError) as caught:
        list(pool.run(fail_at_three, [(k,) for k in range(5)]))
    assert (caught.value.folder, caught.value.fault) == ("folder", "task three fails")


@pytest.mark.ray
def test_a_task_that_kills_its_process_again_and_again_is_named_as_lost(ray_session: None) -> None:
    with RayPool(workers=1) as pool, pytest.raises(HostLost):
        list(pool.run(die, [()]))
