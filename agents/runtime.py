"""Where the agents live: in this process, or in Ray actors. The only file that imports ray.

Both runtimes host the same agents and hand them the same calls, so results are bit-identical. An
agent is deterministic: its state follows from its blueprint, its last snapshot and the calls since.
That is all that is kept to bring a lost host back: the agent is built anew, restored, and the calls
are repeated. An agent that offers no ``snapshot`` has no state beyond its blueprint.
"""

from __future__ import annotations

import logging
import os
import pickle
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

from threadpoolctl import threadpool_limits

from ..core.errors import HostLost


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """How to build an agent, and the group of hosts it may live in.

    ``build(*args)`` runs where the agent lives. Agents of group "stations" are spread over the
    workers; every other group has a host of its own.
    """

    name: str
    group: str
    build: Callable[..., Any]
    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A message to one agent: the method that takes it, and the message itself."""

    agent: str
    method: str
    message: tuple[Any, ...] = ()


class Runtime(Protocol):
    """Hosts agents and carries calls to them."""

    def start(self, blueprints: Sequence[Blueprint]) -> None:
        """Builds the agents, replacing any that lived here before."""

    def ask(self, calls: Sequence[Call]) -> list[Any]:
        """Makes the calls, side by side where possible; answers in the order of the calls."""

    def commit(self) -> dict[str, Any]:
        """Snapshots of all agents that have state; recovery starts from here."""

    def restore(self, snapshots: dict[str, Any]) -> None:
        """Puts agents back to earlier snapshots."""

    def stop(self) -> None:
        """Ends every host."""


class Host:
    """Holds agents and passes calls on to them, on one linear-algebra thread.

    More threads would add in another order and change the last bits of a result.
    """

    def __init__(self, blueprints: Sequence[Blueprint]) -> None:
        with threadpool_limits(1):
            self._agents = {b.name: b.build(*b.args) for b in blueprints}

    def call(self, calls: Sequence[Call]) -> list[Any]:
        """Answers in the order of the calls."""
        with threadpool_limits(1):
            return [getattr(self._agents[c.agent], c.method)(*c.message) for c in calls]

    def snapshot(self) -> dict[str, Any]:
        """Snapshots of the agents that have state."""
        return {
            name: agent.snapshot()
            for name, agent in self._agents.items()
            if hasattr(agent, "snapshot")
        }

    def restore(self, snapshots: dict[str, Any], repeat: Sequence[Call] = ()) -> None:
        """Puts the named agents back to their snapshots, then repeats the calls that had state."""
        for name, snapshot in snapshots.items():
            self._agents[name].restore(snapshot)
        self.call([c for c in repeat if hasattr(self._agents[c.agent], "snapshot")])


class Context:
    """A runtime is a context: leaving it stops the hosts."""

    def stop(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class LocalRuntime(Context):
    """All agents in this process: the reference.

    Calls and answers pass through pickle, so that nothing is shared that could not be shared
    between processes.
    """

    def __init__(self) -> None:
        self._host: Host | None = None

    def start(self, blueprints: Sequence[Blueprint]) -> None:
        self._host = Host(blueprints)

    def ask(self, calls: Sequence[Call]) -> list[Any]:
        assert self._host is not None, "start the runtime before asking"
        answers = self._host.call(pickle.loads(pickle.dumps(list(calls))))
        return list(pickle.loads(pickle.dumps(answers)))

    def commit(self) -> dict[str, Any]:
        assert self._host is not None, "start the runtime before committing"
        return self._host.snapshot()

    def restore(self, snapshots: dict[str, Any]) -> None:
        assert self._host is not None, "start the runtime before restoring"
        self._host.restore(snapshots)

    def stop(self) -> None:
        self._host = None


@dataclass(slots=True)
class _Place:
    """One Ray host: who lives there, and what it takes to bring it back."""

    name: str
    blueprints: list[Blueprint]
    actor: Any = None
    snapshots: dict[str, Any] = field(default_factory=dict)
    since: list[Call] = field(default_factory=list)
    restarts: int = 0


class RayRuntime(Context):
    """Agents in Ray actors: one host for each group, ``workers`` hosts for the stations.

    Args:
        address: an existing cluster ("ray://..", "host:port"), or None for RAY_ADDRESS, or else a
            fresh local Ray. A bare ``ray.init()`` would join any Ray found on the machine.
        workers: how many hosts share the station shards. It changes speed, never results.
        max_restarts: how often one host may be brought back.
        timeout_s: the longest a single call may take.
    """

    def __init__(
        self,
        address: str | None = None,
        workers: int = 2,
        max_restarts: int = 5,
        timeout_s: float = 600.0,
    ) -> None:
        self._ray, self._owns_ray = start_ray(address)
        self._workers, self._max_restarts, self._timeout_s = workers, max_restarts, timeout_s
        self._places: list[_Place] = []
        self._home: dict[str, _Place] = {}

    def start(self, blueprints: Sequence[Blueprint]) -> None:
        self._end_hosts()
        self._places = _allot(blueprints, self._workers)
        self._home = {b.name: place for place in self._places for b in place.blueprints}
        for place in self._places:
            place.actor = self._new_actor(place)

    def ask(self, calls: Sequence[Call]) -> list[Any]:
        batches: dict[str, list[tuple[int, Call]]] = {}
        for index, call in enumerate(calls):
            batches.setdefault(self._home[call.agent].name, []).append((index, call))
        sent = []
        for place in self._places:
            if place.name in batches:
                batch = [call for _, call in batches[place.name]]
                sent.append((place, batch, self._send(place, batch)))
        answers: list[Any] = [None] * len(calls)
        for place, batch, reference in sent:
            replies = self._receive(place, batch, reference)
            place.since.extend(batch)
            for (index, _), reply in zip(batches[place.name], replies, strict=True):
                answers[index] = reply
        return answers

    def commit(self) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for place in self._places:
            place.snapshots = self._guarded(place, lambda p: p.actor.snapshot.remote())
            place.since = []
            merged |= place.snapshots
        return merged

    def restore(self, snapshots: dict[str, Any]) -> None:
        for place in self._places:
            place.snapshots = {k: v for k, v in snapshots.items() if self._home[k] is place}
            place.since = []
            self._guarded(place, lambda p: p.actor.restore.remote(p.snapshots))

    def stop(self) -> None:
        self._end_hosts()
        if self._owns_ray:
            self._ray.shutdown()

    def process_ids(self) -> dict[str, int]:
        """The process of each host: what a fault-injection test may kill."""
        return {place.name: self._get(place.actor.process_id.remote()) for place in self._places}

    def _new_actor(self, place: _Place) -> Any:
        # num_cpus=0: hosts must not hold back other work of the cluster, nor wait for it.
        options = {"num_cpus": 0, "max_restarts": 0, "scheduling_strategy": "SPREAD"}
        return self._ray.remote(**options)(_RayHost).remote(place.blueprints)

    def _send(self, place: _Place, batch: list[Call]) -> Any:
        return place.actor.call.remote(batch)

    def _receive(self, place: _Place, batch: list[Call], reference: Any) -> list[Any]:
        while True:
            try:
                return list(self._get(reference))
            except self._ray.exceptions.RayActorError:
                self._revive(place)
                reference = self._send(place, batch)

    def _guarded(self, place: _Place, request: Callable[[_Place], Any]) -> Any:
        while True:
            try:
                return self._get(request(place))
            except self._ray.exceptions.RayActorError:
                self._revive(place)

    def _get(self, reference: Any) -> Any:
        """The answer; an agent's own error comes back as itself, not wrapped by Ray."""
        try:
            return self._ray.get(reference, timeout=self._timeout_s)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error

    def _revive(self, place: _Place) -> None:
        """A new actor for a lost host, brought to the state that the lost one had committed to."""
        while True:
            place.restarts += 1
            if place.restarts > self._max_restarts:
                raise HostLost(place.name, self._max_restarts)
            place.actor = self._new_actor(place)
            try:
                self._get(place.actor.restore.remote(place.snapshots, place.since))
            except self._ray.exceptions.RayActorError:
                continue
            return

    def _end_hosts(self) -> None:
        for place in self._places:
            if place.actor is not None:
                self._ray.kill(place.actor)
        self._places, self._home = [], {}


class _RayHost(Host):
    """A host that can say which process it is."""

    def process_id(self) -> int:
        return os.getpid()


def _allot(blueprints: Sequence[Blueprint], workers: int) -> list[_Place]:
    """One place for each group; the group "stations" is dealt round over ``workers`` places."""
    places: dict[str, _Place] = {}
    dealt = 0
    for blueprint in blueprints:
        name = blueprint.group
        if name == "stations":
            name, dealt = f"stations-{dealt % workers}", dealt + 1
        places.setdefault(name, _Place(name, [])).blueprints.append(blueprint)
    return list(places.values())


_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Under `uv run` Ray would otherwise build a new environment in every worker.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Idle OpenMP threads of many workers must sleep, not spin.
    "OMP_WAIT_POLICY": "passive",
    # Ray's default niceness of 15 starves workers first on a busy machine.
    "RAY_worker_niceness": "0",
}


def start_ray(address: str | None) -> tuple[Any, bool]:
    """Joins the cluster at ``address`` or starts a quiet local Ray; says whether it started one."""
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    for key, value in _QUIET.items():
        os.environ.setdefault(key, value)
    # Ray reads these two when it is first imported: later they would only confuse it.
    if address == "local" and "RAY_AUTH_MODE" not in os.environ and "ray" not in sys.modules:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    import ray

    if ray.is_initialized():
        return ray, False
    local: dict[str, Any] = {}
    if address == "local":
        local = {
            "num_cpus": os.cpu_count(),
            "include_dashboard": False,
            "object_store_memory": 256 * 2**20,
        }
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
    return ray, True
