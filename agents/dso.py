"""The distribution system operator: approves what the grid can carry, else asks for a change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.errors import InfeasibleError
from ..core.units import frozen
from ..grid.anchoring import anchor_to_ac
from ..grid.envelope import operating_envelope
from ..grid.feeder import ConnectionPoint, ErrorModel, Feeder, GridDay
from ..grid.forecast_errors import fit_moments, sample_errors, support_kw
from ..grid.opf import solve_opf
from ..grid.opf_model import OpfModel, build_opf
from ..grid.opf_options import OpfOptions
from ..grid.projection import Projection, project
from ..uncertainty.seeds import generator
from .messages import AdjustmentSignal, Approval, Submission, WithdrawalLimits


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
    anchor_passes: int  #: how often voltages are anchored to AC, see ``grid.anchoring``


class Dso:
    """Reviews submissions. Stateless beyond its case: every limit in force comes with the message.

    The loop ends: limits only tighten, and after the rounds allowed the operator sends an envelope
    of which it has proved that any response within can be carried (docs/model.md, trading
    adjustment).
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
            InfeasibleError: the limits, less the back-off, cannot be kept even if no station draws
                or delivers anything; names the limits.
            PowerFlowError: the exact power flow of a dispatch has no solution.
        """
        points, withdrawal_kw = self._case.points, submission.withdrawal_kw
        model, dispatch = self._model, None
        try:
            dispatch = solve_opf(model, points, withdrawal_kw)
            for _ in range(self._case.anchor_passes):
                model = anchor_to_ac(model, points, withdrawal_kw, dispatch)
                dispatch = solve_opf(model, points, withdrawal_kw)
        except InfeasibleError as refused:
            # What an envelope has promised is kept, by the model that it was proved with.
            if dispatch is None or not submission.limits.envelope:
                named = tuple(str(miss) for miss in refused.misses)
                return self._adjust(model, submission, last_round, named)
        return Approval(round=submission.round, dispatch=dispatch)

    def _adjust(
        self, model: OpfModel, submission: Submission, last_round: bool, named: tuple[str, ...]
    ) -> AdjustmentSignal:
        case = self._case
        wish = project(model, case.points, submission.withdrawal_kw, case.backoff_kw)
        # Where nothing would change, tightening single limits cannot help either.
        envelope = last_round or not wish.adjustment_kw.any()
        limits = self._envelope(submission, wish) if envelope else _tightened(submission, wish)
        return AdjustmentSignal(
            round=submission.round,
            limits=limits,
            permitted_kw=wish.permitted_kw,
            adjustment_kw=wish.adjustment_kw,
            binding=wish.binding or named,
        )

    def _envelope(self, submission: Submission, wish: Projection) -> WithdrawalLimits:
        lower, upper = operating_envelope(self._model, self._case.points, wish.permitted_kw)
        return WithdrawalLimits(
            round=submission.round, lower_kw=lower, upper_kw=upper, envelope=True
        )


def _tightened(submission: Submission, wish: Projection) -> WithdrawalLimits:
    """Cumulative one-sided limits: never loosened, hence no cycle.

    After Chen, Wang and Shahidehpour (26)-(27), where a later signal replaces an earlier one.
    """
    limits = submission.limits
    return WithdrawalLimits(
        round=submission.round,
        lower_kw=frozen(np.maximum(limits.lower_kw, wish.lowest_kw)),
        upper_kw=frozen(np.minimum(limits.upper_kw, wish.highest_kw)),
    )
