"""Linearised three-phase branch flow of a radial feeder, and its sensitivities.

Losses are neglected, and voltages are taken as 120 degrees apart where they multiply flows. With
``gamma[phi, psi] = exp(j (angle_phi - angle_psi))`` a line that delivers s changes the squared
magnitudes by ``w_to = w_from - 2 Re((gamma * conj(z)) s)``. In per unit and Chen et al.'s words
(E11-E16), ``R_hat = Re(gamma * conj(z))`` and ``X_hat = -Im(gamma * conj(z))``.

References:
    Gan and Low, Convex relaxations and linear approximation for optimal power flow in multiphase
    radial networks, PSCC 2014, eq. (9)-(10). Chen et al., appendix E.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..core.errors import CaseError, Problem
from ..core.units import PHASES, FloatArray, IntArray, PerUnit, frozen
from .feeder import Battery, Feeder, Generator, WindTurbine

#: Phase angles 0, -120, 120 degrees: gamma[phi, psi] = V_phi / V_psi of a balanced feeder.
_ROTATION = np.exp(-2j * np.pi / 3 * np.arange(3))
GAMMA = _ROTATION[:, None] / _ROTATION[None, :]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearModel:
    """The feeder as matrices over its nodes, the (bus, phase) pairs that exist.

    A flow is one phase of one line, named by the node it feeds. In appendix E's notation
    JP = [path, 0], JQ = [0, path] and JV = [w_by_p, w_by_q].
    """

    node_of: IntArray  #: [bus, phase] -> node, -1 where the bus lacks the phase
    node_bus: IntArray  #: [node]
    node_phase: IntArray  #: [node]
    flow_line: IntArray  #: [flow]
    flow_phase: IntArray  #: [flow]
    flow_node: IntArray  #: [flow], the node at the far end from the source
    flow_sign: FloatArray  #: [flow], +1 where ``from_bus`` is the end nearer the source, else -1
    path: FloatArray  #: [flow, node], 1 where the flow carries the node's load (E1)
    w_source: float  #: squared source voltage [pu]
    w_by_p: FloatArray  #: [node, node], change of squared voltage [pu] by active load [kW] (E15)
    w_by_q: FloatArray  #: [node, node], likewise by reactive load [kvar]

    def to_nodes(self, values: FloatArray) -> FloatArray:
        """[..., bus, phase] -> [..., node]."""
        return values[..., self.node_bus, self.node_phase]

    def to_buses(self, values: FloatArray) -> FloatArray:
        """[..., node] -> [..., bus, phase], NaN at absent phases."""
        full = np.full((*values.shape[:-1], *self.node_of.shape), np.nan)
        full[..., self.node_bus, self.node_phase] = values
        return full

    def to_lines(self, flows: FloatArray, line_count: int) -> FloatArray:
        """Flows away from the source [..., flow] -> from -> to flows [..., line, phase]."""
        full = np.full((*flows.shape[:-1], line_count, len(PHASES)), np.nan)
        full[..., self.flow_line, self.flow_phase] = flows * self.flow_sign
        return full


def build_linear_model(feeder: Feeder) -> LinearModel:
    """The sensitivities of a radial feeder (Chen et al., E1-E16); lines may lack phases.

    Raises:
        CaseError: the feeder is not a tree rooted at its source, a line has a phase that its
            upstream end lacks, or a load or device sits on an absent phase.
    """
    feeds = _feeding_lines(feeder)
    node_of = _number_nodes(feeder, feeds)
    _check_elements(feeder, node_of)
    node_bus, node_phase = np.nonzero(node_of >= 0)
    path = _paths(feeds, node_of)
    fed = np.flatnonzero(node_bus != feeder.buses.index(feeder.source_bus))
    r_hat, x_hat = _rotated_impedances(feeder, feeds, node_of)
    # A flow is numbered by the node it feeds, so the matrices lose the rows of the source.
    path, r_hat, x_hat = path[fed], r_hat[np.ix_(fed, fed)], x_hat[np.ix_(fed, fed)]
    return LinearModel(
        node_of=frozen(node_of, np.int64),
        node_bus=frozen(node_bus, np.int64),
        node_phase=frozen(node_phase, np.int64),
        flow_line=frozen([feeds[bus].line for bus in node_bus[fed]], np.int64),
        flow_phase=frozen(node_phase[fed], np.int64),
        flow_node=frozen(fed, np.int64),
        flow_sign=frozen([feeds[bus].sign for bus in node_bus[fed]]),
        path=frozen(path),
        w_source=feeder.vm_source_pu**2,
        w_by_p=frozen(-2 * path.T @ r_hat @ path),
        w_by_q=frozen(-2 * path.T @ x_hat @ path),
    )


def squared_voltages(model: LinearModel, p_kw: FloatArray, q_kvar: FloatArray) -> FloatArray:
    """Squared voltage magnitudes, ``w = w_source + w_by_p p + w_by_q q`` (E15-E16).

    Args:
        model: the feeder's matrices.
        p_kw: net active load [..., node], positive for consumption.
        q_kvar: net reactive load [..., node], positive for consumption.

    Returns:
        w [..., node] in pu squared.
    """
    return np.asarray(model.w_source + p_kw @ model.w_by_p.T + q_kvar @ model.w_by_q.T)


def flows(model: LinearModel, load: FloatArray) -> FloatArray:
    """Flow away from the source [..., flow] that feeds ``load`` [..., node] without losses (E2)."""
    return np.asarray(load @ model.path.T)


@dataclass(frozen=True, slots=True)
class _Feed:
    """The line that feeds a bus, the bus it comes from, and +1 if ``from_bus`` is that bus."""

    line: int
    upstream: int
    sign: float


def _feeding_lines(feeder: Feeder) -> dict[int, _Feed]:
    """The feed of every bus but the source, each after that of its upstream bus."""
    number = {bus: k for k, bus in enumerate(feeder.buses)}
    touching: dict[int, list[int]] = defaultdict(list)
    for k, line in enumerate(feeder.lines):
        for end in (line.from_bus, line.to_bus):
            touching[number[end]].append(k)
    source = number[feeder.source_bus]
    feeds: dict[int, _Feed] = {}
    waiting = deque([source])
    while waiting:
        bus = waiting.popleft()
        for k in touching[bus]:
            line = feeder.lines[k]
            forward = number[line.from_bus] == bus
            far = number[line.to_bus if forward else line.from_bus]
            if far != source and far not in feeds:
                feeds[far] = _Feed(k, bus, 1.0 if forward else -1.0)
                waiting.append(far)
    _check_tree(feeder, feeds)
    return feeds


def _check_tree(feeder: Feeder, feeds: dict[int, _Feed]) -> None:
    used = {feed.line for feed in feeds.values()}
    loops = [line for k, line in enumerate(feeder.lines) if k not in used]
    islands = [
        bus for k, bus in enumerate(feeder.buses) if k not in feeds and bus != feeder.source_bus
    ]
    problems = [
        *(Problem(f"line {line.id}", "closes a loop", "open it") for line in loops),
        *(Problem(f"bus {bus}", "is not connected", "add a line or remove it") for bus in islands),
    ]
    if problems:
        raise CaseError("feeder", tuple(problems))


def _number_nodes(feeder: Feeder, feeds: dict[int, _Feed]) -> IntArray:
    """[bus, phase] -> node, -1 where absent; a bus has the phases of the line that feeds it."""
    present = np.zeros((len(feeder.buses), len(PHASES)), dtype=bool)
    present[feeder.buses.index(feeder.source_bus)] = True
    problems = []
    for bus, feed in feeds.items():
        line = feeder.lines[feed.line]
        for phase in line.phases:
            present[bus, PHASES.index(phase)] = True
            if not present[feed.upstream, PHASES.index(phase)]:
                fault = f"has phase {phase}, bus {feeder.buses[feed.upstream]} has not"
                problems.append(Problem(f"line {line.id}", fault, "correct its phases"))
    if problems:
        raise CaseError("feeder", tuple(problems))
    node_of = np.full(present.shape, -1, dtype=np.int64)
    node_of[present] = np.arange(np.count_nonzero(present))
    return node_of


def _check_elements(feeder: Feeder, node_of: IntArray) -> None:
    """Nothing may consume or produce where there is no conductor."""
    present = dict(zip(feeder.buses, node_of >= 0, strict=True))
    problems = [
        Problem(place, "uses a phase that its bus lacks", "move it or correct the line's phases")
        for place, bus, uses in _phase_users(feeder)
        if np.any(uses & ~present[bus])
    ]
    if problems:
        raise CaseError("feeder", tuple(problems))


def _phase_users(feeder: Feeder) -> Iterator[tuple[str, str, npt.NDArray[np.bool_]]]:
    for load in feeder.loads:
        yield f"load at {load.bus}", load.bus, (load.p_kw != 0) | (load.q_kvar != 0)
    devices: tuple[Generator | Battery | WindTurbine, ...]
    devices = feeder.generators + feeder.batteries + feeder.wind_turbines
    for device in devices:
        yield device.id, device.bus, np.ones(len(PHASES), dtype=bool)


def _paths(feeds: dict[int, _Feed], node_of: IntArray) -> FloatArray:
    """[node fed, node], 1 where the phase of the line into the first is on the second's path."""
    path = np.zeros((node_of.max() + 1, node_of.max() + 1))
    for bus, feed in feeds.items():
        phases = np.flatnonzero(node_of[bus] >= 0)
        here, above = node_of[bus, phases], node_of[feed.upstream, phases]
        path[:, here] = path[:, above]
        path[here, here] = 1.0
    return path


def _rotated_impedances(
    feeder: Feeder, feeds: dict[int, _Feed], node_of: IntArray
) -> tuple[FloatArray, FloatArray]:
    """R_hat and X_hat (E13-E14) [node fed, node fed] in pu of squared voltage per kW and kvar."""
    base = PerUnit(vn_kv=feeder.vn_kv)
    size = node_of.max() + 1
    rotated = np.zeros((size, size), dtype=np.complex128)
    for bus, feed in feeds.items():
        phases = np.flatnonzero(node_of[bus] >= 0)
        here = np.ix_(node_of[bus, phases], node_of[bus, phases])
        rotated[here] = (GAMMA * np.conj(feeder.lines[feed.line].z_ohm))[np.ix_(phases, phases)]
    per_kw = 1 / (base.z_ohm * base.phase_kva)
    return rotated.real * per_kw, -rotated.imag * per_kw
