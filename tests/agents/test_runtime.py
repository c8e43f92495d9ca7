"""The two runtimes: same answers, errors come back as themselves, lost hosts come back."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from roadvolt.agents.runtime import Blueprint, Call, LocalRuntime, RayRuntime, Runtime
from roadvolt.core.errors import AgreementError, HostLost, OutOfTurn


class Counter:
    """Adds what it is told; answers with its total."""

    def __init__(self, start: float) -> None:
        self.total = np.array([start])

    def add(self, amount: float) -> np.ndarray:
        self.total = self.total + amount
        return self.total

    def fail(self) -> None:
        raise AgreementError(3, ("line L17 phase a 14:00",), ("EVCS18",))

    def snapshot(self) -> np.ndarray:
        return self.total

    def restore(self, snapshot: np.ndarray) -> None:
        self.total = snapshot


def blueprints() -> list[Blueprint]:
    # The class travels by value: worker processes cannot import a test module.
    return [
        Blueprint(name=f"c{k}", group="stations", build=Counter, args=(float(k),)) for k in range(5)
    ]


def story(runtime: Runtime) -> list[float]:
    runtime.start(blueprints())
    answers = runtime.ask([Call(agent=f"c{k}", method="add", message=(0.1,)) for k in (3, 0, 4)])
    runtime.commit()
    answers += runtime.ask([Call(agent="c3", method="add", message=(0.2,))])
    return [float(a[0]) for a in answers]


def test_answers_come_in_the_order_of_the_calls() -> None:
    assert story(LocalRuntime()) == pytest.approx([3.1, 0.1, 4.1, 3.3])


def test_a_runtime_that_was_not_started_says_so() -> None:
    with LocalRuntime() as runtime, pytest.raises(OutOfTurn, match="start it first"):
        runtime.commit()


def test_restoring_puts_agents_back_to_their_snapshots() -> None:
    runtime = LocalRuntime()
    story(runtime)
    runtime.restore({"c3": np.array([7.0])})
    assert float(runtime.ask([Call(agent="c3", method="add", message=(1.0,))])[0][0]) == 8.0


def test_nothing_is_shared_between_caller_and_agent() -> None:
    runtime = LocalRuntime()
    runtime.start(blueprints())
    answer = runtime.ask([Call(agent="c1", method="add", message=(1.0,))])[0]
    answer += 100.0
    assert float(runtime.ask([Call(agent="c1", method="add", message=(0.0,))])[0][0]) == 2.0


@pytest.mark.ray
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_ray_gives_the_same_bits_with_any_number_of_workers(
    ray_session: None, workers: int
) -> None:
    with RayRuntime(workers=workers) as runtime:
        assert story(runtime) == story(LocalRuntime())


@pytest.mark.ray
def test_an_agents_error_comes_back_as_itself(ray_session: None) -> None:
    with RayRuntime(workers=1) as runtime:
        runtime.start(blueprints())
        with pytest.raises(AgreementError, match="line L17 phase a 14:00") as caught:
            runtime.ask([Call(agent="c0", method="fail")])
    assert caught.value.rounds == 3


@pytest.mark.ray
def test_a_killed_host_comes_back_with_what_it_knew(ray_session: None) -> None:
    with RayRuntime(workers=2) as runtime:
        story(runtime)
        for process in runtime.process_ids().values():
            os.kill(process, signal.SIGKILL)
        answers = runtime.ask(
            [
                Call(agent="c3", method="add", message=(0.0,)),
                Call(agent="c4", method="add", message=(0.0,)),
            ]
        )
    # 3 + 0.1 before the commit, + 0.2 after it: both must have survived.
    assert [float(a[0]) for a in answers] == [3.0 + 0.1 + 0.2, 4.0 + 0.1]


@pytest.mark.ray
def test_a_host_that_keeps_dying_is_given_up(ray_session: None) -> None:
    with RayRuntime(workers=1, max_restarts=0) as runtime:
        runtime.start(blueprints())
        os.kill(next(iter(runtime.process_ids().values())), signal.SIGKILL)
        with pytest.raises(HostLost):
            runtime.ask([Call(agent="c0", method="add", message=(1.0,))])
