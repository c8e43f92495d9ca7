"""Where many independent tasks run: in this process, or as Ray tasks over a cluster.

A task's answer depends on the task alone, never on where, when or beside what it ran.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from threadpoolctl import threadpool_limits

from ..core.errors import HostLost
from .runtime import Context, start_ray

#: How often Ray repeats a task whose process died.
_MAX_RETRIES = 3


class Pool(Protocol):
    """Runs tasks, each on one linear-algebra thread."""

    def run(
        self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]
    ) -> Iterator[tuple[int, Any]]:
        """(index of the task, ``function(*task)``) as they complete, in whatever order.

        An error of the function comes back as itself and ends the run.
        """

    def share(self, value: Any) -> Any:
        """What stands for ``value`` as an argument of many tasks, to be carried only once."""

    def map(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> list[Any]:
        """``function(*task)`` of every task, in the order of the tasks."""
        answers = dict(self.run(function, tasks))
        return [answers[index] for index in range(len(tasks))]


class LocalPool(Pool, Context):
    """One task after the other in this process: the reference."""

    def run(
        self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]
    ) -> Iterator[tuple[int, Any]]:
        """Completes the tasks in their order."""
        for index, task in enumerate(tasks):
            yield index, on_one_thread(function, *task)

    def share(self, value: Any) -> Any:
        """The value itself."""
        return value

    def stop(self) -> None:
        """Nothing runs here between tasks."""


class RayPool(Pool, Context):
    """Ray tasks of one processor each.

    Args:
        address: as for ``RayRuntime``.
        workers: how many tasks are under way at a time. It changes speed, never results.
    """

    def __init__(self, address: str | None = None, workers: int = 2) -> None:
        self._ray, self._owns_ray = start_ray(address)
        self._workers = workers
        self._remote = self._ray.remote(num_cpus=1, max_retries=_MAX_RETRIES)(on_one_thread)

    def run(
        self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]
    ) -> Iterator[tuple[int, Any]]:
        """Completes the tasks in whatever order; a lost process is replaced.

        Raises:
            HostLost: the process of one task died again and again.
        """
        waiting = iter(enumerate(tasks))
        under_way: dict[Any, int] = {}
        try:
            while True:
                for index, task in waiting:
                    under_way[self._remote.remote(function, *task)] = index
                    if len(under_way) >= self._workers:
                        break
                if not under_way:
                    return
                ready, _ = self._ray.wait(list(under_way), num_returns=1)
                yield under_way.pop(ready[0]), self._get(ready[0])
        finally:  # an error, an interrupt, or nobody asks for more
            for reference in under_way:
                self._ray.cancel(reference, force=True)

    def share(self, value: Any) -> Any:
        """Puts the value into Ray's store, from where tasks read it without a copy."""
        return self._ray.put(value)

    def stop(self) -> None:
        """Leaves Ray as it was found."""
        if self._owns_ray:
            self._ray.shutdown()

    def _get(self, reference: Any) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except self._ray.exceptions.WorkerCrashedError as error:
            raise HostLost("task", _MAX_RETRIES) from error


def on_one_thread(function: Callable[..., Any], *task: Any) -> Any:
    """``function(*task)``. More threads would change the last bits of a sum."""
    with threadpool_limits(1):
        return function(*task)
