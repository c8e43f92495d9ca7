"""Exact three-phase AC power flow: what the wires really do with a plan.

The engine is power-grid-model's iterative-current method on full 3x3 line matrices. The source is
ideal, loads are constant power and wye-connected. One call solves a whole batch of samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from power_grid_model import (
    CalculationMethod,
    ComponentType,
    DatasetType,
    LoadGenType,
    PowerGridModel,
    initialize_array,
)

from ..core.units import PHASES, BoolArray, FloatArray, IntArray
from .feeder import Feeder, Line

_TOLERANCE_PU = 1e-8
_IDEAL_SOURCE_VA = 1e15  # the engine's default short-circuit power would drop the source voltage
_CAPACITANCE_F = 1e-15  # the engine asks for some; this one charges a 12.66 kV line by 5e-5 var
#: Matrix entries as the engine names them, row and column.
_ENTRIES = {"aa": (0, 0), "ba": (1, 0), "bb": (1, 1), "ca": (2, 0), "cb": (2, 1), "cc": (2, 2)}
_LINE_RESULTS = ("p_from", "q_from", "p_to", "q_to")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AcResult:
    """Solved power flows. NaN at absent phases, and everywhere in samples that did not converge.

    A flow is positive when power *enters* the line at that end, so ``p_from_kw + p_to_kw`` is what
    the line loses.
    """

    vm_pu: FloatArray  #: [sample, bus, phase], line-to-neutral magnitude
    va_rad: FloatArray  #: [sample, bus, phase]
    p_from_kw: FloatArray  #: [sample, line, phase]
    q_from_kvar: FloatArray  #: [sample, line, phase]
    p_to_kw: FloatArray  #: [sample, line, phase]
    q_to_kvar: FloatArray  #: [sample, line, phase]
    failed: IntArray  #: indices of the samples without a solution

    @property
    def s_kva(self) -> FloatArray:
        """Apparent power of each line phase, at its more loaded end [sample, line, phase]."""
        near: FloatArray = np.hypot(self.p_from_kw, self.q_from_kvar)
        far: FloatArray = np.hypot(self.p_to_kw, self.q_to_kvar)
        np.maximum(near, far, out=near)
        return near

    @property
    def loss_kw(self) -> FloatArray:
        """Active losses of all lines [sample]; NaN where the sample failed."""
        loss: FloatArray = np.nansum(self.p_from_kw + self.p_to_kw, axis=(1, 2))
        loss[self.failed] = np.nan
        return loss


class AcModel:
    """A feeder made ready for the engine once; any number of batches may follow.

    Lines with missing phases are emulated: the absent conductors get an impedance without
    coupling, carry nothing, and show as NaN in results. Meshed feeders are solved as well.

    Raises:
        ValueError: an impedance matrix is not symmetric, or a bus is not connected to the source.
    """

    def __init__(self, feeder: Feeder) -> None:
        self.present: BoolArray = present_phases(feeder)  #: [bus, phase]
        self.conductors: BoolArray = np.array(  #: [line, phase]
            [_conductors(line) for line in feeder.lines]
        )
        self._engine = PowerGridModel(_engine_input(feeder))

    def solve(self, p_kw: FloatArray, q_kvar: FloatArray, *, threads: int = 1) -> AcResult:
        """Solve all samples; one that does not converge is reported and the others survive.

        Args:
            p_kw: net active consumption [sample, bus, phase], negative where a bus feeds in.
            q_kvar: net reactive consumption [sample, bus, phase].
            threads: how many threads share the batch; 0 for all of the machine.

        Raises:
            ValueError: wrong shape, a value that is not finite, or power at an absent phase.
        """
        self._check(p_kw)
        self._check(q_kvar)
        answer = self._engine.calculate_power_flow(
            symmetric=False,
            error_tolerance=_TOLERANCE_PU,
            calculation_method=CalculationMethod.iterative_current,
            update_data={
                ComponentType.asym_load: {"p_specified": p_kw * 1e3, "q_specified": q_kvar * 1e3}
            },
            threading=-1 if threads == 1 else threads,
            output_component_types={
                ComponentType.node: ["u_pu", "u_angle"],
                ComponentType.asym_line: list(_LINE_RESULTS),
            },
            continue_on_batch_error=True,
        )
        return self._to_result(answer[ComponentType.node], answer[ComponentType.asym_line])

    def _check(self, power: FloatArray) -> None:
        if power.shape[1:] != self.present.shape:
            raise ValueError(f"power must be [sample, bus, phase] over {self.present.shape} nodes")
        if not np.isfinite(power).all():
            raise ValueError("power must be finite; write 0 where a phase is absent")
        if power[:, ~self.present].any():
            raise ValueError("power is asked for at a phase that its bus does not have")

    def _to_result(self, node: dict[str, FloatArray], line: dict[str, FloatArray]) -> AcResult:
        errors = self._engine.batch_error
        failed = np.array([] if errors is None else errors.failed_scenarios, dtype=np.int64)
        voltages = [_hide(node[name], ~self.present, failed) for name in ("u_pu", "u_angle")]
        flows = [_hide(line[name] / 1e3, ~self.conductors, failed) for name in _LINE_RESULTS]
        return AcResult(
            vm_pu=voltages[0],
            va_rad=voltages[1],
            p_from_kw=flows[0],
            q_from_kvar=flows[1],
            p_to_kw=flows[2],
            q_to_kvar=flows[3],
            failed=failed,
        )


def present_phases(feeder: Feeder) -> BoolArray:
    """Which phases reach each bus from the source [bus, phase].

    Raises:
        ValueError: a bus is not connected to the source.
    """
    place = {bus: i for i, bus in enumerate(feeder.buses)}
    present = np.zeros((len(feeder.buses), len(PHASES)), dtype=bool)
    present[place[feeder.source_bus]] = True
    ends = [(place[x.from_bus], place[x.to_bus], _conductors(x)) for x in feeder.lines]
    for _ in feeder.lines:  # in file order one pass is enough; in the worst order one line a pass
        before = present.copy()
        for i, k, carried in ends:
            reached = (present[i] | present[k]) & carried
            present[i] |= reached
            present[k] |= reached
        if (before == present).all():
            break
    if lost := [bus for bus in feeder.buses if not present[place[bus]].any()]:
        raise ValueError(f"not connected to source bus '{feeder.source_bus}': {', '.join(lost)}")
    return present


def _conductors(line: Line) -> BoolArray:
    return np.array([phase in line.phases for phase in PHASES])


def _hide(values: FloatArray, absent: BoolArray, failed: IntArray) -> FloatArray:
    """Overwrite what the engine says of emulated phases and of samples it gave up."""
    values[:, absent] = np.nan
    values[failed] = np.nan
    return values


def _engine_input(feeder: Feeder) -> dict[ComponentType, npt.NDArray[np.void]]:
    bus_count, line_count = len(feeder.buses), len(feeder.lines)
    return {
        ComponentType.node: _nodes(feeder),
        ComponentType.asym_line: _lines(feeder, first_id=bus_count),
        ComponentType.source: _source(feeder, own_id=bus_count + line_count),
        ComponentType.asym_load: _loads(bus_count, first_id=bus_count + line_count + 1),
    }


def _table(component: ComponentType, count: int, first_id: int) -> npt.NDArray[np.void]:
    table: npt.NDArray[np.void] = initialize_array(DatasetType.input, component, count)
    table["id"] = first_id + np.arange(count)  # the engine wants ids unique over all components
    return table


def _nodes(feeder: Feeder) -> npt.NDArray[np.void]:
    nodes = _table(ComponentType.node, len(feeder.buses), 0)
    nodes["u_rated"] = feeder.vn_kv * 1e3
    return nodes


def _lines(feeder: Feeder, first_id: int) -> npt.NDArray[np.void]:
    place = {bus: i for i, bus in enumerate(feeder.buses)}
    lines = _table(ComponentType.asym_line, len(feeder.lines), first_id)
    lines["from_node"] = [place[line.from_bus] for line in feeder.lines]
    lines["to_node"] = [place[line.to_bus] for line in feeder.lines]
    lines["from_status"] = lines["to_status"] = 1
    lines["c0"] = lines["c1"] = _CAPACITANCE_F
    z_ohm = np.array([_engine_impedance(line) for line in feeder.lines]).reshape(-1, 3, 3)
    for entry, (row, column) in _ENTRIES.items():
        lines[f"r_{entry}"] = z_ohm[:, row, column].real
        lines[f"x_{entry}"] = z_ohm[:, row, column].imag
    return lines


def _engine_impedance(line: Line) -> npt.NDArray[np.complex128]:
    """The 3x3 matrix with absent conductors decoupled; they carry nothing whatever their value."""
    if not np.allclose(line.z_ohm, line.z_ohm.T):
        raise ValueError(f"line '{line.id}': the impedance matrix is not symmetric")
    carried = _conductors(line)
    z_ohm = np.where(np.outer(carried, carried), line.z_ohm, 0)
    z_ohm[~carried, ~carried] = np.diag(line.z_ohm)[carried].mean()
    return z_ohm


def _source(feeder: Feeder, own_id: int) -> npt.NDArray[np.void]:
    source = _table(ComponentType.source, 1, own_id)
    source["node"] = feeder.buses.index(feeder.source_bus)
    source["status"] = 1
    source["u_ref"] = feeder.vm_source_pu
    source["sk"] = _IDEAL_SOURCE_VA
    return source


def _loads(bus_count: int, first_id: int) -> npt.NDArray[np.void]:
    """One constant-power load per bus; every sample overwrites its power."""
    loads = _table(ComponentType.asym_load, bus_count, first_id)
    loads["node"] = np.arange(bus_count)
    loads["status"] = 1
    loads["type"] = LoadGenType.const_power
    loads["p_specified"] = loads["q_specified"] = 0.0
    return loads
