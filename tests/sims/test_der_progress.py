"""What is written down of a plan under way: to the last bit, torn by a kill, and gone on from."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from roadvolt.planning.der.bracket import Bracket, Stage
from roadvolt.planning.der.solution import Separation
from roadvolt.sims.campaign import PROGRESS_FOLDER, ROWS_FILE
from roadvolt.sims.der import page
from roadvolt.sims.der.plan_progress import PlanProgress
from roadvolt.sims.json_lines import whole_lines

#: `der33` with a year of twelve days: four steps on the copperplate.
WORDS = ("--model", "aro", "--budget", "6", "--quick", "--gap", "0.001", "--json")
SMALL = ("--set", "history.days=12", "--set", "uncertainty.scenarios=3")

#: The command line, killed as by `kill -9` once two steps are written down.
KILLED = """
import os, signal, sys
from roadvolt.sims import cli
from roadvolt.sims.der import plan_progress

write = plan_progress.PlanProgress.__call__

def write_and_die(self, stage, bracket):
    write(self, stage, bracket)
    if len(bracket.steps) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

plan_progress.PlanProgress.__call__ = write_and_die
sys.argv[0] = "roadvolt"
cli.main()
"""


def brackets() -> list[tuple[Stage, Bracket]]:
    """Steps on the copperplate and one on the feeder, full of numbers with all their digits."""
    rng = np.random.default_rng(1)
    found, at = list[tuple[Stage, Bracket]](), None
    for number in range(4):
        x, u, slope = rng.normal(size=4), rng.normal(size=5), rng.normal(size=4)
        stage = Stage.FEEDER if number == 3 else Stage.COPPERPLATE
        if at is None or stage is Stage.FEEDER:
            at = Bracket(x=x, upper=np.inf, lower=-np.inf, fates=(u / 3,), worst=u)
        at = Bracket(
            x=x, upper=100 / 3 - number, lower=number / 7, worst=u, steps=at.steps,
            fates=(*at.fates, u), cuts=(*at.cuts, (1 / (number + 3), slope)), ended=number == 2,
        ).noted(Separation.EXACT, number / 3)  # fmt: skip
        found.append((stage, at))
    return found


def assert_same(one: Bracket, other: Bracket) -> None:
    for field in fields(Bracket):
        np.testing.assert_equal(getattr(one, field.name), getattr(other, field.name))


@pytest.mark.parametrize("torn", ["", '{"stage": "feeder", "st', '{"stage": "copperplate"}'])
def test_a_file_gives_back_what_was_told_but_for_a_torn_last_line(
    tmp_path: Path, torn: str
) -> None:
    path = tmp_path / "progress" / "a plan.jsonl"
    for count, (stage, bracket) in enumerate(brackets(), start=1):
        PlanProgress(path)(stage, bracket)
        with path.open("a") as file:
            file.write(torn)
        begun = PlanProgress(path).begun
        for reached in begun:
            last = [one for name, one in brackets()[:count] if name is reached][-1]
            assert_same(begun[reached], last)
    assert set(begun) == set(Stage)
    assert len(whole_lines(path)) == 4


def test_a_step_that_two_processes_wrote_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "progress" / "a plan.jsonl"
    one, lost = PlanProgress(path), PlanProgress(path)
    for stage, bracket in brackets()[:3]:
        one(stage, bracket)
        lost(stage, bracket)
    assert len(whole_lines(path)) == 6
    assert_same(PlanProgress(path).begun[Stage.COPPERPLATE], brackets()[2][1])


def test_each_fate_and_cut_is_written_once(tmp_path: Path) -> None:
    progress = PlanProgress(tmp_path / "progress" / "a plan.jsonl")
    for stage, bracket in brackets():
        progress(stage, bracket)
    lines = whole_lines(tmp_path / "progress" / "a plan.jsonl")
    assert [len(line["fates"]) for line in lines] == [2, 1, 1, 2]
    assert [len(line["cuts"]) for line in lines] == [1, 1, 1, 1]


def test_steps_are_told_as_they_happen(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "roadvolt")
    at = Bracket(x=np.ones(1), upper=200.0, lower=199.5, worst=np.ones(1))
    PlanProgress(tmp_path / "p" / "a.jsonl")(Stage.FEEDER, at.noted(Separation.CLIMB, 3.14))
    PlanProgress(tmp_path / "p" / "a.jsonl")
    said = "feeder, step 1: 199.50 to 200.00, gap 0.250%, 3.1 s"
    assert caplog.messages == [said, f"going on from {said}"]


def test_a_plan_killed_by_the_system_ends_in_the_tables_of_one_that_was_not(
    roadvolt: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "FIGURES", {})
    code, out, _ = roadvolt("plan", "der", *WORDS, *SMALL, "--out", tmp_path / "whole")
    assert code == 0
    whole = json.loads(out)
    assert whole["iterations"] > 2

    command = [sys.executable, "-c", KILLED, "plan", "der", *WORDS, *SMALL, "--out"]
    killed = subprocess.run([*command, str(tmp_path / "killed")], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    (folder,) = (tmp_path / "killed").iterdir()
    (file,) = (folder / PROGRESS_FOLDER).iterdir()
    assert (folder / ROWS_FILE).read_text() == ""
    assert len(file.read_text().splitlines()) == 2

    code, out, _ = roadvolt("resume", folder, "--runtime", "local", "--json")
    assert code == 0
    again = json.loads(out)
    assert again["result_hash"] == whole["result_hash"]
    assert again["iterations"] == whole["iterations"]
    assert not (folder / PROGRESS_FOLDER).exists()
    log = (folder / "log.txt").read_text()
    assert log.count("going on from copperplate, step 2") == 1
    assert log.count("INFO copperplate, step 1:") == 1
