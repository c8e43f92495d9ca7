"""The tables of a stress study: their columns, units and meaning, said once.

An *episode* is one perturbed day under one adjustment policy; the same ``day`` under several
policies has the same draws. Nothing here depends on the speed of the machine.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

STRESS_TABLES: Final = MappingProxyType(
    {
        "episodes": {
            "episode": "number of the episode, from 0",
            "day": "number of the perturbed day, from 0; shared by all policies",
            "policy": "adjustment policy: projection, paper or price",
            "seed": "seed of the day's scenarios and draws",
            "perturbations": "what was done, with severities: 'line_derating 0.40; pv_surge 0.80'",
            "severity": "largest severity in the day",
            "outcome": "agreed, or the class of the error that ended the episode",
            "reason": "message of the error; empty if agreed",
            "rounds": "trading rounds until the end",
            "envelope": "whether an operating envelope was needed",
            "adjusted_kwh": "energy that the operator asked to change, over all rounds",
            "stations_adjusted": "stations asked to change",
            "cost_free": "stations' cost of the same day without network limits (exact optimum)",
            "cost": "stations' cost of the approved day (exact optimum under the limits in force)",
            "adjustment_cost": "cost - cost_free",
            "adjustment_cost_pct": "of |cost_free|",
            "bearer": "station that bears most of the adjustment cost; empty if nobody does",
            "fairness": "Jain's index of the relative curtailment of the stations that could be "
            "curtailed: 1 all alike, 1/n one bears all; empty if nobody was curtailed",
            "unserved_kwh": "demand not served on the approved day",
            "linear_excess": "largest excess of the approved dispatch over its linear limits, "
            "unbalance and margins included, worked out apart from the operator's program, in "
            "parts of the rating or pu (voltages)",
            "ac_violation_rate": "rate at which the most violated limit is exceeded in AC flows",
            "promised": "violation probability allowed for each single limit",
            "kept_promise": "no limit exceeded significantly more often than promised",
            "breach": "the worst broken limit in AC flows; empty if none",
            "lied": "whether a station drew other than it reported",
            "silent_violation": "approved, nobody lied, and yet a promise broken",
            "resent": "messages sent again because of message faults",
            "binding": "strongest limit behind the first adjustment, with phase and hour",
            "forensics": "the largest cut in words: limit, hour, station, kWh",
            "linear_limit": "the linear limit that the approved dispatch comes nearest to",
            "ac_violation_low": "lower end of the exact interval of ac_violation_rate; the "
            "intervals of all limits of the day hold together with 95 %",
            "ac_violation_high": "upper end",
            "fresh_samples": "scenarios of the AC check, never seen before",
            "agreement": "fingerprint of all that was agreed",
            "undisturbed": "the same of the day's twin without message faults and kills, or its "
            "error; empty if the day had none, or was not agreed",
            "changed_by_messages": "agreed, but not on what the twin agreed on",
        },
        "perturbations": {
            "day": "number of the perturbed day",
            "perturbation": "kind of perturbation",
            "severity": "0 (none) to 1",
            "detail": "what it did, in words",
        },
        "shares": {
            "episode": "number of the episode",
            "day": "number of the perturbed day",
            "policy": "adjustment policy",
            "station": "station",
            "exchanged_free_kwh": "energy exchanged with the network without limits, both ways",
            "curtailed_kwh": "by how much the approved day's exchange falls short of that",
            "curtailed_share": "curtailed_kwh / exchanged_free_kwh",
            "cost_free": "its cost without network limits, payments to peers included",
            "cost": "its cost on the approved day, payments to peers included",
            "borne": "cost - cost_free",
        },
        "cuts": {
            "episode": "number of the episode",
            "day": "number of the perturbed day",
            "policy": "adjustment policy",
            "trading_round": "round in which the operator asked",
            "hour": "hour of the day",
            "station": "station",
            "limit": "limit of that hour that binds most, with its phase",
            "submitted_kwh": "net withdrawal submitted in that hour",
            "cut_kwh": "change asked for: negative to draw less, positive to feed in less",
            "text": "the same in words",
        },
        "outcomes": {
            "policy": "adjustment policy",
            "outcome": "agreed, or the class of the error",
            "episodes": "how many",
            "share": "of the policy's episodes",
        },
        "policies": {
            "policy": "adjustment policy",
            "episodes": "days on which every policy came to an agreement",
            "adjusted_days": "of these, days on which some policy asked for a change; what follows "
            "are means over them",
            "rounds": "trading rounds",
            "envelope_share": "share of days that needed an envelope",
            "adjusted_kwh": "energy asked to change",
            "adjustment_cost": "stations' cost above that without network limits",
            "fairness": "Jain's index of relative curtailment",
            "unserved_kwh": "demand not served",
            "ac_violation_rate": "rate of the most violated limit in AC flows, liars' days left "
            "out",
            "agreed_share": "share of all days under this policy that ended in an agreement",
            "curtailed_kwh": "by how much stations' exchange fell short of that without limits",
        },
        "boundaries": {
            "perturbation": "kind of perturbation, alone",
            "policy": "adjustment policy",
            "agreed_up_to": "largest severity tried at which all agreed",
            "fails_from": "smallest severity tried at which they did not; empty: agreed at 1",
            "outcome": "how it ended there; promise_broken: agreed, but a liar broke the promise",
            "reason": "message of the error there",
            "binding": "the limit that ended it, with element, phase and hour, or the agent that "
            "was not reached",
            "adjusted_from": "smallest severity tried at which the operator asked for a change; "
            "empty: at none",
            "detail": "what the smallest severity that failed (else severity 1) did, in words",
        },
    }
)
