"""Distributed coordination of charging stations, a distribution operator and a transport operator.

>>> import roadvolt as rv
>>> episode = rv.run_episode(rv.load_case("utn12-ieee33"))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core.errors import (
        AgreementError,
        CaseError,
        InfeasibleError,
        NegotiationError,
        ResultsError,
        RoadvoltError,
        SolveError,
    )
    from .sims.case import Case, case_names, load_case
    from .sims.episode import Episode, run_episode
    from .sims.options import EpisodeOptions, options_for
    from .sims.results import Run, load_run
    from .uncertainty.margins import RiskTreatment

__version__ = "0.1.0"

__all__ = [
    "AgreementError",
    "Case",
    "CaseError",
    "Episode",
    "EpisodeOptions",
    "InfeasibleError",
    "NegotiationError",
    "ResultsError",
    "RiskTreatment",
    "RoadvoltError",
    "Run",
    "SolveError",
    "case_names",
    "load_case",
    "load_run",
    "options_for",
    "run_episode",
]

_HOMES = {
    "sims.case": ("Case", "case_names", "load_case"),
    "sims.episode": ("Episode", "run_episode"),
    "sims.options": ("EpisodeOptions", "options_for"),
    "sims.results": ("Run", "load_run"),
    "uncertainty.margins": ("RiskTreatment",),
}


def __getattr__(name: str) -> Any:
    """Loads a public name on first use: `--help` should not wait for solvers and pandas."""
    if name not in __all__:
        raise AttributeError(f"module 'roadvolt' has no attribute '{name}'")
    home = next((home for home, names in _HOMES.items() if name in names), "core.errors")
    return getattr(import_module(f".{home}", __name__), name)
