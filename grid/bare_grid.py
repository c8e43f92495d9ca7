"""Tells a grid that no trading can mend from one that a trade overloads."""

from __future__ import annotations

import numpy as np

from ..core.errors import InfeasibleError, LimitMiss
from .infeasibility import SHARE_MISS
from .opf import solve_opf
from .opf_model import OpfModel


def blame_bare_grid(model: OpfModel, refused: InfeasibleError) -> InfeasibleError:
    """The error to raise where not even idle stations can be served: who is at fault, what helps.

    Args:
        model: the operator's.
        refused: of a problem that idle stations would solve, if anything could.
    """
    nobody = np.zeros((len(model.p_load_kw), 0))
    try:
        solve_opf(model, (), nobody)
    except InfeasibleError as bare:
        what = "grid without any station"
        return InfeasibleError(what, bare.solver, bare.misses, _remedy(bare.misses))
    remedy = "the grid without stations keeps these limits by less than the back-off; lower it"
    return InfeasibleError(refused.what, refused.solver, refused.misses, remedy)


def _remedy(misses: tuple[LimitMiss, ...]) -> str:
    unbalanced = any(miss.limit.startswith(SHARE_MISS) for miss in misses)
    if unbalanced:
        return (
            "generators and batteries cannot balance the forecast errors: add some, or let the "
            "upstream grid balance more (feeder.upstream_share_max of the case)"
        )
    return (
        "the operator can ask for no trade that mends it: raise the ratings or widen the limits "
        "named, lower loads or their uncertainty, or add generators and batteries"
    )
