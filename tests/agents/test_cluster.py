"""Joining a cluster of several nodes by its address."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: In a process of its own: the test run itself has joined another Ray already.
PROGRAM = """
import os, secrets
os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32),
               "RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
cluster.add_node(num_cpus=1)
cluster.add_node(num_cpus=1)

from roadvolt.agents.runtime import LocalRuntime, RayRuntime
from roadvolt.sims.case import load_case
from roadvolt.sims.episode import run_episode
from roadvolt.sims.options import EpisodeOptions
import ray

case = load_case("tiny")
options = EpisodeOptions(samples=50, fresh_samples=50, shards=3)
with RayRuntime(address=cluster.address, workers=3) as runtime:
    remote = run_episode(case, options, runtime=runtime)
local = run_episode(case, options)
print("same", remote.summary["result_hash"] == local.summary["result_hash"])
ray.shutdown()
cluster.shutdown()
"""


@pytest.mark.ray
def test_an_episode_on_a_cluster_of_three_nodes_gives_the_same_bits() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "same True" in done.stdout
