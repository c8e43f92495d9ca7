"""Passes of dispatch and exact power flow, until the two say the same.

The network is anchored to exact power flow at one point, dispatched, and anchored again where that
led. What remains of the difference shrinks with the square of the step; two passes mostly do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...core.bounded_quadratic import solve_bounded
from ...core.errors import InfeasibleError, SolveError
from ...core.solve import Ending
from ...core.units import FloatArray
from ..power_flow import Flow
from .case import DispatchCase
from .flow import (
    Drawn,
    State,
    anchored_at,
    anchored_state,
    by_feeder,
    exact_flow,
    exact_state,
    linear_state,
)
from .limits import Seen
from .misses import least_misses
from .pins import Pins, loose_losses, pin
from .program import Draft, tied_loads
from .promises import MARGIN_KW, Promise, keep_promises

_WHAT = "dispatch"
MOST_PASSES = 12
#: Anchored and exact state agree if they differ by no more.
AGREE_PU = 5e-5
AGREE_KW = MARGIN_KW
#: Of the first pass, which only finds where to anchor, and of the others; relative.
_TOLERANCES = (1e-5, 1e-6)

Watch = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settled:
    """A dispatch that agrees with exact power flow."""

    draft: Draft
    x: FloatArray
    drawn: Drawn
    start: Drawn  #: where the passes began: for requirements, the plan
    state: State  #: anchored
    flow: Flow
    bound: float
    passes: int
    first_deviation_pu: float  #: of (A1) alone, at the first pass' setpoints

    @property
    def import_kw(self) -> FloatArray:
        """[time, feeder] by the anchored network."""
        return imported_kw(self.draft.case, self.drawn, self.state)

    @property
    def exact_import_kw(self) -> FloatArray:
        """[time, feeder] by exact power flow."""
        network = self.draft.case.network
        return imported_kw(self.draft.case, self.drawn, exact_state(network, self.flow))


def imported_kw(case: DispatchCase, drawn: Drawn, state: State) -> FloatArray:
    """Import of feeders [time, feeder]: what is drawn, and losses."""
    return by_feeder(case.network, drawn.p + state.loss) * case.network.s_base_kva


def idle(case: DispatchCase) -> Drawn:
    """DG as scheduled, tied loads, and nothing else."""
    fixed, dg = tied_loads(case), case.generators
    p = fixed.p.copy()
    np.add.at(p.T, dg.buses, -dg.p_kw.T / case.network.s_base_kva)
    return Drawn(p=p, q=fixed.q)


class Settling:
    """The passes, one after the other."""

    def __init__(
        self,
        case: DispatchCase,
        drawn: Drawn,
        flow: Flow,
        made: Sequence[Promise],
        watch: Watch,
        name: str,
    ) -> None:
        self._case, self._made, self._watch, self._name = case, made, watch, name
        self._anchor = anchored_at(case.network, drawn, flow)
        self._start = drawn
        self._seen = Seen.of(case, flow)
        self._pins: list[Pins] = []
        self._rescued = False

    def run(self) -> Settled:
        """Passes until anchored and exact state agree and no limit is exceeded.

        Raises:
            InfeasibleError: limits that no dispatch keeps, by name.
            SolveError: the passes did not come to an end.
        """
        first = 0.0
        for count in range(1, MOST_PASSES + 1):
            draft, x, bound = self._solve(_TOLERANCES[min(count, 2) - 1])
            drawn = draft.drawn(x)
            flow = exact_flow(self._case.network, drawn)
            if count == 1:
                alone = linear_state(self._case.network, drawn).v
                first = float(np.abs(np.sqrt(alone) - flow.v_pu).max())
            state = anchored_state(self._case.network, drawn, self._anchor)
            loose, off = loose_losses(self._case, draft.columns, x), self._difference(state, flow)
            self._watch(f"{self._name}, pass {count}", off[0])
            if count > 1 and not loose and self._agreed(off) and self._kept(flow):
                return Settled(
                    draft=draft,
                    x=x,
                    drawn=drawn,
                    start=self._start,
                    state=state,
                    flow=flow,
                    bound=self._bound(bound),
                    passes=count,
                    first_deviation_pu=first,
                )
            self._pins += loose
            self._move(drawn, flow)
        left = f"{off[0]:.1e} pu and {off[1]:.2g} kW left"
        detail = f"{MOST_PASSES} passes without agreement within limits, {left}"
        raise SolveError(_WHAT, "anchoring", Ending.LIMIT, detail)

    def _solve(self, tolerance: float, pinned: bool = True) -> tuple[Draft, FloatArray, float]:
        """Of the program at the anchor: itself, its point, and its bound.

        The bound is that without the promises' margins.
        """
        draft = Draft(self._case, self._anchor)
        for rows in draft.limits(self._seen):
            draft.keep(rows)
        pin(draft.builder, self._case, draft.columns, self._pins if pinned else ())
        keep_promises(draft, self._made, self._start)
        program, cones = draft.build()
        try:
            point = solve_bounded(program, _WHAT, cones=cones, tolerance=tolerance)
        except InfeasibleError:
            self._rescue()
            return self._solve(tolerance)
        steps = sum(len(one.steps) for one in self._made)
        promised = point.row_price[len(point.row_price) - steps :].sum()
        margin = MARGIN_KW / self._case.network.s_base_kva * float(promised)
        return draft, point.x, point.bound + draft.constant() - margin

    def _bound(self, bound: float) -> float:
        """Of the program without pins, which only take away."""
        return self._solve(_TOLERANCES[-1], pinned=False)[-1] if self._pins else bound

    def _rescue(self) -> None:
        """Anchors where limits are missed least; a second time in a row says that it is them."""
        misses, drawn = least_misses(self._case, self._anchor)
        if misses and self._rescued:
            raise InfeasibleError(_WHAT, "HiGHS", misses, _REMEDY)
        if not misses and self._rescued:
            raise SolveError(_WHAT, "Clarabel", Ending.FAILED, "no point found where there is one")
        self._rescued = True
        self._move(drawn, exact_flow(self._case.network, drawn))

    def _move(self, drawn: Drawn, flow: Flow) -> None:
        self._anchor = anchored_at(self._case.network, drawn, flow)
        self._seen = self._seen.and_also(Seen.of(self._case, flow))

    def _difference(self, state: State, flow: Flow) -> tuple[float, float]:
        """Between anchored and exact state: pu of voltage, kW of import of all feeders."""
        exact = exact_state(self._case.network, flow)
        volts = np.abs(np.sqrt(state.v) - flow.v_pu).max()
        power = np.abs(by_feeder(self._case.network, state.loss - exact.loss)).sum(axis=1).max()
        return float(volts), float(power) * self._case.network.s_base_kva

    def _agreed(self, off: tuple[float, float]) -> bool:
        return off[0] <= AGREE_PU and off[1] <= AGREE_KW

    def _kept(self, flow: Flow) -> bool:
        """Whether the exact state is within all limits."""
        rules, network = self._case.rules, self._case.network
        ampere = flow.i_pu * network.s_base_kva / (np.sqrt(3) * network.vn_kv)
        return bool(
            flow.v_pu.min() >= rules.v_min_pu
            and flow.v_pu.max() <= rules.v_max_pu
            and ampere.max() <= rules.i_max_a
        )


_REMEDY = "allow more flexibility at these places, lower demand, or widen the limits"
