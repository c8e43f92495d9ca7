"""The result tables of a study of ports and storage: their columns, units and meaning, said once.

Tidy: one row an observation, keys first. Iterations count from 0, hours from 0. Powers are means of
the hour. Money is in the case's currency for a year. How long anything took stands in the summary:
tables of equal studies are equal.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_PLAN = {"plan": "case: as the case is; otherwise what is varied, and its value"}
_SCENARIO = {**_PLAN, "scenario": "boundary condition and typical day"}
_HOUR = {**_SCENARIO, "hour": "hour of the day"}
_BEFORE = "without ports and batteries"

DC_STORAGE_TABLES: Final = MappingProxyType(
    {
        "plans": {
            **_PLAN,
            "sweep": "carbon, return, confidence or module: what is varied; empty: nothing",
            "carbon_price": "of a kilogram (theta_c)",
            "return_min": "least return on the investment in a year (xi)",
            "confidence": "with which each limit of voltage and current holds (o)",
            "module_kva": "size of a converter module (S_Mu)",
            "status": "ok; gap open: less is proven than was asked; no plan: none was found",
            "reason": "why not ok, in words; empty otherwise",
            "objective": "profit less penalties, proven",
            "bound": "what no plan can exceed, proven",
            "gap": "(bound - objective) / objective",
            "profit": "income less annuity and upkeep (pi)",
            "return_rate": "(income - upkeep) / investment; empty where nothing is built",
            "return_binding": "whether a lower return_min would let the plan earn more",
            "income": "electricity and carbon that need not be paid for any more",
            "electricity_before": f"of the energy that is imported less exported, {_BEFORE}",
            "electricity": "likewise with them",
            "carbon_before": f"of energy from the grid and from renewables, {_BEFORE}",
            "carbon": "likewise with them",
            "investment": "overnight, not a year",
            "annuity": "of the investment (B_inv)",
            "upkeep": "operation and maintenance (B_use)",
            "penalties": "profit - objective: losses and evenness, as far as they are priced",
            "ports": "how many ports are built",
            "port_kva": "of all ports",
            "battery_kw": "of all batteries",
            "battery_kwh": "of all batteries",
            "iterations": "of the decomposition, its seed included",
            "infeasible_iterations": "of these, in the set J: the master learnt from a plan that "
            "cannot be operated",
            "margin_rounds": "how often margins were set anew",
            "relaxed_profit": "of the continuous relaxation",
            "worst_rate": "largest rate at which a limit is violated on fresh forecast errors",
            "worst_low": "lower end of its 95 % interval (Wilson)",
            "worst_high": "upper end of it",
            "samples": "how many fresh errors",
            "ac_deviation": "largest abs(V planned - V by exact power flow) [pu]",
            "relaxation_deviation": "largest abs(l v - P^2 - Q^2) of any branch [pu]",
            "available_kwh": "what renewables could give in a year",
            "curtailed_before_kwh": f"what of it is not used, {_BEFORE}",
            "curtailed_kwh": "likewise with them",
            "import_before_kwh": f"imported less exported in a year, {_BEFORE}",
            "import_kwh": "likewise with them",
        },
        "ports": {
            **_PLAN,
            "link": "DC link",
            "bus": "bus of the candidate",
            "modules": "how many stand there; 0: no port (alpha_MT)",
            "kva": "their capacity",
            "modules_max": "how many may",
            "modules_relaxed": "in the continuous relaxation",
        },
        "batteries": {
            **_PLAN,
            "link": "DC link",
            "modules": "how many stand on it (alpha_ES)",
            "kw": "their power",
            "kwh": "their energy",
            "modules_max": "how many may",
            "modules_relaxed": "in the continuous relaxation",
        },
        "iterations": {
            **_PLAN,
            "iteration": "of the decomposition",
            "cut": "what it told the master: relaxation, optimality or feasibility",
            "in_j": "whether it is in the set J",
            "infeasible": "scenarios in which its plan cannot be operated",
            "port_kva": "of its plan",
            "battery_kwh": "of its plan",
            "upper_bound": "what no plan can exceed, so far",
            "profit": "objective of the best plan so far; empty while there is none",
        },
        "scenarios": {
            **_SCENARIO,
            "boundary": "its boundary condition (f)",
            "weight": "its probability (phi_f phi_s)",
            "electricity_before": f"of the day, {_BEFORE}",
            "electricity": "of the day",
            "carbon_before": f"of the day, {_BEFORE}",
            "carbon": "of the day",
            "load_kwh": "demand",
            "available_kwh": "what renewables could give",
            "curtailed_before_kwh": f"what of it is not used, {_BEFORE}",
            "curtailed_kwh": "likewise with them",
            "loss_before_kwh": f"in lines, {_BEFORE}",
            "loss_kwh": "in lines",
            "device_loss_kwh": "in ports and batteries",
        },
        "hours": {
            **_HOUR,
            "price": "of a kWh (G)",
            "load_kw": "of all buses",
            "available_kw": "what renewables could give",
            "renewables_before_kw": f"what they give, {_BEFORE}",
            "renewables_kw": "what they give",
            "import_before_kw": f"of all feeders, {_BEFORE}; export is negative",
            "import_kw": "of all feeders",
            "import_kvar": "of all feeders",
            "v_min_before_pu": f"lowest voltage, {_BEFORE}",
            "v_min_pu": "lowest voltage",
            "v_max_before_pu": f"highest voltage, {_BEFORE}",
            "v_max_pu": "highest voltage",
            "loading_before": f"largest current over its limit, {_BEFORE}",
            "loading": "largest current over its limit",
            "voltage_rate": "largest violation rate of a voltage limit on fresh errors",
            "current_rate": "largest violation rate of a current limit on fresh errors",
        },
        "port_hours": {
            **_HOUR,
            "bus": "of the port",
            "p_kw": "given to the network",
            "q_kvar": "given to the network",
            "loss_kw": "of the converter",
            "dc_current_a": "from the link into the port (I_dc)",
        },
        "battery_hours": {
            **_HOUR,
            "link": "DC link",
            "p_kw": "given to the link; charging is negative",
            "loss_kw": "of the battery",
            "energy_kwh": "held at the end of the hour",
        },
        "buses": {
            **_SCENARIO,
            "bus": "bus, or the branch that ends at it",
            "feeder": "its feeder",
            "v_low_before_pu": f"lowest voltage of the day, {_BEFORE}",
            "v_low_pu": "lowest voltage of the day",
            "v_high_before_pu": f"highest voltage of the day, {_BEFORE}",
            "v_high_pu": "highest voltage of the day",
            "loading": "largest current of the branch over its limit",
            "under_rate": "rate of too low a voltage in the worst hour, on fresh errors",
            "over_rate": "of too high a voltage",
            "overload_rate": "of too high a current",
        },
    }
)
