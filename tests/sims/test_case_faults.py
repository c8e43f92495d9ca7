"""Broken cases: tiny is copied, one thing is broken, and exactly one clear problem is expected."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from roadvolt.core.errors import CaseError
from roadvolt.sims.case import load_case
from roadvolt.sims.casefile.library import BUILT_IN

Break = Callable[[Path], None]


def cell(table: str, row: int, column: str, value: str) -> Break:
    """Writes ``value`` into a cell; row 2 is the first below the header."""

    def apply(folder: Path) -> None:
        path = folder / f"{table}.csv"
        rows = list(csv.reader(path.read_text().splitlines()))
        rows[row - 1][rows[0].index(column)] = value
        path.write_text("\n".join(",".join(cells) for cells in rows) + "\n")

    return apply


def drop(table: str, row: int) -> Break:
    """Removes a row."""

    def apply(folder: Path) -> None:
        path = folder / f"{table}.csv"
        lines = path.read_text().splitlines()
        path.write_text("\n".join(lines[: row - 1] + lines[row:]) + "\n")

    return apply


def add(table: str, line: str) -> Break:
    """Adds a row at the end."""

    def apply(folder: Path) -> None:
        path = folder / f"{table}.csv"
        path.write_text(path.read_text() + line + "\n")

    return apply


def text(file: str, old: str, new: str) -> Break:
    """Replaces text that stands once in a file."""

    def apply(folder: Path) -> None:
        content = (folder / file).read_text()
        assert content.count(old) == 1
        (folder / file).write_text(content.replace(old, new))

    return apply


def injections(line: str, hours: int = 6) -> Break:
    """Writes the table, a line for each hour."""

    def apply(folder: Path) -> None:
        lines = [line.format(hour=hour) for hour in range(hours)]
        header = "injection,bus,hour,p_kw,q_kvar"
        (folder / "injections.csv").write_text("\n".join([header, *lines]) + "\n")

    return apply


#: A second S3.
STATION = "S3,3,abc,9,1,9,5,4,.9,.9,.004,30,shop,3,R1,no,6,60,.3"
FAULTS: dict[str, tuple[Break, str, str, str]] = {
    # what is broken: (how, place, words of the fault, words of the remedy)
    "missing bus": (drop("buses", 4), "lines.csv, row 4, column from_bus", "no row '3'", "add it"),
    "unknown bus of a station": (
        cell("stations", 3, "bus", "44"),
        "stations.csv, row 3, column bus",
        "no row '44'",
        "did you mean '4'",
    ),
    "unit slip: W for kW": (
        cell("stations", 2, "pv_kw", "225000"),
        "stations.csv, row 2, column pv_kw",
        "225000 kW",
        "give it in kW: 225",
    ),
    "unit slip: price per MWh": (
        cell("generators", 2, "cost_linear_per_kwh", "58"),
        "column cost_linear_per_kwh",
        "58 per kWh",
        "0.058",
    ),
    "unit slip: milliohm": (
        cell("lines", 2, "r_aa_ohm", "300"),
        "lines.csv, row 2, column r_aa_ohm",
        "300 ohm",
        "give it in ohm: 0.3",
    ),
    "unit slip: V for kV": (
        text("case.yaml", "vn_kv: 10.0", "vn_kv: 10000.0"),
        "feeder.vn_kv",
        "10000 kV",
        ": 10",
    ),
    "unit slip: percent": (
        text("case.yaml", "vur_max: 0.03", "vur_max: 3.0"),
        "feeder.vur_max",
        "3 as a share",
        ": 0.03",
    ),
    "duplicate station": (
        add("stations", STATION),
        "stations.csv, row 5, column station",
        "row 2 already",
        "rename",
    ),
    "duplicate trip": (
        add("trips", "1,4,5"),
        "trips.csv, row 4",
        "'1' to '4' stands in row 2",
        "rename",
    ),
    "negative capacity": (
        cell("roads", 3, "capacity_veh_per_h", "-250"),
        "roads.csv, row 3, column capacity_veh_per_h",
        "negative",
        "veh/h",
    ),
    "negative battery": (
        cell("stations", 2, "battery_kw", "-40"),
        "column battery_kw",
        "-40 kW is negative",
        "kW",
    ),
    "island": (
        drop("lines", 5),
        "lines.csv",
        "island: no line connects '5'",
        "add the missing line",
    ),
    "loop": (
        add("lines", "L5,3,5,abc,.6,.2,.2,.6,.2,.6,1.2,.4,.4,1.2,.4,1.2,400"),
        "lines.csv, row 6",
        "closes a loop",
        "tree",
    ),
    "NaN in a profile": (
        cell("day", 4, "load_factor", "nan"),
        "day.csv, row 4, column load_factor",
        "nan is not a finite number",
        "0 to 10",
    ),
    "NaN in base demand": (
        cell("base_demand", 3, "shop_factor", "nan"),
        "base_demand.csv, row 3, column shop_factor",
        "nan",
        "from 0 to 1",
    ),
    "wrong hours": (
        drop("day", 7),
        "day.csv",
        "day has 6 hours (case.yaml, case.hours), but day.csv has 5",
        "one row",
    ),
    "wrong hours in both": (
        text("case.yaml", "hours: 6", "hours: 24"),
        "day.csv",
        "day.csv has 6, base_demand.csv has 6",
        "correct case.hours",
    ),
    "hours out of order": (
        cell("day", 3, "hour", "7"),
        "day.csv, row 3, column hour",
        "'7'",
        "give 1",
    ),
    "unknown key": (
        text("case.yaml", "unbalance:", "unbalence:"),
        "case.yaml",
        "'feeder.unbalence'",
        "'unbalance'",
    ),
    "misspelt key that is required": (
        text("case.yaml", "vn_kv", "vn_v"),
        "case.yaml",
        "'feeder.vn_v'",
        "'vn_kv'",
    ),
    "unknown section": (text("case.yaml", "fleet:", "fleets:"), "case.yaml", "'fleets'", "'fleet'"),
    "missing key": (
        text("case.yaml", "  title: Three", "  # Three"),
        "case.yaml",
        "'case.title' is missing",
        "add it",
    ),
    "unknown column": (
        text("loads.csv", "p_kw", "p_kva"),
        "loads.csv",
        "unknown column 'p_kva'",
        "'p_kw'",
    ),
    "missing column": (
        lambda folder: (
            (folder / "wind_turbines.csv").write_text("wind_turbine,bus\nWT1,5\n") and None
        ),
        "wind_turbines.csv",
        "column 'p_rated_kw' is missing",
        "header",
    ),
    "no ports with traffic": (
        cell("stations", 2, "ports", "0"),
        "stations.csv, row 2, column ports",
        "serves traffic on road R1 with 0 ports",
        "no",
    ),
    "price string in a table": (
        cell("day", 2, "buy_price_per_kwh", "cheap"),
        "day.csv, row 2, column buy_price_per_kwh",
        "'cheap' is not a number",
        "plain number",
    ),
    "price string in case.yaml": (
        text("case.yaml", "sell_per_kwh: 0.014", 'sell_per_kwh: "0.014"'),
        "prices.sell_per_kwh",
        "'0.014' is not a number",
        "no quotes",
    ),
    "comma for decimal point": (
        text("wind_turbines.csv", "WT1,5,100", "WT1,5,100,5"),
        "wind_turbines.csv, row 2",
        "4 cells",
        "point",
    ),
    "empty cell": (
        cell("links", 2, "capacity_kw", ""),
        "links.csv, row 2, column capacity_kw",
        "is empty",
        "value",
    ),
    "unknown station in links": (
        cell("links", 2, "station_b", "S44"),
        "links.csv, row 2, column station_b",
        "no row 'S44'",
        "did you mean 'S4'",
    ),
    "link twice": (
        add("links", "again,S4,S3,10,0.001"),
        "links.csv, row 4",
        "stations of row 2 again",
        "remove",
    ),
    "link to itself": (
        cell("links", 2, "station_b", "S3"),
        "links.csv, row 2",
        "'S3' is linked to itself",
        "other",
    ),
    "unknown road": (
        cell("stations", 3, "road", "R9"),
        "stations.csv, row 3, column road",
        "no row 'R9'",
        "R4",
    ),
    "unknown node of a trip": (
        cell("trips", 2, "origin", "9"),
        "trips.csv, row 2, column origin",
        "no row '9'",
        "1, 2",
    ),
    "unknown base class": (
        cell("stations", 2, "base_class", "shops"),
        "column base_class",
        "no column 'shops'",
        "'shop'",
    ),
    "energy out of order": (
        cell("stations", 2, "e_start_kwh", "500"),
        "stations.csv, row 2, column e_start_kwh",
        "10, 500, 100",
        "minimum",
    ),
    "battery energy out of order": (
        cell("batteries", 2, "e_min_kwh", "900"),
        "batteries.csv, row 2",
        "900, 100, 200",
        "<=",
    ),
    "state of charge out of order": (
        text("case.yaml", "soc_target: 0.8", "soc_target: 0.5"),
        "soc_target",
        "0.5",
        "soc_max",
    ),
    "confidence out of range": (
        text("case.yaml", "confidence: 0.95", "confidence: 95.0"),
        "risk.confidence",
        "95",
        ": 0.95",
    ),
    "unknown treatment": (
        text("case.yaml", "treatment: dro", "treatment: drop"),
        "risk.treatment",
        "'drop'",
        "'dro'",
    ),
    "missing file": (
        lambda folder: (folder / "trips.csv").unlink(),
        "trips.csv",
        "missing",
        "add it",
    ),
    "empty table": (
        lambda folder: (folder / "trips.csv").write_text("origin,destination,veh_per_h\n") and None,
        "trips.csv",
        "no rows",
        "at least one",
    ),
    "letters of phases": (
        cell("lines", 2, "phases", "abd"),
        "lines.csv, row 2, column phases",
        "'abd'",
        "'abc'",
    ),
    "phases of a station": (
        cell("stations", 2, "phases", "ab"),
        "stations.csv, row 2, column phases",
        "'ab'",
        "'abc'",
    ),
    "load on an absent phase": (
        text("loads.csv", "4,30,10,0,1,0", "4,30,10,0.5,0.5,0"),
        "loads.csv, row 4",
        "phase a, but bus '4' has only 'b'",
        "move",
    ),
    "station on an absent phase": (
        cell("stations", 3, "phases", "abc"),
        "stations.csv, row 3",
        "phase a, c",
        "move",
    ),
    "generator on a lateral": (
        cell("generators", 2, "bus", "4"),
        "generators.csv, row 2, column bus",
        "phase a, c",
        "move",
    ),
    "impedance of an absent conductor": (
        cell("lines", 4, "r_aa_ohm", "0.1"),
        "lines.csv, row 4",
        "phases other than 'b'",
        "0",
    ),
    "mutual above self resistance": (
        cell("lines", 2, "r_ab_ohm", "0.5"),
        "lines.csv, row 2, column r_aa_ohm",
        "not positive definite",
        "smaller",
    ),
    "shares of phases": (
        cell("loads", 2, "share_a", "0.5"),
        "loads.csv, row 2, column share_a",
        "sum to 1.1",
        "sum to 1",
    ),
    "unbalance too large": (
        text("case.yaml", "unbalance: 1.0", "unbalance: 99.0"),
        "feeder.unbalance",
        "negative",
        "smaller",
    ),
    "selling above buying": (
        text("case.yaml", "  sell_per_kwh: 0.014", "  sell_per_kwh: 0.07"),
        "prices.sell_per_kwh",
        "0.06",
        "lower",
    ),
    "unknown source bus": (
        text("case.yaml", "source_bus: 1", "source_bus: 9"),
        "feeder.source_bus",
        "no row '9'",
        "known",
    ),
    "injection nowhere": (
        injections("S,7,{hour},10,0"),
        "injections.csv, row 2, column bus",
        "no row '7'",
        "add it",
    ),
    "injection without evening": (
        injections("S,2,{hour},10,0", hours=5),
        "injections.csv",
        "'S' has 5 hours, the day has 6",
        "every hour",
    ),
    "injection on a lateral": (
        injections("S,4,{hour},10,0", hours=6),
        "injections.csv, row 2, column bus",
        "uses phase a, c",
        "move it",
    ),
    "no YAML": (
        lambda folder: (folder / "case.yaml").write_text("case: [") and None,
        "case.yaml",
        "not YAML",
        "syntax",
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_one_fault_gives_one_problem_with_place_value_and_remedy(what: str, tmp_path: Path) -> None:
    apply, place, fault, remedy = FAULTS[what]
    folder = shutil.copytree(BUILT_IN / "tiny", tmp_path / "case")
    apply(folder)
    with pytest.raises(CaseError) as refused:
        load_case(folder)
    (problem,) = refused.value.problems
    assert place in problem.place
    assert fault in problem.fault
    assert remedy in problem.remedy


def test_a_trip_that_no_road_serves_is_a_problem(tmp_path: Path) -> None:
    folder = shutil.copytree(BUILT_IN / "tiny", tmp_path / "case")
    add("road_nodes", "5,9,9")(folder)
    add("trips", "1,5,10")(folder)
    with pytest.raises(CaseError, match="no road leads from node '1' to '5'") as refused:
        load_case(folder)
    assert len(refused.value.problems) == 1


def test_several_faults_are_listed_together(tmp_path: Path) -> None:
    folder = shutil.copytree(BUILT_IN / "tiny", tmp_path / "case")
    chosen = [
        "island",
        "NaN in a profile",
        "unknown key",
        "price string in a table",
        "no ports with traffic",
        "duplicate trip",
        "negative capacity",
        "link to itself",
        "shares of phases",
    ]
    for what in chosen:
        FAULTS[what][0](folder)
    with pytest.raises(CaseError) as refused:
        load_case(folder)
    problems = refused.value.problems
    assert len(problems) == len(chosen)
    for what in chosen:
        _, place, fault, _ = FAULTS[what]
        assert any(place in p.place and fault in p.fault for p in problems), what
    assert str(refused.value).startswith(
        f"case '{folder}' is not usable, {len(chosen)} problems:\n- "
    )
