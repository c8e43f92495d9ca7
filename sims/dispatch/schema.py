"""The result tables of a dispatched day: their columns, units and meaning, said once.

Tidy: one row an observation, keys first. Steps count from 0; ``time`` is when a step begins. Money
is in the case's currency. How long anything took stands in the summary: tables of equal studies are
equal.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_STEP = {"step": "step of the day, from 0", "time": "when it begins"}

DISPATCH_TABLES: Final = MappingProxyType(
    {
        "result": {
            "status": "ok; short: a requirement is not met; failed: there is no dispatch",
            "reason": "why not ok, in words; empty otherwise",
            "objective": "cost of the day, minimised: the sum of its parts in costs",
            "bound": "what no dispatch can beat in the program of the last pass, proven",
            "gap": "(objective - bound) / objective",
            "plan_objective": "likewise of the plan: the cheapest dispatch without requirements",
            "passes": "solves until voltages and losses agree with exact power flow",
            "first_deviation_pu": "largest difference of a voltage from the exact one before that",
            "ac_deviation_pu": "likewise in the end",
            "v_min_pu": "lowest voltage by exact power flow",
            "v_max_pu": "highest voltage by exact power flow",
            "loading": "highest current by exact power flow, over what a branch may carry",
        },
        "costs": {
            "item": "energy, curtailment, reactive, shortfall or total",
            "dispatch": "of the dispatch",
            "plan": "of the plan",
        },
        "steps": {
            **_STEP,
            "price_per_kwh": "of imported energy",
            "tied_kw": "loads that cannot wait",
            "deferrable_kw": "deferrable loads",
            "generation_kw": "generators",
            "available_kw": "what generators could give",
            "battery_kw": "batteries; negative while they charge",
            "battery_kwh": "what batteries hold at the end of the step",
            "converter_loss_kw": "losses of soft open points and batteries, by the polygon",
            "line_loss_kw": "losses of lines, by exact power flow",
            "import_kw": "from upstream, all feeders",
            "ac_import_kw": "likewise by exact power flow",
            "plan_import_kw": "likewise in the plan",
        },
        "feeders": {
            **_STEP,
            "feeder": "feeder",
            "import_kw": "from upstream; negative: to there",
            "ac_import_kw": "likewise by exact power flow",
            "plan_import_kw": "likewise in the plan",
        },
        "generators": {
            **_STEP,
            "generator": "generator",
            "bus": "where it is",
            "p_kw": "active power given",
            "q_kvar": "reactive power given",
            "available_kw": "its schedule",
        },
        "sops": {
            **_STEP,
            "sop": "soft open point",
            "bus": "of the terminal",
            "p_kw": "active power given to the bus; negative: taken from it",
            "q_kvar": "reactive power given to the bus",
            "loss_kw": "losses of the terminal, by the polygon",
            "loading": "apparent power over capacity",
        },
        "batteries": {
            **_STEP,
            "battery": "battery",
            "bus": "where it is",
            "p_kw": "active power given; negative while it charges",
            "q_kvar": "reactive power given",
            "loss_kw": "losses, by the polygon",
            "energy_kwh": "what it holds at the end of the step",
        },
        "deferrable": {
            **_STEP,
            "load": "deferrable load",
            "p_kw": "active power",
            "q_kvar": "reactive power",
            "energy_kwh": "consumed by the end of the step",
            "energy_min_kwh": "least it must have consumed by then",
            "energy_max_kwh": "most it can have consumed by then",
        },
        "loads": {
            "load": "deferrable load",
            "bus": "where it is",
            "energy_kwh": "what it needs",
            "consumed_kwh": "what it gets",
            "deadline": "when it must have all of it",
            "met": "whether it has, and whatever is due before",
        },
        "requirements": {
            "requirement": "requirement",
            "feeder": "whose import it is about, or all",
            "direction": "less or more import than in the plan",
            "asked_kw": "by how much",
            "start": "when it begins",
            "end": "when it ends",
            "feasible": "whether it is met throughout",
            "asked_kwh": "energy asked for",
            "delivered_kwh": "of which delivered",
            "shortfall_kwh": "of which missing",
        },
        "deliveries": {
            "requirement": "requirement",
            **_STEP,
            "plan_import_kw": "import in the plan",
            "import_kw": "import in the dispatch",
            "delivered_kw": "the difference, in the direction asked for",
            "shortfall_kw": "what is missing of it",
        },
        "voltages": {
            **_STEP,
            "bus": "bus",
            "linear_pu": "by the linear power flow",
            "ac_pu": "by exact power flow",
        },
        "branches": {
            **_STEP,
            "bus": "where the branch ends, seen from the head",
            "p_kw": "active power towards that bus, by the linear power flow",
            "q_kvar": "reactive power likewise",
            "i_a": "current by exact power flow",
            "loading": "i_a over what the branch may carry",
        },
        "polygon": {
            "sides": "of the polygon",
            "largest": "most that it takes from a circle's radius: 1 - cos(pi / sides)",
            "losses_kwh": "losses of converters over the day, by the polygon",
            "exact_losses_kwh": "likewise by the circle, at the same setpoints",
            "losses_error": "losses_kwh over exact_losses_kwh, less 1",
            "disc_objective": "cost of the best dispatch with circles; empty if not asked for",
            "objective_error": "objective over disc_objective, less 1; likewise",
        },
    }
)
