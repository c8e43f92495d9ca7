"""The tasks of a stress study, and the work of each: from plain settings to plain rows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...agents.policy import AdjustmentPolicy
from ...uncertainty.seeds import generator
from ..campaign import Settings, Task
from ..case import Case, load_case
from ..options import EpisodeOptions
from .boundary import find_boundary
from .outcome import judge
from .perturbations import Kind, Perturbation, draw_perturbations
from .perturbed_day import perturb
from .play import play, play_undisturbed

#: Cases up to this size are small: more episodes, and boundaries for every policy.
_SMALL = 10
#: Nothing to search for: kills change nothing.
_WITHOUT_BOUNDARY = (Kind.HOST_KILLED,)
#: Outcomes are of interest here, not the last cent; costs are compared at exact optima.
_GAP = 1e-2
_MAX_ITERATIONS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StressDesign:
    """How large a study is."""

    policies: tuple[AdjustmentPolicy, ...]
    days: int
    seed: int
    boundary_policies: tuple[AdjustmentPolicy, ...]
    boundary_kinds: tuple[Kind, ...]
    bisections: int


def design_of(case: Case, settings: Settings) -> StressDesign:
    """What the command line asked for, or the study's own size for this case."""
    chosen = settings["policies"] or list(AdjustmentPolicy)
    policies = tuple(AdjustmentPolicy(policy) for policy in chosen)
    small, quick = len(case.stations) <= _SMALL, settings["quick"]
    usual = (90 if small else 6) if quick else (500 if small else 30)
    days = -(-(settings["episodes"] or usual) // len(policies))
    return StressDesign(
        policies=policies,
        days=days,
        seed=settings["seed"],
        boundary_policies=policies if small and not quick else policies[:1],
        boundary_kinds=tuple(
            kind
            for kind in Kind
            if kind not in _WITHOUT_BOUNDARY and not (quick and kind is Kind.CROWDED_LATERAL)
        ),
        bisections=(4 if small else 3) if not quick else 2 if small else 0,
    )


def plan_tasks(case: Case, place: str, settings: Settings) -> list[Task]:
    """Every day under every policy, then the search for boundaries."""
    design = design_of(case, settings)
    common = {"place": place, "seed": design.seed}
    episodes = [
        Task(
            id=f"day {day}, {policy}",
            settings={**common, "part": "episode", "day": day, "policy": policy.value},
            effort=_effort(draw_perturbations(design.seed, day)),
        )
        for day in range(design.days)
        for policy in design.policies
    ]
    return episodes + _boundary_tasks(design, common)


def _boundary_tasks(design: StressDesign, common: dict[str, Any]) -> list[Task]:
    return [
        Task(
            id=f"boundary of {kind}, {policy}",
            settings={
                **common,
                "part": "boundary",
                "kind": kind.value,
                "policy": policy.value,
                "bisections": design.bisections,
            },
            effort=2.0 + design.bisections,
        )
        for kind in design.boundary_kinds
        for policy in design.boundary_policies
        # Where hundreds of stations are concerned, one policy must do.
        if design.bisections and (kind is not Kind.CROWDED_LATERAL or policy is design.policies[0])
    ]


def work_on(settings: Settings) -> dict[str, Any]:
    """What one task found."""
    case, seed = load_case(settings["place"]), settings["seed"]
    policy = AdjustmentPolicy(settings["policy"])
    if settings["part"] == "boundary":
        kind, options = Kind(settings["kind"]), _options(case, seed, policy)
        return find_boundary(case, kind, options, settings["bisections"])
    day = settings["day"]
    own = day_seed(seed, day)
    perturbed = perturb(case, draw_perturbations(seed, day), own)
    # Within a Ray task there is a Ray to kill hosts of.
    options = _options(case, own, policy)
    trace = play(perturbed, options, ray=_within_ray())
    disturbed = trace.played and (perturbed.faults or perturbed.kills)
    return judge(perturbed, trace, play_undisturbed(perturbed, options) if disturbed else "")


def day_seed(seed: int, day: int) -> int:
    """The seed of everything random in a day, the same for all policies."""
    return int(generator(seed, "stress day seed", day).integers(2**31))


def _options(case: Case, seed: int, policy: AdjustmentPolicy) -> EpisodeOptions:
    return EpisodeOptions(
        seed=seed,
        treatment=case.risk.treatment,
        confidence=case.risk.confidence,
        samples=100,
        fresh_samples=1000,
        gap=_GAP,
        max_iterations=_MAX_ITERATIONS,
        shards=1 if len(case.stations) <= _SMALL else 2,
        policy=policy,
    )


def _within_ray() -> bool:
    return "ray" in sys.modules and bool(sys.modules["ray"].is_initialized())


def _effort(perturbations: Sequence[Perturbation]) -> float:
    crowded = any(item.kind is Kind.CROWDED_LATERAL for item in perturbations)
    return 5.0 if crowded else 1.0
