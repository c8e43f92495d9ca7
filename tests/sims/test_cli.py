"""The command line: what it prints, what it leaves behind, and its exit codes."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from roadvolt.sims.case import load_case
from roadvolt.sims.casefile.library import BUILT_IN
from roadvolt.sims.options import EpisodeOptions
from roadvolt.sims.recorder import Recorder
from roadvolt.sims.results import load_run

Roadvolt = Callable[..., Any]

#: Fast enough for a test, and in this process.
FAST = ("--runtime", "local", "--samples", "100", "--shards", "3")


def folder_of(parent: Path) -> Path:
    (folder,) = parent.iterdir()
    return folder


def test_a_run_says_whether_they_agreed_and_leaves_everything_behind(
    roadvolt: Roadvolt, tmp_path: Path
) -> None:
    answer = roadvolt("run", "tiny", *FAST, "--out", tmp_path, "--csv")
    assert answer.code == 0
    assert "agreed in 1 trading round" in answer.out
    assert "stations' cost" in answer.out
    folder = folder_of(tmp_path)
    run = load_run(folder)
    for name, table in run.tables.items():
        assert (folder / f"{name}.csv").read_text().startswith(",".join(table.columns[:2]))
    assert "approved" in (folder / "log.txt").read_text()
    assert (folder / "report.html").stat().st_size > 1e6
    assert sorted(p.name for p in (folder / "figures").glob("*.png"))
    assert not list(folder.glob("checkpoint*"))
    # The resolved case is beside the results and gives the same input again.
    assert load_case(folder / "case").digest == run.summary["case_digest"]


def test_json_is_the_summary_and_nothing_else(roadvolt: Roadvolt, tmp_path: Path) -> None:
    answer = roadvolt("run", "tiny", *FAST, "--out", tmp_path, "--json")
    summary = json.loads(answer.out)
    assert summary["status"] == "agreed"
    assert summary["result_hash"] == load_run(folder_of(tmp_path)).summary["result_hash"]
    shown = json.loads(roadvolt("show", folder_of(tmp_path), "--json").out)
    assert shown["result_hash"] == summary["result_hash"]


def test_two_runs_are_compared_key_by_key(roadvolt: Roadvolt, tmp_path: Path) -> None:
    for risk in ("dro", "ro"):
        assert roadvolt("run", "tiny", *FAST, "--risk", risk, "--out", tmp_path / risk).code == 0
    answer = roadvolt("compare", folder_of(tmp_path / "dro"), folder_of(tmp_path / "ro"))
    assert answer.code == 0
    assert "stations.cost_total" in answer.out
    assert "options.treatment" in answer.out
    assert "case_digest" not in answer.out


def test_settings_on_the_command_line_change_the_case(roadvolt: Roadvolt, tmp_path: Path) -> None:
    words = ("run", "tiny", *FAST, "--set", "feeder.unbalance=0", "--out", tmp_path)
    assert roadvolt(*words).code == 0
    assert "unbalance: 0" in (folder_of(tmp_path) / "case" / "case.yaml").read_text()


def test_a_day_that_the_grid_cannot_carry_fails_with_the_limits_named(
    roadvolt: Roadvolt, tmp_path: Path
) -> None:
    weak = ("--set", "lines.L3.s_max_kva_per_phase=5", "--out", tmp_path)
    answer = roadvolt("run", "tiny", *FAST, *weak, "--json")
    assert answer.code == 1
    summary = json.loads(answer.out)
    assert summary["status"] == "not agreed"
    assert "line L3 phase b" in summary["reason"]
    assert roadvolt("show", folder_of(tmp_path)).code == 0
    assert (folder_of(tmp_path) / "report.html").is_file()


def test_an_unfinished_run_is_resumed_in_its_folder(roadvolt: Roadvolt, tmp_path: Path) -> None:
    options = EpisodeOptions(samples=100, shards=3)
    folder = Recorder.begin(tmp_path, load_case("tiny"), options, csv=False).folder
    assert "did not finish" in roadvolt("show", folder).err
    assert roadvolt("resume", folder, "--runtime", "local").code == 0
    assert roadvolt("show", folder).code == 0
    again = roadvolt("resume", folder, "--runtime", "local")
    assert (again.code, "has finished" in again.err) == (2, True)


def test_cases_are_listed_and_valid(roadvolt: Roadvolt) -> None:
    listed = roadvolt("cases").out
    for name in ("tiny", "tpc84", "utn12-ieee33"):
        assert name in listed
        assert roadvolt("validate", name).code == 0


BROKEN: dict[str, tuple[str, str, str, str]] = {
    # what is broken: file, old text, new text, what the message must say
    "missing bus": ("loads.csv", "\n3,", "\n99,", "99"),
    "unit slip": ("stations.csv", "S3,3,abc,250,", "S3,3,abc,250000,", "pv_kw"),
    "duplicate id": ("links.csv", "\nS3-S5,", "\nS3-S4,", "S3-S4"),
    "negative capacity": ("roads.csv", None, None, "capacity_veh_per_h"),
    "island": ("lines.csv", None, None, "island"),
    "NaN in a profile": ("day.csv", None, None, "load_factor"),
    "wrong hours": ("case.yaml", "hours: 6", "hours: 24", "24"),
    "unknown key": ("case.yaml", "unbalance: 1.0", "unbalanced: 1.0", "unbalance"),
    "no ports": ("stations.csv", ",yes,6,60,0.3", ",yes,0,60,0.3", "ports"),
    "price string": ("case.yaml", "sell_per_kwh: 0.014", "sell_per_kwh: cheap", "cheap"),
}


def break_case(folder: Path, what: str) -> None:
    file, old, new, _ = BROKEN[what]
    path = folder / file
    text = path.read_text()
    if what == "island":
        text = text[: text.index("L4,")]
    elif old is None:
        header, *rows = text.splitlines()
        column = header.split(",").index(BROKEN[what][3])
        cells = rows[0].split(",")
        cells[column] = f"-{cells[column]}" if what == "negative capacity" else "nan"
        text = "\n".join([header, ",".join(cells), *rows[1:]]) + "\n"
    else:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text)


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_case_gives_one_clear_message_and_exit_code_2(
    roadvolt: Roadvolt, tmp_path: Path, what: str
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(BUILT_IN / "tiny", folder)
    break_case(folder, what)
    for command in (("validate", folder), ("run", folder, *FAST, "--out", tmp_path / "runs")):
        answer = roadvolt(*command)
        assert answer.code == 2
        assert "1 problem:" in answer.err
        assert BROKEN[what][0] in answer.err
        assert BROKEN[what][3] in answer.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("validate", "utn12"), "utn12-ieee33"),
        (("run", "tpc84"), "roadvolt plan fdn tpc84"),
        (("run", "tiny", "--set", "feeder.unbalanc=2"), "feeder.unbalance"),
        (("run", "tiny", "--set", "nonsense"), "key=value"),
        (("show", "/no/such/run"), "no such folder"),
        (("run", "tiny", "--risk", "maybe"), "maybe"),
    ],
)
def test_bad_words_are_refused_with_a_hint(
    roadvolt: Roadvolt, words: tuple[str, ...], hint: str
) -> None:
    answer = roadvolt(*words)
    assert answer.code == 2
    assert hint in answer.err


def test_ctrl_c_leaves_a_run_that_resume_brings_to_the_same_end(
    roadvolt: Roadvolt, tmp_path: Path
) -> None:
    """A real process and a real signal; a small gap gives it the time to be interrupted."""
    words = ("run", "tiny", *FAST, "--gap", "1e-6")
    # Where tests run in the background, a shell has told all it starts to ignore the signal.
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = [sys.executable, "-c", f"{listen}; from roadvolt.sims.cli import main; main()"]
    child = subprocess.Popen(
        [*program, *words, "--out", str(tmp_path / "cut")], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while "exchange 5:" not in "".join(p.read_text() for p in tmp_path.rglob("log.txt")):
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.002)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    folder = folder_of(tmp_path / "cut")
    assert child.returncode == 1, said
    assert f"roadvolt resume {folder}" in said
    resumed = json.loads(roadvolt("resume", folder, "--runtime", "local", "--json").out)
    whole = json.loads(roadvolt(*words, "--out", tmp_path / "whole", "--json").out)
    assert resumed["result_hash"] == whole["result_hash"]
    assert not list(folder.glob("checkpoint*"))
