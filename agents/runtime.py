"""Where the agents live: in this process, or in Ray actors. The only file that imports ray.

Both runtimes host the same agents and hand them the same calls, so results are bit-identical. An
agent is deterministic: its state follows from its blueprint, its last snapshot and the calls since.
Calls are numbered and carried out exactly once, whatever happens to messages on the way (``post``).
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
from typing import Any, Protocol, Self

from threadpoolctl import threadpool_limits

from ..core.errors import HostLost, OutOfTurn
from .post import Call, Carry, Envelope, Mailbox, Outbox, Reply, answers


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
            self._boxes = {b.name: Mailbox(b.build(*b.args)) for b in blueprints}

    def call(self, envelopes: Sequence[Envelope]) -> list[Reply]:
        """Replies in the order of the envelopes."""
        with threadpool_limits(1):
            return [self._boxes[e.call.agent].take(e) for e in envelopes]

    def snapshot(self) -> dict[str, Any]:
        """Snapshots of the agents that have state."""
        return {
            name: box.agent.snapshot()
            for name, box in self._boxes.items()
            if hasattr(box.agent, "snapshot")
        }

    def restore(self, snapshots: dict[str, Any]) -> None:
        """Puts the named agents back to their snapshots; calls taken since stay taken."""
        for name, snapshot in snapshots.items():
            self._boxes[name].agent.restore(snapshot)

    def revive(
        self, snapshots: dict[str, Any], taken: dict[str, int], repeat: Sequence[Envelope]
    ) -> None:
        """Brings a new host to where a lost one stood: snapshots, then the calls since.

        ``taken`` are the last numbers before ``repeat``. Agents without state have nothing to
        repeat, and only note the numbers.
        """
        self.restore(snapshots)
        for name, number in taken.items():
            self._boxes[name].taken = number
        self.call([e for e in repeat if hasattr(self._boxes[e.call.agent].agent, "snapshot")])
        for envelope in repeat:
            self._boxes[envelope.call.agent].taken = envelope.number


class Context:
    """A runtime is a context: leaving it stops the hosts."""

    def stop(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


class LocalRuntime(Context):
    """All agents in this process: the reference.

    Calls and replies pass through pickle, so that nothing is shared that could not be shared
    between processes.

    Args:
        post: puts something between sender and agents, see ``faults``; None carries faithfully.
    """

    def __init__(self, post: Callable[[Carry], Carry] | None = None) -> None:
        self._host: Host | None = None
        self._outbox = Outbox()
        self._carry = post(self._hand_over) if post else self._hand_over

    @property
    def resent(self) -> int:
        """Messages sent again so far."""
        return self._outbox.resent

    def start(self, blueprints: Sequence[Blueprint]) -> None:
        self._host = Host(blueprints)
        # Numbers go on: a late message to agents of before must not pass for a new one.
        names = {b.name for b in blueprints}
        self._host.revive({}, {k: n for k, n in self._outbox.sent.items() if k in names}, [])

    def ask(self, calls: Sequence[Call]) -> list[Any]:
        return self._outbox.deliver(calls, self._carry)

    def _hand_over(self, envelopes: Sequence[Envelope]) -> list[Reply]:
        replies = self._started.call(pickle.loads(pickle.dumps(list(envelopes))))
        return list(pickle.loads(pickle.dumps(replies)))

    def commit(self) -> dict[str, Any]:
        return self._started.snapshot()

    def restore(self, snapshots: dict[str, Any]) -> None:
        self._started.restore(snapshots)

    def stop(self) -> None:
        self._host = None

    @property
    def _started(self) -> Host:
        if self._host is None:
            raise OutOfTurn("local runtime", "start it")
        return self._host


@dataclass(slots=True)
class _Place:
    """One Ray host: who lives there, and what it takes to bring it back."""

    name: str
    blueprints: list[Blueprint]
    actor: Any = None
    snapshots: dict[str, Any] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)  #: last numbers before ``since``
    since: list[Envelope] = field(default_factory=list)
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
        self._outbox = Outbox()

    def start(self, blueprints: Sequence[Blueprint]) -> None:
        self._end_hosts()
        self._places = _allot(blueprints, self._workers)
        self._home = {b.name: place for place in self._places for b in place.blueprints}
        self._outbox = Outbox()
        for place in self._places:
            place.actor = self._new_actor(place)

    def ask(self, calls: Sequence[Call]) -> list[Any]:
        batches: dict[str, list[tuple[int, Envelope]]] = {}
        for index, envelope in enumerate(self._outbox.envelopes(calls)):
            home = self._home[envelope.call.agent].name
            batches.setdefault(home, []).append((index, envelope))
        sent = []
        for place in self._places:
            if place.name in batches:
                batch = [envelope for _, envelope in batches[place.name]]
                sent.append((place, batch, self._send(place, batch)))
        replies: dict[int, Reply] = {}
        for place, batch, reference in sent:
            received = self._receive(place, batch, reference)
            place.since.extend(batch)
            for (index, _), reply in zip(batches[place.name], received, strict=True):
                replies[index] = reply
        return answers([replies[index] for index in range(len(calls))])

    def commit(self) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for place in self._places:
            snapshots = self._guarded(place, lambda p: p.actor.snapshot.remote())
            self._remember(place, snapshots)
            merged |= snapshots
        return merged

    def restore(self, snapshots: dict[str, Any]) -> None:
        for place in self._places:
            self._remember(place, {k: v for k, v in snapshots.items() if self._home[k] is place})
            self._guarded(place, lambda p: p.actor.restore.remote(p.snapshots))

    def stop(self) -> None:
        self._end_hosts()
        if self._owns_ray:
            self._ray.shutdown()

    def process_ids(self) -> dict[str, int]:
        """The process of each host: what a fault-injection test may kill."""
        return {place.name: self._get(place.actor.process_id.remote()) for place in self._places}

    def kill(self, host: str) -> None:
        """Ends a host without warning, for fault injection; the next call brings it back."""
        for place in self._places:
            if place.name == host:
                self._ray.kill(place.actor)

    def _remember(self, place: _Place, snapshots: dict[str, Any]) -> None:
        """From here the place would be brought back."""
        names = {b.name for b in place.blueprints}
        place.snapshots, place.since = snapshots, []
        place.taken = {k: number for k, number in self._outbox.sent.items() if k in names}

    def _new_actor(self, place: _Place) -> Any:
        # num_cpus=0: hosts must not hold back other work of the cluster, nor wait for it.
        options = {"num_cpus": 0, "max_restarts": 0, "scheduling_strategy": "SPREAD"}
        return self._ray.remote(**options)(_RayHost).remote(place.blueprints)

    def _send(self, place: _Place, batch: list[Envelope]) -> Any:
        return place.actor.call.remote(batch)

    def _receive(self, place: _Place, batch: list[Envelope], reference: Any) -> list[Reply]:
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
                self._get(place.actor.revive.remote(place.snapshots, place.taken, place.since))
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
