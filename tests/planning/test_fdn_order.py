"""The same plan in every process: nothing depends on the order in which a set is walked through."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import hashlib
from roadvolt.planning.fdn.bounds import nominal_bounds
from roadvolt.planning.fdn.draws import expected_factors
from roadvolt.planning.fdn.model import build_plan
from roadvolt.planning.fdn.options import PlanOptions
from roadvolt.sims.planfile.load import load_fdn_case
case = load_fdn_case("tpc84")
options = PlanOptions(storage=True, reinforcement=True)
plan = build_plan(case, expected_factors(case), nominal_bounds(case), options)
linear = plan.program.linear
print(hashlib.sha256(linear.matrix.data.tobytes() + linear.matrix.indices.tobytes()).hexdigest())
"""


def program_under(hash_seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_two_processes_state_the_same_program() -> None:
    assert program_under("1") == program_under("2") != ""
