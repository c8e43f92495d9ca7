"""``roadvolt study risk`` as a whole: its folder, its tables, and going on after a kill."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roadvolt.agents.pool import LocalPool, RayPool
from roadvolt.sims.campaign import ROWS_FILE
from roadvolt.sims.case import load_case
from roadvolt.sims.results import Run, load_run
from roadvolt.sims.risk.schema import TABLES
from roadvolt.sims.study import begin_study, reopen_study, run_study

SETTINGS = {"quick": True, "seeds": 1}


def begin(parent: Path) -> Any:
    return begin_study(parent, load_case("tiny"), "risk", SETTINGS, csv=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_study(begin(tmp_path_factory.mktemp("risk")), LocalPool())


def test_every_table_has_the_columns_of_its_schema(run: Run) -> None:
    assert {name: list(table) for name, table in run.tables.items()} == {
        name: list(columns) for name, columns in TABLES.items()
    }
    assert all(len(table) for table in run.tables.values())
    again = load_run(run.folder)
    assert list(again.tables) == sorted(TABLES)
    assert again.summary["result_hash"] == run.summary["result_hash"]


def test_the_summary_has_a_row_for_every_cell_and_is_plain_json(run: Run) -> None:
    summary = json.loads(json.dumps(run.summary, allow_nan=False))
    assert summary["status"] == "ok"
    rows = summary["rows"]
    keys = {"level", "method", "samples", "confidence", "seed"}
    assert len({tuple(row[key] for key in sorted(keys)) for row in rows}) == len(rows)
    # 6 methods x 3 sizes x 3 confidences at the stations; 4 methods x (3 + 2) at the operator.
    assert len(rows) == 6 * 9 + 4 * 5
    for row in rows:
        assert row["promised_violation"] == round(1 - row["confidence"], 12)
        assert 0 <= row["out_of_sample_violation"] <= row["worst_violation"] <= 1
        assert row["cost"] is not None
    for scheme in ("I", "II", "III"):
        found = summary["schemes"][scheme]
        assert {"total_cost", "vm_min_pu", "vm_max_pu", "vur_max_pct"} <= set(found)
        assert found["vm_min_pu"] < found["vm_max_pu"]


def test_the_summary_says_at_which_confidence_promises_break(run: Run) -> None:
    found = run.summary["breaks_at_confidence"]
    assert found["station"]["deterministic"]["normal"] == 0.8
    assert found["station"]["ro"]["normal"] is None
    table = run.tables["out_of_sample"].query("level == 'station' and samples == 1000")
    for method, by_distribution in found["station"].items():
        for distribution, confidence in by_distribution.items():
            one = table[(table["method"] == method) & (table["distribution"] == distribution)]
            broken = one.loc[~one["kept"].astype(bool), "confidence"]
            assert confidence == (broken.min() if len(broken) else None)


def test_values_compare_methods_on_the_same_draws(run: Run) -> None:
    cells = run.tables["cells"].set_index(["level", "samples", "confidence", "method"])
    value = run.tables["values"]
    normal = value[value["distribution"] == "normal"]
    for row in normal.itertuples():
        side = (row.level, row.samples, row.confidence)
        own, naive, sp = (cells.loc[(*side, m)] for m in (row.method, "deterministic", "sp"))
        saved = naive["realised_mean"] - own["realised_mean"]
        assert row.value_of_stochastic_solution == pytest.approx(saved, abs=1e-9)
        assert row.price_of_robustness == pytest.approx(own["cost"] - sp["cost"], abs=1e-9)
    assert (normal.loc[normal["method"] == "sp", "price_of_robustness"] == 0).all()


def test_the_day_ahead_table_adds_up_and_is_ordered(run: Run) -> None:
    table = run.tables["day_ahead"]
    assert list(table["method"]) == ["deterministic", "sp", "dro-moment", "ro"]
    parts = table[["upstream_active", "upstream_reactive", "der", "reserve"]].sum(axis=1)
    np.testing.assert_allclose(table["total_cost"], parts)
    assert table["total_cost"].is_monotonic_increasing


def test_a_killed_study_resumed_gives_the_same_tables(
    run: Run, tmp_path: Path, roadvolt: Callable[..., tuple[int, str, str]]
) -> None:
    folder = tmp_path / "killed"
    shutil.copytree(run.folder, folder)
    for path in folder.iterdir():
        if path.suffix in {".parquet", ".html"} or path.name == "summary.json":
            path.unlink()
    lines = (folder / ROWS_FILE).read_text().splitlines(keepends=True)
    (folder / ROWS_FILE).write_text("".join(lines[:4]) + lines[4][:100])
    assert roadvolt("show", folder)[0] == 2
    code, out, _ = roadvolt("resume", folder, "--runtime", "local", "--json")
    assert code == 0
    assert json.loads(out)["result_hash"] == run.summary["result_hash"]
    assert roadvolt("resume", folder)[0] == 2
    code, out, _ = roadvolt("show", folder)
    assert (code, "dro-wasserstein" in out) == (0, True)


def test_the_command_does_what_the_doors_do(
    run: Run, tmp_path: Path, roadvolt: Callable[..., tuple[int, str, str]]
) -> None:
    words = ("--quick", "--seeds", 1, "--runtime", "local", "--out", tmp_path, "--json", "--csv")
    code, out, _ = roadvolt("study", "risk", "tiny", *words)
    summary = json.loads(out)
    assert (code, summary["result_hash"]) == (0, run.summary["result_hash"])
    (folder,) = tmp_path.iterdir()
    assert (folder / "cells.csv").read_text().startswith("level,method,samples,confidence,seed")
    assert "9 of 9" in (folder / "log.txt").read_text()


@pytest.mark.ray
def test_ray_gives_the_tables_of_this_process(run: Run, ray_session: None, tmp_path: Path) -> None:
    with RayPool(workers=2) as pool:
        remote = run_study(begin(tmp_path), pool)
    assert remote.summary["result_hash"] == run.summary["result_hash"]
    with pytest.raises(Exception, match="has finished"):
        reopen_study(remote.folder)


def test_every_table_and_column_stands_in_the_studies_page_with_its_meaning() -> None:
    parts = []
    for table, columns in TABLES.items():
        rows = [f"| `{name}` | {said} |" for name, said in columns.items()]
        parts.append("\n".join([f"#### `{table}`", "", "| column | meaning |", "|---|---|", *rows]))
    text = "\n\n".join(parts)
    page = Path(__file__).resolve().parents[2] / "docs/studies.md"
    assert text in page.read_text(), "put this in docs/studies.md:\n" + text
