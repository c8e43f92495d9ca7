"""Fixtures that more than one room's tests use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from roadvolt.agents.runtime import RayRuntime


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """One Ray for the whole run: starting it costs more than every other test together."""
    runtime = RayRuntime(workers=1)
    yield
    runtime.stop()
