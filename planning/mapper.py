"""Where the subproblems of a plan are solved: here, or wherever whoever asks for a plan says.

What a subproblem answers depends on it alone, and answers come in the order they were asked for, so
that a mapper changes how long a plan takes and no bit of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol


class Mapper(Protocol):
    """Solves subproblems, side by side where it can."""

    def share(self, value: Any) -> Any:
        """What stands for ``value`` in the tasks of ``map``, to be carried to them only once."""

    def map(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> Sequence[Any]:
        """``function(*task)`` of every task, in the order of the tasks."""


class InTurn:
    """One after the other, in this process."""

    def share(self, value: Any) -> Any:
        """The value itself."""
        return value

    def map(self, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> Sequence[Any]:
        """Answers in the order of the tasks."""
        return [function(*task) for task in tasks]


IN_TURN: Final = InTurn()
