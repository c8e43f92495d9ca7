"""The distribution system operator: approves what the grid can carry, else asks for a change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ..core.errors import InfeasibleError, LimitMiss, SolveError
from ..core.units import FloatArray, frozen
from ..grid.anchoring import anchor_to_ac, solve_anchored
from ..grid.bare_grid import blame_bare_grid
from ..grid.dispatch import Dispatch
from ..grid.envelope import operating_envelope
from ..grid.feeder import ConnectionPoint, ErrorModel, Feeder, GridDay
from ..grid.forecast_errors import fit_moments, sample_errors, support_kw
from ..grid.limited_solve import Hints
from ..grid.opf import solve_opf
from ..grid.opf_model import OpfModel, build_opf
from ..grid.opf_options import OpfOptions
from ..grid.projection import Projection, project
from ..grid.strained_points import strained_points
from ..uncertainty.seeds import generator
from .adjustment import one_sided, replaced, tightened
from .messages import AdjustmentSignal, Approval, Submission, WithdrawalLimits
from .policy import AdjustmentPolicy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OperatorCase:
    """The operator's own part of a case, and how it treats risk."""

    feeder: Feeder
    day: GridDay
    error_model: ErrorModel
    points: tuple[ConnectionPoint, ...]
    options: OpfOptions
    samples: int
    seed: int
    backoff_kw: float
    anchor_passes: int  #: fewest anchorings of voltages to AC, see ``grid.anchoring``
    policy: AdjustmentPolicy = AdjustmentPolicy.PROJECTION


class Dso:
    """Reviews submissions. Stateless beyond its case: every limit in force comes with the message.

    The loop ends: limits only tighten, and after the rounds allowed the operator sends an envelope
    of which it has proved that any response within can be carried; there is one if and only if the
    grid can serve idle stations (docs/model.md, trading adjustment).
    """

    def __init__(self, case: OperatorCase) -> None:
        self._case = case
        rng = generator(case.seed, "grid errors", "learn")
        errors_kw = sample_errors(case.feeder, case.day, case.error_model, rng, case.samples)
        moments = fit_moments(errors_kw, support_kw(case.feeder, case.day, case.error_model))
        self._model = build_opf(case.feeder, case.day, moments, case.options)

    def review(self, submission: Submission, last_round: bool) -> Approval | AdjustmentSignal:
        """Answers a submission: approval with the dispatch, or limits to trade again within.

        Raises:
            InfeasibleError: the limits, less the back-off, cannot be kept whatever stations forgo
                of what they submitted; names the limits, who is at fault and what to change.
            PowerFlowError: the exact power flow of a dispatch has no solution.
        """
        model, answer = solve_anchored(
            self._model,
            self._case.points,
            submission.withdrawal_kw,
            self._solver(),
            self._case.anchor_passes,
        )
        # What an envelope has promised is kept, by the model that it was proved with.
        if isinstance(answer, SolveError) and submission.limits.envelope:
            answer = self._proved(submission) or answer
        if isinstance(answer, SolveError):
            return self._adjust(model, submission, last_round, answer)
        return Approval(round=submission.round, dispatch=answer)

    def permit(self, asked_kw: FloatArray) -> FloatArray:
        """The nearest net withdrawals [time, station] to these that the grid can carry.

        Raises:
            InfeasibleError: as ``review``.
        """
        return self._nearest(self._model, asked_kw).permitted_kw

    def settle(
        self,
        submission: Submission,
        signal: AdjustmentSignal,
        permitted_kw: FloatArray,
        price_per_kwh: FloatArray,
    ) -> AdjustmentSignal:
        """The signal as prices shaped it: what the stations preferred within the grid's limits."""
        share = np.array([point.share for point in self._case.points])
        change = permitted_kw - submission.withdrawal_kw
        return AdjustmentSignal(
            round=submission.round,
            limits=tightened(submission, *one_sided(submission.withdrawal_kw, permitted_kw)),
            permitted_kw=permitted_kw,
            adjustment_kw=frozen(change[..., None] * share),
            binding=signal.binding,
            price_per_kwh=price_per_kwh,
        )

    def _proved(self, submission: Submission) -> Dispatch | None:
        """The dispatch for a submission inside an envelope, as the envelope was proved."""
        points, withdrawal_kw = self._case.points, submission.withdrawal_kw
        charging, offset = submission.limits.charging, submission.limits.w_offset
        model = self._model if offset is None else replace(self._model, w_offset=offset)
        try:
            return solve_opf(model, points, withdrawal_kw, charging=charging)
        except InfeasibleError:
            return None  # it is not inside

    def _solver(self) -> Callable[..., Dispatch]:
        """Solves of one review, each with the hints of the one before.

        Only the paper's policy speaks to stations by the limits missed; the others need no names.
        """
        named = self._case.policy is AdjustmentPolicy.PAPER
        return partial(solve_opf, hints=Hints(), name_misses=named)

    def _adjust(
        self,
        model: OpfModel,
        submission: Submission,
        last_round: bool,
        refused: SolveError,
    ) -> AdjustmentSignal:
        """Limits for the next round.

        Raises:
            SolveError: ``refused``, where it does not say that the submission cannot be carried.
        """
        if not isinstance(refused, InfeasibleError):
            raise refused
        wish = self._wish(model, submission, refused.misses)
        binding = wish.binding or self._missed(model, submission)
        # Where nothing would change, tightening single limits cannot help either.
        if last_round or not wish.adjustment_kw.any():
            try:
                limits = self._envelope(model, submission, wish)
            except InfeasibleError as idle:
                # The grid needs what stations do, which no limit can ask for: one more attempt.
                limits = self._next_limits(submission, wish)
                binding = tuple(f"{miss} if stations stand idle" for miss in idle.misses)
        else:
            limits = self._next_limits(submission, wish)
        return AdjustmentSignal(
            round=submission.round,
            limits=limits,
            permitted_kw=wish.permitted_kw,
            adjustment_kw=wish.adjustment_kw,
            binding=binding,
        )

    def _next_limits(self, submission: Submission, wish: Projection) -> WithdrawalLimits:
        """Limits on single stations and hours, by the policy."""
        if self._case.policy is AdjustmentPolicy.PAPER:
            return replaced(submission, wish.permitted_kw)
        return tightened(submission, wish.lowest_kw, wish.highest_kw)

    def _missed(self, model: OpfModel, submission: Submission) -> tuple[str, ...]:
        """The limits that a submission misses where no limit stands out behind the change."""
        try:
            solve_opf(model, self._case.points, submission.withdrawal_kw)
        except InfeasibleError as refused:
            return tuple(str(miss) for miss in refused.misses)
        return ()

    def _wish(
        self, model: OpfModel, submission: Submission, misses: tuple[LimitMiss, ...]
    ) -> Projection:
        """The smallest change, by the paper's policy of those alone who stand at the strain."""
        case, asked = self._case, submission.withdrawal_kw
        if case.policy is AdjustmentPolicy.PAPER:
            movable = strained_points(model, case.points, misses)
            try:
                return project(model, case.points, asked, case.backoff_kw, movable)
            except InfeasibleError:
                pass  # they alone cannot relieve it: everybody is asked
        return self._nearest(model, asked)

    def _nearest(self, model: OpfModel, asked_kw: FloatArray) -> Projection:
        """The smallest change over all stations; it may go as far as idle stations."""
        try:
            return project(model, self._case.points, asked_kw, self._case.backoff_kw)
        except InfeasibleError as refused:
            raise blame_bare_grid(model, refused) from refused

    def _envelope(
        self, model: OpfModel, submission: Submission, wish: Projection
    ) -> WithdrawalLimits:
        """The box around what is permitted, by the model whose voltages are exact there.

        Raises:
            InfeasibleError: idle stations cannot be served.
        """
        points, permitted = self._case.points, wish.permitted_kw
        dispatch = solve_opf(model, points, permitted)
        model = anchor_to_ac(model, points, permitted, dispatch)
        found = operating_envelope(model, points, permitted)
        return WithdrawalLimits(
            round=submission.round,
            lower_kw=found.lower_kw,
            upper_kw=found.upper_kw,
            envelope=True,
            charging=found.charging,
            w_offset=model.w_offset,
        )
