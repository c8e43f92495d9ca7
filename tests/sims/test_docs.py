"""The pages for people: they hold what the program holds, and their commands exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer

from roadvolt.sims.case import load_case
from roadvolt.sims.cli import app
from roadvolt.sims.dcfile import load_dc_storage_case
from roadvolt.sims.derfile import load_der_case
from roadvolt.sims.dispatchfile import load_dispatch_case
from roadvolt.sims.episode import Episode, run_episode
from roadvolt.sims.options import EpisodeOptions
from roadvolt.sims.planfile import load_fdn_case
from roadvolt.sims.schema import TABLES

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

#: Units by the end of a column's name; columns without unit are numbers, names or shares.
UNITS = {
    "_per_kwh": "currency/kWh",
    "_per_kvarh": "currency/kvarh",
    "_veh_per_h": "veh/h",
    "veh_per_h": "veh/h",
    "ev_per_h": "EV/h",
    "_kvar": "kvar",
    "_kva": "kVA",
    "_kwh": "kWh",
    "_kw": "kW",
    "_pu": "pu",
    "_min": "min",
}
#: Columns of money that say so by their word.
MONEY = {
    "settlement": "cost_alone cost_own payment cost_traded gain payment_nash gain_nash",
    "negotiation": "upper_bound lower_bound",
    "trading_rounds": "stations_cost",
    "costs": "without_trading with_trading",
    "sites": "queue_price",
}


def unit(table: str, column: str) -> str:
    if column in MONEY.get(table, "").split():
        return "currency"
    return next((unit for end, unit in UNITS.items() if column.endswith(end)), "")


def tables_text() -> str:
    """The section of ``docs/results.md`` that says what every column means."""
    parts = []
    for table, columns in TABLES.items():
        rows = [f"| `{name}` | {unit(table, name)} | {said} |" for name, said in columns.items()]
        head = [f"### `{table}`", "", "| column | unit | meaning |", "|---|---|---|"]
        parts.append("\n".join([*head, *rows]))
    return "\n\n".join(parts)


def test_every_table_and_column_stands_in_the_results_page_with_its_meaning() -> None:
    page = (ROOT / "docs/results.md").read_text()
    assert tables_text() in page, "put this in docs/results.md:\n" + tables_text()


@pytest.fixture(scope="module")
def episode() -> Episode:
    return run_episode(load_case("tiny"), EpisodeOptions(samples=50, fresh_samples=50))


def keys(words: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in words.items():
        if isinstance(value, Mapping) and key not in {"seconds", "versions", "options"}:
            yield from keys(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def test_every_key_of_the_summary_stands_in_the_results_page(episode: Episode) -> None:
    page = (ROOT / "docs/results.md").read_text()
    assert [key for key in keys(episode.summary) if f"| `{key}` |" not in page] == []


def commands(page: Path) -> Iterator[list[str]]:
    """Command lines of indented blocks, cut at pipes and comments, without their prompt."""
    for line in page.read_text().splitlines():
        shown = re.fullmatch(r"    (?:\$ )?((?:\.venv/bin/)?(?:roadvolt|make|python3?) .*)", line)
        if shown and "-c '" not in shown[1]:
            words = shlex.split(re.split(r" \| |;", shown[1])[0], comments=True)
            yield [words[0].removeprefix(".venv/bin/"), *words[1:]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_the_pages_exist(page: Path) -> None:
    group = typer.main.get_command(app)
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    for program, first, *rest in commands(page):
        if program == "make":
            assert first in targets, f"no target {first}"
        elif program == "roadvolt":
            command = group.commands[first]  # type: ignore[attr-defined]
            if rest and rest[0] in getattr(command, "commands", {}):
                command = command.commands[rest[0]]
            known = {word for option in command.params for word in option.opts} | {"--help"}
            asked = {word.partition("=")[0] for word in rest if word.startswith("--")}
            assert asked <= known, f"roadvolt {first} has no {asked - known}"
        elif not first.startswith("-"):
            assert (ROOT / first).is_file(), f"no file {first}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_settings_that_the_pages_change_exist(page: Path) -> None:
    for program, first, *rest in commands(page):
        asked = [b for a, b in pairwise(rest) if a == "--set"]
        if program == "roadvolt" and asked:
            overrides = dict(pair.split("=") for pair in asked)
            if first == "plan" and rest[0] == "der":
                load_der_case("der33", overrides=overrides)
            elif first == "dispatch":
                load_dispatch_case("tpc84-dispatch", overrides=overrides)
            elif first == "plan" and rest[0] == "dc-storage":
                load_dc_storage_case("tpc84-dc", overrides=overrides)
            elif first == "plan":
                load_fdn_case("tpc84", overrides=overrides)
            else:
                load_case("utn12-ieee33", overrides=overrides)


def test_the_python_lines_of_the_readme_run(capsys: pytest.CaptureFixture[str]) -> None:
    (lines,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    exec(lines.replace("utn12-ieee33", "tiny").replace("samples=500", "samples=50"), {})
    assert capsys.readouterr().out.startswith("agreed")


def anchor(heading: str) -> str:
    """As the usual hosts of Markdown pages make one."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_the_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    found = re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text)
    for target in (a or b for a, b in found):
        if "://" in target:
            continue
        name, _, place = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), f"{page.name}: {target}"
        if place:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), flags=re.MULTILINE)
            assert place in map(anchor, headings), f"{page.name}: {target}"
