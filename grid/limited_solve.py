"""Solves a dispatch problem under the network's limits, by adding only the rows that matter.

1. Solve with the rows found to matter so far (at first none).
2. Look at ALL rows of all hours at that point, with their exact margins.
3. None exceeded: done. Otherwise add those exceeded, and those about to be, and go on.

The end is the optimum with all rows: the last point is optimal for fewer and meets every one. A
box margin is convex and piecewise linear; it enters by tangents, added in the same rounds.

If batteries then charge and discharge at once, which the relaxed (D10) may reward, each is held in
those hours to the direction of its net power and, where that is infeasible or costs more than a
thousandth above the relaxation, to turns of charging and discharging; the cheapest counts. The end
meets (D10) itself, and is the optimum for these directions. Rows only ever add to the objective,
so directions are given up as soon as they cost more than the cheapest so far.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from ..core.devices.rows import Term
from ..core.errors import SolveError
from ..core.solve import (
    CONE_TOLERANCE,
    ConeProgram,
    ConeSolution,
    Ending,
    SolveReport,
    solve_cone,
)
from ..core.units import BoolArray, FloatArray, IntArray
from .cone_builder import Affine, ProgramBuilder, RowBlock, Scaling
from .devices import BatteryColumns, fix_modes
from .opf_model import OpfModel

#: A row is exceeded beyond this part of its scale (its rating, or 1 pu squared).
TOLERANCE = 1e-5
#: Rows this near to their limit enter together with those exceeded: fewer rounds, larger programs.
NEAR = 0.005
#: Charging and discharging at once, below this, is the solver's noise [kW].
MODE_TOLERANCE_KW = 0.01
#: Directions of batteries that cost no more than this above the relaxation are good enough.
MODE_GAP = 1e-3
ROUND_LIMIT = 30
#: Where more rows than this would enter at once, only those with most of the excess do: in so many
#: rounds at most, since where the rest is exceeded still it is in the way itself.
CROWD = 600
MOST = 0.85
PATIENCE = 5


class DirectionsError(SolveError):
    """The limits can be kept, but in none of the directions that were tried for the batteries."""


class _Dearer(Exception):
    """The objective has passed that of another solution."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LimitedProblem:
    """A program without its network rows, and how its variables act on them.

    Row k of hour t reads ``effects[k] @ x[columns[t]] + margin_k(G_k alpha_t) <= bound[t, k]``.
    """

    program: ProgramBuilder
    columns: IntArray  #: [time, effect]
    effects: FloatArray  #: [row, effect]
    bound: FloatArray  #: [time, row]
    alpha: IntArray  #: [time, device]
    batteries: BatteryColumns
    slack_price: FloatArray | None = None  #: [row], what an excess costs; None forbids it
    mode_gap: float = MODE_GAP


@dataclass(slots=True)
class Hints:
    """What one solve tells the next of a similar problem: it shortens the way, not the optimum."""

    rows: BoolArray | None = None  #: [time, row], those at or near their limit
    charging: BoolArray | None = None  #: [time, battery], directions that were good


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LimitedSolution:
    """The optimum, and of every network row its dual and its excess bought."""

    values: FloatArray  #: [column]
    duals: FloatArray  #: [time, row], - d objective / d bound, >= 0
    slack: FloatArray  #: [time, row]
    raw: ConeSolution
    scaling: Scaling
    report: SolveReport


@dataclass(slots=True)
class _Progress:
    """What is in the program so far."""

    present: BoolArray  #: [time, row]
    slack: IntArray  #: [time, row], column that buys an excess, -1 if none
    blocks: list[tuple[IntArray, IntArray, RowBlock]] = field(default_factory=list)  #: hours, rows
    seconds: float = 0.0
    iterations: int = 0

    def branch(self) -> _Progress:
        """A copy that grows on its own."""
        return replace(
            self, present=self.present.copy(), slack=self.slack.copy(), blocks=list(self.blocks)
        )


def solve_limited(
    model: OpfModel,
    problem: LimitedProblem,
    what: str,
    charging: BoolArray | None = None,
    hints: Hints | None = None,
) -> LimitedSolution:
    """The optimum under all network rows.

    ``charging`` [time, battery], if given, says which batteries charge and which discharge when.
    ``hints`` of an earlier solve are used, and those of this one added.

    Raises:
        InfeasibleError: no point meets all rows; unnamed, see ``infeasibility``.
        DirectionsError: points do, but none was found in which no battery does both at once.
        SolveError: the solver failed, or the rounds did not end.
    """
    hints = hints or Hints()
    progress = _begin(model, problem, hints)
    if charging is not None:
        everywhere = np.ones_like(charging)
        found = _solve_in_modes(model, problem, progress, everywhere, charging, what)
    else:
        found = _solve_rows(model, problem, progress, what)
        if np.any(_both_at_once(found.values, problem.batteries)):
            relaxed, known = found, hints.charging
            found = _cheapest_directions(model, problem, progress, relaxed, what, known)
            _remember(model, problem, relaxed, hints)
    _remember(model, problem, found, hints)
    return found


def solve_relaxed(model: OpfModel, problem: LimitedProblem, what: str) -> LimitedSolution:
    """The optimum under all network rows with (D10) relaxed: batteries may do both at once.

    Raises:
        InfeasibleError: no point meets all rows; unnamed, see ``infeasibility``.
        SolveError: the solver failed, or the rounds did not end.
    """
    return _solve_rows(model, problem, _begin(model, problem, Hints()), what)


def _begin(model: OpfModel, problem: LimitedProblem, hints: Hints) -> _Progress:
    """Nothing is in the program yet but rows that an earlier solve found to matter."""
    shape = problem.bound.shape
    progress = _Progress(present=np.zeros(shape, dtype=bool), slack=np.full(shape, -1))
    if hints.rows is not None:
        by_norm, nowhere = model.margins.by_norm, np.zeros(problem.alpha.max(initial=0) + 1)
        _add_rows(model, problem, progress, nowhere, hints.rows & by_norm, norm=True)
        _add_rows(model, problem, progress, nowhere, hints.rows & ~by_norm, norm=False)
    return progress


def _remember(
    model: OpfModel, problem: LimitedProblem, found: LimitedSolution, hints: Hints
) -> None:
    near = row_excess(model, problem, found.values) / model.limits.scale > -NEAR
    hints.rows = near if hints.rows is None else near | hints.rows
    hints.charging = net_charging(found.values, problem.batteries)


def _cheapest_directions(
    model: OpfModel,
    problem: LimitedProblem,
    progress: _Progress,
    relaxed: LimitedSolution,
    what: str,
    known: BoolArray | None,
) -> LimitedSolution:
    """Tries ways to choose directions until one comes near to the relaxation."""
    best: LimitedSolution | None = None
    refusal = ""
    both = _both_at_once(relaxed.values, problem.batteries)
    bound = relaxed.report.objective
    for charging in _directions(relaxed.values, problem.batteries, both, known):
        branch = replace(problem, program=problem.program.branch())
        ceiling = best.report.objective if best else np.inf
        try:
            best = _solve_in_modes(model, branch, progress.branch(), both, charging, what, ceiling)
        except _Dearer:
            continue
        except SolveError as error:
            # Other directions may do where these cannot, or where the solver stops short with them.
            refusal = str(error)
            continue
        near = best.report.objective - bound <= problem.mode_gap * max(abs(bound), MODE_GAP)
        if near or charging is known:  # those have been compared with others before
            break
    if best is None:
        raise DirectionsError(what, model.options.solver, "no directions", refusal)
    return best


def _solve_in_modes(
    model: OpfModel,
    problem: LimitedProblem,
    progress: _Progress,
    both: BoolArray,
    charging: BoolArray,
    what: str,
    ceiling: float = np.inf,
) -> LimitedSolution:
    """Fixes directions until no battery does both; hours that come to it later by net power."""
    for _ in range(ROUND_LIMIT):
        fix_modes(problem.program, problem.batteries, both, charging)
        solution = _solve_rows(model, problem, progress, what, ceiling)
        both = _both_at_once(solution.values, problem.batteries)
        if not np.any(both):
            return solution
        charging = net_charging(solution.values, problem.batteries)
    raise SolveError(what, model.options.solver, Ending.LIMIT, f"{ROUND_LIMIT} rounds of modes")


def _solve_rows(
    model: OpfModel,
    problem: LimitedProblem,
    progress: _Progress,
    what: str,
    ceiling: float = np.inf,
) -> LimitedSolution:
    """Steps 1 to 3, from the rows that are in the program already."""
    for turn in range(ROUND_LIMIT):
        program, scaling = problem.program.build()
        raw = _solve_stubbornly(program, what, model.options.solver)
        progress.seconds += raw.report.seconds
        progress.iterations += raw.report.iterations
        if raw.report.objective >= ceiling:
            raise _Dearer
        x = scaling.values(raw)
        if not _add_exceeded(model, problem, progress, x, patient=turn < PATIENCE):
            return _collect(progress, raw, scaling, x)
    raise SolveError(what, model.options.solver, Ending.LIMIT, f"{ROUND_LIMIT} rounds of rows")


def _solve_stubbornly(program: ConeProgram, what: str, solver: str) -> ConeSolution:
    """Where the solver stops just short of its tolerance: as it stands, then less sharply.

    The builder has scaled the program; the solver's own scaling on top mostly helps, not always.
    """
    try:
        return solve_cone(program, what, solver)
    except SolveError as error:
        if error.ending != Ending.INEXACT:
            raise
    try:
        return solve_cone(program, what, solver, equilibrate=False)
    except SolveError as error:
        if error.ending != Ending.INEXACT:
            raise
    return solve_cone(program, what, solver, tolerance=10 * CONE_TOLERANCE, equilibrate=False)


def row_excess(model: OpfModel, problem: LimitedProblem, x: FloatArray) -> FloatArray:
    """By how much x exceeds every row, margins included [time, row]; negative where it does not."""
    margin = model.margins.of_shares(x[problem.alpha])
    return np.asarray(x[problem.columns] @ problem.effects.T + margin - problem.bound)


def _both_at_once(x: FloatArray, batteries: BatteryColumns) -> BoolArray:
    """Where a battery charges and discharges [time, battery]."""
    charge, discharge = x[batteries.charge].sum(axis=2), x[batteries.discharge].sum(axis=2)
    return np.asarray(np.minimum(charge, discharge) > MODE_TOLERANCE_KW)


def net_charging(x: FloatArray, batteries: BatteryColumns) -> BoolArray:
    """Where a battery charges more than it discharges [time, battery]."""
    return np.asarray(x[batteries.charge].sum(axis=2) > x[batteries.discharge].sum(axis=2))


def _directions(
    x: FloatArray, batteries: BatteryColumns, both: BoolArray, known: BoolArray | None
) -> Iterator[BoolArray]:
    """Ways to choose where to charge: those known to be good, by net power, or in turns.

    Turns spare the energy.
    """
    if known is not None:
        yield known
    yield net_charging(x, batteries)
    turn = np.cumsum(both, axis=0) % 2 == 1
    yield turn
    yield ~turn


def _add_exceeded(
    model: OpfModel, problem: LimitedProblem, progress: _Progress, x: FloatArray, *, patient: bool
) -> bool:
    """Adds the rows that x exceeds, and those it comes near to; False if it exceeds none."""
    excess = row_excess(model, problem, x)
    bought = progress.slack >= 0
    excess[bought] -= x[progress.slack[bought]]
    excess /= model.limits.scale
    by_norm = model.margins.by_norm
    open_rows = ~(progress.present & by_norm)  # a box row may need another tangent
    if not np.any(open_rows & (excess > TOLERANCE)):
        return False
    near = ~progress.present & (excess > -NEAR)
    if patient and np.count_nonzero(near) > CROWD:
        near &= _worst_of_their_kind(model, excess)
    _add_rows(model, problem, progress, x, near & by_norm, norm=True)
    _add_rows(model, problem, progress, x, ~by_norm & (near | (excess > TOLERANCE)), norm=False)
    return True


def _worst_of_their_kind(model: OpfModel, excess: FloatArray) -> BoolArray:
    """The rows with most of the largest excess of their kind in their hour [time, row].

    A box far too large exceeds thousands of rows; once the worst are kept, few of the rest are.
    """
    kinds = np.array(model.limits.kind)
    worst = np.empty_like(excess)
    for kind in np.unique(kinds):
        same = kinds == kind
        worst[:, same] = excess[:, same].max(axis=1, keepdims=True)
    return np.asarray(excess >= MOST * np.maximum(worst, 0))


def _add_rows(
    model: OpfModel,
    problem: LimitedProblem,
    progress: _Progress,
    x: FloatArray,
    chosen: BoolArray,
    *,
    norm: bool,
) -> None:
    """effects x + margin(G alpha) <= bound, the margin as a norm or as its tangent at x."""
    hours, rows = np.nonzero(chosen)
    if not len(hours):
        return
    margins, reaction = model.margins, model.margins.reaction[rows]
    terms: list[Term] = [(problem.columns[hours], problem.effects[rows])]
    if problem.slack_price is not None:
        terms.append((_slack_columns(model, problem, progress, hours, rows), -1.0))
    alpha, bound = problem.alpha[hours], problem.bound[hours, rows]
    if norm:
        slope = margins.slope[hours]
        swing = ([(alpha, slope[:, None] * reaction)], slope * margins.mu[hours, rows])
        tail: list[Affine] = [swing, ([], margins.rest[hours, rows])]
        block = problem.program.at_most_with_norm(terms, tail, bound)
    else:
        s = np.einsum("ij,ij->i", x[alpha], reaction)
        value, gradient = margins.tangent(hours, rows, s)
        terms.append((alpha, gradient[:, None] * reaction))
        block = problem.program.at_most(terms, bound - value + gradient * s)
    progress.present[hours, rows] = True
    progress.blocks.append((hours, rows, block))


def _slack_columns(
    model: OpfModel,
    problem: LimitedProblem,
    progress: _Progress,
    hours: IntArray,
    rows: IntArray,
) -> IntArray:
    """The columns that buy an excess of these rows, made where they are missing."""
    assert problem.slack_price is not None
    new = progress.slack[hours, rows] < 0
    for hour, row in zip(hours[new], rows[new], strict=True):
        unit = 0.1 * float(model.limits.scale[row])
        column = problem.program.variables(1, unit=unit)
        problem.program.at_most([(column, -1.0)], np.zeros(1))
        problem.program.add_cost(column, problem.slack_price[row])
        progress.slack[hour, row] = column[0]
    return progress.slack[hours, rows]


def _collect(
    progress: _Progress, raw: ConeSolution, scaling: Scaling, x: FloatArray
) -> LimitedSolution:
    duals, slack = np.zeros((2, *progress.present.shape))
    for hours, rows, block in progress.blocks:
        np.add.at(duals, (hours, rows), scaling.duals(raw, block))
    bought = progress.slack >= 0
    slack[bought] = x[progress.slack[bought]]
    report = replace(raw.report, iterations=progress.iterations, seconds=progress.seconds)
    return LimitedSolution(
        values=x, duals=duals, slack=slack, raw=raw, scaling=scaling, report=report
    )
